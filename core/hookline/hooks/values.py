"""The registries of what values are written, read and identified with: one of each kind for the whole process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hookline.model.registry import Registry
from hookline.model.secret import SECRETS
from hookline.values.policy import LOAD_POLICIES
from hookline.values.registered import DIGESTS, SERIALIZERS

__all__ = ["VALUE_REGISTRIES", "activate"]

VALUE_REGISTRIES: Mapping[str, Callable[[], Registry[Any]]] = {
    "register_serializers": lambda: SERIALIZERS,
    "register_digests": lambda: DIGESTS,
    "register_secrets": lambda: SECRETS,
    "register_load_policies": lambda: LOAD_POLICIES,
}
"""By hook, the process's registry."""


def activate(entered: Mapping[str, Registry[Any]]) -> None:
    """Let what plugins entered hold in this process, instead of what others entered before.

    Args:
        entered: Per hook the registry's built-in entries and the plugins'; hooks that nobody implements are left out.
    """
    for hook, registry in VALUE_REGISTRIES.items():
        registry().take_over(entered.get(hook))
