"""Puts a plugin set together: modules looked over, registered with pluggy, and flattened into lists per hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pluggy

from hookline.errors import PluginError
from hookline.hooks import specs
from hookline.hooks.implementation import Implementation
from hookline.hooks.marker import MARK, PROJECT
from hookline.hooks.module import SPECS, PluginModule, Spec, check_function, check_module, parameters_of
from hookline.hooks.order import check_together, in_order
from hookline.hooks.plugin_set import LoadedPlugin, PluginSet
from hookline.hooks.registration import (
    Relay,
    register_into,
    register_steps_into,
    register_stores_into,
    register_values_into,
)
from hookline.hooks.values import VALUE_REGISTRIES
from hookline.model.registry import with_version

__all__ = ["build_plugin_set"]

SettingsOf = Callable[[PluginModule], Any]
"""Makes a plugin's settings."""


def build_plugin_set(
    modules: Sequence[PluginModule],
    settings_of: SettingsOf,
    absent: Mapping[str, str],
    hooks: frozenset[str] | None = None,
) -> PluginSet:
    """Put plugins together.

    Args:
        modules: The plugins' modules, in any order.
        settings_of: Makes the settings of each.
        absent: Why others are not among them.
        hooks: Which hooks are wanted; None for all. In a worker, whose driver has looked at the rest, fewer.

    Returns:
        The set.

    Raises:
        PluginError: The plugins are faulty, don't fit together, or register a name twice.
        UsageError: Settings are wrong.
    """
    made = PluginSet(absent)
    if not modules:
        return made
    ordered = list(modules) if hooks is not None else in_order(modules)
    if hooks is None:
        check_together(ordered, dict(absent))
    _Assembly(made, ordered, settings_of, hooks).assemble()
    return made


class _Assembly:
    """Fills a set."""

    def __init__(
        self, made: PluginSet, ordered: list[PluginModule], settings_of: SettingsOf, hooks: frozenset[str] | None
    ) -> None:
        self._set = made
        self._ordered = ordered
        self._settings = {module.name: settings_of(module) for module in ordered}
        self._hooks = hooks
        self._known: dict[str, Spec] = dict(SPECS)
        self._relayed: dict[str, str] = {}
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(specs)

    def assemble(self) -> None:
        if self._hooks is None:
            self._add_own_hooks()
        found = {module.name: check_module(module, self._known) for module in self._ordered}
        for module in self._ordered:
            self._pluggy.register(module.module, module.name)
        for hook in self._known if self._hooks is None else self._hooks:
            self._flatten(hook)
        self._set.plugins = tuple(
            LoadedPlugin(module, self._settings[module.name], tuple(found[module.name])) for module in self._ordered
        )
        self._register_names()

    def _flatten(self, hook: str) -> None:
        """Take the implementations that pluggy holds for a hook, in the order of plugins."""
        by_plugin = {impl.plugin_name: impl for impl in self._pluggy_hook(hook).get_hookimpls()}
        made = []
        for module in self._ordered:
            impl = by_plugin.get(module.name)
            if impl is not None:
                made.append(self._implementation(module, hook, impl.function))
        if made:
            self._set.by_hook[hook] = tuple(made)

    def _pluggy_hook(self, hook: str) -> Any:
        return getattr(self._pluggy.hook, hook)

    def _implementation(self, module: PluginModule, hook: str, function: Callable[..., Any]) -> Implementation:
        names = parameters_of(function)
        settings = {"settings": self._settings[module.name]} if "settings" in names else {}
        wanted = tuple(name for name in names if name != "settings" or "settings" not in self._known[hook])
        return Implementation(module.name, module.found.source, hook, function, wanted, settings)

    def _add_own_hooks(self) -> None:
        """Let plugins add hooks of their own, before any module is looked over for hooks that there are not."""
        for module in self._ordered:
            function = vars(module.module).get("register_hooks")
            if function is not None and hasattr(function, MARK):
                check_function(module, "register_hooks", function, self._known["register_hooks"])
                implementation = self._implementation(module, "register_hooks", function)
                implementation.checked(register=self._register_hook(module))

    def _register_hook(self, module: PluginModule) -> Callable[[Callable[..., Any]], Relay]:
        def register(spec: Callable[..., Any]) -> Relay:
            name = getattr(spec, "__name__", repr(spec))
            if not hasattr(spec, f"{PROJECT}_spec"):
                raise PluginError(
                    f"the hook '{name}' of plugin '{module.name}' is not marked",
                    help="put @hookspec on it (from hookline import hookspec)",
                )
            if name in self._known:
                other = self._relayed.get(name) or with_version("hookline")
                raise PluginError(
                    f"the hook '{name}' is registered twice: by {other} and by {module.found.source}",
                    help="rename one of the two, or leave one of the two plugins out",
                )
            holder = type(name, (), {name: staticmethod(spec)})
            self._pluggy.add_hookspecs(holder)
            offered = self._known[name] = parameters_of(spec)
            self._relayed[name] = module.found.source
            made = self._set

            def relay(**facts: Any) -> list[tuple[str, Any]]:
                if facts.keys() != set(offered) - {"settings"}:
                    given = ", ".join(facts) or "nothing"
                    raise PluginError(
                        f"the plugin '{module.name}' calls its hook '{name}' with {given}",
                        help=f"give all that the hook has, by name: {', '.join(offered) or 'nothing'}",
                    )
                return [(each.plugin, each.checked(**facts)) for each in made.implementations(name)]

            return relay

        return register

    def _register_names(self) -> None:
        for implementation in self._set.implementations("register_steps"):
            implementation.checked(register=register_steps_into(self._set.steps, implementation))
        for implementation in self._set.implementations("register_executors"):
            implementation.checked(register=register_into(self._set.executors, implementation))
        for implementation in self._set.implementations("register_stores"):
            implementation.checked(register=register_stores_into(self._set.stores, implementation))
        for hook, process_wide in VALUE_REGISTRIES.items():
            for implementation in self._set.implementations(hook):
                add = register_values_into(self._set.values, process_wide.kind, implementation)
                implementation.checked(register=add)
        # Here it shows whether names or types clash.
        self._set.activate()
