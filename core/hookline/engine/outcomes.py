"""What becomes of attempts: results are handed on, failures retried or given up, lost workers' batches taken apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hookline.engine.journaling import Journaling
from hookline.engine.launcher import InFlight, Launcher, Planned
from hookline.engine.opening import OpenTasks
from hookline.engine.planner import Planner
from hookline.engine.program import Program
from hookline.engine.retry import Retries
from hookline.engine.scheduler import Scheduler, State
from hookline.engine.stop import Stop
from hookline.model.batch import Batch, Failure, Lost, Outcome
from hookline.model.states import Kind

__all__ = ["Outcomes", "ranges_of"]

_COMPLETED = int(Kind.COMPLETED)
_STATES = {
    Kind.COMPLETED: State.COMPLETED,
    Kind.COMPLETED_ONCE: State.COMPLETED,
    Kind.FAILED: State.FAILED,
    Kind.TIMED_OUT: State.TIMED_OUT,
    Kind.CANCELLED: State.CANCELLED,
    Kind.CRASHED: State.CRASHED,
    Kind.ABANDONED: State.ABANDONED,
}


class Outcomes:
    """Takes what executors tell, and changes the run's state by it.

    Args:
        program: All tasks.
        scheduler: Their states.
        tasks: Those that have begun.
        planner: Told when a key will have no result.
        launcher: Told durations, and given what has to be tried again.
        retries: Counts attempts.
        journaling: Has outcomes recorded.
        stop: While the run stops, nothing is tried again.
        in_flight: Tells what a worker was making when it was last heard of: node, item, attempt.

    Attributes:
        failed: Whether any item ended without a value for another reason than being cancelled.
        alone: Items that get batches of their own, because one of them may have ended a worker.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        tasks: OpenTasks,
        planner: Planner,
        launcher: Launcher,
        retries: Retries,
        journaling: Journaling,
        stop: Stop,
        in_flight: Callable[[int], tuple[int, int, int] | None],
    ) -> None:
        self._in_flight = in_flight
        self._program = program
        self._scheduler = scheduler
        self._tasks = tasks
        self._planner = planner
        self._launcher = launcher
        self._retries = retries
        self._journal = journaling
        self._stop = stop
        self.failed = False
        self.alone: set[tuple[int, int]] = set()

    def take(self, entry: InFlight, outcomes: list[Outcome], worker: int) -> None:
        """Take outcomes of a batch, in the order of its items."""
        batch = entry.batch
        first, count = entry.told, len(outcomes)
        keys = batch.keys[first : first + count]
        entry.told += count
        microseconds = 0
        for outcome in outcomes:
            microseconds += outcome.duration_us
        self._launcher.measured(batch.work.function, microseconds / count)
        if entry.calls:
            for index, outcome, key in zip(entry.calls[first : first + count], outcomes, keys, strict=True):
                self._take_call(index, batch, outcome, key, worker)
        else:
            self._take_items(entry.task, batch, outcomes, keys, worker)

    def _take_call(self, index: int, batch: Batch, outcome: Outcome, key: bytes, worker: int) -> None:
        """Take the outcome of a plain task."""
        opened, task = self._tasks[index], self._program.tasks[index]
        if outcome.kind != _COMPLETED or opened.same:
            self._take_items(index, batch, [outcome], [key], worker)
            return
        opened.outcomes[0] = outcome.outputs
        once = not task.cacheable or (bool(task.watched) and self._journal.inputs_changed(index))
        self._journal.record(index, (outcome,), (key,), batch.attempt, worker, once=once)
        self._scheduler.finish(index, 0, 1, State.COMPLETED)
        self._tasks.end(index)
        if self._journal.watching:
            self._journal.progress(index, 0, self._launcher.mean_us(batch.work.function))

    def _take_items(
        self, index: int, batch: Batch, outcomes: list[Outcome], keys: Sequence[bytes], worker: int
    ) -> None:
        """Take outcomes of one task."""
        opened, task = self._tasks[index], self._program.tasks[index]
        once = not task.cacheable or self._journal.inputs_changed(index)
        good: list[int] = []
        held = opened.outcomes
        for outcome in outcomes:
            if outcome.kind == _COMPLETED:
                held[outcome.item] = outcome.outputs
                good.append(outcome.item)
        self._journal.record(index, outcomes, keys, batch.attempt, worker, once=once)
        for low, high in ranges_of(good):
            self._scheduler.finish(index, low, high, State.COMPLETED)
        if opened.same:
            self._serve_same(index, opened.same, good)
        if len(good) != len(outcomes):
            for outcome, key in zip(outcomes, keys, strict=True):
                if outcome.kind != Kind.COMPLETED:
                    self._not_completed(index, outcome, batch.attempt, key)
        if self._scheduler.ended(index):
            self._tasks.end(index)
        if self._journal.watching:
            running = self._launcher.running(index) if task.task.mapped else 0
            self._journal.progress(index, running, self._launcher.mean_us(batch.work.function))

    def lost(self, entry: InFlight, message: Lost) -> None:
        """A worker died: the attempt that ran is at fault, the rest of its batch is tried one by one."""
        batch = entry.batch
        rest = list(range(entry.told, len(batch.items)))
        if not rest:
            return
        if message.cancelled:
            kind, word = Kind.CANCELLED, "cancelled"
        else:
            kind, word = Kind.CRASHED, "out of memory" if message.out_of_memory else "worker lost"
        at = self._culprit(entry, message.worker)
        index, item, key = entry.task_at(at), batch.items[at], batch.keys[at]
        failure = Failure(word, message.reason, "", "", retryable=kind == Kind.CRASHED)
        row = Outcome(item, kind, None, time.time_ns() // 1000, 0, failure, (), message.output)
        self._journal.record(index, [row], [key], batch.attempt, message.worker)
        if kind == Kind.CRASHED and not self._stop.level and self._retries.after_loss(index, item, batch.attempt):
            self.alone.add((index, item))
            self._journal.retrying(index, item, batch.attempt, 0, 0.0, failure)
            self._retries.wait(time.monotonic(), index, item)
        else:
            self._give_up(index, item, _STATES[kind], failure, key)
        rest.remove(at)
        for at in rest:
            other = entry.task_at(at)
            self.alone.add((other, batch.items[at]))
            self._launcher.waiting.append(Planned(other, [batch.items[at]], [batch.keys[at]], alone=True))
        if self._scheduler.ended(index):
            self._tasks.end(index)

    def _culprit(self, entry: InFlight, worker: int) -> int:
        """Find the place in a batch of the attempt that ran when its worker died.

        Attempts before it may have ended untold; the worker's slot in the flight file knows better.
        """
        batch, slot = entry.batch, self._in_flight(worker)
        if slot is not None:
            for at in range(entry.told, len(batch.items)):
                if (self._journal.node(entry.task_at(at)), batch.items[at]) == slot[:2]:
                    return at
        return entry.told

    def abandon(self, entry: InFlight) -> None:
        """Record attempts that could not be stopped; only a thread's can't."""
        executor = self._launcher.executor(entry.executor)
        if executor.traits.kills or entry.told >= len(entry.batch.items):
            return
        index = entry.task_at(entry.told)
        item, key = entry.batch.items[entry.told], entry.batch.keys[entry.told]
        failure = Failure("abandoned", "the thread could not be stopped", "", "", retryable=False)
        row = Outcome(item, Kind.ABANDONED, None, time.time_ns() // 1000, 0, failure)
        self._journal.record(index, [row], [key], entry.batch.attempt, 0)
        self._give_up(index, item, State.ABANDONED, failure, key)

    def share(self, index: int, item: int, source: int, source_item: int) -> None:
        """Let an item have the result of another item of this run."""
        state = self._scheduler.states[source][source_item]
        if state == State.PENDING:
            opened = self._tasks[source]
            if opened.same is None:
                opened.same = {}
            opened.same.setdefault(source_item, []).append((index, item))
            return
        blob = self._journal.shared_outcome(source, source_item)
        self._tasks[index].outcomes[item] = blob
        self._journal.same_as(index, item, source, source_item)
        self._scheduler.finish(index, item, item + 1, State.REUSED)

    def _serve_same(self, index: int, same: dict[int, list[tuple[int, int]]], items: list[int]) -> None:
        """Give the results of items to those that have the same keys."""
        for item in items:
            for other in same.pop(item, ()):
                self.share(*other, index, item)
                if self._scheduler.ended(other[0]):
                    self._tasks.end(other[0])

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
            self.failed = True
        self._journal.ended_without_value(index, item, state, failure)
        self._planner.forget(key)
        opened = self._tasks[index]
        self._scheduler.finish(index, item, item + 1, state)
        for other, other_item in opened.same.pop(item, ()) if opened.same else ():
            self._scheduler.retry(other, other_item)


def ranges_of(items: Sequence[int]) -> list[tuple[int, int]]:
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
