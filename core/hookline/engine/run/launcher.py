"""Hands planned items to executors: which executor, how many at once, how many in one batch."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hookline.engine.program.inputs import Inputs
from hookline.engine.program.program import TaskProgram
from hookline.engine.run.in_flight import InFlight, Planned
from hookline.engine.run.limits import Gates, Limits
from hookline.engine.run.opening import OpenTask, OpenTasks
from hookline.engine.run.stretches import NOTHING, Stretch, Stretches
from hookline.engine.schedule.priorities import Priorities
from hookline.engine.schedule.ready import Entry, ReadyQueue
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.timings import Timings
from hookline.executors.protocol import Executor
from hookline.model.batch import AT_ONCE, Batch
from hookline.model.options import Options
from hookline.model.work import Work

__all__ = ["Launcher"]

_BATCH_US = 20_000
"""How much measured work goes into one batch."""

_OVERHEAD_US = 5
_MOST = 4096


class Launcher:
    """Keeps executors busy: what has the longest way to the end of the run goes first.

    Args:
        open_executor: Starts an executor when it is first needed.
        default: Name of the run's executor.
        retries: Knows the numbers of attempts.
        priorities: How long the way ahead is, by task.
        timings: How long attempts take.
        limits: How many may go on at once.
        eager: Whether workers may be handed what they begin as soon as they end something, however that ended.

    Attributes:
        waiting: What is to be launched; sorted in at the next :meth:`launch`.
        in_flight: What executors have, by the batch's number.
        before_long: Called before this thread is given to attempts that may take a while.
        stretches: Finds what can follow on a call at once.
    """

    def __init__(
        self,
        open_executor: Callable[[str], Executor],
        default: str,
        retries: Retries,
        priorities: Priorities,
        timings: Timings,
        limits: Limits,
        eager: bool = True,
    ) -> None:
        self._open = open_executor
        self._default = default
        self._retries = retries
        self._priorities = priorities
        self._timings = timings
        self._limits = limits
        self._eager = eager
        self._executors: dict[str, Executor] = {}
        self._busy: dict[str, int] = {}
        self._order: list[str] = []
        self._count = 0
        self._turns = itertools.count()
        self.waiting: deque[Planned] = deque()
        # What can't start now waits where nobody looks until something ends: by executor, and by what limits it.
        self._ready: dict[str, ReadyQueue[Planned]] = {}
        self._held_back: dict[Gates, list[tuple[Entry[Planned], str]]] = {}
        self._uncommitted: list[tuple[int, Entry[Planned], str]] = []
        self.in_flight: dict[int, InFlight] = {}
        self.before_long: Callable[[], None] = lambda: None
        self.stretches: Stretches | None = None

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
            self._ready[name] = ReadyQueue()
            # One that makes attempts in this thread comes last: the others are to be busy meanwhile.
            self._order.insert(len(self._order) if executor.traits.blocks else 0, name)
        return executor

    def executors(self) -> Iterable[Executor]:
        """All executors that were started, in that order."""
        return self._executors.values()

    def can_end(self) -> bool:
        """Whether anything in flight is with an executor that can end it for certain."""
        return any(self._executors[entry.executor].traits.kills for entry in self.in_flight.values())

    def cancel_blocking(self, grace: float) -> bool:
        """Ask for batches to end that executors make in the driver's own thread; from any thread.

        Returns:
            Whether there may be any.
        """
        blocking = [executor for executor in list(self._executors.values()) if executor.traits.blocks]
        for executor in blocking:
            executor.cancel(list(self.in_flight), grace)
        return bool(blocking)

    @property
    def idle(self) -> bool:
        """Whether nothing is with an executor, or could be."""
        return not (self.in_flight or self.waiting or self._uncommitted or any(self._ready.values()))

    def launch(self, committed: int, tasks: OpenTasks) -> bool:
        """Submit what can be submitted now.

        Args:
            committed: What is recorded so far; items that must wait for more stay.
            tasks: The tasks that have begun.

        Returns:
            Whether something waits for a commit.
        """
        self._sort_in(committed, tasks)
        for name in self._order:
            # A blocking executor's batch has ended when it is submitted: its outcomes come first.
            while self._submit_next(name, committed, tasks) and not self._executors[name].traits.blocks:
                pass
        return bool(self._uncommitted)

    def forget_waiting(self) -> None:
        """Let go of what no executor has."""
        self.waiting.clear()
        self._uncommitted.clear()
        self._held_back.clear()
        for ready in self._ready.values():
            ready.clear()

    def ended(self, number: int) -> InFlight:
        """Take a batch back that an executor is done with."""
        entry = self.in_flight.pop(number)
        self._busy[entry.executor] -= 1
        if entry.gates:
            self.free_places(entry, entry.places)
        return entry

    def free_places(self, entry: InFlight, count: int) -> None:
        """Let others have the places of so many attempts of a batch, which may go on with the rest."""
        entry.places -= count
        self._limits.leave(entry.gates, count)
        self._let_through()

    def _let_through(self) -> None:
        """Put back what was held back, as far as limits allow; there are as many kinds of it as kinds of limits."""
        for gates, held_back in self._held_back.items():
            for _ in range(min(self._limits.width(gates), len(held_back))):
                back, name = heapq.heappop(held_back)
                self._ready[name].push(back)

    def running(self, task: int) -> int:
        """How many batches of a task are being worked on."""
        return sum(entry.started for entry in self.in_flight.values() if entry.task == task)

    def _sort_in(self, committed: int, tasks: OpenTasks) -> None:
        """Put what came since the last time, and what waited for a commit, where it belongs."""
        uncommitted, waiting = self._uncommitted, self.waiting
        while uncommitted and uncommitted[0][0] <= committed:
            _, entry, name = heapq.heappop(uncommitted)
            self._ready[name].push(entry)
        while waiting:
            planned = waiting.popleft()
            opened = tasks[planned.task]
            name = self.route(opened.options, opened.work.concurrent)
            self.executor(name)
            self._ready[name].push((-self._priorities.of(planned.task), next(self._turns), planned))

    def _submit_next(self, name: str, committed: int, tasks: OpenTasks) -> bool:
        """Submit the first batch that can start on an executor; tells whether there was one."""
        ready = self._ready[name]
        while ready:
            entry = ready.first
            planned = entry[2]
            opened = tasks[planned.task]
            gates = self._limits.gates(opened)
            if not self._room(name, opened.work.function, -entry[0], gates):
                return False
            ready.pop()
            if planned.after > committed:
                heapq.heappush(self._uncommitted, (planned.after, entry, name))
            elif gates and self._limits.width(gates) < 1:
                heapq.heappush(self._held_back.setdefault(gates, []), (entry, name))
            else:
                executor = self._executors[name]
                if executor.traits.blocks and not self._timings.is_instant(opened.work.function):
                    self.before_long()
                executor.submit(self._batch(entry, name, gates, opened, committed, tasks))
                return True
        return False

    def _room(self, name: str, function: Any, priority: float, gates: Gates) -> bool:
        busy, capacity = self._busy[name], self._executors[name].capacity()
        if busy < capacity:
            return True
        # What a limit bounds would take up a place there while it waits for a worker.
        if gates or busy >= 2 * capacity or self._executors[name].traits.blocks:
            return False
        # One batch more than it works on, each, so that no worker waits for a round trip. It must not stand in the way
        # of what has a longer way ahead and is ready a moment later, unless it is out of the way before one knows.
        if self._timings.is_instant(function):
            return True
        if self._uncommitted or self._retries.next_due is not None:
            return False  # what waits for a commit, or for another attempt, is ready a moment later, too
        if any(held_back and -held_back[0][0][0] > priority for held_back in self._held_back.values()):
            return False  # so is what has to wait for a place
        return self._eager and all(priority >= entry.after for entry in self.in_flight.values())

    def _batch(
        self, entry: Entry[Planned], name: str, gates: Gates, opened: OpenTask, committed: int, tasks: OpenTasks
    ) -> Batch:
        """Make a batch of as much of what is planned as belongs together."""
        planned, work, options = entry[2], opened.work, opened.options
        size = self._size(planned, name, options, work)
        if gates:
            # What goes on one after the other counts as one.
            size = min(size, self._limits.width(gates)) if work.concurrent else 1
        items, keys = planned.items[:size], planned.keys[:size]
        number = self._retries.number(planned.task, items[0])
        calls: list[int] = []
        stretch = NOTHING
        if work.call_input >= 0 and size == 1:
            stretch = self._stretch(planned, name, opened, number)
            calls, inputs = [planned.task, *stretch.tasks], opened.inputs.fill(0, 1)
        elif work.call_input >= 0:
            together = [planned, *self._alike(work, number, size - 1, name, committed, tasks)]
            calls = [call.task for call in together]
            inputs = [tasks[task].inputs.fill(0, 1)[0] for task in calls]
            items, keys = (0,) * len(calls), [call.keys[0] for call in together]
        else:
            inputs = _filled(opened.inputs, items)
            if size < len(planned.items):
                rest = Planned(planned.task, planned.items[size:], planned.keys[size:], planned.alone, planned.after)
                self._ready[name].push((entry[0], entry[1], rest))
        self._count += 1
        batch = Batch(self._count, work, items, number, inputs, keys, options.timeout, stretch.links, stretch.taken)
        self._limits.enter(gates, len(items))
        after = self._priorities.after(planned.task)
        if len(calls) > 1 and not stretch.links:
            after = max(map(self._priorities.after, calls))
        self.in_flight[self._count] = InFlight(batch, planned.task, name, calls, 0, set(), gates, len(items), after)
        self._busy[name] += 1
        return batch

    def _stretch(self, planned: Planned, name: str, opened: OpenTask, number: int) -> Stretch:
        """Find what can follow on a call at once, while nothing else is going on."""
        work, mean = opened.work, self._timings.mean_us(opened.work.function)
        if self.stretches is None or not 0 < mean < _BATCH_US or planned.alone or number > 1:
            return NOTHING
        if work.concurrent or opened.options.timeout is not None or self._limits.gates(opened):
            return NOTHING
        if self.in_flight or self._uncommitted or self._retries.next_due is not None:
            return NOTHING
        if any(self._ready.values()) or any(self._held_back.values()):
            return NOTHING
        where = (work.cpu, work.resources, work.env)

        def expect_us(program: TaskProgram, follows: Work) -> float:
            options = program.task.options
            if follows.concurrent or options.timeout is not None or options.limit is not None:
                return 0.0
            if (follows.cpu, follows.resources, follows.env) != where or self.route(options, concurrent=False) != name:
                return 0.0
            if self._limits.are_named(follows.step, options.tags):
                return 0.0
            mean = self._timings.mean_us(follows.function)
            return mean + _OVERHEAD_US if mean else 0.0

        return self.stretches.after(planned.task, _BATCH_US - mean, expect_us)

    def _alike(self, work: Work, number: int, count: int, name: str, committed: int, tasks: OpenTasks) -> list[Planned]:
        """Take the next calls that share their work, and the attempt's number, with the one before; at most so many."""
        found: list[Planned] = []
        ready = self._ready[name]
        numbered = self._retries.any_numbered()
        while ready and len(found) < count:
            call = ready.first[2]
            if call.alone or call.after > committed or tasks[call.task].work is not work:
                break
            if numbered and self._retries.number(call.task, call.items[0]) != number:
                break
            found.append(call)
            ready.pop()
        return found

    def _size(self, planned: Planned, name: str, options: Options, work: Work) -> int:
        mean = self._timings.mean_us(work.function)
        if planned.alone or (not work.concurrent and (not mean or options.timeout is not None)):
            return 1
        count = len(planned.items)
        if work.call_input >= 0:
            # Calls of other steps count as well: they leave the other workers enough to do.
            count += len(self._ready[name])
        if count == 1:
            return 1
        # Places may have gone since there was room.
        fair = -(-count // max(1, self._executors[name].capacity()))
        size = 1 if not mean else min(int(_BATCH_US / (mean + _OVERHEAD_US)), fair, _MOST)
        # A worker lets so many go on at once: with fewer it would wait for them while others could begin.
        return max(size, min(count, AT_ONCE) if work.concurrent else 1)


def _filled(inputs: Inputs, items: Sequence[int]) -> list[tuple[Any, ...]]:
    low, high = items[0], items[-1] + 1
    if high - low == len(items):
        return inputs.fill(low, high)
    return [inputs.fill(item, item + 1)[0] for item in items]
