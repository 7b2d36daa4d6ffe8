"""What plugins are told of single tasks: gathered by the driver in rows, made into facts on the event thread.

None of it happens unless a plugin implements one of the hooks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hookline.engine.program.program import Program
from hookline.engine.record.standing import STATES
from hookline.model.batch import Failure, Outcome
from hookline.model.facts import TASK_FINISHED, TASK_RETRYING, TASK_STARTED, RunInfo, TaskEvent, TaskInfo, plugin_of
from hookline.model.recording import Form
from hookline.model.states import Kind, TaskState
from hookline.store.rows import Hit

__all__ = ["News", "NewsRow", "TaskNews"]

_NO_RESULT: tuple[bytes | None, bool] = None, False


@dataclass(slots=True)
class NewsRow:
    """What happened to some items of one task.

    Attributes:
        hook: The hook that tells of it.
        task: The task.
        number: The number of the attempts; 0 where there were none.
        outcomes: How attempts ended; empty where none did.
        items: The items; of outcomes those that they are of.
        state: How all the items stand; None where the outcomes say it.
        delay: Seconds until the next attempt.
        why: Why there was none.
        results: What recorded results are, by item: the outcome, and whether it is a recipe of further tasks instead.
    """

    hook: str
    task: TaskInfo
    number: int
    outcomes: Sequence[Outcome] = ()
    items: Sequence[int] = ()
    state: TaskState | None = None
    delay: float = 0.0
    why: str = ""
    results: Mapping[int, tuple[bytes | None, bool]] = field(default_factory=dict)

    def events(self) -> Iterator[TaskEvent]:
        """Make the facts of each item."""
        hook, task, number = self.hook, self.task, self.number
        if not self.outcomes:
            state = self.state or TaskState.RUNNING
            began = time.time_ns() // 1000 if hook == TASK_STARTED else 0
            for item in self.items:
                packed, grew = self.results.get(item, _NO_RESULT)
                yield TaskEvent(hook, task, item, state, number, began, packed=packed, grew=grew, why=self.why)
            return
        for item, kind, outputs, began, took, failure, notes, *_ in self.outcomes:
            state = self.state or Kind(kind).state
            grew = kind == Kind.GREW
            packed = None if grew else outputs
            yield TaskEvent(
                hook, task, item, state, number, began, took, failure, packed, notes, grew, self.delay, self.why
            )

    def __len__(self) -> int:
        """How many items it tells of."""
        return len(self.outcomes) or len(self.items)


News = list[NewsRow]


class TaskNews:
    """Gathers what happens to tasks until it is committed.

    Args:
        program: The tasks.
        run: The run.
        hooks: Which hooks are implemented.
    """

    def __init__(self, program: Program, run: RunInfo, hooks: Iterable[str]) -> None:
        self._program = program
        self._run = run
        hooks = frozenset(hooks)
        self._starts = TASK_STARTED in hooks
        self._retries = TASK_RETRYING in hooks
        self._ends = TASK_FINISHED in hooks
        self._infos: dict[int, TaskInfo] = {}
        self._failed: dict[tuple[int, int], tuple[Outcome, int]] = {}
        self._rows: News = []

    def __bool__(self) -> bool:
        """Whether :meth:`take` gives anything."""
        return bool(self._rows)

    def take(self) -> News:
        """Give what was gathered, once."""
        rows, self._rows = self._rows, []
        return rows

    def started(self, tasks: Sequence[int], items: Sequence[int], number: int) -> None:
        """A worker took up attempts: items of one task, or calls of several."""
        if not self._starts:
            return
        if len(tasks) == 1:
            self._add(TASK_STARTED, tasks[0], number, items=items)
        else:
            for index in tasks:
                self._add(TASK_STARTED, index, number, items=(0,))

    def recorded(self, index: int, outcomes: Sequence[Outcome], number: int) -> None:
        """Attempts ended; what becomes of those without a value is told next."""
        good = outcomes
        if any(outcome.kind > Kind.GREW_ONCE for outcome in outcomes):
            good = [outcome for outcome in outcomes if outcome.kind <= Kind.GREW_ONCE]
            for outcome in outcomes:
                if outcome.kind > Kind.GREW_ONCE:
                    self._failed[index, outcome.item] = (outcome, number)
        if good and self._ends:
            self._add(TASK_FINISHED, index, number, good)

    def retrying(self, index: int, item: int, delay: float) -> None:
        """An attempt is followed by another."""
        outcome, number = self._failed.pop((index, item), (None, 0))
        if self._retries and outcome is not None:
            self._rows.append(NewsRow(TASK_RETRYING, self._info(index), number, (outcome,), delay=delay))

    def ended_without_value(self, index: int, item: int, state: int, failure: Failure | None) -> None:
        """An item ended, and has no value."""
        outcome, number = self._failed.pop((index, item), (None, 0))
        if not self._ends:
            return
        if outcome is None:
            # No attempt was made: it was refused, or could not begin.
            outcome = Outcome(item, Kind.FAILED, None, 0, 0, failure)
        why = failure.message if failure is not None and not number else ""
        self._rows.append(NewsRow(TASK_FINISHED, self._info(index), number, (outcome,), (), STATES[state], 0.0, why))

    def reused(self, index: int, hits: Mapping[int, Hit], why: str) -> None:
        """Items have recorded results."""
        if self._ends:
            results = {
                item: (None, True) if hit.kind == Kind.GREW else (hit.outputs, False) for item, hit in hits.items()
            }
            self._reused(index, results, why)

    def same_as(self, index: int, item: int, outputs: bytes, why: str) -> None:
        """An item has the result of another item of this run."""
        if self._ends:
            self._reused(index, {item: (outputs, False)}, why)

    def left_out(self, index: int, state: TaskState, why: str) -> None:
        """A task ended as a whole, before it was known how many items it has."""
        if self._ends:
            task = self._info(index)._replace(mapped=False)
            self._rows.append(NewsRow(TASK_FINISHED, task, 0, (), (0,), state, 0.0, why))

    def not_run(self, index: int, items: Sequence[int], state: TaskState, why: str) -> None:
        """Items ended without an attempt."""
        if self._ends:
            self._rows.append(NewsRow(TASK_FINISHED, self._info(index), 0, (), items, state, 0.0, why))

    def forget(self, index: int) -> None:
        """Let go of a task that ended."""
        self._infos.pop(index, None)

    def _reused(self, index: int, results: Mapping[int, tuple[bytes | None, bool]], why: str) -> None:
        row = NewsRow(TASK_FINISHED, self._info(index), 0, (), sorted(results), TaskState.REUSED, 0.0, why, results)
        self._rows.append(row)

    def _add(
        self, hook: str, index: int, number: int, outcomes: Sequence[Outcome] = (), items: Sequence[int] = ()
    ) -> None:
        self._rows.append(NewsRow(hook, self._info(index), number, outcomes, items))

    def _info(self, index: int) -> TaskInfo:
        info = self._infos.get(index)
        if info is None:
            task = self._program.tasks[index].task
            mapped = task.form is not Form.CALL
            info = self._infos[index] = TaskInfo(self._run, task.id, task.step.name, mapped, plugin_of(task.id))
        return info
