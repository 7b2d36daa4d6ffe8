"""What a plugin says about itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hookline.errors import PluginError, WorkflowError
from hookline.model.names import check_name

__all__ = ["API", "Plugin"]

API = 1
"""The version of the plugin interface: it grows when something that plugins rely on goes or changes its meaning."""

_OWN = "hookline"


@dataclass(frozen=True, slots=True, init=False)
class Plugin:
    """A plugin's name and wishes: the module attribute ``plugin``.

    Attributes:
        name: What settings, names of steps and messages call it.
        api: The version of the plugin interface that it was made for.
        settings: The type of its settings, a dataclass or pydantic model, filled from ``[tool.hookline.plugin.NAME]``.
        before: Names of plugins that come after it in every hook; they need not be installed.
        after: Names of plugins that come before it.
        requires: Names of plugins without which it can't work.
        conflicts: Names of plugins beside which it can't work.

    Raises:
        PluginError: The name can't be used, or something is of the wrong kind.
    """

    name: str
    api: int
    settings: type[Any] | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]

    def __init__(
        self,
        name: str,
        *,
        api: int = API,
        settings: type[Any] | None = None,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        requires: Sequence[str] = (),
        conflicts: Sequence[str] = (),
    ) -> None:
        try:
            check_name(name, "plugin")
        except WorkflowError as error:
            raise PluginError(error.message, help=error.help) from None
        if "." in name or name == _OWN:
            cure = (
                f"'{_OWN}' stands for the core"
                if name == _OWN
                else "leave '.' out: it ends the name in 'data.validate'"
            )
            raise PluginError(f"the plugin name '{name}' can't be used", help=cure)
        if settings is not None and not isinstance(settings, type):
            raise PluginError(
                f"the settings of plugin '{name}' are {settings!r}, which is no type",
                help="give a dataclass or a pydantic model, not an object of it",
            )
        if not isinstance(api, int):
            raise PluginError(f"'api' of plugin '{name}' is {api!r}", help=f"give a number: this hookline has {API}")
        given = {"name": name, "api": api, "settings": settings}
        lists = {"before": before, "after": after, "requires": requires, "conflicts": conflicts}
        for key, value in {**given, **{key: _names(value, key, name) for key, value in lists.items()}}.items():
            object.__setattr__(self, key, value)


def _names(value: object, key: str, name: str) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(other, str) for other in names):
        raise PluginError(f"'{key}' of plugin '{name}' is {value!r}", help="give the names of other plugins")
    return names
