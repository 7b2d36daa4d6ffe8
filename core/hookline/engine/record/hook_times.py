"""How long plugins took in a run: the driver's share and that of its workers, as rows of the journal and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from hookline.hooks.implementation import HOOK_TIME
from hookline.hooks.plugin_set import PluginSet
from hookline.store.protocol import Store
from hookline.store.rows import WHOLE_RUN, Note

__all__ = ["HookTime", "driver_times", "hook_times", "without_times"]


@dataclass(frozen=True, slots=True)
class HookTime:
    """How long one plugin took in one hook.

    Attributes:
        plugin: The plugin's name.
        hook: The hook.
        where: ``"driver"`` or ``"workers"``.
        calls: How often it was called.
        seconds: How long that took in all.
    """

    plugin: str
    hook: str
    where: str
    calls: int
    seconds: float

    def document(self) -> dict[str, object]:
        """Describe it for programs."""
        return {
            "plugin": self.plugin,
            "hook": self.hook,
            "where": self.where,
            "calls": self.calls,
            "seconds": self.seconds,
        }


def driver_times(plugins: PluginSet, epoch: int, time_us: int) -> list[Note]:
    """Give what the driver's hooks took since the last time, as rows of the run as a whole.

    Args:
        plugins: The plugins.
        epoch: The driver's ownership of the run: each driver of a run has rows of its own.
        time_us: The time of the rows, in microseconds since 1970.
    """
    rows: list[Note] = []
    for implementation in plugins.all_implementations():
        taken = implementation.take_time()
        if taken is not None:
            name, value = taken
            rows.append(Note(WHOLE_RUN, 0, epoch, len(rows), HOOK_TIME, name, value, None, None, time_us))
    return rows


def hook_times(store: Store, run: int) -> list[HookTime]:
    """Sum up how long plugins took in a run, those that took most first.

    Args:
        store: Where it is recorded.
        run: Its row number.
    """
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for note in store.notes(run):
        if note.kind == HOOK_TIME and note.value is not None:
            hook, _, plugin = note.name.partition(" ")
            key = (plugin, hook, "driver" if note.node == WHOLE_RUN else "workers")
            calls, nanoseconds = json.loads(note.value)
            before = sums.get(key, (0, 0))
            sums[key] = (before[0] + calls, before[1] + nanoseconds)
    times = [HookTime(*key, calls, nanoseconds / 1e9) for key, (calls, nanoseconds) in sums.items()]
    return sorted(times, key=lambda time: -time.seconds)


def without_times(notes: Sequence[Note]) -> list[Note]:
    """Leave such rows out of what steps and plugins noted."""
    return [note for note in notes if note.kind != HOOK_TIME]
