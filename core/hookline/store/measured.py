"""How long the tasks of a workflow took in its latest runs: what is read is bounded, however large these were."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from hookline.model.states import Kind

__all__ = ["Measured", "measured"]

_RUNS = 3
_LOOKED_AT = 50
_TASKS = 20_000
_ITEMS = 16

# Runs of which everything was reused tell nothing, and are passed over.
_WITH_ATTEMPTS = f"""
    SELECT run FROM (SELECT run FROM runs WHERE workflow = ? ORDER BY run DESC LIMIT {_LOOKED_AT}) latest
    WHERE EXISTS (SELECT 1 FROM attempts a WHERE a.run = latest.run AND a.kind <= {int(Kind.GREW_ONCE)})
    ORDER BY run DESC LIMIT {_RUNS}
"""
_MEANS = f"""
    SELECT n.name, n.step, avg(a.duration_us) FROM nodes n
    JOIN attempts a ON a.run = n.run AND a.node = n.node AND a.item < {_ITEMS} AND a.kind <= {int(Kind.GREW_ONCE)}
    WHERE n.run = ? AND n.parent IS NULL GROUP BY n.node, n.epoch LIMIT {_TASKS}
"""


class Measured(NamedTuple):
    """Mean durations of successful attempts in microseconds.

    Attributes:
        by_task: By the task's id, of the latest run in which it ran; of a mapped task per item.
        by_step: By the step's name, over its tasks in the latest run with any.
    """

    by_task: dict[str, float]
    by_step: dict[str, float]


def measured(connection: sqlite3.Connection, workflow: str, tasks: Collection[str] = ()) -> Measured:
    """Read durations.

    Args:
        connection: To the journal.
        workflow: The workflow's name.
        tasks: Ids of the tasks that are asked for: once each is known, earlier runs are not read.
    """
    by_task: dict[str, float] = {}
    by_step: dict[str, float] = {}
    for (run,) in connection.execute(_WITH_ATTEMPTS, (workflow,)).fetchall():
        steps: dict[str, list[float]] = {}
        for name, step, mean in connection.execute(_MEANS, (run,)):
            by_task.setdefault(name, mean)
            steps.setdefault(step, []).append(mean)
        for step, means in steps.items():
            by_step.setdefault(step, sum(means) / len(means))
        if tasks and by_task.keys() >= set(tasks):
            break
    return Measured(by_task, by_step)
