"""The plugins of one project as one thing: in order, with their settings, what they registered and implement."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookline.errors import PluginError
from hookline.executors.protocol import EXECUTORS, Executor
from hookline.hooks.values import Entered, activate
from hookline.hooks.where import IN_WORKERS
from hookline.model.plugin_ref import PluginRef
from hookline.model.registry import Registry
from hookline.model.step import Step

if TYPE_CHECKING:
    from hookline.hooks.implementation import Implementation
    from hookline.hooks.module import PluginModule

__all__ = ["NO_PLUGINS", "LoadedPlugin", "PluginSet"]


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin in a set.

    Attributes:
        module: Its module, and what it says about itself.
        settings: Its settings; None where it has none.
        hooks: The hooks that it implements, in the order of its module.
    """

    module: PluginModule
    settings: Any
    hooks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.module.name


class PluginSet:
    """The plugins of one project, in declared order.

    Attributes:
        plugins: The plugins.
        absent: Why plugins that there are were left out, by name.
        steps: Named steps.
        executors: Named executors, the core's among them.
        stores: Named stores, by the scheme of their URL.
        values: What plugins add to how values are written, read and identified.
        by_hook: The implementations of each hook that has any.
    """

    def __init__(self, absent: Mapping[str, str]) -> None:
        self.plugins: tuple[LoadedPlugin, ...] = ()
        self.absent = absent
        self.steps: Registry[Step[..., Any]] = Registry("step")
        self.executors: Registry[Executor] = EXECUTORS.copy()
        self.stores: Registry[Any] = Registry("store")
        self.values: list[Entered] = []
        self.by_hook: dict[str, tuple[Implementation, ...]] = {}

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        """Give the implementations of a hook, in declared order."""
        return self.by_hook.get(hook, ())

    def all_implementations(self) -> Iterable[Implementation]:
        """Go through all implementations."""
        for implementations in self.by_hook.values():
            yield from implementations

    def refs(self) -> tuple[PluginRef, ...]:
        """Tell workers of those plugins that have something to do there."""
        return tuple(
            PluginRef(
                plugin.name,
                plugin.module.found.module,
                plugin.module.found.file,
                plugin.module.found.source,
                _pickled(plugin),
            )
            for plugin in self.plugins
            if not IN_WORKERS.isdisjoint(plugin.hooks)
        )

    def activate(self) -> None:
        """Let the names that values are read with hold in this process, and this project's own plugin be found."""
        activate(self.values)
        for plugin in self.plugins:
            found = plugin.module.found
            if found.file:
                # Another project's has the same name; settings are pickled and read again by it.
                sys.modules[found.module] = plugin.module.module


NO_PLUGINS = PluginSet({})
"""No plugins at all."""


def _pickled(plugin: LoadedPlugin) -> bytes:
    if plugin.settings is None:
        return b""
    try:
        return pickle.dumps(plugin.settings, 5)
    except Exception as error:
        raise PluginError(
            f"the settings of plugin '{plugin.name}' can't be sent to workers: {type(error).__name__}: {error}",
            help="let their type be defined at the top level of the plugin's module, with fields that pickle takes",
        ) from error
