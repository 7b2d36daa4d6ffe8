"""The earlier runs that a task is compared with: of the same workflow, and where it is mapped, of the same partition.

A single run of a workflow and the partition of a mapped one have the same tasks, under ids with another beginning.
"""

from __future__ import annotations

import base64
import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hookline.engine.past.history import recorded_over, recorded_run
from hookline.errors import HooklineError
from hookline.model.graph import TaskGraph
from hookline.model.partitions import partition_name, partition_of, partitions
from hookline.model.states import RunState, TaskState
from hookline.store.artifacts import Artifacts
from hookline.store.ids import task_ids
from hookline.store.outputs import Stored, unpack_outputs
from hookline.store.protocol import Store
from hookline.store.rows import NodeRow, RunRow
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode, encode

__all__ = ["EarlierRun", "EarlierRuns"]

_LATEST = 200
_READ_AHEAD = 20_000
_UNFINISHED = frozenset({TaskState.FAILED, TaskState.CANCELLED, TaskState.PENDING})


class EarlierRun:
    """An earlier run, or one partition of it, as the tasks see it that are compared with it.

    Args:
        record: The run.
        here: What the ids of the tasks begin with that are compared.
        there: What stands there instead.
    """

    def __init__(self, record: _Record, here: str, there: str) -> None:
        self._record = record
        self._here = here
        self._there = there
        self._renames = here != there

    @property
    def id(self) -> str:
        """The run's id."""
        return self._record.row.id

    def node(self, task_id: str, *, grown: bool = False) -> NodeRow | None:
        """Find a task by the id that it has now.

        Args:
            task_id: The id.
            grown: Whether it may be one that grew.
        """
        nodes = self._record.every if grown else self._record.own
        return nodes.get(self._there + task_id.removeprefix(self._here) if self._renames else task_id)

    def renamed(self, bindings: dict[str, Any]) -> dict[str, Any]:
        """Give described bindings of a task with the ids that tasks have now."""
        if not self._renames:
            return bindings
        return {
            name: {**one, "tasks": [self._here + task.removeprefix(self._there) for task in one["tasks"]]}
            if isinstance(one, dict) and isinstance(one.get("tasks"), list)
            else one
            for name, one in bindings.items()
        }

    def outcome(self, node: int) -> bytes | None:
        """Give the outcome of a plain task."""
        return self._record.outcome(node)


class _Record:
    """What is read of an earlier run, once for all tasks that are compared with it."""

    def __init__(self, store: Store, row: RunRow) -> None:
        self._store = store
        self.row = row

    @functools.cached_property
    def own(self) -> dict[str, NodeRow]:
        """The workflow's own tasks, by id."""
        return {node.name: node for node in self._store.nodes(self.row.run, own=True)}

    @functools.cached_property
    def every(self) -> dict[str, NodeRow]:
        """All tasks, by id."""
        rows = {node.node: node for node in self._store.nodes(self.row.run)}
        return {name: rows[number] for number, name in task_ids(rows.values()).items()}

    @functools.cached_property
    def partitions(self) -> Mapping[str, str]:
        """How its partitions ended."""
        return recorded_run(self._store, self.row, lambda: None).partitions

    @functools.cached_property
    def _outcomes(self) -> dict[int, bytes | None]:
        # One pass over the run instead of a query per task.
        rows = itertools.islice(self._store.attempts(self.row.run), _READ_AHEAD)
        return {row.node: row.outputs for row in rows if row.item == 0 and row.outputs is not None}

    def outcome(self, node: int) -> bytes | None:
        """Give the outcome of a plain task."""
        known = self._outcomes.get(node)
        if known is None and node not in self._outcomes:
            found = self._store.outputs(self.row.run, node, 0, 1)
            known = self._outcomes[node] = found[0] if found else None
        return known


class EarlierRuns:
    """Finds the earlier run that a task is compared with.

    Args:
        store: What earlier runs left; None for nothing.
        graph: The workflow's graph.
        before: The row number of its run; None where there is none yet.
    """

    def __init__(self, store: Store | None, graph: TaskGraph, before: int | None = None) -> None:
        self._store = store
        self._graph = graph
        self._before = before
        self._levels = len(graph.mapped_over)
        self._found: dict[str, tuple[EarlierRun | None, bool]] = {}
        self._records: dict[int, _Record] = {}

    @functools.cached_property
    def nothing(self) -> str:
        """Say why a task is compared with no run."""
        if next(self._rows(_LATEST), None) is None:
            return "first run of this workflow"
        return "first run of this partition" if self._levels else "first run with these parameters"

    def of(self, task_id: str) -> EarlierRun | None:
        """Give the run that a task is compared with.

        Of a workflow as it is, this is its latest run, or a partition of it that had the same parameters. Of a
        partition, it is the latest run that finished it; where there is none, the latest that had it.
        """
        if not self._levels:
            return self._whole
        return self._of(partition_of(task_id, self._levels))[0]

    @functools.cached_property
    def _whole(self) -> EarlierRun | None:
        return self._of("")[0]

    def finished(self, partition: str) -> EarlierRun | None:
        """Give the latest run that finished a partition with the same parameters."""
        found, finished = self._of(partition)
        return found if finished else None

    def _of(self, partition: str) -> tuple[EarlierRun | None, bool]:
        if partition not in self._found:
            self._found[partition] = self._search(partition)
        return self._found[partition]

    def _search(self, partition: str) -> tuple[EarlierRun | None, bool]:
        """Find the run that a partition is compared with, and whether that finished it."""
        if not partition:
            latest = next(self._alike(), None)
            return (None if latest is None else self._seen("", *latest)), False
        rows = self._covering.get(partition, ())
        finished = next(((row, there) for row, there in rows if self._finished(row, there)), None)
        best = finished or next(iter(rows), None)
        return (None if best is None else self._seen(partition, *best)), finished is not None

    def _seen(self, here: str, row: RunRow, there: str) -> EarlierRun:
        return EarlierRun(self._record(row), _prefix(here), _prefix(there))

    def _record(self, row: RunRow) -> _Record:
        if row.run not in self._records:
            assert self._store is not None  # where the row was read
            self._records[row.run] = _Record(self._store, row)
        return self._records[row.run]

    def _alike(self) -> Iterator[tuple[RunRow, str]]:
        """Go through the latest runs of a workflow that is not mapped: its own, and partitions with its parameters."""
        for row in self._rows(_LATEST):
            over = recorded_over(row)
            had = self._parameters.had(row, over) if over else {}
            if had is not None:
                yield row, "/".join(next(iter(had[key])) for key in over)

    def _rows(self, limit: int | None) -> Iterator[RunRow]:
        for row in self._store.runs(limit=limit) if self._store is not None else ():
            if row.workflow == self._graph.workflow and (self._before is None or row.run < self._before):
                yield row

    @functools.cached_property
    def _parameters(self) -> _Parameters:
        assert self._store is not None
        return _Parameters(self._graph, self._store.artifacts)

    @functools.cached_property
    def _covering(self) -> dict[str, list[tuple[RunRow, str]]]:
        """The runs of each partition that had its parameters, newest first, with the name that it has there."""
        keys, params = self._graph.mapped_over, self._graph.params
        here = [partitions((key,), params).keys() for key in keys]
        found: dict[str, list[tuple[RunRow, str]]] = {}
        for row in self._rows(None):
            over = recorded_over(row)
            had = self._parameters.had(row, over)
            if had is None:
                continue
            for chosen in itertools.product(*(names & had[key] for key, names in zip(keys, here, strict=True))):
                value = dict(zip(keys, chosen, strict=True))
                there = "/".join(value.get(key) or next(iter(had[key])) for key in over)
                found.setdefault("/".join(chosen), []).append((row, there))
        return found

    def _finished(self, row: RunRow, partition: str) -> bool:
        """Tell whether a run, or a partition of it, has all its results."""
        if json.loads(row.options).get("select") or not row.state.ended:
            return False
        if row.state is RunState.COMPLETED:
            return True
        state = self._record(row).partitions.get(partition)
        return state is not None and TaskState(state) not in _UNFINISHED


class _Parameters:
    """Compares the parameters of a graph with recorded ones."""

    def __init__(self, graph: TaskGraph, artifacts: Artifacts) -> None:
        self._over = graph.mapped_over
        self._params = graph.params
        self._artifacts = artifacts
        self._data: dict[str, bytes | None] = {}

    def had(self, row: RunRow, over: Iterable[str]) -> dict[str, frozenset[str]] | None:
        """Give, by parameter that either is mapped over, the names of the values that a run had.

        Returns:
            The names; of a parameter that only the run is mapped over just that of this graph's value. None where the
            run had other parameters. One that has come or gone since does not count: that is a change of the code.
        """
        described: dict[str, str] = json.loads(json.loads(row.extra or "{}").get("params") or "{}")
        found: dict[str, frozenset[str]] = {}
        try:
            for name, text in described.items():
                if name not in self._params and name not in over:
                    continue
                stored = unpack_outputs(base64.b64decode(text))[0]
                if name in self._over or name in over:
                    values = self._load(stored)
                    names = frozenset(map(partition_name, values if name in over else (values,)))
                    if name not in self._over:
                        names &= {partition_name(self._params[name])}
                    if not names:
                        return None
                    found[name] = names
                elif not self._same(name, stored):
                    return None
        except Exception:  # noqa: BLE001 - loading a value runs the user's code; what can't be compared was another one
            return None
        return found if all(name in found for name in (*over, *self._over)) else None

    def _load(self, stored: Stored) -> Any:
        return decode(stored.data if stored.data is not None else self._artifacts.read(stored))

    def _same(self, name: str, stored: Stored) -> bool:
        """Compare with the stored bytes, which hold paths by name: that their content changed makes results stale."""
        if name not in self._data:
            try:
                self._data[name] = encode(self._params[name]).data()
            except HooklineError:
                self._data[name] = None
        data = self._data[name]
        if data is None:
            return False
        return stored.data == data if stored.data is not None else stored.digest == digest_bytes(data)


def _prefix(partition: str) -> str:
    return f"{partition}/" if partition else ""
