"""How many items a mapped task has, where the graph alone tells."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hookline.model.graph import Binding, Constant, Nested, Task, TaskGraph, TaskOutput
from hookline.model.recording import Form
from hookline.model.reference import WHOLE

__all__ = ["collection_length", "known_counts", "listed_length"]


def known_counts(graph: TaskGraph, broken: Collection[int] = ()) -> list[int | None]:
    """Count the items of each task.

    Args:
        graph: The graph.
        broken: Indexes of tasks whose arguments are wrong, so that nothing is known of them.

    Returns:
        Per task its number of items: 1 for a plain one, None for a mapped one whose number only the run tells.
    """
    counts: list[int | None] = []
    for task in graph.tasks:
        if task.index in broken:
            counts.append(None)
        else:
            counts.append(1 if task.form is Form.CALL else _count(task, graph.tasks, counts))
    return counts


def collection_length(binding: Binding, tasks: Sequence[Task], counts: Sequence[int | None]) -> int | None:
    """Tell the length of a collection that is mapped over; None where it is not known yet.

    Args:
        binding: The collection.
        tasks: All tasks.
        counts: The items of the tasks before.
    """
    length = listed_length(binding)
    if length is not None:
        return length
    if isinstance(binding, TaskOutput) and binding.slot == WHOLE and not binding.completed:
        return counts[binding.task] if tasks[binding.task].form is not Form.CALL else None
    return None


def listed_length(binding: Binding) -> int | None:
    """Tell the length of a collection whose elements stand in the graph; None for that of another task."""
    if isinstance(binding, Constant):
        return len(binding.value)
    return len(binding.items) if isinstance(binding, Nested) else None


def _count(task: Task, tasks: Sequence[Task], counts: Sequence[int | None]) -> int | None:
    lengths = [collection_length(task.bindings[name], tasks, counts) for name in task.mapped]
    if task.form is Form.MAP:
        return next((length for length in lengths if length is not None), None)
    total = 1
    for length in lengths:
        total *= 1 if length is None else length
    return total if total == 0 or None not in lengths else None
