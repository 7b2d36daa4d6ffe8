"""What plugins add to the registries of values: how they are written, read and identified, in the whole process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hookline.model.bringing import brought
from hookline.model.registry import Registry
from hookline.model.secret import SECRETS
from hookline.values.policy import LOAD_POLICIES
from hookline.values.registered import DIGESTS, SERIALIZERS

__all__ = ["VALUE_REGISTRIES", "Entered", "activate"]

VALUE_REGISTRIES: Mapping[str, Registry[Any]] = {
    "register_serializers": SERIALIZERS,
    "register_digests": DIGESTS,
    "register_secrets": SECRETS,
    "register_load_policies": LOAD_POLICIES,
}
"""By hook, the process's registry."""


class Entered(NamedTuple):
    """What a plugin adds to such a registry.

    Attributes:
        hook: The hook in which it did.
        name: The name.
        target: ``"module:attribute"``, or the factory itself.
        source: Who brings it.
        types: Of a serializer or digest, the types that it is for.
    """

    hook: str
    name: str
    target: Any
    source: str
    types: tuple[str, ...]


_active: list[Entered] = []


def activate(entered: Sequence[Entered]) -> None:
    """Let what plugins add hold in this process, instead of what others added before.

    Args:
        entered: What they add.

    Raises:
        PluginError: A name or type is taken; what held before holds no more, and nothing instead.
    """
    brought()
    if _active == list(entered):
        return
    while _active:
        before = _active.pop()
        VALUE_REGISTRIES[before.hook].forget(before.name)
    for entry in entered:
        registry = VALUE_REGISTRIES[entry.hook]
        more: dict[str, Any] = {"types": entry.types} if entry.types else {}
        registry.register(entry.name, entry.target, source=entry.source, **more)
        _active.append(entry)
