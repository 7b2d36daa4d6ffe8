"""Tells what plugins in workers did wrong once attempts had ended: their notes come back with the outcomes."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from hookline.hooks.implementation import PLUGIN_ERROR
from hookline.store.rows import Note

__all__ = ["PluginFaults"]

_log = logging.getLogger("hookline.plugins")


class PluginFaults:
    """Counts faults by plugin; of the first each is told at once, of the others at the end."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def see(self, notes: Sequence[Note]) -> None:
        """Look at notes that are about to be recorded."""
        for note in notes:
            if note.kind == PLUGIN_ERROR:
                count = self._counts[note.name] = self._counts.get(note.name, 0) + 1
                if count == 1:
                    _log.warning("%s", json.loads(note.value or '""'))

    def report(self) -> None:
        """Say how often there was more."""
        for plugin, count in self._counts.items():
            if count > 1:
                _log.warning("the plugin '%s' failed %d times around attempts, whose results stand", plugin, count)
