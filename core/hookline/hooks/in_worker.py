"""The plugin set of a worker: what the driver resolved, imported anew; no metadata and no settings file is read."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from hookline.errors import PluginError
from hookline.hooks.assembly import build_plugin_set
from hookline.hooks.discovery import FoundPlugin
from hookline.hooks.faults import raised
from hookline.hooks.module import PluginModule, import_plugin
from hookline.hooks.plugin_set import PluginSet
from hookline.hooks.where import IN_WORKERS
from hookline.model.plugin_ref import PluginRef

__all__ = ["worker_plugins"]


def worker_plugins(refs: Sequence[PluginRef]) -> PluginSet:
    """Build the plugin set of a worker.

    Args:
        refs: The plugins, in the driver's order.

    Returns:
        The set, with the hooks that are called in workers.

    Raises:
        PluginError: A plugin can't be imported here, or is another one than in the driver.
    """
    modules = [_imported(ref) for ref in refs]
    settings = {module.name: _settings(ref) for module, ref in zip(modules, refs, strict=True)}
    made = build_plugin_set(modules, lambda module: settings[module.name], {}, hooks=IN_WORKERS)
    made.activate()
    return made


def _imported(ref: PluginRef) -> PluginModule:
    found = FoundPlugin(ref.name, ref.module, ref.source, ref.file)
    try:
        return import_plugin(found)
    except (PluginError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(
            f"the plugin '{ref.name}' ({ref.source}) can't be imported in a worker: {raised(error)}",
            help=f"install it where workers run, or switch it off: --without {ref.name}",
        ) from error


def _settings(ref: PluginRef) -> Any:
    if not ref.settings:
        return None
    try:
        return pickle.loads(ref.settings)
    except Exception as error:
        raise PluginError(
            f"the settings of plugin '{ref.name}' can't be read in a worker: {type(error).__name__}: {error}",
            help="install the same version of the plugin where workers run",
        ) from error
