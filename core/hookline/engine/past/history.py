"""Recorded runs as users see them: read from the store when asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from hookline.engine.past.descriptions import ONE_SLOT, read_returns, read_slots
from hookline.engine.past.evaluate import Evaluator
from hookline.engine.past.glance import glance
from hookline.engine.past.kept import kept_artifacts
from hookline.engine.past.partition_results import PartitionResults
from hookline.engine.past.partition_states import partition_states
from hookline.errors import (
    HooklineError,
    RunCancelledError,
    RunFailedError,
    RunInterruptedError,
    UsageError,
    close_match,
)
from hookline.model.graph import Nested, TaskGraph
from hookline.model.outputs import Outputs
from hookline.model.run import Run, RunSummary, TaskInput, TaskRecord
from hookline.model.states import Kind, RunState, TaskState, Verdict
from hookline.store.ids import item_id, task_ids
from hookline.store.protocol import Store
from hookline.store.rows import WHOLE_RUN, AttemptRow, Decision, NodeRow, RunRow

if TYPE_CHECKING:
    from hookline.ml import ArtifactRef

__all__ = ["REFUSED", "RecordedRun", "recorded_over", "recorded_run", "split_task_id"]

REFUSED = '{"refused": true}'
"""The detail of the decision not to repeat a recorded side effect whose inputs changed."""

_ITEMS_PER_NODE = 20
"""Up to how many items of a task it is quicker to read all attempts of a run than those of the tasks that have one."""

_Row = TypeVar("_Row", Decision, AttemptRow)
_ORDER = ("completed", "reused", "failed", "skipped")


def recorded_run(store: Store, row: RunRow, load_code: Callable[[], object], graph: TaskGraph | None = None) -> Run:
    """Give a recorded run.

    Args:
        store: Where it is recorded.
        row: The run as it was read.
        load_code: Imports the workflow's file; called only for values of classes that can't be found otherwise.
        graph: The graph that was run just now, if it was; knows classes that no name leads to.

    Returns:
        The run.
    """
    return Run(row.id, row.workflow, RecordedRun(store, row.id, load_code, graph))


def recorded_over(row: RunRow) -> tuple[str, ...]:
    """Give the names of the parameters over whose values a run mapped its workflow."""
    try:
        return tuple(json.loads(row.target).get("over", ()))
    except (ValueError, AttributeError):
        return ()  # recorded by a store's own means


def split_task_id(task_id: str) -> tuple[str, int | None]:
    """Split ``train[3]`` (or ``train:3``) into the task and the item."""
    name, bracket, rest = task_id.rpartition("[")
    if bracket and rest.endswith("]") and rest[:-1].isdigit():
        return name, int(rest[:-1])
    name, colon, rest = task_id.rpartition(":")
    if colon and rest.isdigit():
        return name, int(rest)
    return task_id, None


class RecordedRun:
    """Answers for one run from the store; see :class:`hookline.model.run.RunSource`."""

    def __init__(self, store: Store, run_id: str, load_code: Callable[[], object], graph: TaskGraph | None) -> None:
        self._store = store
        self._id = run_id
        self._load_code = load_code
        self._slots = {task.id: task.outputs for task in graph.tasks} if graph is not None else {}
        self._nodes: dict[str, NodeRow] | None = None
        self._counters: dict[int, dict[TaskState, int]] | None = None

    def status(self) -> str:
        """See :attr:`Run.status`; a run whose driver is gone is interrupted."""
        return self._store.state_of(self._store.run(self._id)).value

    def counts(self) -> dict[str, int]:
        """See :attr:`Run.counts`."""
        found = {word: count for (node, word), count in self._store.counters(self._id).items() if node == WHOLE_RUN}
        if not found:
            found = self._counted()
        ordered = {word: found.pop(word, 0) for word in _ORDER}
        return ordered | {word: count for word, count in found.items() if count}

    def task_ids(self) -> list[str]:
        """All tasks that were decided about, in graph order."""
        return list(self._by_id())

    def task(self, task_id: str) -> TaskRecord:
        """See :attr:`Run.tasks`."""
        node, item = self._find(task_id)
        attempts = list(self._attempts(node, item))
        states = self._states(node)
        if item is not None:
            states = {self._item_state(node, item, attempts): 1}
        failure = self._last_failure(node, item) or self._refusal(node, item)
        return TaskRecord(
            id=task_id,
            step=node.step,
            state=_overall(states).value,
            why=self.why(task_id),
            attempts=len(attempts),
            # What was mended by a later attempt is no error of the task's.
            error="" if _overall(states).succeeded else failure,
            started=_time(min((row.started_us for row in attempts if row.started_us), default=None)),
            finished=_time(max((row.started_us + row.duration_us for row in attempts), default=None)),
            counts={state.value: count for state, count in states.items()},
        )

    def partitions(self) -> dict[str, str]:
        """See :attr:`Run.partitions`."""
        row = self._store.run(self._id)
        over = recorded_over(row)
        if not over:
            return {}
        nodes = self._store.nodes(row.run, own=True)
        decided = _by_node(self._store.decisions(row.run))
        attempts: dict[int, list[AttemptRow]] | None = None
        if sum(node.length or 1 for node in nodes) <= _ITEMS_PER_NODE * len(nodes):
            attempts = _by_node(self._store.attempts(row.run))

        def states(node: NodeRow) -> dict[TaskState, int]:
            counters = self._counted_states().get(node.node)
            if counters or node.shape:
                return counters or self._states(node)
            made = self._attempts(node, 0) if attempts is None else attempts.get(node.node, [])
            return {self._item_state(node, 0, made, decided.get(node.node, [])): 1}

        return partition_states(row, over, nodes, states)

    def why(self, task_id: str) -> str:
        """See :meth:`Run.why`."""
        node, item = self._find(task_id)
        decisions = self._store.decisions(self._id, node.node)
        newest = max((row.epoch for row in decisions), default=0)
        decisions = [row for row in decisions if row.epoch == newest]
        if item is not None:
            # The narrowest range speaks for an item; the rows of a skipped map have no range of items.
            covering = [row for row in decisions if row.low <= item < row.high]
            narrowest = min((row.high - row.low for row in covering), default=0)
            decisions = [row for row in covering if row.high - row.low == narrowest] or decisions
        lines = dict.fromkeys(self._worded(row, node) for row in decisions)
        return "\n".join(lines) or ("nothing to do: it has no items" if node.length == 0 else "not decided yet")

    def summary(self, failures: int) -> RunSummary:
        """See :meth:`Run.summary`."""
        return glance(
            self._store,
            self._id,
            self.counts(),
            self._by_id(),
            self._states,
            lambda node, item: self._item_state(node, item, self._attempts(node, item)),
            failures,
        )

    def inputs(self, task_id: str) -> dict[str, TaskInput]:
        """See :meth:`Run.inputs`."""
        node, _ = self._find(task_id)
        described: dict[str, Any] = json.loads(node.bindings or b"{}")
        return {
            name: TaskInput(tuple(bound.get("tasks", ())), bound.get("shown", ""))
            for name, bound in described.items()
            if not name.startswith("@")  # what else counts for the key
        }

    def load(self, task_id: str) -> Any:
        """See :meth:`Run.load`."""
        node, item = self._find(task_id)
        evaluator = self._evaluator()
        if item is not None or node.shape == 0:
            return evaluator.outcome(self._one_outcome(task_id, node, item or 0), node.node)
        blobs = self._store.outputs(self._id, node.node, 0, node.length or 0)
        return [None if blob is None else evaluator.outcome(blob, node.node) for blob in blobs]

    def outputs(self, task_id: str) -> tuple[ArtifactRef, ...]:
        """See :meth:`Run.outputs`."""
        # Only those who ask load what references are made of.
        from hookline.model.artifact import artifact_refs

        node, item = self._find(task_id)
        if item is not None or node.shape == 0:
            return artifact_refs(self._one_outcome(task_id, node, item or 0))
        blobs = self._store.outputs(self._id, node.node, 0, node.length or 0)
        return tuple(ref for blob in blobs for ref in artifact_refs(blob))

    def artifacts(self, task_id: str) -> dict[str, dict[str, ArtifactRef]]:
        """See :meth:`Run.artifacts`."""
        node, item = self._find(task_id) if task_id else (None, None)
        names = {row.node: (name, row.shape != 0) for name, row in self._by_id().items()}
        return {
            item_id(names[number][0], at, names[number][1]): kept
            for (number, at), kept in kept_artifacts(self._store, self._id, node and node.node).items()
            if number in names and item in (None, at)
        }

    def result(self) -> Any:
        """See :attr:`Run.result`."""
        row = self._store.run(self._id)
        if row.state is not RunState.COMPLETED:
            raise self._not_completed(row.state)
        if row.result is None:
            return None
        returned, load = read_returns(row.result), self._evaluator().value
        if recorded_over(row) and isinstance(returned, Nested) and not json.loads(row.options).get("select"):
            return PartitionResults(returned, load)
        return load(returned)

    # -- inside ------------------------------------------------------------------------------------------------

    def _by_id(self) -> dict[str, NodeRow]:
        """Give all tasks, by number."""
        if self._nodes is None:
            rows = {node.node: node for node in self._store.nodes(self._id)}
            nodes = {name: rows[number] for number, name in task_ids(rows.values()).items()}
            if self._store.run(self._id).state.ended:
                self._nodes = nodes
            return nodes
        return self._nodes

    def _find(self, task_id: str) -> tuple[NodeRow, int | None]:
        # Tasks that grew may be many: those of the workflow's own are looked at first.
        own = {node.name: node for node in self._store.nodes(self._id, own=True)} if self._nodes is None else {}
        return self._find_in(own, task_id) or self._find_in(self._by_id(), task_id) or self._no_task(task_id)

    def _find_in(self, nodes: dict[str, NodeRow], task_id: str) -> tuple[NodeRow, int | None] | None:
        if task_id in nodes:
            return nodes[task_id], None
        name, item = split_task_id(task_id)
        node = nodes.get(name)
        if node is None or item is None:
            return None
        if node.shape == 0 or (node.length is not None and item >= node.length):
            raise UsageError(f"task '{name}' of run {self._id} has no item {item}; it has {node.length or 1}")
        return node, item

    def _no_task(self, task_id: str) -> NoReturn:
        near = close_match(task_id, self._by_id())
        raise UsageError(
            f"run {self._id} has no task '{task_id}'" + (f";{near}" if near else ""),
            help=f"list its tasks: hookline runs show {self._id}",
        )

    def _one_outcome(self, task_id: str, node: NodeRow, item: int) -> bytes:
        blob = self._outcome(node, item)
        if blob is None:
            raise UsageError(
                f"task '{task_id}' of run {self._id} has no value",
                help=f"see: hookline why {shlex.quote(task_id)} --run {self._id}",
            )
        return blob

    def _outcome(self, node: NodeRow, item: int) -> bytes | None:
        """Give what an item came to; a call in tail position comes to what the call that it stood in for came to."""
        while True:
            blob = self._store.outputs(self._id, node.node, item, item + 1)[0]
            if blob is not None or node.parent is None:
                return blob
            above = self._store.node(self._id, node.parent)
            if above is None or not self._grew(node, item):
                return None
            node, item = above, node.parent_item or 0

    def _grew(self, node: NodeRow, item: int) -> bool:
        """Tell whether an item called other tasks, in this run or by a recipe that it reused."""
        attempts = self._attempts(node, item)
        if attempts:
            return Kind(attempts[-1].kind).grew
        rows = [row for row in self._store.decisions(self._id, node.node) if row.low <= item < row.high]
        detail = max(rows, key=lambda row: row.epoch).detail if rows else None
        return bool(json.loads(detail or "{}").get("recipe"))

    def _attempts(self, node: NodeRow, item: int | None) -> Sequence[AttemptRow]:
        if item is None:
            return list(self._store.attempts(self._id, node.node))
        return list(self._store.attempts(self._id, node.node, item, item + 1))

    def _states(self, node: NodeRow) -> dict[TaskState, int]:
        counters = self._counted_states().get(node.node)
        if counters:
            return counters
        if node.shape == 0:
            return {self._item_state(node, 0, self._attempts(node, 0)): 1}
        found: dict[TaskState, int] = {}
        for item in range(node.length or 0):
            state = self._item_state(node, item, self._attempts(node, item))
            found[state] = found.get(state, 0) + 1
        if found:
            return found
        if node.length is None:
            return {self._item_state(node, 0, ()): 1}
        return {TaskState.COMPLETED: 1}

    def _counted_states(self) -> dict[int, dict[TaskState, int]]:
        """Give the recorded counts per node, read once where they can't change any more."""
        if self._counters is not None:
            return self._counters
        found: dict[int, dict[TaskState, int]] = {}
        for (number, word), count in self._store.counters(self._id).items():
            if count:
                found.setdefault(number, {})[TaskState(word)] = count
        if self._store.run(self._id).state.ended:
            self._counters = found
        return found

    def _item_state(
        self, node: NodeRow, item: int, attempts: Sequence[AttemptRow], decided: Sequence[Decision] | None = None
    ) -> TaskState:
        rows = [
            row
            for row in (self._store.decisions(self._id, node.node) if decided is None else decided)
            if row.low <= item < row.high or row.verdict is Verdict.RUN
        ]
        # What the latest driver decided counts; an attempt that it made besides counts more.
        epoch = max((row.epoch for row in rows), default=0)
        verdicts = {row.verdict: row for row in rows if row.epoch == epoch}
        if Verdict.REUSE in verdicts:
            return TaskState.REUSED
        stopped = verdicts.get(Verdict.SKIP) or verdicts.get(Verdict.BLOCKED) or verdicts.get(Verdict.SET_ASIDE)
        if stopped is not None and stopped.detail == REFUSED:
            return TaskState.FAILED
        if stopped is not None and not (attempts and attempts[-1].epoch >= epoch):
            return TaskState.CANCELLED if stopped.why == "cancelled" else TaskState.SKIPPED
        if not attempts:
            # A run that was cancelled, or failed fast, leaves nothing pending: see its counts.
            over = self._store.run(self._id).state in (RunState.CANCELLED, RunState.FAILED)
            return TaskState.CANCELLED if over else TaskState.PENDING
        kind = Kind(attempts[-1].kind)
        if kind.grew and not node.name.isdecimal() and self._outcome(node, item) is None:
            ended = self._store.run(self._id).state in (RunState.COMPLETED, RunState.FAILED)
            return TaskState.SKIPPED if ended else TaskState.PENDING
        return kind.state

    def _last_failure(self, node: NodeRow, item: int | None) -> str:
        failures = [row for row in self._store.failures(self._id, node.node) if item is None or row.item == item]
        if not failures:
            return ""
        return f"{failures[-1].type}: {failures[-1].message}" if failures[-1].message else failures[-1].type

    def _refusal(self, node: NodeRow, item: int | None) -> str:
        rows = self._store.decisions(self._id, node.node)
        newest = max((row.epoch for row in rows), default=0)
        refused = (row for row in rows if row.detail == REFUSED and row.epoch == newest)
        return next((row.why for row in refused if item is None or row.low <= item < row.high), "")

    def _worded(self, row: Decision, node: NodeRow) -> str:
        source = ""
        if row.verdict is Verdict.REUSE and row.source_run is not None:
            run_id = self._store.id_of(row.source_run)
            source = f" as in run {run_id}" if run_id else " as in a run that was deleted"
        many = node.shape and row.high - row.low > 1 and row.verdict is Verdict.REUSE
        scope = f" {row.high - row.low} items" if many else ""
        return f"{_VERBS[row.verdict]}{scope}: {row.why}{source}"

    def _counted(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for node in self._by_id().values():
            for state, count in self._states(node).items():
                found[state.value] = found.get(state.value, 0) + count
        return found

    def _not_completed(self, state: RunState) -> HooklineError:
        if state is RunState.FAILED:
            failed = [name for name, node in self._by_id().items() if _has_failed(self._states(node))]
            named = ", ".join(f"'{name}'" for name in failed[:5]) + (" …" if len(failed) > 5 else "")
            return RunFailedError(
                f"run {self._id} failed: {named} did not complete",
                help=f"see what went wrong: hookline runs show {self._id}; then: hookline resume {self._id}",
                tasks=failed,
            )
        if state is RunState.CANCELLED:
            return RunCancelledError(
                f"run {self._id} was cancelled",
                help=f"go on with: hookline resume {self._id}",
                tasks=self._open_tasks(),
            )
        return RunInterruptedError(
            f"run {self._id} is {state.value}", help=f"go on with: hookline resume {self._id}", tasks=self._open_tasks()
        )

    def _open_tasks(self) -> list[str]:
        """List the tasks without a value."""
        return [name for name, node in self._by_id().items() if not _overall(self._states(node)).succeeded]

    def _evaluator(self) -> Evaluator:
        nodes = _Known(lambda number: self._store.node(self._id, number))

        def outcomes(index: int) -> Sequence[bytes | None] | None:
            node = nodes[index]
            if node is None or (node.shape and node.length is None):
                return None
            return self._store.outputs(self._id, index, 0, node.length if node.shape and node.length is not None else 1)

        def outputs(index: int) -> Outputs:
            node = nodes[index]
            if node is None:
                return ONE_SLOT
            own = self._slots.get(node.name) if node.parent is None else None
            return own or read_slots(node.options, self._load_code)

        def mapped(index: int) -> bool:
            node = nodes[index]
            return node is not None and node.shape != 0

        return Evaluator(
            outcomes,
            mapped,
            outputs,
            self._store.artifacts,
            Path(self._store.path) / "files",
        )


class _Known(dict[int, NodeRow | None]):
    """Tasks by number, each read once."""

    def __init__(self, read: Callable[[int], NodeRow | None]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, number: int) -> NodeRow | None:
        node = self[number] = self._read(number)
        return node


_VERBS = {
    Verdict.RUN: "ran",
    Verdict.REUSE: "reused",
    Verdict.SKIP: "skipped",
    Verdict.BLOCKED: "skipped",
    Verdict.KEEP: "kept",
    Verdict.UNDECIDED: "undecided",
    Verdict.SET_ASIDE: "set aside",
}

_WORST = (
    TaskState.FAILED,
    TaskState.CRASHED,
    TaskState.TIMED_OUT,
    TaskState.ABANDONED,
    TaskState.CANCELLED,
    TaskState.RUNNING,
    TaskState.PENDING,
    TaskState.SKIPPED,
    TaskState.COMPLETED,
    TaskState.REUSED,
)


def _overall(states: dict[TaskState, int]) -> TaskState:
    """Give the state of a whole from those of its items: the one that matters most."""
    return next((state for state in _WORST if states.get(state)), TaskState.COMPLETED)


def _by_node(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.node, []).append(row)
    return found


def _has_failed(states: dict[TaskState, int]) -> bool:
    return any(states.get(state) for state in _WORST[:4])


def _time(microseconds: int | None) -> datetime | None:
    return None if not microseconds else datetime.fromtimestamp(microseconds / 1e6, UTC)
