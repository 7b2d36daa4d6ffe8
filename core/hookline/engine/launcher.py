"""Hands planned items to executors: which executor, how many at once, how many in one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hookline.engine.inputs import Inputs
from hookline.engine.opening import OpenTask, OpenTasks
from hookline.engine.retry import Retries
from hookline.executors.protocol import Executor
from hookline.model.batch import Batch, Work
from hookline.model.step import Options

__all__ = ["InFlight", "Launcher", "Planned"]

_BATCH_US = 20_000
"""How much measured work goes into one batch."""

_OVERHEAD_US = 5
_MOST = 4096
_SIDE_BY_SIDE = 100
"""Attempts of an async step that go into one batch before any was measured: as many as go on at once."""

_Gates = tuple[tuple[Any, int], ...]
"""What limits attempts, each with how many may run at once: a step's function for its own limit, or a name."""

_Lane = tuple[str, _Gates]
"""What has to have room before attempts can start: an executor, and gates."""


@dataclass(slots=True)
class Planned:
    """Items of one task that have to run.

    Attributes:
        task: The task.
        items: The items' numbers; ascending.
        keys: Their keys.
        alone: Whether each gets a batch of its own: one of them may have ended a worker, or has a number of its own.
        after: The recording that must be committed before they start; 0 for none.
    """

    task: int
    items: Sequence[int]
    keys: Sequence[bytes]
    alone: bool = False
    after: int = 0


@dataclass(slots=True)
class InFlight:
    """A batch that an executor has.

    Attributes:
        batch: The batch.
        task: Its task; of several calls the first.
        executor: The executor's name.
        calls: The tasks of its attempts, where these are calls; empty where they are items of one task.
        told: How many of its attempts have ended.
        ended: Which, where they don't end in order.
        gates: What limits its attempts.
        started: Whether a worker began with it.
    """

    batch: Batch
    task: int
    executor: str
    calls: list[int] = field(default_factory=list)
    told: int = 0
    ended: set[int] = field(default_factory=set)
    gates: _Gates = ()
    started: bool = False

    def take(self, count: int, positions: Sequence[int] | None) -> Sequence[int]:
        """Note that attempts ended, and give their positions."""
        if positions is None:
            positions = range(self.told, self.told + count)
        else:
            self.ended.update(positions)
        self.told += count
        return positions

    def open_positions(self) -> list[int]:
        """Give the positions of the attempts that have not ended."""
        if self.batch.work.concurrent:
            return [at for at in range(len(self.batch.items)) if at not in self.ended]
        return list(range(self.told, len(self.batch.items)))

    def task_at(self, position: int) -> int:
        """Tell whose attempt stands at a position."""
        return self.calls[position] if self.calls else self.task


class Launcher:
    """Keeps executors busy.

    Args:
        open_executor: Starts an executor when it is first needed.
        default: Name of the run's executor.
        retries: Knows the numbers of attempts.
        limits: How many attempts may run at once of all steps that have a name or a tag.
    """

    def __init__(
        self,
        open_executor: Callable[[str], Executor],
        default: str,
        retries: Retries,
        limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._open = open_executor
        self._default = default
        self._retries = retries
        self._limits = limits
        self._executors: dict[str, Executor] = {}
        self._busy: dict[str, int] = {}
        self._single: set[str] = set()
        self._passed: dict[Any, int] = {}
        self._mean_us: dict[Any, float] = {}
        self._count = 0
        self.waiting: deque[Planned] = deque()
        # What can't start now waits with all that needs the same room; there are as many lanes as kinds of limited
        # steps, however many attempts wait. A lane in which nothing waits is not kept.
        self._lanes: dict[_Lane, deque[Planned]] = {}
        self.in_flight: dict[int, InFlight] = {}

    def route(self, options: Options, concurrent: bool) -> str:
        """Name the executor for a task."""
        if options.executor:
            return options.executor
        # Only a process can be stopped for certain when its time is over; a coroutine can be cancelled.
        if options.timeout is not None and not concurrent and not self.executor(self._default).traits.kills:
            return "processes"
        return self._default

    def executor(self, name: str) -> Executor:
        """Give an executor, started at its first use."""
        executor = self._executors.get(name)
        if executor is None:
            executor = self._executors[name] = self._open(name)
            self._busy[name] = 0
            if executor.traits.shares_memory and executor.capacity() == 1:
                self._single.add(name)
        return executor

    def executors(self) -> Iterable[Executor]:
        """All executors that were started."""
        return self._executors.values()

    def launch(self, committed: int, tasks: OpenTasks) -> bool:
        """Submit what can be submitted now.

        Args:
            committed: What is recorded so far; items that must wait for more stay.
            tasks: The tasks that have begun.

        Returns:
            Whether something waits for a commit.
        """
        kept: list[Planned] = []
        waits = False
        # Nothing ends in here, so that a lane which is closed stays closed.
        lane = self._open_lane()
        while lane is not None or self.waiting:
            planned = self.waiting.popleft() if lane is None else self._next_in(lane)
            if planned.after > committed:
                waits = True
                kept.append(planned)
            else:
                opened = tasks[planned.task]
                name = self.route(opened.options, opened.work.concurrent)
                needed = (name, self._gates(opened))
                if not self._has_room(needed):
                    self._lanes.setdefault(needed, deque()).append(planned)
                else:
                    self._executors[name].submit(self._batch(planned, needed, opened, committed, tasks))
                    if name in self._single:
                        # An inline batch has ended by now: its outcomes come first.
                        break
            if lane is not None:
                lane = self._open_lane()
        self.waiting.extendleft(reversed(kept))
        return waits

    def ended(self, number: int) -> InFlight:
        """Take a batch back that an executor is done with."""
        entry = self.in_flight.pop(number)
        self._busy[entry.executor] -= 1
        for gate, _ in entry.gates:
            self._passed[gate] -= len(entry.batch.items)
        return entry

    def running(self, task: int) -> int:
        """How many batches of a task are being worked on."""
        return sum(entry.started for entry in self.in_flight.values() if entry.task == task)

    def measured(self, function: Any, mean_us: float) -> None:
        """Note how long attempts of a function take."""
        known = self._mean_us.get(function)
        self._mean_us[function] = mean_us if known is None else 0.7 * known + 0.3 * mean_us

    def mean_us(self, function: Any) -> float:
        """How long an attempt of a function takes; 0 where none was measured."""
        return self._mean_us.get(function, 0.0)

    def _open_lane(self) -> _Lane | None:
        """Find where something waits that could start now."""
        return next((lane for lane in self._lanes if self._has_room(lane)), None)

    def _next_in(self, lane: _Lane) -> Planned:
        """Take what has waited longest in a lane; the other lanes come first the next time."""
        queue = self._lanes.pop(lane)
        planned = queue.popleft()
        if queue:
            self._lanes[lane] = queue
        return planned

    def _has_room(self, lane: _Lane) -> bool:
        name, gates = lane
        capacity = self.executor(name).capacity()
        # One batch more than it works on, each, so that no worker waits for a round trip.
        if self._busy[name] >= (capacity if name in self._single else 2 * capacity):
            return False
        return not gates or all(self._passed.get(gate, 0) < limit for gate, limit in gates)

    def _gates(self, opened: OpenTask) -> _Gates:
        """Give what limits a task's attempts."""
        limit, limits = opened.options.limit, self._limits
        own: _Gates = () if limit is None else ((opened.work.function, limit),)
        if not limits:
            return own
        names = dict.fromkeys((opened.step, *opened.options.tags))
        return (*own, *((name, limits[name]) for name in names if name in limits))

    def _batch(self, planned: Planned, lane: _Lane, opened: OpenTask, committed: int, tasks: OpenTasks) -> Batch:
        """Make a batch of as much of what is planned as belongs together."""
        work, options = opened.work, opened.options
        name, gates = lane
        size = self._size(planned, lane, options, work)
        if gates:
            # What goes on one after the other counts as one.
            room = min(limit - self._passed.get(gate, 0) for gate, limit in gates)
            size = min(size, room) if work.concurrent else 1
        items, keys = planned.items[:size], planned.keys[:size]
        number = self._retries.number(planned.task, items[0])
        calls: list[int] = []
        if work.call_input >= 0 and size == 1:
            calls, inputs = [planned.task], opened.inputs.fill(0, 1)
        elif work.call_input >= 0:
            together = [planned, *self._alike(work, size - 1, lane, committed, tasks)]
            calls = [call.task for call in together]
            inputs = [tasks[task].inputs.fill(0, 1)[0] for task in calls]
            items, keys = (0,) * len(calls), [call.keys[0] for call in together]
        else:
            inputs = _filled(opened.inputs, items)
            if size < len(planned.items):
                rest = Planned(planned.task, planned.items[size:], planned.keys[size:], planned.alone, planned.after)
                self.waiting.appendleft(rest)
        self._count += 1
        batch = Batch(self._count, work, items, number, inputs, keys, options.timeout)
        for gate, _ in gates:
            self._passed[gate] = self._passed.get(gate, 0) + len(items)
        self.in_flight[self._count] = InFlight(batch, planned.task, name, calls, gates=gates)
        self._busy[name] += 1
        return batch

    def _alike(self, work: Work, count: int, lane: _Lane, committed: int, tasks: OpenTasks) -> list[Planned]:
        """Take the next calls that share their work with the one before, at most so many."""
        found: list[Planned] = []
        for queue in (self._lanes.get(lane), self.waiting):
            while queue and len(found) < count:
                call = queue[0]
                if call.alone or call.after > committed or tasks[call.task].work is not work:
                    break
                found.append(queue.popleft())
        if lane in self._lanes and not self._lanes[lane]:
            del self._lanes[lane]
        return found

    def _size(self, planned: Planned, lane: _Lane, options: Options, work: Work) -> int:
        mean = self._mean_us.get(work.function)
        if planned.alone or (not work.concurrent and (mean is None or options.timeout is not None)):
            return 1
        count = len(planned.items)
        if work.call_input >= 0:
            # Calls of other steps count as well: they leave the other workers enough to do.
            count += len(self.waiting) + len(self._lanes.get(lane, ()))
        if count == 1:
            return 1
        fair = -(-count // self._executors[lane[0]].capacity())
        size = 1 if mean is None else min(int(_BATCH_US / (mean + _OVERHEAD_US)), fair, _MOST)
        # A worker lets so many go on at once: with fewer it would wait for them while others could begin.
        return max(size, min(count, _SIDE_BY_SIDE) if work.concurrent else 1)


def _filled(inputs: Inputs, items: Sequence[int]) -> list[tuple[Any, ...]]:
    low, high = items[0], items[-1] + 1
    if high - low == len(items):
        return inputs.fill(low, high)
    return [inputs.fill(item, item + 1)[0] for item in items]
