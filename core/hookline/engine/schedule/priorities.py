"""Which task should start first: the one with the longest way to the end of the run, by what earlier runs measured.

Starting what lies on the critical path first keeps list schedules close to the shortest that there are (Graham 1969;
Kohler 1975 for the longest path as the priority). A way is measured in expected microseconds, from the task's own start
to the end of the last task that waits for it, through whichever tasks take longest.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Iterable, Sequence

from hookline.model.graph import Task, TaskGraph
from hookline.model.partitions import partition_of
from hookline.store.measured import Measured

__all__ = ["Priorities", "expected_us", "partition_turns"]

_FADING = 0.95
"""What of a task's priority those have that it grows. A loop without end so falls behind whatever else is ready."""


class Priorities:
    """The priority of each task of a run, by index: worked out once, in one pass; O(1) for each task that grows.

    A mapped task counts as one of its items, which go their ways side by side.

    Args:
        depends: Per task those that it waits for, all of which stand before it.
        expected: Per task how long it should take; more than nothing.
        turns: Per task the place of its partition among all; nothing where there are no partitions. What belongs to an
            earlier one goes first, so that a run which is stopped leaves whole partitions, and few that are begun.
    """

    def __init__(self, depends: Sequence[Sequence[int]], expected: Sequence[float], turns: Sequence[int] = ()) -> None:
        self._ways = ways = array("d", expected)
        self._after = longest = array("d", bytes(8 * len(ways)))
        for index in range(len(ways) - 1, -1, -1):
            way = ways[index] = ways[index] + longest[index]
            for source in depends[index]:
                if longest[source] < way:
                    longest[source] = way
        if turns:
            self._stagger(turns)

    def _stagger(self, turns: Sequence[int]) -> None:
        """Put all ways of a partition before those of the next one."""
        longest, last = max(self._ways), max(turns)
        for index, turn in enumerate(turns):
            ahead = longest * (last - turn)
            self._ways[index] += ahead
            if self._after[index]:
                self._after[index] += ahead

    def of(self, index: int) -> float:
        """Give a task's priority; the highest should start first."""
        return self._ways[index]

    def after(self, index: int) -> float:
        """Give the highest priority that a task can have that becomes ready when this one ends."""
        return self._after[index]

    def grow(self, parent: int, count: int) -> None:
        """Append tasks that a task grew: what waits for it waits for them now.

        Args:
            parent: The task that grew.
            count: How many tasks there are more.
        """
        grown = [self._ways[parent] * _FADING] * count
        self._ways.extend(grown)
        self._after.extend(grown)  # it may well grow tasks of its own

    def append(self, priority: float) -> None:
        """Append a task that nothing waits for."""
        self._ways.append(priority)
        self._after.append(0.0)


def expected_us(tasks: Iterable[Task], measured: Measured) -> list[float]:
    """Tell how long tasks should take, in microseconds; of what was never measured, only how it compares.

    Args:
        tasks: The tasks.
        measured: How long tasks of earlier runs took.

    Returns:
        Per task: as long as it took; else as its step did; else the median of the steps. At least 1.
    """
    by_task, by_step = measured
    median = statistics.median(by_step.values()) if by_step else 1.0
    found = []
    for task in tasks:
        known = by_task.get(task.id)
        if known is None:
            known = by_step.get(task.step.name, median)
        found.append(max(1.0, known))
    return found


def partition_turns(graph: TaskGraph) -> Sequence[int]:
    """Give, per task, the place of its partition among all; nothing where the workflow is not mapped."""
    levels = len(graph.mapped_over)
    if not levels:
        return ()
    places: dict[str, int] = {}
    return [places.setdefault(partition_of(task.id, levels), len(places)) for task in graph.tasks]
