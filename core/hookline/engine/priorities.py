"""Which task should start first: the one with the longest way to the end of the run, by what earlier runs measured.

Starting what lies on the critical path first keeps list schedules close to the shortest that there are (Graham 1969;
Kohler 1975 for the longest path as the priority). A way is measured in expected microseconds, from the task's own start
to the end of the last task that waits for it, through whichever tasks take longest.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Callable, Sequence

from hookline.engine.program import TaskProgram
from hookline.model.graph import Task
from hookline.store.measured import Measured

__all__ = ["Priorities"]

_FADING = 0.95
"""What of a task's priority those have that it grows. A loop without end so falls behind whatever else is ready."""


class Priorities:
    """The priority of each task of a run, by index: worked out once, in one pass; O(1) for each task that grows.

    A mapped task counts as one of its items, which go their ways side by side.

    Args:
        tasks: The tasks; each depends on those before it.
        measured: How long tasks took.
    """

    def __init__(self, tasks: Sequence[TaskProgram], measured: Measured) -> None:
        self._ways = ways = array("d", bytes(8 * len(tasks)))
        expected = _expectation(measured)
        for index in range(len(tasks) - 1, -1, -1):
            program = tasks[index]
            ways[index] = way = ways[index] + expected(program.task)
            for source in program.depends:
                if ways[source] < way:
                    ways[source] = way

    def of(self, index: int) -> float:
        """Give a task's priority; the highest should start first."""
        return self._ways[index]

    def grow(self, parent: int, count: int) -> None:
        """Append tasks that a task grew: what waits for it waits for them now.

        Args:
            parent: The task that grew.
            count: How many tasks there are more.
        """
        self._ways.extend([self._ways[parent] * _FADING] * count)

    def append(self, priority: float) -> None:
        """Append a task that nothing waits for."""
        self._ways.append(priority)


def _expectation(measured: Measured) -> Callable[[Task], float]:
    """Tell how long a task should take: as it did, else as its step does, else as the median of steps; at least 1."""
    by_task, by_step = measured
    median = statistics.median(by_step.values()) if by_step else 1.0

    def expected(task: Task) -> float:
        known = by_task.get(task.id)
        if known is None:
            known = by_step.get(task.step.name, median)
        return max(1.0, known)

    return expected
