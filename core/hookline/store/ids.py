"""Ids of tasks, put together from the names that the journal keeps.

A task that grew is named within the one that grew it. A name of digits is a turn: the second, third … call of a step
that returned a call of itself, named within the first.
"""

from __future__ import annotations

from collections.abc import Iterable

from hookline.store.rows import NodeRow

__all__ = ["NESTED", "grown_id", "item_id", "task_ids"]

NESTED = 20
"""Levels down to which an id names all tasks that one grew from."""


def task_ids(nodes: Iterable[NodeRow]) -> dict[int, str]:
    """Put together the ids of all tasks of a run.

    Args:
        nodes: The tasks.

    Returns:
        Ids by number, in the order of numbers.
    """
    ids: dict[int, str] = {}
    depths: dict[int, int] = {}
    shapes: dict[int, int] = {}
    for node in sorted(nodes):
        shapes[node.node] = node.shape
        if node.parent is None:
            ids[node.node] = node.name
            continue
        depth = depths[node.node] = depths.get(node.parent, 0) + 1
        within = item_id(ids.get(node.parent, "?"), node.parent_item or 0, bool(shapes.get(node.parent)))
        ids[node.node] = grown_id(within, node.name, depth, node.node)
    return ids


def grown_id(within: str, name: str, depth: int, number: int) -> str:
    """Word the id of a task that grew.

    Args:
        within: The id of the task or item that it is named within.
        name: Its name there.
        depth: How many tasks it is named within, one inside another.
        number: The number under which it is recorded.

    Returns:
        ``f/g``; below :data:`NESTED` levels ``f/…/g#123``, for it would be as long as the way there.
    """
    if depth <= NESTED or name.isdecimal():
        return f"{within}/{name}"
    return f"{within.partition('/')[0]}/…/{name}#{number}"


def item_id(task_id: str, item: int, mapped: bool) -> str:
    """Write the id of an item of a task: ``train[3]``, or the task's own where it is not mapped."""
    return f"{task_id}[{item}]" if mapped else task_id
