"""Walks a program without running anything: what would be reused, what would run, what can't be known yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hookline.engine.past.evaluate import Evaluator
from hookline.engine.program.arguments import Arguments
from hookline.engine.program.exporter import Exporter
from hookline.engine.program.held import Held
from hookline.engine.program.program import FORGOTTEN, GrownPart, TaskProgram
from hookline.engine.record.nodes import Nodes
from hookline.engine.record.why import Reasons
from hookline.engine.request import Settings
from hookline.engine.run.growth import Growth
from hookline.engine.run.planner import Decided, Planner
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.errors import HooklineError
from hookline.graph.collector import collector_paused
from hookline.graph.open_arguments import OpenArguments
from hookline.model.change import Change
from hookline.model.graph import Task, TaskGraph
from hookline.model.plan import Plan, PlannedTask
from hookline.model.recording import Form
from hookline.model.states import Kind, Verdict
from hookline.model.work import FunctionRef
from hookline.store.artifacts import Artifacts
from hookline.store.protocol import Store
from hookline.store.rows import Hit
from hookline.values.encode import encode_constant

if TYPE_CHECKING:
    from hookline.engine.run.session import Prepared
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["dry_run"]

_AT_ONCE = 4096


def dry_run(
    graph: TaskGraph,
    prepared: Prepared,
    store: Store | None,
    fresh: bool,
    seed: int,
    arguments: OpenArguments,
    rewriters: Sequence[Rewriter] = (),
) -> Plan:
    """Plan a run.

    Args:
        graph: The checked graph.
        prepared: The graph, ready to run.
        store: What is recorded; None for nothing.
        fresh: Whether that is left alone.
        seed: The run's seed.
        arguments: What settings give to arguments that calls leave open.
        rewriters: The plugins that rewrite what grows.

    Returns:
        The plan.
    """
    with collector_paused():
        return _DryRun(graph, prepared, store, fresh, seed, arguments, rewriters).plan()


class _DryRun:
    def __init__(
        self,
        graph: TaskGraph,
        prepared: Prepared,
        store: Store | None,
        fresh: bool,
        seed: int,
        arguments: OpenArguments,
        rewriters: Sequence[Rewriter],
    ) -> None:
        self._graph = graph
        self._program = program = prepared.program
        self._scheduler = Scheduler(program.dependencies)
        self._held = Held(program, self._scheduler, prepared.code_digest)
        self._planner = Planner(store, fresh)
        self._reasons = Reasons(store, prepared.program, self._held, None, fresh)
        artifacts = store.artifacts if store is not None else Artifacts.__new__(Artifacts)
        self._evaluator = Evaluator(
            self._held.outcomes,
            program.is_mapped,
            program.outputs,
            artifacts,
        )
        self._growth = Growth(
            program,
            prepared.builder,
            self._scheduler,
            self._held,
            Exporter(),
            Nodes(graph),
            artifacts,
            Settings().turns,
            arguments,
            rewriters,
            self._evaluator.value,
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
        self._always: set[int] = set()
        self._waiting: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._over: list[GrownPart] = []
        self._summed: dict[tuple[str, str], tuple[int, tuple[Change, ...]]] = {}

    def plan(self) -> Plan:
        """Go on as long as recorded results carry the walk."""
        scheduler = self._scheduler
        while True:
            for index in scheduler.take_opened():
                self._open(index)
            if not scheduler.has_opened() and not scheduler.ready:
                break
            while scheduler.ready:
                index, low, high = scheduler.ready.popleft()
                for start in range(low, high, _AT_ONCE):
                    self._decide(index, start, min(high, start + _AT_ONCE))
            self._settle()
        there = [index for index, task in enumerate(self._program.tasks) if task is not FORGOTTEN]
        planned = [self._planned(index) for index in there]
        planned += [
            PlannedTask(name, step, Verdict.REUSE, "same code and inputs", count, count, changes)
            for (name, step), (count, changes) in self._summed.items()
        ]
        own = len(self._graph.tasks)
        grown = [change for index in there if index >= own for change in self._program.tasks[index].task.changes]
        grown += [change for _, changes in self._summed.values() for change in changes]
        return Plan(self._graph.workflow, tuple(planned), (*self._graph.changes, *grown))

    def _open(self, index: int) -> None:
        task = self._program.tasks[index]
        cause = self._scheduler.cause(index)
        if not cause and self._program.dependencies[index].tolerant:
            cause = self._program.lack(index, self._scheduler)
        if cause:
            self._verdict(index, Verdict.SKIP, "condition: something upstream is skipped")
            self._skip(index, cause)
            return
        try:
            if task.task.condition is not None and not self._evaluator.value(task.task.condition):
                self._verdict(index, Verdict.SKIP, "condition: it is false")
                self._skip(index, State.SKIPPED)
                return
            inputs = self._arguments.of(task)
        except HooklineError as error:
            self._verdict(index, Verdict.RUN, f"would fail: {error.message}")
            return
        self._inputs[index] = inputs
        self._held.begin(index, inputs.length)
        self._counts[index] = [0, inputs.length]
        self._scheduler.begin(index, inputs.length)
        if not inputs.length:
            self._growth.note_end(index)

    def _skip(self, index: int, state: int) -> None:
        self._scheduler.skip(index, state)
        self._growth.note_end(index)

    def _decide(self, index: int, low: int, high: int) -> None:
        task = self._program.tasks[index]
        decided = self._planner.decide(task, self._inputs[index], low, high)
        for item, hit in sorted(decided.hits.items()):
            if hit.kind == Kind.GREW:
                self._regrow(index, item, hit, decided)
            else:
                self._reuse(index, item, hit.outputs)
        for item, *source in decided.same:
            self._waiting.setdefault((source[0], source[1]), []).append((index, item))
            self._serve((source[0], source[1]))
        if decided.run and index not in self._verdicts:
            self._to_run(index, task)

    def _to_run(self, index: int, task: TaskProgram) -> None:
        """Note that a task would run; of one that runs every time, also what changed since the last time."""
        why, changed = self._reasons.to_run(task), ""
        if not task.task.options.cache and not task.fingerprint.unstable:
            changed = self._reasons.changed(task)
        always = not task.cacheable and not changed
        self._verdict(index, Verdict.RUN, f"{why}; {changed}" if changed else why, always=always)

    def _reuse(self, index: int, item: int, blob: bytes) -> None:
        """Take an item as done, and those of equal keys with it."""
        pending = [(index, item)]
        while pending:
            index, item = place = pending.pop()
            outcomes: Any = self._held.blobs(index)
            outcomes[item] = blob
            self._counts[index][0] += 1
            self._scheduler.finish(index, item, item + 1, State.REUSED)
            if self._scheduler.ended(index):
                self._growth.note_end(index)
            pending += self._waiting.pop(place, ())

    def _serve(self, source: tuple[int, int]) -> None:
        blob = self._held.blobs(source[0])[source[1]]
        for place in self._waiting.pop(source, ()) if blob is not None else ():
            self._reuse(*place, blob or b"")

    def _regrow(self, index: int, item: int, hit: Hit, decided: Decided) -> None:
        try:
            planted = self._growth.plant(index, item, hit.outputs, 0)
        except HooklineError:
            decided.run.append(item)
            return
        self._planner.claim(decided.keys[item - decided.low], index, item)
        if planted.replaced is not None:
            target = planted.replaced.target
            self._waiting.setdefault(target, []).extend(self._waiting.pop((index, item), ()))
            self._planner.claim(decided.keys[item - decided.low], *target)
            self._counts[index][0] += 1
            self._scheduler.finish(index, item, item + 1, State.REUSED)
            self._over.append(planted.replaced)

    def _settle(self) -> None:
        """Let items end whose parts' results have ended, and sum up what is reused below them."""
        for part, lack, blob in self._growth.take_ended():
            index, item = part.target
            if blob is None:
                self._scheduler.finish(index, item, item + 1, lack)
                self._verdict(index, Verdict.SKIP, "condition: what it grew is skipped")
                if self._scheduler.ended(index):
                    self._growth.note_end(index)
            else:
                self._reuse(index, item, blob)
            self._over.append(part)
        over, self._over = self._over, []
        for part in over:
            if self._growth.is_over(part) and self._verdicts.keys().isdisjoint(part.tasks):
                self._sum_up(part)

    def _sum_up(self, part: GrownPart) -> None:
        for index in part.tasks:
            task = self._program.tasks[index].task
            name = (f"{part.group}/{task.step.name}", task.step.name)
            # What plugins did to one of them stands for all: there may be a part per item of a mapped task.
            count, changes = self._summed.get(name, (0, task.changes))
            self._summed[name] = count + self._counts.pop(index)[1], changes
            self._inputs.pop(index)
        self._growth.forget(part)

    def _verdict(self, index: int, verdict: Verdict, why: str, *, always: bool = False) -> None:
        task = self._program.tasks[index].task
        self._verdicts[index] = PlannedTask(task.id, task.step.name, verdict, why, always=always)

    def _planned(self, index: int) -> PlannedTask:
        task = self._program.tasks[index].task
        planned = self._judged(index, task)
        if planned.always:
            self._always.add(index)
        return replace(planned, changes=task.changes) if task.changes else planned

    def _judged(self, index: int, task: Task) -> PlannedTask:
        planned = self._verdicts.get(index)
        reused, length = self._counts.get(index, (0, None))
        items = 1 if task.form is Form.CALL else length
        if planned is not None:
            return replace(planned, items=items, reused=reused)
        if self._scheduler.ended(index):
            return PlannedTask(task.id, task.step.name, Verdict.REUSE, "same code and inputs", items, reused)
        if reused == length or any(part.target[0] == index for part in self._growth.parts()):
            why = "same code and inputs; what it grew is planned for itself"
            return PlannedTask(task.id, task.step.name, Verdict.REUSE, why, items, reused)
        if index in self._counts:
            why = "the same work as another task, which will run"
            return PlannedTask(task.id, task.step.name, Verdict.UNDECIDED, why, items, reused)
        sources = [source for source in self._program.tasks[index].depends if not self._scheduler.ended(source)]
        waits = [self._program.tasks[source].task.id for source in sources]
        why = f"waits for {', '.join(map(repr, waits[:3]))}{' …' if len(waits) > 3 else ''}, which will run"
        always = bool(sources) and self._always.issuperset(sources)
        return PlannedTask(task.id, task.step.name, Verdict.UNDECIDED, why, items, reused, always=always)
