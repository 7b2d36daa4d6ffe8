"""Replays what the journal holds as the events that plugins are told live, from any place on.

Events come in the order of commits, each of which includes all that it depends on. Within one: what was reused, then
the attempts in the order in which they ended, each start right before its end, then what was left out. Tasks that were
never decided about have no events; nor do ends of drivers that were killed.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from hookline.engine.past.history import REFUSED
from hookline.errors import UsageError
from hookline.model.attempt import Note
from hookline.model.batch import Failure
from hookline.model.facts import (
    RUN_FINISHED,
    RUN_STARTED,
    TASK_FINISHED,
    TASK_RETRYING,
    TASK_STARTED,
    RunEvent,
    RunInfo,
    TaskEvent,
    TaskInfo,
    plugin_of,
)
from hookline.model.states import Kind, RunState, TaskState, Verdict
from hookline.store import rows
from hookline.store.ids import grown_id, item_id, task_ids
from hookline.store.protocol import Store
from hookline.store.rows import AttemptRow, Commit, CommitRows, Decision, NodeRow, RunRow

__all__ = ["Event", "latest_cursor", "replay", "run_info"]

Event = RunEvent | TaskEvent

_CURSOR = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?\Z")
_PAGE = 500  # commits, or reused items whose outcomes are read at a time
_RUNS = 8
_WHOLE = 1 << 62
_LEFT_OUT = (Verdict.SKIP, Verdict.BLOCKED, Verdict.SET_ASIDE)
_ERRORS = {Verdict.BLOCKED: "SideEffectError", Verdict.SET_ASIDE: "SetAsideError"}


def replay(store: Store, after: str = "", limit: int | None = None) -> Iterator[Event]:
    """Go through the events of all runs of a store, oldest first.

    Args:
        store: The store.
        after: The cursor of the last event that is known already; empty for none.
        limit: How many events at most; None for all that are recorded by now.

    Yields:
        Events; runs that were deleted since have none.

    Raises:
        UsageError: The cursor is none, or the limit is below 0.
    """
    sequence, position = _read_cursor(after)
    if limit is not None and limit < 0:
        raise UsageError(f"{limit} events can't be asked for", help="give a limit of 0 or more, or none")
    return islice(_Replay(store).events(sequence, position), limit)


def run_info(store: Store, row: RunRow) -> RunInfo:
    """Give what all events of a run say of it.

    Args:
        store: The store.
        row: The run.
    """
    return RunInfo(row.id, row.workflow, store.address, row.parameters, row.name or "", row.tags)


def latest_cursor(store: Store) -> str:
    """Give the cursor after all that is recorded by now."""
    return str(store.latest_commit())


def _read_cursor(text: object) -> tuple[int, int]:
    """Read a commit's number and a place in it, past which to go on; without a place, past the whole commit."""
    if text == "":
        return 0, _WHOLE
    match = _CURSOR.match(text) if isinstance(text, str) else None
    if match is None:
        raise UsageError(f"'{text}' is no cursor", help="take it from an event: store.events(after=event.cursor)")
    return int(match[1]), _WHOLE if match[2] is None else int(match[2])


class _Replay:
    """One way through the journal."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: OrderedDict[int, _Tasks | None] = OrderedDict()

    def events(self, sequence: int, position: int) -> Iterator[Event]:
        first = position + 1
        at = sequence - 1 if position < _WHOLE else sequence
        while commits := self._store.events(at, _PAGE):
            for commit in commits:
                at = commit.sequence
                try:
                    yield from self._of_commit(commit, first if at == sequence else 0)
                except UsageError:
                    # Nothing was asked for but this run: it was deleted a moment ago.
                    self._runs[commit.run] = None

    def _of_commit(self, commit: Commit, first: int) -> Iterator[Event]:
        tasks = self._tasks(commit.run)
        if tasks is None:
            return
        if "started" in commit.ranges or "finished" in commit.ranges:
            event = tasks.started(commit) if "started" in commit.ranges else tasks.finished(commit)
            if event is not None and not first:
                yield event
            return
        yield from _Told(self._store, commit, tasks, first).events()

    def _tasks(self, run: int) -> _Tasks | None:
        """Give a run's tasks; None where it was deleted."""
        if run not in self._runs:
            self._runs[run] = _Tasks(self._store, run) if self._store.id_of(run) is not None else None
            if len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
        self._runs.move_to_end(run)
        return self._runs[run]


class _Task(NamedTuple):
    """A task, and how deep it is named within others."""

    info: TaskInfo
    depth: int


class _Tasks:
    """What events say of a run and its tasks, each read once."""

    def __init__(self, store: Store, run: int) -> None:
        self._store = store
        self.run = run
        self.info = run_info(store, store.run(run))
        self._known: dict[int, _Task] = {}

    def __getitem__(self, node: int) -> TaskInfo:
        if node not in self._known:
            self._read_all() if not self._known else self._read(node)
        task = self._known.get(node)
        # What was in flight when its driver was killed may not have been recorded as a task yet.
        return TaskInfo(self.info, f"#{node}", "") if task is None else task.info

    def started(self, commit: Commit) -> RunEvent:
        return RunEvent(
            RUN_STARTED, self.info, resumed=commit.epoch > 1, time_us=commit.time_us, sequence=commit.sequence
        )

    def finished(self, commit: Commit) -> RunEvent | None:
        ended = json.loads(self._store.run(self.run).extra or "{}").get("ended", {}).get(str(commit.epoch))
        if ended is None:
            return None
        return RunEvent(
            RUN_FINISHED,
            self.info,
            RunState(ended["state"]),
            commit.epoch > 1,
            ended["time_us"],
            ended["time_us"] - ended["began_us"],
            ended["counts"],
            ended["error"] or "",
            commit.sequence,
        )

    def _read_all(self) -> None:
        nodes = self._store.nodes(self.run)
        ids = task_ids(nodes)
        for node in sorted(nodes):
            depth = 0 if node.parent is None else self._depth(node.parent) + 1
            self._add(node, ids[node.node], depth)

    def _read(self, number: int) -> None:
        """Read a task that came since, and those that it grew from."""
        new: list[NodeRow] = []
        at: int | None = number
        while at is not None and at not in self._known:
            row = self._store.node(self.run, at)
            if row is None:
                break
            new.append(row)
            at = row.parent
        for node in reversed(new):
            if node.parent is None:
                self._add(node, node.name, 0)
                continue
            parent = self._known.get(node.parent)
            depth = 1 if parent is None else parent.depth + 1
            within = "?" if parent is None else item_id(parent.info.id, node.parent_item or 0, parent.info.mapped)
            self._add(node, grown_id(within, node.name, depth, node.node), depth)

    def _depth(self, node: int) -> int:
        return self._known[node].depth if node in self._known else 0

    def _add(self, node: NodeRow, task_id: str, depth: int) -> None:
        info = TaskInfo(self.info, task_id, node.step, node.shape != 0, plugin_of(task_id))
        self._known[node.node] = _Task(info, depth)


class _Told:
    """The events of one commit about tasks."""

    def __init__(self, store: Store, commit: Commit, tasks: _Tasks, first: int) -> None:
        self._store = store
        self._commit = commit
        self._tasks = tasks
        self._first = first
        self._at = 0

    def events(self) -> Iterator[TaskEvent]:
        came = self._store.rows_of(self._commit)
        for row in came.decisions:
            if row.verdict is Verdict.REUSE:
                yield from self._reused(row)
        yield from self._attempts(came)
        for row in came.decisions:
            if row.verdict in _LEFT_OUT:
                yield from self._left_out(row)

    # -- items of decisions -------------------------------------------------------------------------------------

    def _reused(self, row: Decision) -> Iterator[TaskEvent]:
        task = self._tasks[row.node]
        for low in range(self._skip(row.low, row.high), row.high, _PAGE):
            high = min(low + _PAGE, row.high)
            grew = bool(json.loads(row.detail or "{}").get("recipe"))
            blobs = [None] * (high - low) if grew else self._store.outputs(self._tasks.run, row.node, low, high)
            for item, blob in zip(range(low, high), blobs, strict=True):
                yield self._no_attempt(task, item, TaskState.REUSED, row.why, packed=blob, grew=grew)

    def _left_out(self, row: Decision) -> Iterator[TaskEvent]:
        task, state, failure = self._tasks[row.node], TaskState.SKIPPED, None
        if row.detail == REFUSED:
            state, failure = TaskState.FAILED, Failure(_ERRORS[row.verdict], row.why, "", "", retryable=False)
        elif row.why == "cancelled":
            state = TaskState.CANCELLED
        if task.mapped and self._has_no_items(row.node):
            task = task._replace(mapped=False)
        for item in range(self._skip(row.low, row.high), row.high):
            yield self._no_attempt(task, item, state, row.why, failure=failure)

    def _has_no_items(self, node: int) -> bool:
        """Tell whether a mapped task was left out as a whole, before its length was known."""
        row = self._store.node(self._tasks.run, node)
        return row is not None and row.length is None

    def _skip(self, low: int, high: int) -> int:
        """Pass over items whose events are known already; give the first that is new."""
        over = min(max(0, self._first - self._at), high - low)
        self._at += over
        return low + over

    def _no_attempt(
        self,
        task: TaskInfo,
        item: int,
        state: TaskState,
        why: str,
        *,
        failure: Failure | None = None,
        packed: bytes | None = None,
        grew: bool = False,
    ) -> TaskEvent:
        return TaskEvent(TASK_FINISHED, task, item, state, 0, 0, 0, failure, packed, (), grew, 0.0, why, *self._place())

    def _place(self) -> tuple[int, int]:
        self._at += 1
        return self._commit.sequence, self._at - 1

    # -- attempts -----------------------------------------------------------------------------------------------

    def _attempts(self, came: CommitRows) -> Iterator[TaskEvent]:
        found = sorted(came.attempts, key=lambda row: (row.started_us + row.duration_us, row[:4]))
        failures = {row[:3]: row for row in came.failures}
        notes = _by_attempt(came.notes)
        for row in found:
            failure = failures.get(row[1:4])
            # Without a key it failed before a worker had it: its arguments could not be made.
            began = () if row.key is None and row.kind == Kind.FAILED else (self._start(row),)
            for event in (*began, self._end(row, failure, tuple(notes.get(row[1:4], ())))):
                if event.position >= self._first:
                    yield event

    def _start(self, row: AttemptRow) -> TaskEvent:
        task = self._tasks[row.node]
        event = TaskEvent(TASK_STARTED, task, row.item, TaskState.RUNNING, row.attempt, row.started_us)
        sequence, position = self._place()
        return event._replace(sequence=sequence, position=position)

    def _end(self, row: AttemptRow, failure: rows.Failure | None, notes: tuple[Note, ...]) -> TaskEvent:
        kind = Kind(row.kind)
        extra = json.loads(failure.extra or "{}") if failure is not None else {}
        delay = extra.get("retry")
        again = not kind.succeeded and (delay is not None or self._has_later(row, kind))
        why = None
        if failure is not None:
            text = (failure.type, failure.message, failure.traceback)
            why = Failure(*text, extra.get("frame", ""), failure.retryable)
        return TaskEvent(
            TASK_RETRYING if again else TASK_FINISHED,
            self._tasks[row.node],
            row.item,
            kind.state,
            row.attempt,
            row.started_us,
            row.duration_us,
            why,
            None if kind.grew else row.outputs,
            notes,
            kind.grew,
            delay or 0.0,
            "",
            *self._place(),
        )

    def _has_later(self, row: AttemptRow, kind: Kind) -> bool:
        """Tell whether another attempt follows: the same driver's, or after its death the next one's."""
        if kind is Kind.ORPHANED:
            return True
        later = self._store.attempts(self._tasks.run, row.node, row.item, row.item + 1)
        return any(other.attempt > row.attempt and other.epoch == row.epoch for other in later)


def _by_attempt(recorded: Sequence[rows.Note]) -> dict[Any, list[Note]]:
    found: dict[Any, list[Note]] = {}
    for row in recorded:
        value = row.outputs if row.kind == "artifact" else row.value
        if row.kind == "metric":
            value = json.loads(row.value or "null")
        found.setdefault(row[:3], []).append(Note(row.kind, row.name, value, row.step))
    return found
