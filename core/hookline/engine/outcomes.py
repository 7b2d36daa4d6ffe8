"""What becomes of attempts: results are handed on, failures retried or given up, lost workers' batches taken apart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from hookline.engine.growing import Growing
from hookline.engine.growth import Planted
from hookline.engine.journaling import Journaling
from hookline.engine.launcher import InFlight, Launcher, Planned
from hookline.engine.opening import OpenTasks
from hookline.engine.planner import Planner
from hookline.engine.program import GrownPart, Program
from hookline.engine.retry import Retries
from hookline.engine.scheduler import Scheduler, State
from hookline.engine.stop import Stop
from hookline.engine.stretches import Stretches
from hookline.model.batch import AT_ONCE, Batch, Failure, Finished, Lost, Outcome
from hookline.model.states import Kind

__all__ = ["Outcomes", "ranges_of"]

_log = logging.getLogger("hookline.engine.outcomes")

_COMPLETED = int(Kind.COMPLETED)
_GREW = int(Kind.GREW)
_SHOWN_CIRCLE = 12
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
        in_flight: Tells what a worker of an executor was making when it was last heard of: node, item, attempt.
        growing: Plants what attempts grew.
        stretches: Lets calls begin that a worker made without asking.
        alone: See below.

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
        in_flight: Callable[[str, int], tuple[int, int, int] | None],
        growing: Growing,
        stretches: Stretches,
        alone: set[tuple[int, int]],
    ) -> None:
        self._stretches = stretches
        self._growing = growing
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
        self.alone = alone

    def take(self, entry: InFlight, message: Finished) -> None:
        """Take outcomes of a batch."""
        batch, outcomes, worker = entry.batch, message.outcomes, message.worker
        if batch.links:
            self._take_stretch(entry, outcomes, worker)
            return
        first, count = entry.told, len(outcomes)
        positions = entry.take(count, message.positions)
        keys = batch.keys[first : first + count]
        if message.positions is not None:
            keys = [batch.keys[at] for at in positions]
        microseconds = 0
        for outcome in outcomes:
            microseconds += outcome.duration_us
        self._launcher.measured(batch.work.function, microseconds / count)
        if entry.calls:
            mean = self._launcher.mean_us(batch.work.function)
            for at, outcome, key in zip(positions, outcomes, keys, strict=True):
                self._take_call(entry.calls[at], batch, outcome, key, worker, mean)
        else:
            self._take_items(entry.task, batch, outcomes, keys, worker)

    def _take_stretch(self, entry: InFlight, outcomes: Sequence[Outcome], worker: int) -> None:
        """Take outcomes of a call, and of those that follow on it."""
        batch, mean_us, measured = entry.batch, self._launcher.mean_us, self._launcher.measured
        for at, outcome in zip(entry.take(len(outcomes), None), outcomes, strict=True):
            function = batch.links[at - 1].work.function if at else batch.work.function
            measured(function, outcome.duration_us)
            if at and outcome.kind == _COMPLETED:
                self._take_passed(entry.calls[at], outcome, worker, mean_us(function))
                continue
            key = self._reach(entry, at, outcome.key)
            self._take_call(entry.calls[at], batch, outcome, key, worker, mean_us(function))

    def _take_passed(self, index: int, outcome: Outcome, worker: int, mean_us: float) -> None:
        """Take the value of a call of a stretch, which nobody waited for but the next one."""
        self._stretches.passed(index, outcome)
        self._journal.record(index, (outcome,), (outcome.key,), 1, worker, once=self._journal.inputs_changed(index))
        self._tasks.end(index)
        if self._journal.progress.watching:
            self._journal.progress.attempted(index, 0, mean_us)

    def _reach(self, entry: InFlight, at: int, key: bytes = b"") -> bytes:
        """Give the key of a call of a stretch, after those before it ended; it begins, if it is not the first."""
        if not at:
            return entry.batch.keys[0]
        return self._stretches.reach(entry.calls[at], entry.batch.links[at - 1], entry.calls[at - 1], key)

    def over(self, entry: InFlight) -> None:
        """An executor is done with a batch: what of it was not reached is like any other."""
        if entry.batch.links:
            made = max(0, entry.told - 1)
            self._stretches.end(entry.calls[1 + made :], made)

    def _take_call(self, index: int, batch: Batch, outcome: Outcome, key: bytes, worker: int, mean_us: float) -> None:
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
        if self._journal.progress.watching:
            self._journal.progress.attempted(index, 0, mean_us)

    def _take_items(
        self, index: int, batch: Batch, outcomes: list[Outcome], keys: Sequence[bytes], worker: int
    ) -> None:
        """Take outcomes of one task."""
        opened, task = self._tasks[index], self._program.tasks[index]
        once = not task.cacheable or self._journal.inputs_changed(index)
        good: list[int] = []
        held = opened.outcomes
        planted: list[Planted] = []
        if any(outcome.kind == _GREW for outcome in outcomes):
            outcomes = self._growing.plant(index, outcomes, batch.attempt, planted)
        for outcome in outcomes:
            if outcome.kind == _COMPLETED:
                held[outcome.item] = outcome.outputs
                good.append(outcome.item)
        self._journal.record(index, outcomes, keys, batch.attempt, worker, once=once)
        for low, high in ranges_of(sorted(good)):
            opened.inputs.let_go(low, high)
            self._scheduler.finish(index, low, high, State.COMPLETED)
        if opened.same:
            self._serve_same(index, opened.same, good)
        for grown in planted:
            self.grew(grown, State.COMPLETED)
        if len(good) != len(outcomes):
            for outcome, key in zip(outcomes, keys, strict=True):
                if outcome.kind not in (_COMPLETED, _GREW):
                    self._not_completed(index, outcome, batch.attempt, key)
        if self._scheduler.ended(index):
            self._tasks.end(index)
        if self._journal.progress.watching:
            running = self._launcher.running(index) if task.task.mapped else 0
            self._journal.progress.attempted(index, running, self._launcher.mean_us(batch.work.function))

    def grew(self, planted: Planted, state: int) -> None:
        """Go on from an item whose recipe was planted: if it was the result of a part itself, it has ended.

        Args:
            planted: What is new.
            state: How the item ends then.
        """
        replaced, index, item = planted.replaced, planted.part.parent, planted.part.item
        if replaced is None:
            return
        target, opened = self._tasks[replaced.target[0]], self._tasks[index]
        self._planner.claim(opened.inputs.keys(item, item + 1)[0], *replaced.target)
        for other in opened.same.pop(item, ()) if opened.same else ():
            target.wait(replaced.target[1], other)
        self._scheduler.finish(index, item, item + 1, state)
        if state == State.COMPLETED:
            self._journal.stands_in(index)
        self._tasks.end(index)
        self._growing.over(replaced)

    def settle(self) -> None:
        """Let items that grew end as the results of their parts did, and let go of what is over."""
        for part, lack, blob in self._growing.ended():
            index, item = part.target
            opened = self._tasks[index]
            if blob is not None:
                opened.outcomes[item] = blob
                self._journal.came_to(part, blob)
                self._scheduler.finish(index, item, item + 1, State.REUSED if part.attempt == 0 else State.COMPLETED)
                if opened.same:
                    self._serve_same(index, opened.same, [item])
            else:
                self._came_to_nothing(part, lack)
            if self._scheduler.ended(index):
                self._tasks.end(index)
        self._growing.forget_over()

    def _came_to_nothing(self, part: GrownPart, lack: int) -> None:
        index, item = part.target
        opened = self._tasks[index]
        self._journal.came_to_nothing(part, lack)
        self._planner.forget(opened.inputs.keys(item, item + 1)[0])
        self._scheduler.finish(index, item, item + 1, lack)
        # To grow the same for each of them once more would come to nothing as often.
        for other, other_item in opened.same.pop(item, ()) if opened.same else ():
            self._journal.blocked(other, other_item, other_item + 1, (index, item))
            self._scheduler.finish(other, other_item, other_item + 1, lack)
            if self._scheduler.ended(other):
                self._tasks.end(other)

    def break_circle(self) -> bool:
        """End a standstill: let an item fail that waits, through others, for its own result.

        Returns:
            Whether there was such an item.
        """
        circle = self._growing.circle()
        places = circle.find()
        at = next((at for at, place in enumerate(places) if place in circle.waiting), None)
        if at is None:
            return False
        index, item = place = places[at]
        source, source_item = circle.waiting[place]
        others = self._tasks[source].same
        assert others is not None
        others[source_item].remove(place)
        names = [self._journal.name(*other) for other in (*places[at:], *places[:at], place)]
        failure = Failure(
            "WorkflowError",
            f"task '{names[0]}' waits for its own result "
            f"({' → '.join(names[:_SHOWN_CIRCLE])}{' → …' if len(names) > _SHOWN_CIRCLE else ''})\n"
            "help: let each call of a step that calls itself have other arguments than the calls it came from",
            "",
            "",
            retryable=False,
        )
        number = self._retries.number(index, item)
        row = Outcome(item, Kind.FAILED, None, time.time_ns() // 1000, 0, failure)
        self._journal.record(index, [row], [None], number, 0)
        self.failed = True
        self._journal.ended_without_value(index, item, State.FAILED, failure)
        self._scheduler.finish(index, item, item + 1, State.FAILED)
        if self._scheduler.ended(index):
            self._tasks.end(index)
        return True

    def lost(self, entry: InFlight, message: Lost) -> None:
        """A worker died: the attempt that ran is at fault, the rest of its batch is tried one by one."""
        batch = entry.batch
        rest = entry.open_positions()
        if not rest:
            return
        kind, word = _kind_of_loss(message)
        failure = Failure(word, message.reason, "", "", retryable=kind != Kind.CANCELLED)
        if batch.links:
            self._lose_stretch(entry, rest, kind, failure, message)
            return
        # Which of those that went on side by side is at fault can't be told: each has lost its worker.
        lost = rest[:AT_ONCE]
        if not batch.work.concurrent:
            culprit = self._culprit(entry, rest, message)
            lost = rest[:1] if culprit is None else [culprit]
        for at in lost:
            self._take_loss(entry.task_at(at), batch, batch.items[at], batch.keys[at], kind, failure, message)
        taken = set(lost)
        for at in rest:
            if at not in taken:
                other = entry.task_at(at)
                self.alone.add((other, batch.items[at]))
                self._launcher.waiting.append(Planned(other, [batch.items[at]], [batch.keys[at]], alone=True))
        for at in lost:
            index = entry.task_at(at)
            if self._scheduler.ended(index):
                self._tasks.end(index)

    def _lose_stretch(self, entry: InFlight, rest: Sequence[int], kind: Kind, failure: Failure, message: Lost) -> None:
        """A worker died over a call of a stretch, or over one that follows on what it had not told of yet."""
        first, culprit = rest[0], self._culprit(entry, rest, message)
        if first and culprit is None:
            # It ran none of them: the first of them may have no arguments, or a result to be reused.
            _log.warning("a worker was lost between two attempts: %s", failure.message)
            return
        index, key = entry.calls[first], self._reach(entry, first)
        if culprit is None or culprit == first or kind != Kind.CRASHED:
            self._take_loss(index, entry.batch, 0, key, kind, failure, message)
        else:
            # What it was given is lost, so there is nothing to be recorded of it; but its worker counts.
            _log.warning("'%s' was lost: %s", self._journal.name(entry.calls[culprit], 0), failure.message)
            self._retries.after_loss(entry.calls[culprit], 0, 1)
            self.alone.update(((entry.calls[culprit], 0), (index, 0)))
            self._launcher.waiting.append(Planned(index, [0], [key], alone=True))
        if self._scheduler.ended(index):
            self._tasks.end(index)

    def _take_loss(
        self, index: int, batch: Batch, item: int, key: bytes, kind: Kind, failure: Failure, message: Lost
    ) -> None:
        """Record an attempt that ended with its worker, and have it tried again if it may."""
        row = Outcome(item, kind, None, time.time_ns() // 1000, 0, failure, (), message.output)
        self._journal.record(index, [row], [key], batch.attempt, message.worker)
        if kind == Kind.TIMED_OUT:
            self._not_completed(index, row, batch.attempt, key)
        elif (
            kind == Kind.CRASHED
            and not self._stop.level
            and (allowed := self._retries.after_loss(index, item, batch.attempt))
        ):
            self.alone.add((index, item))
            self._journal.retrying(index, item, batch.attempt, allowed, 0.0, failure)
            self._retries.wait(0.0, index, item)
        else:
            self._give_up(index, item, _STATES[kind], failure, key)

    def _culprit(self, entry: InFlight, rest: Sequence[int], message: Lost) -> int | None:
        """Find the place in a batch of the attempt that ran when its worker died; None where it was none of the rest.

        Attempts before it may have ended untold; the message, or the worker's slot in the flight file, knows better.
        """
        batch, slot = entry.batch, message.last or self._in_flight(entry.executor, message.worker)
        if slot is not None:
            for at in rest:
                item = batch.items[at] if at < len(batch.items) else 0
                if (self._journal.node(entry.task_at(at)), item) == slot[:2]:
                    return at
        return None

    def abandon(self, entry: InFlight) -> None:
        """Record attempts that could not be stopped; only a thread's can't, and only what it began."""
        executor, batch = self._launcher.executor(entry.executor), entry.batch
        if executor.traits.kills or not entry.started:
            return
        # One after the other, only the first that is left may have begun.
        for at in entry.open_positions()[: None if batch.work.concurrent else 1]:
            index = entry.task_at(at)
            if at and batch.links and not self._scheduler.has_value(entry.calls[at - 1]):
                return  # the stretch ended before it
            item, key = (0, self._reach(entry, at)) if batch.links else (batch.items[at], batch.keys[at])
            failure = Failure("abandoned", "the thread could not be stopped", "", "", retryable=False)
            row = Outcome(item, Kind.ABANDONED, None, time.time_ns() // 1000, 0, failure)
            self._journal.record(index, [row], [key], batch.attempt, 0)
            self._give_up(index, item, State.ABANDONED, failure, key)

    def share(self, index: int, item: int, source: int, source_item: int) -> None:
        """Let an item have the result of another item of this run."""
        state = self._scheduler.states[source][source_item]
        if state == State.PENDING:
            self._tasks[source].wait(source_item, (index, item))
            return
        blob = self._journal.shared_outcome(source, source_item)
        self._tasks[index].outcomes[item] = blob
        self._journal.same_as(index, item, source, source_item, blob)
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
                self._retries.wait(delay, index, item)
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


def _kind_of_loss(message: Lost) -> tuple[Kind, str]:
    """Tell how an attempt ended whose worker is gone, and what that is called."""
    if message.timed_out:
        return Kind.TIMED_OUT, "TimeoutError"
    if message.cancelled:
        return Kind.CANCELLED, "cancelled"
    return Kind.CRASHED, "out of memory" if message.out_of_memory else "worker lost"


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
