"""What a run would do, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hookline.model.states import Verdict

__all__ = ["Plan", "PlannedTask", "Verdict"]


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task of a plan.

    Attributes:
        id: The task's id.
        step: Its step's name.
        verdict: RUN, REUSE, SKIP or UNDECIDED; of a mapped task RUN where any item runs.
        why: The exact reason.
        items: How many items it has; None where that is not known yet; 1 for a plain task.
        reused: How many of these are reused.
    """

    id: str
    step: str
    verdict: Verdict
    why: str
    items: int | None = 1
    reused: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """For each task: run, reuse, skip or undecided, and why.

    Attributes:
        workflow: The workflow's name.
        tasks: In graph order.
    """

    workflow: str
    tasks: tuple[PlannedTask, ...]

    def __iter__(self) -> Iterator[PlannedTask]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def task(self, task_id: str) -> PlannedTask:
        """Find a task by its id.

        Raises:
            KeyError: There is none.
        """
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)
