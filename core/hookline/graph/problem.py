"""One thing that is wrong with a workflow."""

from __future__ import annotations

from dataclasses import dataclass

from hookline.model.graph import Task

__all__ = ["Problem", "about"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a task.

    Attributes:
        task: The task's index; of the workflow itself, one past the last.
        text: What is wrong, where, and what would be right.
    """

    task: int
    text: str


def about(task: Task, text: str) -> Problem:
    """Word a problem of a task, with its id and place."""
    return Problem(task.index, f"task '{task.id}' ({task.place}) {text}")
