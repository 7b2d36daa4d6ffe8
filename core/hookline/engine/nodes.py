"""The numbers under which a run's tasks are recorded, and what a resumed run finds recorded under them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from hookline.engine.planner import Recorded
from hookline.model.graph import TaskGraph
from hookline.store.rows import AttemptRow, NodeRow

__all__ = ["Nodes"]

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
        for row in attempts:
            self._recorded.setdefault(row.node, {})[row.item] = row
        self._numbers = array("q")
        for task in graph.tasks:
            self.add(task.id)

    def __getitem__(self, index: int) -> int:
        return self._numbers[index]

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, name: str, parent: int | None = None, item: int | None = None) -> int:
        """Number the next task.

        Args:
            name: Its name within the task that it grew from.
            parent: The number of that task; None for one of the workflow's own.
            item: Which item of that task.

        Returns:
            The number that an earlier driver gave it, else a new one.
        """
        number = self._known.pop((parent, item, name), None) if self._known else None
        if number is None:
            number, self._unused = self._unused, self._unused + 1
        self._numbers.append(number)
        return number

    def recorded(self, index: int) -> Recorded | None:
        """Give, once, the last attempts of a task's items that earlier drivers recorded."""
        return self._recorded.pop(self._numbers[index], None) if self._recorded else None

    def all_recorded(self, indexes: Sequence[int]) -> dict[int, Recorded]:
        """Give the same of several tasks, by index; those without attempts are left out."""
        found = {index: self.recorded(index) for index in indexes}
        return {index: recorded for index, recorded in found.items() if recorded}
