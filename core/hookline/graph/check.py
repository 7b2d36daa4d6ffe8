"""Checks a task graph: everything that can be known to be wrong before anything runs, all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NoReturn

from hookline.errors import WorkflowError
from hookline.graph.bind import Problem
from hookline.model.graph import TaskGraph

__all__ = ["edge_problems", "raise_problems"]


def edge_problems(graph: TaskGraph, broken: Collection[int] = ()) -> list[Problem]:
    return []


def raise_problems(workflow: str, problems: Iterable[Problem], cause: BaseException | None = None) -> NoReturn:
    """Raise all problems as one error, in the order of the tasks.

    Raises:
        WorkflowError: Always.
    """
    texts = [problem.text for problem in sorted(problems, key=lambda problem: problem.task)]
    many = f"{len(texts)} problems" if len(texts) > 1 else "a problem"
    raise WorkflowError(f"the workflow '{workflow}' has {many}", problems=texts) from cause
