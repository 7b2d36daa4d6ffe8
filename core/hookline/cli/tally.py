"""The state of a run as far as its events tell: one line per step. No output here: displays read it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hookline.cli.wording import amount, counted, duration
from hookline.model.events import Event, PlacesChanged, RunFinished, RunStarted, TaskEnded, TaskRetrying, TasksChanged
from hookline.model.partitions import partition_of
from hookline.model.states import TaskState

__all__ = ["CONNECTING", "Line", "Tally", "chosen_lines"]

CONNECTING = "connecting"
"""What an executor does that knows no machine yet."""

_NUMBERED = re.compile(r"(.+)-\d+\Z")
_WENT_WRONG = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CRASHED, TaskState.ABANDONED)
_KEPT_FAILURES = 1000
# A guess from less than this would jump about.
_LEAST_SECONDS_FOR_ESTIMATE = 2.0


@dataclass(slots=True)
class Line:
    """What is known of one step's calls: all tasks that are named alike.

    Attributes:
        name: The name in front.
        tasks: How many tasks are summed up here.
        unknown: How many of these have a length that is not known yet.
        total: Items of those whose length is known.
        counts: Items by state.
        running: Attempts that are being made.
        seconds: Mean seconds of an attempt.
        began: When the first attempt or outcome was seen, by the tally's clock.
        ended: When the last one was, once all ended.
    """

    name: str
    tasks: int = 0
    unknown: int = 0
    total: int = 0
    counts: dict[TaskState, int] = field(default_factory=dict)
    running: int = 0
    seconds: float = 0.0
    began: float | None = None
    ended: float | None = None

    @property
    def over(self) -> int:
        """How many items ended."""
        return sum(count for state, count in self.counts.items() if state.ended)

    @property
    def finished(self) -> bool:
        """Whether all items ended."""
        return not self.unknown and self.over >= self.total

    @property
    def wrong(self) -> int:
        """How many items failed, whatever the way."""
        return sum(self.counts.get(state, 0) for state in _WENT_WRONG)

    @property
    def executed(self) -> int:
        """How many items ended after an attempt."""
        return self.counts.get(TaskState.COMPLETED, 0) + self.wrong

    @property
    def symbol(self) -> str:
        """One character for how it stands."""
        if self.wrong:
            return TaskState.FAILED.symbol
        if self.running or (self.over and not self.finished):
            return TaskState.RUNNING.symbol
        if not self.finished:
            return TaskState.PENDING.symbol
        for state in (TaskState.CANCELLED, TaskState.COMPLETED, TaskState.REUSED):
            if self.counts.get(state):
                return state.symbol
        return TaskState.SKIPPED.symbol

    def elapsed(self, now: float) -> float:
        """How long it has been worked on."""
        return 0.0 if self.began is None else (self.ended or now) - self.began

    def progress(self) -> str:
        """Write how many of how many are over: ``45/120``; ``45/?`` where the number is not known."""
        return f"{amount(self.over)}/{'?' if self.unknown else amount(self.total)}"

    def details(self) -> str:
        """Write the counts: ``30 done, 12 reused, 3 failed``."""
        shown = [
            (self.counts.get(TaskState.COMPLETED, 0), "done"),
            (self.counts.get(TaskState.REUSED, 0), "reused"),
            (self.wrong, "failed"),
            (self.counts.get(TaskState.SKIPPED, 0), "skipped"),
            (self.counts.get(TaskState.CANCELLED, 0), "cancelled"),
            (self.running, "running"),
        ]
        return ", ".join(f"{amount(count)} {word}" for count, word in shown if count)


@dataclass(slots=True)
class _Known:
    line: Line
    total: int | None
    counts: Mapping[TaskState, int] = field(default_factory=dict)
    running: int = 0
    over: bool = False
    """Whether it does not keep its partition open, or not any more."""


class Tally:
    """Sums up events; an engine thread feeds it while a display reads it.

    Args:
        clock: Tells the time in seconds.

    Attributes:
        run_id: The run's id, once it started.
        failures: The tasks that failed, the first thousand.
        failed: How many did.
        partitions: How many partitions the workflow is mapped over; 0 where it is not mapped.
        retries: How many attempts were repeated.
        places: Where executors make attempts, by their names; of those only that say so.
        finished: The last event, once the run is over.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, _Known] = {}
        self._lines: dict[str, Line] = {}
        self._levels = 0
        self._open: dict[str, int] = {}
        self._began = clock()
        self.run_id = ""
        self.workflow = ""
        self.resumed = False
        self.failures: list[TaskEnded] = []
        self.failed = 0
        self.partitions = 0
        self.retries = 0
        self.places: dict[str, PlacesChanged] = {}
        self.finished: RunFinished | None = None

    def take(self, event: Event) -> None:
        """Take in what happened."""
        with self._lock:
            if isinstance(event, TasksChanged):
                self._change(event)
            elif isinstance(event, TaskEnded):
                if event.state in _WENT_WRONG:
                    self.failed += 1
                    if len(self.failures) < _KEPT_FAILURES:
                        self.failures.append(event)
            elif isinstance(event, TaskRetrying):
                self.retries += 1
            elif isinstance(event, PlacesChanged):
                self.places = {**self.places, event.executor: event}
            elif isinstance(event, RunStarted):
                self._start(event)
            else:
                self.finished = event

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def lines(self) -> list[Line]:
        """Give the lines in graph order."""
        with self._lock:
            return list(self._lines.values())

    def elapsed(self) -> float:
        """How long the run has been going on."""
        return self._clock() - self._began

    def now(self) -> float:
        """The time by the tally's clock."""
        return self._clock()

    def used(self) -> list[str]:
        """Write for each executor that says so where it makes attempts: ``ray: 3 nodes, 5 of 8 slots in use``."""
        return [
            f"{name}: {counted(now.nodes, 'node')}, {amount(now.busy)} of {counted(now.slots, 'slot')} in use"
            if now.nodes
            else f"{name}: {CONNECTING}"
            for name, now in self.places.items()
        ]

    def overall(self) -> str:
        """Write how the whole run stands: ``45 of 120 tasks, 4 running, 12 s, about 20 s left``."""
        with self._lock:
            lines = list(self._lines.values())
        over, total = sum(line.over for line in lines), sum(line.total for line in lines)
        open_end = "+" if any(line.unknown for line in lines) else ""
        parts = [f"{amount(over)} of {counted(total, 'task') if not open_end else amount(total) + '+ tasks'}"]
        if self._open:
            parts.insert(0, f"{amount(list(self._open.values()).count(0))} of {counted(self.partitions, 'partition')}")
        wrong = sum(line.wrong for line in lines)
        if wrong:
            parts.append(f"{amount(wrong)} failed")
        running = sum(line.running for line in lines)
        if running:
            parts.append(f"{amount(running)} running")
        parts.append(duration(self.elapsed()))
        left = self.remaining()
        if left is not None:
            parts.append(f"{'at least' if open_end else 'about'} {duration(left)} left")
        return ", ".join(parts)

    def remaining(self) -> float | None:
        """Estimate the seconds that are left; None where nothing can be said yet.

        Attempts so far give both the work per item and how much work is done in a second, side by side work included.
        """
        elapsed = self.elapsed()
        if elapsed < _LEAST_SECONDS_FOR_ESTIMATE:
            return None
        with self._lock:
            lines = list(self._lines.values())
        done = sum(line.executed * line.seconds for line in lines)
        executed = sum(line.executed for line in lines)
        if not executed or done <= 0:
            return None
        usual = done / executed
        work = sum(max(line.total - line.over, 0) * (line.seconds or usual) for line in lines)
        if work <= 0:
            return None
        # Reused items take no time worth counting, so the pace is that of executed work over the time since it began.
        began = min((line.began for line in lines if line.began is not None and line.executed), default=self._began)
        pace = done / max(self._clock() - began, 1e-6)
        return work / pace

    def _start(self, event: RunStarted) -> None:
        self.run_id, self.workflow, self.resumed = event.run_id, event.workflow, event.resumed
        self._levels = len(event.mapped_over)
        names = {task_id for task_id, _ in event.tasks}
        for task_id, total in event.tasks:
            if partition := partition_of(task_id, self._levels):
                self._open[partition] = self._open.get(partition, 0) + 1
            self._add(task_id, total, names)
        self.partitions = len(self._open)

    def _add(self, task_id: str, total: int | None, names: set[str] | dict[str, _Known]) -> _Known:
        numbered = _NUMBERED.fullmatch(task_id)
        name = numbered[1] if numbered and numbered[1] in names else task_id
        partition = partition_of(task_id, self._levels)
        if partition in self._open:
            # A task of all partitions has one line.
            name = name.removeprefix(f"{partition}/")
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(name)
        line.tasks += 1
        line.unknown += total is None
        line.total += total or 0
        known = self._tasks[task_id] = _Known(line, total)
        return known

    def _change(self, event: TasksChanged) -> None:
        now = self._clock()
        for task_id in {**event.totals, **event.counts, **event.running}:
            known = self._tasks.get(task_id)
            if known is None:
                known = self._add(task_id, event.totals.get(task_id), self._tasks)
                known.over = True  # it grew: its partition waits for what it grew from
            line = known.line
            self._change_total(known, event.totals.get(task_id, known.total))
            for state, sign in _signed(known.counts, event.counts.get(task_id)):
                line.counts[state] = line.counts.get(state, 0) + sign
            known.counts = event.counts.get(task_id, known.counts)
            self._close(task_id, known)
            running = event.running.get(task_id, 0)
            line.running += running - known.running
            known.running = running
            if line.began is None:
                line.began = now
            line.ended = now if line.finished else None
        for task_id, seconds in event.seconds.items():
            known = self._tasks.get(task_id)
            if known is not None:
                known.line.seconds = seconds

    def _close(self, task_id: str, known: _Known) -> None:
        """Notice when the last task of a partition has ended."""
        partition = partition_of(task_id, self._levels)
        if known.over or partition not in self._open or known.total is None:
            return
        if sum(count for state, count in known.counts.items() if state.ended) >= known.total:
            known.over = True
            self._open[partition] -= 1

    def _change_total(self, known: _Known, total: int | None) -> None:
        line = known.line
        line.unknown += (total is None) - (known.total is None)
        line.total += (total or 0) - (known.total or 0)
        known.total = total


def chosen_lines(lines: list[Line], room: int) -> tuple[list[Line], list[Line]]:
    """Choose what is shown where there are more lines than room: what runs, then what failed, then the latest."""
    if len(lines) <= room:
        return lines, []
    order = sorted(
        range(len(lines)),
        key=lambda index: (not lines[index].running, not lines[index].wrong, -(lines[index].began or 0.0)),
    )
    kept = set(order[:room])
    return [lines[index] for index in sorted(kept)], [line for index, line in enumerate(lines) if index not in kept]


def _signed(before: Mapping[TaskState, int], after: Mapping[TaskState, int] | None) -> Iterator[tuple[TaskState, int]]:
    if after is None:
        return
    for state, count in before.items():
        yield state, -count
    yield from after.items()
