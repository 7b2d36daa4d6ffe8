"""A recorded run at a glance: counts by step and the first failures, at a cost that hardly grows with it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hookline.model.run import RunSummary, StepSummary, TaskFailure
from hookline.model.states import RunState, TaskState
from hookline.store.ids import item_id
from hookline.store.protocol import Store
from hookline.store.rows import Failure, NodeRow

__all__ = ["glance"]

States = Callable[[NodeRow], Mapping[TaskState, int]]
ItemState = Callable[[NodeRow, int], TaskState]

_MOST_ASKED = 200
"""For how many tasks the store is asked how they stand: that takes a few queries for each."""

_BAD = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.CRASHED, TaskState.ABANDONED)


def glance(
    store: Store,
    run_id: str,
    counts: Mapping[str, int],
    nodes: Mapping[str, NodeRow],
    states: States,
    item_state: ItemState,
    failures: int,
) -> RunSummary:
    """Sum a run up.

    Args:
        store: Where it is recorded.
        run_id: Its id.
        counts: Items by state word.
        nodes: All tasks by id.
        states: Gives the items of a task by state.
        item_state: Gives the state of one item.
        failures: How many failures to tell of.

    Returns:
        The summary.
    """
    row = store.run(run_id)
    state = store.state_of(row)
    last = row.finished_us or (None if state is RunState.RUNNING else row.heartbeat_us)
    seconds = (time.time() if last is None else last / 1e6) - row.created_us / 1e6
    failed = sum(counts.get(bad.value, 0) for bad in _BAD)
    told = _failures(store.failures(run_id), nodes, states, item_state, failures) if failed and failures else ()
    return RunSummary(
        status=state.value,
        counts=counts,
        seconds=max(seconds, 0.0),
        error=(row.error or "") if state is not RunState.COMPLETED else "",
        steps=tuple(_steps(nodes.values(), states if len(nodes) <= _MOST_ASKED else _unasked)),
        failures=tuple(told),
        failed=failed,
    )


def _unasked(node: NodeRow) -> dict[TaskState, int]:  # noqa: ARG001 - stands in for what asks the store
    return {}


def _steps(nodes: Iterable[NodeRow], states: States) -> Iterator[StepSummary]:
    found: dict[str, tuple[list[NodeRow], dict[str, int]]] = {}
    for node in nodes:
        members, counts = found.setdefault(node.step, ([], {}))
        members.append(node)
        for state, count in states(node).items():
            counts[state.value] = counts.get(state.value, 0) + count
    for step, (members, counts) in found.items():
        yield StepSummary(step, len(members), counts)


def _failures(
    rows: Sequence[Failure], nodes: Mapping[str, NodeRow], states: States, item_state: ItemState, limit: int
) -> Iterator[TaskFailure]:
    """Give the last failures of the first items that have no value; a later attempt may have mended others."""
    latest = {(row.node, row.item): row for row in rows}
    named = {node.node: (task_id, node) for task_id, node in nodes.items()}
    for (number, item), row in itertools.islice(latest.items(), _MOST_ASKED):
        task_id, node = named[number]
        if not any(states(node).get(bad) for bad in _BAD):
            continue
        state = item_state(node, item)
        if state in _BAD:
            limit -= 1
            error = f"{row.type}: {row.message}" if row.message else row.type
            yield TaskFailure(item_id(task_id, item, bool(node.shape)), state.value, error, _frame(row))
        if not limit:
            return


def _frame(row: Failure) -> str:
    try:
        return str(json.loads(row.extra or "{}").get("frame", ""))
    except (ValueError, AttributeError):
        return ""
