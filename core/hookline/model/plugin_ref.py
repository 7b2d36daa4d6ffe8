"""How a worker finds a plugin that the driver resolved."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PluginRef"]


class PluginRef(NamedTuple):
    """A plugin that has something to do in workers.

    Attributes:
        name: Its name.
        module: What is imported.
        file: The file of the project's own plugin; empty for installed ones.
        source: Who brings it, for messages.
        settings: Its settings, pickled; empty where it has none.
    """

    name: str
    module: str
    file: str
    source: str
    settings: bytes
