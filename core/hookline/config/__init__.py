"""Settings of a project and its environment. Each name is imported on first use: workers need the root only."""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than all the rest of this module
if TYPE_CHECKING:
    from hookline.config.address import StoreAddress, scheme_of, without_password
    from hookline.config.configuration import Configuration, check_store, configure, store_address
    from hookline.config.open_arguments import Texts, read_assignments
    from hookline.config.plugins import Plugins
    from hookline.config.ray import RAY
    from hookline.config.root import project_root
    from hookline.config.settings import ENV, LIMITS, PLUGINS, SETTINGS, TABLES, Setting

__all__ = [
    "ENV",
    "LIMITS",
    "PLUGINS",
    "RAY",
    "SETTINGS",
    "TABLES",
    "Configuration",
    "Plugins",
    "Setting",
    "StoreAddress",
    "Texts",
    "check_store",
    "configure",
    "project_root",
    "read_assignments",
    "scheme_of",
    "store_address",
    "without_password",
]

_HOMES = {
    "Configuration": "hookline.config.configuration",
    "ENV": "hookline.config.settings",
    "LIMITS": "hookline.config.settings",
    "PLUGINS": "hookline.config.settings",
    "Plugins": "hookline.config.plugins",
    "RAY": "hookline.config.ray",
    "SETTINGS": "hookline.config.settings",
    "Setting": "hookline.config.settings",
    "StoreAddress": "hookline.config.address",
    "TABLES": "hookline.config.settings",
    "Texts": "hookline.config.open_arguments",
    "check_store": "hookline.config.configuration",
    "configure": "hookline.config.configuration",
    "project_root": "hookline.config.root",
    "read_assignments": "hookline.config.open_arguments",
    "scheme_of": "hookline.config.address",
    "store_address": "hookline.config.configuration",
    "without_password": "hookline.config.address",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hookline.config' has no attribute '{name}'")
    import importlib

    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
