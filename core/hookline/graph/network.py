"""The task graph as a networkx graph, for what needs one: selection, and cycles after a rewrite.

Only this module knows networkx, and imports it when it is used: a run does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hookline.model.graph import Binding, TaskGraph, task_outputs
from hookline.model.recording import Form

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["ancestors", "descendants", "find_cycle", "network"]


def network(graph: TaskGraph) -> nx.DiGraph[int]:
    """Build the networkx graph.

    Args:
        graph: The task graph.

    Returns:
        Nodes are the tasks' indexes, with the attributes ``id``, ``step`` (its name) and ``mapped``. Edges point from a
        task to the one that waits for it, with the attribute ``kind``: ``"value"``, ``"item"`` (mapped item by item) or
        ``"condition"``; where one task is several of these for another, the first of this order.
    """
    import networkx as nx

    built: nx.DiGraph[int] = nx.DiGraph(name=graph.workflow)
    for task in graph.tasks:
        built.add_node(task.index, id=task.id, step=task.step.name, mapped=task.form is not Form.CALL)
    for task in graph.tasks:
        kinds: dict[int, str] = {}
        if task.condition is not None:
            _note(kinds, task.condition, "condition")
        for name in task.mapped:
            _note(kinds, task.bindings[name], "item")
        for name, binding in task.bindings.items():
            if name not in task.mapped:
                _note(kinds, binding, "value")
        for source, kind in kinds.items():
            built.add_edge(source, task.index, kind=kind)
    return built


def ancestors(graph: TaskGraph, tasks: Iterable[int]) -> set[int]:
    """Find all tasks that the given ones wait for, directly or through others; the given ones not among them."""
    return _reach(graph, tasks, forward=False)


def descendants(graph: TaskGraph, tasks: Iterable[int]) -> set[int]:
    """Find all tasks that wait for the given ones, directly or through others; the given ones not among them."""
    return _reach(graph, tasks, forward=True)


def find_cycle(graph: TaskGraph) -> list[int]:
    """Find tasks that wait for each other in a circle, each for the one before it; empty where there are none."""
    import networkx as nx

    try:
        edges: list[Any] = list(nx.find_cycle(network(graph)))
    except nx.NetworkXNoCycle:
        return []
    return [edge[0] for edge in edges]


def _note(kinds: dict[int, str], binding: Binding, kind: str) -> None:
    for output in task_outputs(binding):
        kinds[output.task] = kind


def _reach(graph: TaskGraph, tasks: Iterable[int], *, forward: bool) -> set[int]:
    import networkx as nx

    built = network(graph)
    view = built if forward else built.reverse(copy=False)
    given = set(tasks)
    reached: set[int] = set()
    for layer in nx.bfs_layers(view, given):
        reached.update(layer)
    return reached - given
