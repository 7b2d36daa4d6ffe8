"""A workflow, and what plugins might do to it."""

from __future__ import annotations

import itertools
from typing import Any

from hookline import GraphEditor, ProjectFacts, hookimpl, step, workflow


@step
def load(rows: int) -> list[int]:
    return [40, 17, -1, 85][:rows]


@step
def train(age: int, depth: int = 2) -> float:
    return age / depth


@step
def mean(scores: list[float]) -> float:
    return sum(scores) / len(scores)


@workflow
def churn(rows: int = 4):
    return mean(train.map(age=load(rows)))


@step
def plausible(rows: list[int], least: int) -> list[int]:
    """Leave out what can't be an age."""
    return [row for row in rows if row >= least]


def bounded(call: Any, /, **arguments: Any) -> Any:
    return min(call(**arguments), 30.0)


@hookimpl
def rewrite_graph(graph: GraphEditor, settings: Any) -> None:
    for task in graph.tasks("load"):
        graph.insert_after(task, plausible, least=settings)
    for task in graph.tasks("train"):
        graph.wrap(task, bounded)


@hookimpl
def give_rows(graph: GraphEditor, project: ProjectFacts) -> None:
    """Let the project's settings say how many rows are loaded."""
    for task in graph.tasks("load"):
        graph.give(task, rows=project.sources["ages"]["rows"])


_COUNT = itertools.count()


def restless(graph: GraphEditor) -> None:
    """Does something else each time."""
    for task in graph.tasks("load"):
        graph.insert_after(task, plausible, least=next(_COUNT))
