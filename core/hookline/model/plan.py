"""What a run would do, and why."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from hookline.model.change import Change
from hookline.model.states import Verdict

__all__ = ["Plan", "PlannedTask", "Verdict"]

# What draws stands above the model; it is reached by name, and only when a notebook asks.
_DRAWING = "hookline.cli.notebook.plan"


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
        changes: What plugins did to it.
        always: Whether it runs every time, or waits only for tasks that do, and nothing else is known to have changed.
    """

    id: str
    step: str
    verdict: Verdict
    why: str
    items: int | None = 1
    reused: int = 0
    changes: tuple[Change, ...] = ()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """For each task: run, reuse, skip or undecided, and why.

    Attributes:
        workflow: The workflow's name.
        tasks: In graph order.
        changes: What plugins did to the graph.
    """

    workflow: str
    tasks: tuple[PlannedTask, ...]
    changes: tuple[Change, ...] = ()

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

    def __repr__(self) -> str:
        tally = [(verdict.word, sum(task.verdict is verdict for task in self.tasks)) for verdict in Verdict]
        return f"<plan of {self.workflow}: {', '.join(f'{count} {word}' for word, count in tally if count)}>"

    def _repr_html_(self) -> str:
        """Draw it for a notebook."""
        return cast("str", importlib.import_module(_DRAWING).draw_plan(self))
