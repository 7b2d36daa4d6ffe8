"""Walks a program without running anything: what would be reused, what would run, what can't be known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookline.engine.arguments import Arguments
from hookline.engine.evaluate import Evaluator
from hookline.engine.held import Held
from hookline.engine.planner import Planner
from hookline.engine.scheduler import Scheduler, State
from hookline.engine.why import Reasons
from hookline.errors import HooklineError
from hookline.model.batch import FunctionRef
from hookline.model.graph import TaskGraph
from hookline.model.plan import Plan, PlannedTask
from hookline.model.recording import Form
from hookline.model.states import Verdict
from hookline.store.artifacts import Artifacts
from hookline.store.journal import SqliteStore
from hookline.values.encode import encode_constant

if TYPE_CHECKING:
    from hookline.engine.session import Prepared

__all__ = ["dry_run"]

_AT_ONCE = 4096


def dry_run(graph: TaskGraph, prepared: Prepared, store: SqliteStore | None, fresh: bool, seed: int) -> Plan:
    """Plan a run.

    Args:
        graph: The checked graph.
        prepared: The graph, ready to run.
        store: What is recorded; None for nothing.
        fresh: Whether that is left alone.
        seed: The run's seed.

    Returns:
        The plan.
    """
    return _DryRun(graph, prepared, store, fresh, seed).plan()


class _DryRun:
    def __init__(self, graph: TaskGraph, prepared: Prepared, store: SqliteStore | None, fresh: bool, seed: int) -> None:
        self._graph = graph
        self._program = prepared.program
        self._scheduler = Scheduler(prepared.program.dependencies)
        self._held = Held(graph, [task.depends for task in self._program.tasks], self._scheduler, prepared.code_digest)
        self._planner = Planner(store, fresh)
        self._reasons = Reasons(store, prepared.program, self._held, None, fresh)
        self._evaluator = Evaluator(
            self._held.outcomes,
            lambda index: graph.tasks[index].form is not Form.CALL,
            lambda index: graph.tasks[index].outputs,
            store.artifacts if store is not None else Artifacts.__new__(Artifacts),
        )
        self._arguments = Arguments(
            prepared.program,
            self._held,
            self._evaluator.value,
            lambda _: FunctionRef(),
            lambda value: encode_constant(value, code_digest=prepared.code_digest),
            seed,
            lambda index: index,
        )
        self._inputs: dict[int, Any] = {}
        self._verdicts: dict[int, PlannedTask] = {}
        self._counts: dict[int, list[int]] = {}

    def plan(self) -> Plan:
        """Go on as long as recorded results carry the walk."""
        scheduler = self._scheduler
        while True:
            opened = scheduler.take_opened()
            for index in opened:
                self._open(index)
            if not opened and not scheduler.ready:
                break
            while scheduler.ready:
                index, low, high = scheduler.ready.popleft()
                for start in range(low, high, _AT_ONCE):
                    self._decide(index, start, min(high, start + _AT_ONCE))
        return Plan(self._graph.workflow, tuple(self._planned(index) for index in range(len(self._graph.tasks))))

    def _open(self, index: int) -> None:
        task = self._program.tasks[index]
        cause = self._scheduler.cause(index) or self._program.lack(index, self._scheduler)
        if cause:
            self._verdict(index, Verdict.SKIP, "condition: something upstream is skipped")
            self._scheduler.skip(index, cause)
            return
        try:
            if task.task.condition is not None and not self._evaluator.value(task.task.condition):
                self._verdict(index, Verdict.SKIP, "condition: it is false")
                self._scheduler.skip(index, State.SKIPPED)
                return
            inputs = self._arguments.of(task)
        except HooklineError as error:
            self._verdict(index, Verdict.RUN, f"would fail: {error.message}")
            return
        self._inputs[index] = inputs
        self._held.begin(index, inputs.length)
        self._counts[index] = [0, inputs.length]
        self._scheduler.begin(index, inputs.length)

    def _decide(self, index: int, low: int, high: int) -> None:
        task = self._program.tasks[index]
        decided = self._planner.decide(task, self._inputs[index], low, high)
        blobs: Any = self._held.blobs(index)
        for item, hit in sorted(decided.hits.items()):
            blobs[item] = hit.outputs
            self._scheduler.finish(index, item, item + 1, State.REUSED)
        self._counts[index][0] += len(decided.hits)
        if (decided.run or decided.same) and index not in self._verdicts:
            self._verdict(index, Verdict.RUN, self._reasons.to_run(task))

    def _verdict(self, index: int, verdict: Verdict, why: str) -> None:
        task = self._graph.tasks[index]
        items = 1 if task.form is Form.CALL else None
        self._verdicts[index] = PlannedTask(task.id, task.step.name, verdict, why, items)

    def _planned(self, index: int) -> PlannedTask:
        task = self._graph.tasks[index]
        planned = self._verdicts.get(index)
        reused, length = self._counts.get(index, (0, None))
        items = 1 if task.form is Form.CALL else length
        if planned is not None:
            return PlannedTask(planned.id, planned.step, planned.verdict, planned.why, items, reused)
        if self._scheduler.ended(index):
            return PlannedTask(task.id, task.step.name, Verdict.REUSE, "same code and inputs", items, reused)
        waits = [
            self._graph.tasks[source].id
            for source in self._program.tasks[index].depends
            if not self._scheduler.ended(source)
        ]
        why = f"waits for {', '.join(map(repr, waits[:3]))}{' …' if len(waits) > 3 else ''}, which will run"
        return PlannedTask(task.id, task.step.name, Verdict.UNDECIDED, why, items, reused)
