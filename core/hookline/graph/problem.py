"""One thing that is wrong with a workflow."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a task.

    Attributes:
        task: The task's index; of the workflow itself, one past the last.
        text: What is wrong, where, and what would be right.
    """

    task: int
    text: str
