"""What plugins add to the registries of values: how they are written, read and identified, in the whole process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hookline.errors import PluginError
from hookline.model.bringing import brought
from hookline.model.registry import Registry
from hookline.model.secret import SECRETS
from hookline.values.policy import LOAD_POLICIES
from hookline.values.registered import DIGESTS, SERIALIZERS

__all__ = ["VALUE_REGISTRIES", "Entered", "activate", "holding"]

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
        by: The plugin's function that did: another one once its module was edited and loaded anew, as in a notebook.
    """

    hook: str
    name: str
    target: Any
    source: str
    types: tuple[str, ...]
    by: Callable[..., Any]


_active: list[Entered] = []
_lock = threading.Lock()
_holders = 0


def activate(entered: Sequence[Entered]) -> None:
    """Let what plugins add hold in this process, instead of what others added before.

    Args:
        entered: What they add.

    Raises:
        PluginError: A name or type is taken; what held before holds no more, and nothing instead. Or a run goes on that
            has others.
    """
    with _lock:
        _activate(entered)


@contextlib.contextmanager
def holding(entered: Sequence[Entered]) -> Iterator[None]:
    """Keep what plugins add from being replaced for the length of a run: there is one of each registry per process.

    Args:
        entered: What they add; it is put in force.

    Raises:
        PluginError: A run goes on that has others.
    """
    global _holders
    with _lock:
        _activate(entered)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1


def _activate(entered: Sequence[Entered]) -> None:
    brought()
    if _active == list(entered):
        return
    if _holders:
        named = sorted({each.name for each in (*entered, *_active) if (each in entered) != (each in _active)})
        raise PluginError(
            "a run goes on in this process whose plugins store, read or identify values in another way: "
            + ", ".join(f"'{name}'" for name in named),
            help="run one after the other, or each in a process of its own",
        )
    while _active:
        before = _active.pop()
        VALUE_REGISTRIES[before.hook].forget(before.name)
    for entry in entered:
        registry = VALUE_REGISTRIES[entry.hook]
        more: dict[str, Any] = {"types": entry.types} if entry.types else {}
        registry.register(entry.name, entry.target, source=entry.source, **more)
        _active.append(entry)
