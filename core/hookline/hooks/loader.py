"""Loads the plugins that a project's settings ask for; those of one project and the same settings once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookline.config import Configuration
from hookline.errors import PluginError, UsageError, close_match
from hookline.hooks.discovery import LOCAL, FoundPlugin, find_plugins, stamp_of
from hookline.hooks.plugin_set import NO_PLUGINS, PluginSet

if TYPE_CHECKING:
    from hookline.hooks.module import PluginModule

__all__ = ["build_from", "choose", "found_plugins", "load_plugins"]

_log = logging.getLogger("hookline.plugins")
_found: dict[object, list[FoundPlugin]] = {}
_made: dict[object, PluginSet] = {}


def load_plugins(configuration: Configuration, without: Sequence[str] = ()) -> PluginSet:
    """Give the plugins of a project, ready to be asked.

    One whose module can't be imported is reported and left out.

    Args:
        configuration: The project's settings.
        without: Names of plugins to leave out.

    Returns:
        The plugins; the same object for the same settings.

    Raises:
        PluginError: Plugins are faulty, or don't fit together.
        UsageError: Settings are wrong, or a name in ``without`` is unknown.
    """
    found = found_plugins(configuration.root)
    _refuse_settings_of_nobody(configuration, found)
    if not found:
        _refuse_unknown(without, found)
        NO_PLUGINS.activate()
        return NO_PLUGINS
    wanted, absent = choose(configuration, found, without)
    key = (tuple(wanted), tuple(sorted(absent.items())), repr(_tables(configuration, wanted)))
    made = _made.get(key)
    if made is None:
        _warn_of_slips(configuration, found)
        made = _made[key] = _load(configuration, wanted, absent)
    made.activate()
    return made


def found_plugins(root: Path) -> list[FoundPlugin]:
    """List the plugins that there are for a project; metadata is read once per process."""
    key = (root, stamp_of(root / f"{LOCAL}.py"), tuple(sys.path))
    found = _found.get(key)
    if found is None:
        found = _found[key] = find_plugins(root)
    return found


def choose(
    configuration: Configuration, found: Sequence[FoundPlugin], without: Sequence[str]
) -> tuple[list[FoundPlugin], dict[str, str]]:
    """Tell which plugins the settings let in.

    Args:
        configuration: The settings.
        found: All that there are.
        without: Names to leave out.

    Returns:
        Those that are let in, and why the others are not, by name.

    Raises:
        UsageError: A name in ``without`` is unknown.
    """
    _refuse_unknown(without, found)
    wanted, absent = [], {}
    for plugin in found:
        if plugin.name in without:
            absent[plugin.name] = "which --without leaves out"
        elif why := configuration.plugins.refusal(plugin.name):
            absent[plugin.name] = f"which {why}"
        else:
            wanted.append(plugin)
    return wanted, absent


def _refuse_unknown(without: Sequence[str], found: Sequence[FoundPlugin]) -> None:
    names = [plugin.name for plugin in found]
    for name in without:
        if name not in names:
            raise UsageError(
                f"there is no plugin '{name}' to leave out;{close_match(name, names)}".rstrip(";"),
                help="hookline plugins list shows those that there are",
            )


def _warn_of_slips(configuration: Configuration, found: Sequence[FoundPlugin]) -> None:
    """Tell of names that are allowed or denied and look misspelt; a list may well name what is not installed."""
    names = [plugin.name for plugin in found]
    says = configuration.plugins
    for given, origin in ((says.allow or (), says.origin), (says.deny, says.denied_by)):
        for name in given:
            near = "" if name in names else close_match(name, set(names) - set(given))
            if near:
                _log.warning("%s: there is no plugin '%s';%s", origin, name, near)


def _refuse_settings_of_nobody(configuration: Configuration, found: Sequence[FoundPlugin]) -> None:
    names = [plugin.name for plugin in found]
    problems = [
        f"{configuration.origin('plugin', name)}: there is no plugin '{name}';{close_match(name, names)}".rstrip(";")
        for name in configuration.plugins_with_settings
        if name not in names
    ]
    if problems:
        raise UsageError("\n".join(problems), help="install it, mend its name, or take its table out")


def _tables(configuration: Configuration, wanted: Sequence[FoundPlugin]) -> dict[str, Mapping[str, object]]:
    return {plugin.name: configuration.plugin_settings(plugin.name) for plugin in wanted}


def _load(configuration: Configuration, wanted: Sequence[FoundPlugin], absent: dict[str, str]) -> PluginSet:
    # Imports pluggy and more; a project without plugins is not to wait for that.
    from hookline.hooks.faults import raised
    from hookline.hooks.module import import_plugin

    modules: list[PluginModule] = []
    for found in wanted:
        try:
            modules.append(import_plugin(found))
        except (PluginError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - an import may raise anything
            why = raised(error)
            absent[found.name] = f"which can't be imported ({why})"
            _log.warning("the plugin '%s' (%s) can't be imported and is left out: %s", found.name, found.source, why)

    return build_from(configuration, modules, absent)


def build_from(configuration: Configuration, modules: Sequence[PluginModule], absent: Mapping[str, str]) -> PluginSet:
    """Put imported plugins together, with the settings that a project gives them.

    Args:
        configuration: The project's settings.
        modules: The plugins' modules.
        absent: Why others are not among them.

    Returns:
        The plugins, ready to be asked.

    Raises:
        PluginError: Plugins are faulty, or don't fit together.
        UsageError: Settings are wrong.
    """
    # As above.
    from hookline.hooks.assembly import build_plugin_set
    from hookline.hooks.filling import fill_settings

    def settings_of(module: PluginModule) -> Any:
        def where(key: str) -> str:
            origin = configuration.origin("plugin", module.found.name, *filter(None, [key]))
            return configuration.layers.file.path if origin == "default" else origin

        table = configuration.plugin_settings(module.found.name)
        return fill_settings(module.name, module.plugin.settings, table, where)

    return build_plugin_set(modules, settings_of, absent)
