"""The scheduler: which task may start when. A pure state machine: no I/O, no clock, no values.

Tasks are numbers, items are numbers, ready work is ranges of items. Each finished item costs O(1) amortised: nothing
scans all tasks, nothing recurses, and a mapped task is one entry however many items it has.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

__all__ = ["Dependencies", "Scheduler", "State"]


class State:
    """States of an item, as small numbers in a bytearray."""

    PENDING = 0
    COMPLETED = 1
    REUSED = 2
    FAILED = 3
    SKIPPED = 4  # a condition was false
    BLOCKED = 5  # something upstream has no value
    CANCELLED = 6
    TIMED_OUT = 7
    CRASHED = 8
    ABANDONED = 9


# How a task began: what was skipped no longer listens to the items of its sources.
_RUNS = 1
_SKIPPED = 2

_VALUES = (State.COMPLETED, State.REUSED)
_COUNT = 10
# What a state of an item means for those that depend on it, and which cause wins where there are several.
_CAUSES = [State.BLOCKED] * _COUNT
_CAUSES[State.SKIPPED] = State.SKIPPED
_CAUSES[State.CANCELLED] = State.CANCELLED
_WEIGHTS = [0] * _COUNT
_WEIGHTS[State.SKIPPED], _WEIGHTS[State.CANCELLED], _WEIGHTS[State.BLOCKED] = 1, 2, 3

if TYPE_CHECKING:
    Counts = array[int]
_ZEROS = bytes(8 * _COUNT)
# What is the same for many tasks is one object; nobody changes it.
_NO_CONSUMERS: tuple[int, ...] = ()
_NO_STATES = bytearray()
_NO_COUNTS = array("q", _ZEROS)
_PENDING_STATES = bytearray((State.PENDING,))
_ENDED_STATES = [bytearray((state,)) for state in range(_COUNT)]
_ENDED_COUNTS = [array("q", [int(state == ended) for state in range(_COUNT)]) for ended in range(_COUNT)]


class Dependencies(NamedTuple):
    """What one task waits for.

    Attributes:
        whole: Tasks of which all items must have values.
        tolerant: Tasks that must have ended, however they ended.
        itemwise: Mapped tasks whose item i must have a value before item i of this task can start.
    """

    whole: Sequence[int] = ()
    tolerant: Sequence[int] = ()
    itemwise: Sequence[int] = ()


class Scheduler:
    """Follows a run from task to task.

    The owner asks :meth:`take_opened` for tasks whose conditions and lengths it must settle, answers with
    :meth:`begin` or :meth:`skip`, takes ranges from :attr:`ready`, and tells with :meth:`finish` how items ended.

    Args:
        dependencies: One entry per task; tasks refer to lower numbers only.

    Attributes:
        ready: Ranges (task, low, high) of items that can start now, oldest first.
        states: Per task one byte per item, once the task has begun or was skipped.
        unfinished: How many tasks have not ended.
        blocked: Ranges (task, low, high) of items that ended without a start, because an item that they need has no
            value; the owner takes them away.
    """

    def __init__(self, dependencies: Sequence[Dependencies]) -> None:
        self._dependencies: list[Dependencies] = []
        self._consumers: list[Sequence[int]] = []
        self._tolerant_consumers: dict[int, list[int]] = {}
        self._item_consumers: dict[int, list[int]] = {}
        self._waiting = array("l")
        self._remaining = array("q")
        self._missing: dict[int, bytearray] = {}
        self._blocked = bytearray()
        self._begun = bytearray()
        self._held = bytearray()
        self._opened: deque[int] = deque()
        self.ready: deque[tuple[int, int, int]] = deque()
        self.states: list[bytearray] = []
        self.counts: list[Counts] = []
        self.unfinished = 0
        self.blocked: list[tuple[int, int, int]] = []
        self.grow(dependencies)

    def grow(self, dependencies: Sequence[Dependencies]) -> None:
        """Append tasks.

        Args:
            dependencies: One entry per task; they refer to lower numbers only, to none that has ended, and item by item
                to none that has begun.
        """
        first, count = len(self._dependencies), len(dependencies)
        self._dependencies += dependencies
        self._consumers += [_NO_CONSUMERS] * count
        self._remaining.extend([0] * count)
        self._blocked += bytes(count)
        self._begun += bytes(count)
        self._held += bytes(count)
        self.states += [_NO_STATES] * count
        self.counts += [_NO_COUNTS] * count
        self.unfinished += count
        for task, needs in enumerate(dependencies, first):
            for source in needs.whole:
                consumers = self._consumers[source]
                if isinstance(consumers, list):
                    consumers.append(task)
                else:
                    self._consumers[source] = [task]
            for source in needs.tolerant:
                self._tolerant_consumers.setdefault(source, []).append(task)
            for source in needs.itemwise:
                self._item_consumers.setdefault(source, []).append(task)
            # An item-wise source counts until it has begun, because its length is this task's length.
            waiting = len(needs.whole) + len(needs.tolerant) + len(needs.itemwise)
            self._waiting.append(waiting)
            if not waiting:
                self._opened.append(task)

    def take_opened(self, most: int = sys.maxsize) -> list[int]:
        """Give tasks that wait for :meth:`begin` or :meth:`skip`, each once, oldest first.

        Args:
            most: How many at most.
        """
        opened = self._opened
        return [opened.popleft() for _ in range(min(most, len(opened)))]

    def has_opened(self) -> bool:
        """Whether any task waits for that."""
        return bool(self._opened)

    def length(self, task: int) -> int:
        """How many items a task has that has begun."""
        return len(self.states[task])

    def ended(self, task: int) -> bool:
        """Whether all items of a task have ended."""
        return bool(self._begun[task]) and self._remaining[task] == 0

    def has_value(self, task: int) -> bool:
        """Whether a task ended and all its items have values."""
        counts = self.counts[task]
        return self.ended(task) and counts[State.COMPLETED] + counts[State.REUSED] == len(self.states[task])

    def lack(self, task: int) -> int:
        """Why a task that has ended has no value, as :meth:`cause` says it; 0 where it has one."""
        counts = self.counts[task]
        missing = len(self.states[task]) - counts[State.COMPLETED] - counts[State.REUSED]
        for state in (State.SKIPPED, State.CANCELLED):
            if missing and counts[state] == missing:
                return state
        return State.BLOCKED if missing else 0

    def cause(self, task: int) -> int:
        """Why a task can't run: a :class:`State`, or 0 where nothing is in its way."""
        return self._blocked[task]

    def follower(self, task: int) -> int:
        """Give the task that can start when a plain task has a value, if nothing else waits for that, nor it for more.

        Returns:
            Its number; -1 where there is none.
        """
        consumers = self._consumers[task]
        if len(consumers) != 1 or task in self._tolerant_consumers or task in self._item_consumers:
            return -1
        consumer = consumers[0]
        return consumer if self._waiting[consumer] == 1 and not self._blocked[consumer] else -1

    def hold(self, tasks: Iterable[int]) -> None:
        """Keep tasks that wait for something from being given by :meth:`take_opened`, until they are let go."""
        for task in tasks:
            self._held[task] = 1

    def let_go(self, tasks: Iterable[int]) -> None:
        """Let tasks that were held, and have not begun, be like others."""
        for task in tasks:
            self._held[task] = 0
            if not self._waiting[task] and not self._begun[task]:
                self._opened.append(task)

    def begin_held(self, task: int) -> None:
        """Begin a held task that waits for nothing more: a plain one, which somebody has started already."""
        self._held[task] = 0
        self._start(task, 1, _RUNS)

    def pass_held(self, task: int) -> None:
        """Begin such a task, and end it: it has its value."""
        self._held[task] = 0
        self._begun[task] = _RUNS
        self.states[task], self.counts[task] = _ENDED_STATES[State.COMPLETED], _ENDED_COUNTS[State.COMPLETED]
        self._end(task)

    def begin(self, task: int, length: int) -> None:
        """Let a task's items start as soon as what they wait for is there.

        Args:
            task: An opened task.
            length: How many items it has.
        """
        self._start(task, length, _RUNS)
        itemwise = self._dependencies[task].itemwise
        if not length:
            self._end(task)
        elif not itemwise:
            self.ready.append((task, 0, length))
        else:
            self._begin_itemwise(task, length, itemwise)

    def skip(self, task: int, state: int, length: int = 1) -> None:
        """End an opened task, or one that has not begun, without running it.

        Args:
            task: The task.
            state: How its items end.
            length: How many items are counted.
        """
        for consumer in self._item_consumers.get(task, ()):
            self._block(consumer, _CAUSES[state])
        self._start(task, length, _SKIPPED)
        if length:
            self.finish(task, 0, length, state)
        else:
            self._end(task)

    def finish(self, task: int, low: int, high: int, state: int) -> None:
        """Say how items ended.

        Args:
            task: The task.
            low: The first item.
            high: The item after the last.
            state: Their state.
        """
        if self.states[task] is _PENDING_STATES:
            # By far the commonest: a plain task, to whose items nobody listens.
            self.states[task], self.counts[task] = _ENDED_STATES[state], _ENDED_COUNTS[state]
            self._remaining[task] = 0
            self._end(task)
            return
        pending = [(task, low, high, state)]
        while pending:
            task, low, high, state = pending.pop()
            self.states[task][low:high] = bytes((state,)) * (high - low)
            self.counts[task][state] += high - low
            self._remaining[task] -= high - low
            for consumer in self._item_consumers.get(task, ()):
                # One that has ended, because another source had no values, listens no more.
                if self._begun[consumer] == _RUNS and self._remaining[consumer]:
                    self._advance(consumer, low, high, state, pending)
            if not self._remaining[task]:
                self._end(task)

    def retry(self, task: int, item: int) -> None:
        """Put an item back among those that can start."""
        self.ready.append((task, item, item + 1))

    def cancel_rest(self, tasks: Iterable[int], state: int) -> None:
        """End all items that have not ended, of the given tasks, none of which is being run.

        Args:
            tasks: Which tasks, in ascending order.
            state: How their items end.
        """
        self.ready.clear()
        for task in tasks:
            if not self._begun[task]:
                self.skip(task, state)
                continue
            states = self.states[task]
            low = states.find(State.PENDING)
            while low >= 0:
                high = low + 1
                while high < len(states) and states[high] == State.PENDING:
                    high += 1
                self.finish(task, low, high, state)
                low = states.find(State.PENDING, high)
        self._opened.clear()

    def _start(self, task: int, length: int, how: int) -> None:
        self._begun[task] = how
        self._remaining[task] = length
        consumers = self._item_consumers.get(task)
        if length == 1 and consumers is None and not self._dependencies[task].itemwise:
            self.states[task] = _PENDING_STATES
            return
        self.states[task] = bytearray(length)
        self.counts[task] = array("q", _ZEROS)
        for consumer in consumers or ():
            self._arrive(consumer)

    def _begin_itemwise(self, task: int, length: int, itemwise: Sequence[int]) -> None:
        """Look once at what the sources have done so far."""
        if len(itemwise) > 1:
            self._missing[task] = bytearray((len(itemwise),)) * length
        pending: list[tuple[int, int, int, int]] = []
        for source in itemwise:
            states = self.states[source]
            low = 0
            while low < length:
                state = states[low]
                high = low + 1
                while high < length and states[high] == state:
                    high += 1
                if state != State.PENDING:
                    self._advance(task, low, high, state, pending)
                low = high
        for entry in pending:
            self.finish(*entry)

    def _advance(
        self, consumer: int, low: int, high: int, state: int, pending: list[tuple[int, int, int, int]]
    ) -> None:
        """Note that items low to high of an item-wise source ended."""
        if state not in _VALUES:
            self._block_items(consumer, low, high, _CAUSES[state], pending)
            return
        missing = self._missing.get(consumer)
        if missing is None:
            self.ready.append((consumer, low, high))
            return
        states = self.states[consumer]
        start = low
        for item in range(low, high):
            missing[item] -= 1
            if missing[item] or states[item] != State.PENDING:
                if start < item:
                    self.ready.append((consumer, start, item))
                start = item + 1
        if start < high:
            self.ready.append((consumer, start, high))

    def _block_items(
        self, consumer: int, low: int, high: int, outcome: int, pending: list[tuple[int, int, int, int]]
    ) -> None:
        """End items that can't run; with several sources an item may have ended so before."""
        states = self.states[consumer]
        start = low
        for item in range(low, high):
            if states[item] != State.PENDING:
                if start < item:
                    self._block_range(consumer, start, item, outcome, pending)
                start = item + 1
            states[item] = outcome
        if start < high:
            self._block_range(consumer, start, high, outcome, pending)

    def _block_range(
        self, consumer: int, low: int, high: int, outcome: int, pending: list[tuple[int, int, int, int]]
    ) -> None:
        pending.append((consumer, low, high, outcome))
        self.blocked.append((consumer, low, high))

    def _end(self, task: int) -> None:
        self.unfinished -= 1
        cause = self.lack(task)
        consumers, self._consumers[task] = self._consumers[task], _NO_CONSUMERS
        for consumer in consumers:
            if cause:
                self._block(consumer, cause)
            self._arrive(consumer)
        for consumer in self._tolerant_consumers.pop(task, ()):
            self._arrive(consumer)
        self._item_consumers.pop(task, None)
        self._missing.pop(task, None)
        if len(self.states[task]) == 1:
            # There may be hundreds of thousands of these, and no more happens to them.
            state = self.states[task][0]
            self.states[task], self.counts[task] = _ENDED_STATES[state], _ENDED_COUNTS[state]

    def _block(self, consumer: int, cause: int) -> None:
        # A failure upstream weighs more than a condition: it is what the user has to mend.
        if _WEIGHTS[cause] > _WEIGHTS[self._blocked[consumer]]:
            self._blocked[consumer] = cause

    def _arrive(self, consumer: int) -> None:
        self._waiting[consumer] -= 1
        if not (self._waiting[consumer] or self._begun[consumer] or self._held[consumer]):
            self._opened.append(consumer)
