"""Settings of a project and its environment. Each name is imported on first use: workers need the root only."""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than all the rest of this module
if TYPE_CHECKING:
    from hookline.config.configuration import Configuration, check_store, configure, store_path
    from hookline.config.root import project_root
    from hookline.config.settings import LIMITS, SETTINGS, Setting

__all__ = ["LIMITS", "SETTINGS", "Configuration", "Setting", "check_store", "configure", "project_root", "store_path"]

_HOMES = {
    "Configuration": "hookline.config.configuration",
    "LIMITS": "hookline.config.settings",
    "SETTINGS": "hookline.config.settings",
    "Setting": "hookline.config.settings",
    "check_store": "hookline.config.configuration",
    "configure": "hookline.config.configuration",
    "project_root": "hookline.config.root",
    "store_path": "hookline.config.configuration",
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
