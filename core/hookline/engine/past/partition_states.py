"""How the partitions of a recorded run stand, summed up from their tasks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence

from hookline.model.partitions import partition_of
from hookline.model.states import TaskState
from hookline.store.rows import NodeRow, RunRow

__all__ = ["partition_states"]

_WRONG = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CRASHED, TaskState.ABANDONED)


def partition_states(
    row: RunRow, over: Sequence[str], nodes: Iterable[NodeRow], states: Callable[[NodeRow], Iterable[TaskState]]
) -> dict[str, str]:
    """Sum up how partitions stand.

    Args:
        row: The run.
        over: Names of the parameters over whose values its workflow was mapped.
        nodes: The workflow's own tasks.
        states: Gives the states of a task's items.

    Returns:
        By the partition's name, in order, its state's word; partitions that the run left out are not there.
    """
    recorded = json.loads(row.parameters)
    found: dict[str, list[set[TaskState]]] = {
        "/".join(names): [] for names in itertools.product(*(recorded[name] for name in over))
    }
    for node in nodes:
        tasks = found.get(partition_of(node.name, len(over)))
        if tasks is not None:
            tasks.append(set(states(node)))
    # A driver that goes on, or was killed, has recorded nothing of tasks that it had not come to.
    least = 0 if row.state.ended else max(1, *map(len, found.values()))
    return {name: _summed(tasks, least).value for name, tasks in found.items() if tasks or least}


def _summed(tasks: Sequence[set[TaskState]], least: int) -> TaskState:
    every = set[TaskState]().union(*tasks)
    if not every.isdisjoint(_WRONG):
        return TaskState.FAILED
    if TaskState.CANCELLED in every:
        return TaskState.CANCELLED
    if len(tasks) < least or not every.isdisjoint((TaskState.PENDING, TaskState.RUNNING)):
        return TaskState.PENDING
    present = (state for state in (TaskState.COMPLETED, TaskState.REUSED) if state in every)
    return next(present, TaskState.SKIPPED)
