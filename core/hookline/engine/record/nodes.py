"""The numbers under which a run's tasks are recorded, and what a resumed run finds recorded under them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from hookline.model.graph import TaskGraph
from hookline.model.states import Kind
from hookline.store.rows import AttemptRow, NodeRow

__all__ = ["POISONOUS", "Nodes", "Recorded"]

Recorded = dict[int, AttemptRow]
"""By item: the last attempt that this run recorded before."""
POISONOUS = 3
"""Crashes of drivers in a row in which a task was running, after which it is set aside."""

_Place = tuple[int | None, int | None, str]
"""The task and item that a task grew from, and its name within that."""


class Nodes:
    """Numbers of tasks by index, matched with those that the run recorded before.

    Args:
        graph: The workflow's own tasks.
        known: What earlier drivers of the run recorded of its tasks.
        attempts: What they recorded of attempts, by node, item and number.
    """

    def __init__(self, graph: TaskGraph, known: Iterable[NodeRow] = (), attempts: Iterable[AttemptRow] = ()) -> None:
        self._known: dict[_Place, int] = {(row.parent, row.parent_item, row.name): row.node for row in known}
        self._unused = max(self._known.values(), default=-1) + 1
        self._recorded: dict[int, Recorded] = {}
        crashes: dict[tuple[int, int], int] = {}
        for row in attempts:
            self._recorded.setdefault(row.node, {})[row.item] = row
            place = (row.node, row.item)
            crashes[place] = crashes.get(place, 0) + 1 if row.kind == Kind.ORPHANED else 0
        self._poisonous = {place for place, count in crashes.items() if count >= POISONOUS}
        taken = set(self._known.values())
        self._unused = max(self._unused, len(graph.tasks))
        self._numbers = array("q")
        for task in graph.tasks:
            # As the first driver did, whose attempts may have been in flight before their task was recorded.
            self.add(task.id, free=None if task.index in taken else task.index)

    def __getitem__(self, index: int) -> int:
        return self._numbers[index]

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, name: str, parent: int | None = None, item: int | None = None, free: int | None = None) -> int:
        """Number the next task.

        Args:
            name: Its name within the task that it grew from.
            parent: The number of that task; None for one of the workflow's own.
            item: Which item of that task.
            free: A number that no other task has or had.

        Returns:
            The number that an earlier driver gave it, else a new one.
        """
        number = self._known.pop((parent, item, name), None) if self._known else None
        if number is None and free is not None:
            number = free
        elif number is None:
            number, self._unused = self._unused, self._unused + 1
        self._numbers.append(number)
        return number

    def recorded(self, index: int) -> Recorded | None:
        """Give, once, the last attempts of a task's items that earlier drivers recorded."""
        return self._recorded.pop(self._numbers[index], None) if self._recorded else None

    @property
    def any_poisonous(self) -> bool:
        """Whether :meth:`is_poisonous` is true of any item."""
        return bool(self._poisonous)

    def is_poisonous(self, index: int, item: int) -> bool:
        """Whether an item was running each time when the last few drivers of the run died."""
        return (self._numbers[index], item) in self._poisonous

    def is_known(self, name: str) -> bool:
        """Whether an earlier driver recorded a task of the workflow's own under a name."""
        return (None, None, name) in self._known

    def all_recorded(self, indexes: Sequence[int]) -> dict[int, Recorded]:
        """Give the same of several tasks, by index; those without attempts are left out."""
        found = {index: self.recorded(index) for index in indexes}
        return {index: recorded for index, recorded in found.items() if recorded}
