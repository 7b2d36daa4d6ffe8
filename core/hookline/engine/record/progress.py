"""What those who watch a run are told of it: what changed, at most ten times a second, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from hookline.engine.program.program import GrownPart, Program, TaskProgram
from hookline.engine.record.standing import STATES, states_of
from hookline.engine.schedule.scheduler import Scheduler
from hookline.model.batch import Failure, Places
from hookline.model.events import Event, PlacesChanged, TaskEnded, TaskRetrying, TasksChanged
from hookline.model.states import TaskState

__all__ = ["Progress"]

_PAUSE = 0.1
"""Seconds between two looks at what changed."""

_DETAILS = 12
"""How many lines of an error are told beside its first; logs have all."""

_WIDEST = 300
"""How many characters of such a line are told."""


class Progress:
    """Gathers events until what made them true is committed.

    Tasks that grew are summed up by the task of the workflow's own that they come from, and by step: a loop may have
    thousands of turns.

    Args:
        program: The tasks.
        scheduler: Their states.
        watching: Whether anybody wants events.
    """

    def __init__(self, program: Program, scheduler: Scheduler, watching: bool) -> None:
        self._program = program
        self._scheduler = scheduler
        self.watching = watching
        self._events: list[Event] = []
        self._changed: set[int] = set()
        self._places: dict[str, PlacesChanged] = {}
        self._groups: dict[str, _Group] = {}
        self._seconds: dict[str, float] = {}
        self._running: dict[str, int] = {}
        self._told = 0.0

    def take(self) -> list[Event]:
        """Give what was gathered, once."""
        events, self._events = self._events, []
        return events

    def __bool__(self) -> bool:
        """Whether :meth:`take` gives anything."""
        return bool(self._events)

    def changed(self, index: int) -> None:
        """Note that items of a task stand otherwise than before."""
        if self.watching:
            self._changed.add(index)

    def begins(self, index: int, length: int) -> None:
        """Note that a task has items now."""
        if not self.watching:
            return
        task = self._program.tasks[index]
        if task.part is not None:
            self._group_of(task.part, task).total += length

    def ended(self, index: int) -> None:
        """Note that all items of a task have ended."""
        if not self.watching:
            return
        self._changed.add(index)
        task = self._program.tasks[index]
        if task.part is not None:
            counts = self._group_of(task.part, task).counts
            for state, count in states_of(self._scheduler, index).items():
                counts[state] = counts.get(state, 0) + count

    def forget(self, index: int) -> None:
        """Let go of a task that ended."""
        self._changed.discard(index)

    def attempted(self, index: int, running: int, mean_us: float) -> None:
        """Note that attempts of a task ended.

        Args:
            index: The task.
            running: How many batches of it are being worked on.
            mean_us: How long an attempt takes.
        """
        if not self.watching:
            return
        self._changed.add(index)
        task = self._program.tasks[index]
        if task.part is None:
            self._seconds[task.task.id] = mean_us / 1e6
            self._running[task.task.id] = running
        self.tell_late()

    def places(self, places: Places) -> None:
        """Note where an executor can make attempts now."""
        if self.watching:
            self._places[places.executor] = PlacesChanged(*places)

    def retrying(self, name: str, number: int, of: int, delay: float, failure: Failure | None) -> None:
        """An attempt is followed by another."""
        self._events.append(TaskRetrying(name, number, of, delay, _line(failure)))

    def ended_without_value(self, name: str, state: int, failure: Failure | None) -> None:
        """An item ended, and has no value."""
        # What ended before is told before.
        self.tell()
        frame = failure.frame if failure is not None else ""
        self._events.append(TaskEnded(name, STATES[state], _line(failure), frame, _details(failure)))

    def tell_late(self) -> None:
        """Tell what could not be told at once, because it came too soon after something else."""
        if self._changed or self._places:
            now = time.monotonic()
            if now - self._told >= _PAUSE:
                self._told = now
                self._events += self._places.values()
                self._places.clear()
                self.tell()

    def tell(self) -> None:
        """Tell what changed since the last time."""
        if not self._changed:
            return
        counts: dict[str, Mapping[TaskState, int]] = {}
        totals: dict[str, int | None] = {}
        running: dict[str, int] = {}
        for index in sorted(self._changed):
            task = self._program.tasks[index]
            if task.part is not None:
                continue
            name = task.task.id
            counts[name] = states_of(self._scheduler, index)
            totals[name] = self._scheduler.length(index) if self._scheduler.states[index] else None
            if not self._scheduler.ended(index):
                running[name] = self._running.get(name, 0)
        for name, group in self._groups.items():
            over = sum(group.counts.values())
            if group.told != (group.total, over):
                group.told = (group.total, over)
                left = {TaskState.PENDING: group.total - over} if group.total > over else {}
                counts[name], totals[name] = {**group.counts, **left}, group.total
        self._changed.clear()
        self._events.append(TasksChanged(counts, totals, running, dict(self._seconds)))

    def _group_of(self, part: GrownPart, task: TaskProgram) -> _Group:
        name = f"{part.group}/{task.task.step.name}"
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group()
        return group


@dataclass(slots=True)
class _Group:
    """How many items there are of what one task grew with one step, and how those that ended did."""

    total: int = 0
    counts: dict[TaskState, int] = field(default_factory=dict)
    told: tuple[int, int] = (0, 0)


def _line(failure: Failure | None) -> str:
    if failure is None:
        return ""
    first = failure.message.partition("\n")[0]
    return f"{failure.type}: {first}" if first else failure.type


def _details(failure: Failure | None) -> str:
    """Give what follows the first line of an error's text; of a long one its beginning and its end, the remedy."""
    lines = failure.message.splitlines()[1:] if failure is not None else []
    if len(lines) > _DETAILS:
        lines = [*lines[: _DETAILS - 2], "…", lines[-1]]
    return "\n".join(line[:_WIDEST] for line in lines)
