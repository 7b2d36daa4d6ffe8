"""The composition root: puts the parts of one run together, drives it, and takes them apart again."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hookline.cache.carried import CarriedCode
from hookline.cache.fingerprint import Fingerprinter
from hookline.engine.past.descriptions import describe_returns
from hookline.engine.past.evaluate import Evaluator
from hookline.engine.past.replay import run_info
from hookline.engine.program.compile import ProgramBuilder, build_program
from hookline.engine.program.exporter import Exporter
from hookline.engine.program.held import Held
from hookline.engine.program.program import Program
from hookline.engine.program.provided import Given
from hookline.engine.record.display import shown
from hookline.engine.record.hook_times import driver_times
from hookline.engine.record.journaling import Journaling
from hookline.engine.record.news import News, TaskNews
from hookline.engine.record.nodes import Nodes
from hookline.engine.record.observers import Observers
from hookline.engine.record.plugin_events import PluginEvents, task_hooks
from hookline.engine.record.progress import Progress
from hookline.engine.record.recorder import Recorder
from hookline.engine.record.standing import totals
from hookline.engine.record.why import Reasons
from hookline.engine.request import Request
from hookline.engine.run.beginnings import clean_folder, facts_of, new_run
from hookline.engine.run.deciding import Deciding
from hookline.engine.run.dispatcher import Dispatcher
from hookline.engine.run.executors import GIVEN, Opener, close_all, executors_of
from hookline.engine.run.growing import Growing
from hookline.engine.run.growth import Growth
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.limits import Limits
from hookline.engine.run.losses import Losses
from hookline.engine.run.opening import OpenTasks
from hookline.engine.run.outcomes import Outcomes
from hookline.engine.run.planner import Planner
from hookline.engine.run.stretches import Stretches
from hookline.engine.schedule.priorities import Priorities, expected_us, partition_turns
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler
from hookline.engine.schedule.timings import Timings
from hookline.errors import HooklineError
from hookline.executors.protocol import Executor
from hookline.graph.collector import collector_spared
from hookline.hooks.values import holding
from hookline.model.batch import RunFacts
from hookline.model.events import Event, RunFinished, RunStarted
from hookline.model.facts import RUN_FINISHED, RUN_STARTED
from hookline.model.graph import Binding, Constant, Task, TaskGraph
from hookline.model.masking import mask
from hookline.model.place import place_of
from hookline.model.recording import Form
from hookline.model.states import RunState
from hookline.store.protocol import RunWriter, Store
from hookline.store.rows import Group
from hookline.values.encode import encode_constant
from hookline.values.homes import note_code_digest
from hookline.values.policy import hold_load_policy

__all__ = ["Prepared", "drive", "prepare"]

_KILL_GRACE = 2.0
_BRIEF_GRACE = 0.5
_log = logging.getLogger("hookline.engine.run.session")


@dataclass(slots=True)
class Prepared:
    """A graph made ready, with what makes further tasks ready and reads code."""

    program: Program
    builder: ProgramBuilder
    code_digest: CarriedCode


def prepare(graph: TaskGraph, root: Path, providers: Given | None = None) -> Prepared:
    """Read the code of a graph's steps and encode its constants.

    Args:
        graph: The graph.
        root: The project root.
        providers: Arguments of providers, by the provider's name.

    Returns:
        The program.

    Raises:
        UsageError: Arguments of providers are wrong; names all of them.
        WorkflowError: Constants can't be stored; names all of them.
    """
    fingerprinter = Fingerprinter(root)
    code_digest = CarriedCode(root, fingerprinter)
    note_code_digest(code_digest)
    builder = ProgramBuilder(fingerprinter, code_digest, providers or {})
    return Prepared(build_program(graph, builder), builder, code_digest)


def drive(request: Request, store: Store, resumed: str | None = None, takeover: bool = False) -> str:
    """Carry a run to its end.

    Args:
        request: What to run.
        store: Where it is recorded.
        resumed: Id of the run to go on with; None for a new one.
        takeover: Whether a run is taken from a driver that is still there.

    Returns:
        The run's id.

    Raises:
        HooklineError: The run could not be started, or could not be recorded.
    """
    with (
        holding(request.plugins.values),
        hold_load_policy(request.settings.load_policy),
        shown(request.observers, request.stop, request.progress) as observers,
    ):
        return _drive(replace(request, observers=observers), store, resumed, takeover)


def _drive(request: Request, store: Store, resumed: str | None, takeover: bool) -> str:
    prepared = prepare(request.graph, Path(request.target.root), request.settings.providers)
    exporter = Exporter()
    name = request.executor if isinstance(request.executor, str) else GIVEN
    executors = executors_of(request, name)
    exporter.check(executors, prepared.program)
    if resumed is None:
        try:
            writer: RunWriter = store.start_run(new_run(request, name, executors, store))
        finally:
            store.artifacts.close()
    else:
        writer = store.take_run(resumed, takeover=takeover)
    try:
        session = _Session(request, store, writer, prepared, exporter, name, resumed is not None)
        try:
            return session.run()
        finally:
            session.let_go()
    finally:
        writer.close()


class _Session:
    def __init__(
        self,
        request: Request,
        store: Store,
        writer: RunWriter,
        prepared: Prepared,
        exporter: Exporter,
        executor: str,
        resumed: bool,
    ) -> None:
        self._request = request
        self._program = prepared.program
        self._store = store
        self._writer = writer
        self._resumed = resumed
        self._began = time.monotonic()
        program = prepared.program
        self._scheduler = scheduler = Scheduler(program.dependencies)
        self._held = held = Held(program, scheduler, prepared.code_digest)
        self._facts = facts = facts_of(request, store, writer)
        self._plugin_events, news = self._hooks(request, prepared.program, facts)
        # Threads of their own: what shows a run is not to wait for a plugin.
        self._observers = Observers(request.observers, None, request.stop)
        self._listeners = Observers((), self._plugin_events, request.stop, resumed=resumed)
        earlier = list(store.attempts(writer.run)) if resumed else []
        known = store.nodes(writer.run) if resumed else []
        self._nodes = nodes = Nodes(request.graph, known, earlier)
        recorded = nodes.all_recorded(range(len(nodes)))
        self._retries = Retries(request.clock)
        self._opener = Opener(request, facts, writer.flight)
        measured = store.measured(request.graph.workflow, [task.id for task in request.graph.tasks])
        expected = expected_us(request.graph.tasks, measured)
        depends = [task.depends for task in program.tasks]
        priorities = Priorities(depends, expected, partition_turns(request.graph))
        settings = request.settings
        timings = Timings()
        self._launcher = Launcher(
            self._open_executor,
            executor,
            self._retries,
            priorities,
            timings,
            Limits(settings.limits),
            eager=not settings.fail_fast,
        )
        self._recorder = Recorder(writer, self._tell, self._wake)
        reasons = Reasons(store, program, held, writer.run, request.fresh)
        self._journal = Journaling(
            program,
            scheduler,
            held,
            self._recorder,
            reasons,
            store,
            writer.run,
            nodes,
            Progress(program, scheduler, self._observers.watching),
            news,
            not request.fresh and not resumed,
            resumed,
        )
        evaluator = Evaluator(
            held.outcomes,
            program.is_mapped,
            program.outputs,
            store.artifacts,
            Path(facts.folder) / "driver",
        )
        planner = Planner(store, request.fresh, writer.run, earlier)
        growth = Growth(
            program,
            prepared.builder,
            scheduler,
            held,
            exporter,
            nodes,
            store.artifacts,
            request.settings.turns,
            request.settings.open_arguments,
            request.settings.rewriters,
            evaluator.value,
        )
        tasks = OpenTasks(
            program,
            scheduler,
            held,
            self._journal,
            evaluator,
            exporter.refer,
            lambda value: encode_constant(value, code_digest=prepared.code_digest),
            recorded,
            request.settings.seed,
            growth.note_end,
        )
        self._growing = growing = Growing(program, scheduler, growth, tasks, self._journal, nodes, priorities, recorded)
        alone: set[tuple[int, int]] = set()
        self._launcher.stretches = stretches = Stretches(
            program, scheduler, tasks, held, planner, self._retries, self._journal, nodes, recorded, alone
        )
        outcomes = Outcomes(
            program,
            scheduler,
            tasks,
            planner,
            self._launcher,
            timings,
            self._retries,
            self._journal,
            request.stop,
            growing,
            stretches,
            alone,
        )
        losses = Losses(
            outcomes,
            scheduler,
            tasks,
            self._launcher,
            self._retries,
            self._journal,
            request.stop,
            self._opener.in_flight,
            alone,
        )
        deciding = Deciding(
            program,
            scheduler,
            tasks,
            planner,
            self._launcher,
            outcomes,
            growing,
            self._retries,
            self._journal,
            nodes,
            recorded,
            request.settings,
        )
        self._dispatcher = Dispatcher(
            program,
            scheduler,
            tasks,
            deciding,
            self._launcher,
            timings,
            priorities,
            outcomes,
            losses,
            self._retries,
            self._journal,
            request.stop,
            request.settings,
        )

    def run(self) -> str:
        """Run to the end, whatever it is, and give everything back."""
        from hookline.engine.record.heartbeat import Heartbeat

        heartbeat = Heartbeat(self._writer, self._request.stop)
        state = RunState.INTERRUPTED
        error: str | None = None
        try:
            self._tell_start()
            ended = self._loop()
            state = self._state(ended)
            if state is RunState.FAILED and ended:
                self._run_on_failure()
            if state is RunState.CANCELLED:
                error = self._store.run(self._writer.run).cancel_why or None
            elif state is RunState.INTERRUPTED:
                error = mask(self._request.stop.why) or None
        except HooklineError as failure:
            error = mask(str(failure))
            raise
        finally:
            heartbeat.close()
            self._close(state, error)
        # A driver that was told to stop because it lost its run looks at nothing any more; nor is it done.
        self._recorder.check()
        return self._writer.run_id

    def let_go(self) -> None:
        """Take the parts apart, which hold the session: memory and open files are not left to the collector."""
        vars(self).clear()

    def _run_on_failure(self) -> None:
        """Run the workflow's own step for failed runs as one more task; what becomes of it changes nothing else."""
        step = self._request.target.workflow.on_failure
        if step is None:
            return
        index, failed = len(self._program.tasks), self._journal.failed_tasks()
        name = next(name for name in _numbered(step.name) if not self._is_taken(name))
        bindings: dict[str, Binding] = {"run_id": Constant(self._writer.run_id), "failed": Constant(failed)}
        effect = step.options(cache=False)
        task = Task(index, name, effect, Form.CALL, bindings, (), None, place_of(step.fn))
        try:
            self._growing.append(task)
        except HooklineError as error:
            _log.error("the on_failure step '%s' can't run: %s", step.name, error)
            return
        self._dispatcher.go_on()
        self._loop()

    def _is_taken(self, name: str) -> bool:
        return self._nodes.is_known(name) or any(task.id == name for task in self._request.graph.tasks)

    def _loop(self) -> bool:
        """Drive; the first Ctrl-C in a program without a handler of its own stops softly, the second at once."""
        while True:
            try:
                with collector_spared(len(self._program.tasks)):
                    return self._dispatcher.run()
            except KeyboardInterrupt:
                if self._request.stop.level:
                    self._request.stop.hard()
                else:
                    self._request.stop.soft()

    def _state(self, ended: bool) -> RunState:
        stop = self._request.stop
        counts = totals(self._scheduler)
        bad = any(counts.get(word) for word in ("failed", "timed_out", "crashed", "abandoned", "cancelled"))
        if stop.level and (bad or not ended):
            return RunState.CANCELLED if stop.cancelled else RunState.INTERRUPTED
        return RunState.FAILED if bad else RunState.COMPLETED

    def _close(self, state: RunState, error: str | None) -> None:
        # What is still in flight by now will not end: nobody is to wait for it once more.
        grace = 0.0 if self._request.stop.level > 1 else _BRIEF_GRACE if self._launcher.in_flight else _KILL_GRACE
        close_all(self._launcher.executors(), grace)
        self._dispatcher.close()
        try:
            if self._recorder.error is None:
                self._journal.progress.tell()
                self._journal.add_pending()
                self._journal.record_totals()
                self._journal.push()
                self._recorder.flush()
                self._writer.finish(state, error=error, result=describe_returns(self._request.graph, self._nodes))
                seconds = time.monotonic() - self._began
                self._tell(RunFinished(self._writer.run_id, state, totals(self._scheduler), seconds, error or ""))
        finally:
            self._recorder.close()
            self._observers.close()
            self._listeners.close()
            self._journal.report_faults()
            self._record_hook_times()
            self._request.stop.on_change(None)
            self._request.clock.on_change(None)
            clean_folder(Path(self._facts.folder), keep_checkpoints=state is not RunState.COMPLETED)

    def _record_hook_times(self) -> None:
        """Record what the driver's hooks took, now that the last of them has been called."""
        plugins = self._request.plugins
        if plugins.plugins and self._recorder.error is None:
            notes = driver_times(plugins, self._writer.epoch, time.time_ns() // 1000)
            if notes:
                self._writer.commit(Group(notes=notes))

    def _tell(self, event: Event | News) -> None:
        if not isinstance(event, list):
            self._observers.tell(event)
        self._listeners.tell(event)

    def _tell_start(self) -> None:
        graph = self._request.graph
        if self._observers.listening or self._listeners.listening:
            tasks = tuple((task.id, 1 if task.form is Form.CALL else None) for task in graph.tasks)
            self._tell(RunStarted(self._writer.run_id, graph.workflow, tasks, self._resumed, graph.mapped_over))

    def _hooks(
        self, request: Request, program: Program, facts: RunFacts
    ) -> tuple[PluginEvents | None, TaskNews | None]:
        """Give what tells plugins of the run and of its tasks, as far as they want to know."""
        plugins, hooks = request.plugins, task_hooks(request.plugins)
        if not hooks and not any(plugins.implementations(hook) for hook in (RUN_STARTED, RUN_FINISHED)):
            return None, None
        run = run_info(self._store, self._store.run(facts.run_id))
        return PluginEvents(plugins, run), TaskNews(program, run, hooks) if hooks else None

    def _open_executor(self, name: str) -> Executor:
        return self._opener.open(name, self._dispatcher.deliver)

    def _wake(self) -> None:
        self._dispatcher.wake()


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(2))
