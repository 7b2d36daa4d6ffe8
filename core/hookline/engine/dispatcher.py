"""The dispatcher: the loop that carries a run from its first task to its last.

It opens tasks, decides about their items, hands what must run to the launcher, takes outcomes as they stream in, and
has them recorded. The scheduler knows what may start; executors know how; here it is put together.
"""

from __future__ import annotations

import pickle
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hookline.engine.evaluate import Evaluator
from hookline.engine.held import Held
from hookline.engine.inputs import Inputs, bind
from hookline.engine.journaling import Journaling
from hookline.engine.launcher import InFlight, Launcher, Planned
from hookline.engine.planner import Decided, Planner, Recorded
from hookline.engine.program import Program
from hookline.engine.retry import Retries
from hookline.engine.scheduler import Scheduler, State
from hookline.engine.stop import Stop
from hookline.errors import HooklineError
from hookline.model.batch import Failure, Finished, FunctionRef, Lost, Message, Outcome, Started, Work
from hookline.model.states import Kind
from hookline.worker.failures import failure_of

__all__ = ["Dispatcher", "Settings"]

_PLAN_AT_ONCE = 4096
_IDLE = 0.5
"""Seconds after which the loop looks around even if nothing happens."""

_STATES = {
    Kind.COMPLETED: State.COMPLETED,
    Kind.COMPLETED_ONCE: State.COMPLETED,
    Kind.FAILED: State.FAILED,
    Kind.TIMED_OUT: State.TIMED_OUT,
    Kind.CANCELLED: State.CANCELLED,
    Kind.CRASHED: State.CRASHED,
    Kind.ABANDONED: State.ABANDONED,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked of a run beside its parameters.

    Attributes:
        seed: The run's seed.
        fail_fast: Whether the first failure ends the run.
        grace: Seconds that running attempts get to end when the run stops.
        keep: Tasks whose recorded side effects stand.
        rerun: Tasks whose recorded side effects may happen again.
    """

    seed: int = 0
    fail_fast: bool = False
    grace: float = 10.0
    keep: frozenset[str] = frozenset()
    rerun: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Open:
    """A task that has begun."""

    inputs: Inputs
    outcomes: list[bytes | None]
    work: Work
    same: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


class Dispatcher:
    """Runs a program.

    Args:
        program: What to run.
        scheduler: Its state machine.
        held: Its outcomes.
        planner: Decides what runs.
        launcher: Hands work to executors.
        retries: Counts attempts.
        journaling: Has outcomes recorded and told.
        evaluator: Loads values that the loop itself needs: conditions and lengths.
        export: Makes the reference by which workers find a function.
        encode: Encodes elements of collections that are known only at run time.
        recorded: What this run recorded before it was resumed, by task.
        stop: Asks the run to stop.
        settings: What the user asked for.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        held: Held,
        planner: Planner,
        launcher: Launcher,
        retries: Retries,
        journaling: Journaling,
        evaluator: Evaluator,
        export: Callable[[int], FunctionRef],
        encode: Callable[[object], tuple[bytes, bytes]],
        recorded: dict[int, Recorded],
        stop: Stop,
        settings: Settings,
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._held = held
        self._planner = planner
        self._launcher = launcher
        self._retries = retries
        self._journal = journaling
        self._evaluator = evaluator
        self._export = export
        self._encode = encode
        self._recorded = recorded
        self._stop = stop
        self._settings = settings
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._open: list[_Open | None] = [None] * len(program.tasks)
        self._alone: set[tuple[int, int]] = set()
        self._retry_on: dict[Any, bytes] = {}
        self._ended_tasks = bytearray(len(program.tasks))
        self._failing = False
        stop.on_change(self.wake)

    def deliver(self, message: Message) -> None:
        """Take a message from an executor; from any thread."""
        self._inbox.put(message)

    def wake(self) -> None:
        """Let the loop look around."""
        self._inbox.put(None)

    def run(self) -> bool:
        """Run until nothing is left to do, or the run is asked to stop.

        Returns:
            Whether everything ended; False where tasks are left for a resume.
        """
        scheduler, launcher = self._scheduler, self._launcher
        while not self._stop.level and not (self._failing and self._settings.fail_fast):
            self._advance()
            waits = launcher.launch(self._journal.committed, self._options, self._work, self._inputs)
            if not launcher.in_flight and not launcher.waiting and not scheduler.ready:
                if not scheduler.unfinished:
                    return True
                self._check_alive()
            self._journal.push()
            if waits:
                self._journal.hurry()
            self._receive()
        self._wind_down()
        return not scheduler.unfinished

    def _check_alive(self) -> None:
        if self._retries.next_due is None and not self._inbox.qsize() and not self._scheduler.has_opened():
            raise HooklineError(
                "the run can't go on: tasks wait for each other",
                help="this is a fault of hookline's; please report it with the workflow",
            )

    # -- opening -----------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Open and plan until only attempts can carry the run on: what is reused opens further tasks at once."""
        while True:
            opened = self._scheduler.take_opened()
            for task in opened:
                self._open_task(task)
            self._plan_ready()
            if not opened and not self._scheduler.has_opened():
                return
            if self._stop.level:
                return

    def _open_task(self, index: int) -> None:
        scheduler, task = self._scheduler, self._program.tasks[index]
        cause = scheduler.cause(index)
        if cause != State.BLOCKED and self._program.dependencies[index].tolerant:
            cause = self._program.lack(index, scheduler) or cause
        if cause:
            self._journal.not_run(index, cause)
            self._skip(index, cause)
            return
        try:
            condition = task.task.condition
            if condition is not None and not self._evaluator.value(condition):
                self._journal.not_run(index, State.SKIPPED)
                self._skip(index, State.SKIPPED)
                return
            inputs = bind(
                self._program,
                task,
                self._held,
                self._evaluator.value,
                self._export,
                self._encode,
                self._settings.seed,
            )
        except Exception as error:  # noqa: BLE001 - loading a value runs the user's code
            self._fail_to_open(index, failure_of(error, ()))
            return
        work = Work(
            index,
            task.task.id,
            bool(task.task.mapped),
            self._export(index),
            inputs.arguments,
            self._pickled_types(task.task.options.retry_on),
            inputs.seed_input,
            task.task.options.resources.get("cpu", 1.0),
        )
        self._open[index] = _Open(inputs, self._held.begin(index, inputs.length), work)
        self._journal.begin(index, inputs.length)
        scheduler.begin(index, inputs.length)
        if not inputs.length:
            self._ended(index)

    def _fail_to_open(self, index: int, failure: Failure) -> None:
        before = self._recorded.get(index, {}).get(0)
        number = 1 if before is None else before.attempt + 1
        row = Outcome(0, Kind.FAILED, None, time.time_ns() // 1000, 0, failure)
        self._journal.begin(index, 1)
        self._journal.record(index, [row], [None], number, 0)
        self._journal.ended_without_value(index, 0, State.FAILED, failure)
        self._failing = True
        self._skip(index, State.FAILED)

    def _skip(self, index: int, state: int) -> None:
        self._scheduler.skip(index, state)
        self._ended(index)

    def _pickled_types(self, types: tuple[type[BaseException], ...]) -> bytes:
        if types == (Exception,):
            return b""
        known = self._retry_on.get(types)
        if known is None:
            known = self._retry_on[types] = pickle.dumps(types, 5)
        return known

    # -- planning ----------------------------------------------------------------------------------------------

    def _plan_ready(self) -> None:
        ready = self._scheduler.ready
        while ready:
            task, low, high = ready.popleft()
            while low < high:
                end = min(high, low + _PLAN_AT_ONCE)
                self._plan(task, low, end)
                low = end

    def _plan(self, index: int, low: int, high: int) -> None:
        task, opened = self._program.tasks[index], self._opened(index)
        name = task.task.id
        decided = self._planner.decide(
            task,
            opened.inputs,
            low,
            high,
            self._recorded.get(index),
            name in self._settings.rerun,
            name in self._settings.keep,
        )
        if decided.kept or decided.hits or decided.refused or decided.same:
            self._settle(index, opened, decided)
        if decided.run:
            self._journal.decided_to_run(index, decided.run[0], len(decided.run), high - low)
            self._enqueue(index, decided, decided.run)

    def _enqueue(self, index: int, decided: Decided, items: list[int]) -> None:
        after = 0
        if not self._program.tasks[index].task.options.cache:
            # A side effect happens only once all that it rests on is recorded.
            after = self._journal.added
        recorded = self._recorded.get(index)
        single: list[int] = []
        if recorded or self._alone or self._retries.any_numbered():
            for item in items:
                if recorded and item in recorded:
                    self._retries.begins_at(index, item, recorded.pop(item).attempt + 1)
                if self._retries.numbered(index, item) or (index, item) in self._alone:
                    single.append(item)
            for item in single:
                key = decided.keys[item - decided.low]
                self._launcher.waiting.append(Planned(index, [item], [key], alone=True, after=after))
            if single:
                taken = set(single)
                items = [item for item in items if item not in taken]
        if items:
            keys: Sequence[bytes] = decided.keys
            if len(items) != len(keys):
                keys = [decided.keys[item - decided.low] for item in items]
            whole = items[-1] - items[0] + 1 == len(items)
            chosen: Sequence[int] = range(items[0], items[-1] + 1) if whole else items
            self._launcher.waiting.append(Planned(index, chosen, keys, after=after))

    def _settle(self, index: int, opened: _Open, decided: Decided) -> None:
        """Take over what needs no attempt."""
        outcomes, scheduler = opened.outcomes, self._scheduler
        for item, row in decided.kept.items():
            outcomes[item] = row.outputs
        for low, high in _runs(sorted(decided.kept)):
            self._journal.kept(index, low, high)
            scheduler.finish(index, low, high, State.COMPLETED)
        for item, hit in decided.hits.items():
            outcomes[item] = hit.outputs
        if decided.hits:
            self._journal.reused(index, decided.hits)
        for low, high in _runs(sorted(decided.hits)):
            scheduler.finish(index, low, high, State.REUSED)
        for item in decided.refused:
            failure = self._journal.refused(index, item)
            self._failing = True
            self._journal.ended_without_value(index, item, State.FAILED, failure)
            scheduler.finish(index, item, item + 1, State.FAILED)
        for item, source, source_item in decided.same:
            self._share(index, item, source, source_item)
        if scheduler.ended(index):
            self._ended(index)

    def _share(self, index: int, item: int, source: int, source_item: int) -> None:
        """Let an item have the result of another item of this run."""
        state = self._scheduler.states[source][source_item]
        if state == State.PENDING:
            self._opened(source).same.setdefault(source_item, []).append((index, item))
            return
        blob = self._journal.shared_outcome(source, source_item)
        self._opened(index).outcomes[item] = blob
        self._journal.same_as(index, item, source, source_item)
        self._scheduler.finish(index, item, item + 1, State.REUSED)

    # -- outcomes ----------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        due = self._retries.next_due
        wait = _IDLE if due is None else min(_IDLE, max(0.0, due - time.monotonic()))
        try:
            message = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            while True:
                if message is not None:
                    self._handle(message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass
        self._journal.check()
        if due is not None:
            for task, item in self._retries.due(time.monotonic()):
                self._relaunch(task, item)

    def _relaunch(self, task: int, item: int) -> None:
        key = self._opened(task).inputs.keys(item, item + 1)
        self._launcher.waiting.append(Planned(task, [item], key, alone=True))

    def _handle(self, message: Message) -> None:
        entry = self._launcher.in_flight.get(message.batch)
        if entry is None:
            return
        if isinstance(message, Finished):
            if message.outcomes:
                self._take(entry, message.outcomes, message.worker)
            if message.done:
                self._launcher.ended(message.batch)
        elif isinstance(message, Started):
            entry.started = True
        else:
            self._lost(self._launcher.ended(message.batch), message)

    def _take(self, entry: InFlight, outcomes: list[Outcome], worker: int) -> None:
        batch, index = entry.batch, entry.task
        opened, task = self._opened(index), self._program.tasks[index]
        first, count = entry.told, len(outcomes)
        keys = batch.keys[first : first + count]
        entry.told += count
        once = not task.cacheable or self._journal.inputs_changed(index)
        good: list[int] = []
        held = opened.outcomes
        microseconds = 0
        for outcome in outcomes:
            microseconds += outcome.duration_us
            if outcome.kind == Kind.COMPLETED:
                held[outcome.item] = outcome.outputs
                good.append(outcome.item)
        self._launcher.measured(batch.work.function, microseconds / count)
        self._journal.record(index, outcomes, keys, batch.attempt, worker, once=once)
        for low, high in _runs(good):
            self._scheduler.finish(index, low, high, State.COMPLETED)
        if opened.same:
            self._serve_same(index, opened, good)
        if len(good) != count:
            for outcome, key in zip(outcomes, keys, strict=True):
                if outcome.kind != Kind.COMPLETED:
                    self._not_completed(index, outcome, batch.attempt, key)
        if self._scheduler.ended(index):
            self._ended(index)
        if self._journal.watching:
            self._journal.progress(index, self._launcher.running(index), self._launcher.mean_us(batch.work.function))

    def _serve_same(self, index: int, opened: _Open, items: list[int]) -> None:
        """Give the results of items to those that have the same keys."""
        for item in items:
            for other in opened.same.pop(item, ()):
                self._share(*other, index, item)
                if self._scheduler.ended(other[0]):
                    self._ended(other[0])

    def _not_completed(self, index: int, outcome: Outcome, number: int, key: bytes) -> None:
        options = self._program.tasks[index].task.options
        item = outcome.item
        failure = outcome.failure
        again = failure is not None and failure.retryable and outcome.kind == Kind.FAILED
        if outcome.kind == Kind.TIMED_OUT:
            again = issubclass(TimeoutError, options.retry_on)
        if again and not self._stop.level:
            delay = self._retries.after_failure(index, item, number, options)
            if delay is not None:
                self._journal.retrying(index, item, number, options.retries + 1, delay, failure)
                self._retries.wait(time.monotonic() + delay, index, item)
                return
        self._give_up(index, item, _STATES[Kind(outcome.kind)], failure, key)

    def _give_up(self, index: int, item: int, state: int, failure: Failure | None, key: bytes) -> None:
        if state != State.CANCELLED:
            self._failing = True
        self._journal.ended_without_value(index, item, state, failure)
        self._planner.forget(key)
        opened = self._opened(index)
        self._scheduler.finish(index, item, item + 1, state)
        for other, other_item in opened.same.pop(item, ()):
            self._scheduler.retry(other, other_item)

    def _lost(self, entry: InFlight, message: Lost) -> None:
        """A worker died: the attempt that ran is at fault, the rest of its batch is tried one by one."""
        batch, index = entry.batch, entry.task
        rest = list(range(entry.told, len(batch.items)))
        if not rest:
            return
        if message.cancelled:
            kind, word = Kind.CANCELLED, "cancelled"
        else:
            kind, word = Kind.CRASHED, "out of memory" if message.out_of_memory else "worker lost"
        at = rest[0]
        item, key = batch.items[at], batch.keys[at]
        failure = Failure(word, message.reason, "", "", retryable=kind == Kind.CRASHED)
        row = Outcome(item, kind, None, time.time_ns() // 1000, 0, failure, (), message.output)
        self._journal.record(index, [row], [key], batch.attempt, message.worker)
        if kind == Kind.CRASHED and not self._stop.level and self._retries.after_loss(index, item, batch.attempt):
            self._alone.add((index, item))
            self._journal.retrying(index, item, batch.attempt, 0, 0.0, failure)
            self._retries.wait(time.monotonic(), index, item)
        else:
            self._give_up(index, item, _STATES[kind], failure, key)
        for at in rest[1:]:
            self._alone.add((index, batch.items[at]))
            self._launcher.waiting.append(Planned(index, [batch.items[at]], [batch.keys[at]], alone=True))
        if self._scheduler.ended(index):
            self._ended(index)

    def _ended(self, index: int) -> None:
        """All items of a task have ended."""
        if not self._ended_tasks[index]:
            self._ended_tasks[index] = 1
            self._journal.ended(index)
            self._held.release(index)
            self._open[index] = None

    # -- stopping ----------------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        """Let what runs end within the grace period, then end it."""
        launcher, stop = self._launcher, self._stop
        launcher.waiting.clear()
        self._retries.forget_waiting()
        asked = False
        end = time.monotonic() + self._settings.grace
        for executor in launcher.executors():
            executor.cancel(list(launcher.in_flight), self._settings.grace)
        while launcher.in_flight and stop.level < 2:
            self._receive()
            launcher.waiting.clear()
            if not asked and time.monotonic() > end:
                asked = True
                end += 2.0
            elif asked and time.monotonic() > end:
                break
        for entry in list(launcher.in_flight.values()):
            self._abandon(entry)
        if stop.cancelled or (self._settings.fail_fast and self._failing and not stop.level):
            self._scheduler.cancel_rest(range(len(self._program.tasks)), State.CANCELLED)
            for index in range(len(self._program.tasks)):
                self._journal.progress(index, 0, 0.0)

    def _abandon(self, entry: InFlight) -> None:
        """Record attempts that could not be stopped; only a thread's can't."""
        executor = self._launcher.executor(entry.executor)
        if executor.traits.kills or entry.told >= len(entry.batch.items):
            return
        item, key = entry.batch.items[entry.told], entry.batch.keys[entry.told]
        failure = Failure("abandoned", "the thread could not be stopped", "", "", retryable=False)
        row = Outcome(item, Kind.ABANDONED, None, time.time_ns() // 1000, 0, failure)
        self._journal.record(entry.task, [row], [key], entry.batch.attempt, 0)
        self._give_up(entry.task, item, State.ABANDONED, failure, key)

    # -- small things ------------------------------------------------------------------------------------------

    def _opened(self, index: int) -> _Open:
        opened = self._open[index]
        assert opened is not None
        return opened

    def _options(self, index: int) -> Any:
        return self._program.tasks[index].task.options

    def _work(self, index: int) -> Work:
        return self._opened(index).work

    def _inputs(self, index: int) -> Inputs:
        return self._opened(index).inputs


def _runs(items: Sequence[int]) -> list[tuple[int, int]]:
    """Join ascending numbers to ranges."""
    if not items:
        return []
    if items[-1] - items[0] + 1 == len(items):
        return [(items[0], items[-1] + 1)]
    found = []
    low = before = items[0]
    for item in items[1:]:
        if item != before + 1:
            found.append((low, before + 1))
            low = item
        before = item
    found.append((low, before + 1))
    return found
