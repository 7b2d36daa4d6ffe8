"""What becomes of attempts: results are handed on, failures are retried or given up."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hookline.engine.program.program import GrownPart, Planted, Program
from hookline.engine.record.journaling import Journaling
from hookline.engine.run.growing import Growing
from hookline.engine.run.in_flight import InFlight
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.opening import OpenTasks
from hookline.engine.run.planner import Planner
from hookline.engine.run.stretches import Stretches
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.engine.schedule.timings import Timings
from hookline.engine.stop import Stop
from hookline.model.batch import Batch, Failure, Finished, Outcome
from hookline.model.states import Kind
from hookline.model.work import FunctionRef

__all__ = ["STATES_OF_KINDS", "Outcomes", "ranges_of"]

_COMPLETED = int(Kind.COMPLETED)
_GREW = int(Kind.GREW)
_SHOWN_CIRCLE = 12
STATES_OF_KINDS = {
    Kind.COMPLETED: State.COMPLETED,
    Kind.COMPLETED_ONCE: State.COMPLETED,
    Kind.FAILED: State.FAILED,
    Kind.TIMED_OUT: State.TIMED_OUT,
    Kind.CANCELLED: State.CANCELLED,
    Kind.CRASHED: State.CRASHED,
    Kind.ABANDONED: State.ABANDONED,
}
"""How an item ends whose attempt ended so, and is the last."""


class Outcomes:
    """Takes what executors tell, and changes the run's state by it.

    Args:
        program: All tasks.
        scheduler: Their states.
        tasks: Those that have begun.
        planner: Told when a key will have no result.
        launcher: Knows what is being worked on.
        timings: How long attempts take.
        retries: Counts attempts.
        journaling: Has outcomes recorded.
        stop: While the run stops, nothing is tried again.
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
        timings: Timings,
        retries: Retries,
        journaling: Journaling,
        stop: Stop,
        growing: Growing,
        stretches: Stretches,
        alone: set[tuple[int, int]],
    ) -> None:
        self._stretches = stretches
        self._growing = growing
        self._program = program
        self._scheduler = scheduler
        self._tasks = tasks
        self._planner = planner
        self._launcher = launcher
        self._timings = timings
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
        self._timings.note(batch.work.function, microseconds / count)
        if entry.calls:
            mean = self._timings.mean_us(batch.work.function)
            for at, outcome, key in zip(positions, outcomes, keys, strict=True):
                self._take_call(entry.calls[at], batch, outcome, key, worker, mean)
        else:
            self._take_items(entry.task, batch, outcomes, keys, worker)

    def _take_stretch(self, entry: InFlight, outcomes: Sequence[Outcome], worker: int) -> None:
        """Take outcomes of a call, and of those that follow on it."""
        batch, mean_us = entry.batch, self._timings.mean_us
        took: dict[FunctionRef, list[int]] = {}
        for at, outcome in zip(entry.take(len(outcomes), None), outcomes, strict=True):
            function = batch.links[at - 1].work.function if at else batch.work.function
            took.setdefault(function, []).append(outcome.duration_us)
            if at and outcome.kind == _COMPLETED:
                self._take_passed(entry.calls[at], outcome, worker, function)
                continue
            key = self.reach(entry, at, outcome.key)
            self._take_call(entry.calls[at], batch, outcome, key, worker, mean_us(function))
        for function, durations in took.items():
            self._timings.note(function, sum(durations) / len(durations))

    def _take_passed(self, index: int, outcome: Outcome, worker: int, function: FunctionRef) -> None:
        """Take the value of a call of a stretch, which nobody waited for but the next one."""
        self._stretches.passed(index, outcome)
        self._journal.record(index, (outcome,), (outcome.key,), 1, worker, once=self._journal.inputs_changed(index))
        self._tasks.end(index)
        if self._journal.progress.watching:
            self._journal.progress.attempted(index, 0, self._timings.mean_us(function))

    def reach(self, entry: InFlight, at: int, key: bytes = b"") -> bytes:
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
                    self.not_completed(index, outcome, batch.attempt, key)
        if self._scheduler.ended(index):
            self._tasks.end(index)
        if self._journal.progress.watching:
            running = self._launcher.running(index) if task.task.mapped else 0
            self._journal.progress.attempted(index, running, self._timings.mean_us(batch.work.function))

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

    def not_completed(self, index: int, outcome: Outcome, number: int, key: bytes) -> None:
        """Have an attempt that failed, or took too long, followed by another, or give its item up."""
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
        self.give_up(index, item, STATES_OF_KINDS[Kind(outcome.kind)], failure, key)

    def give_up(self, index: int, item: int, state: int, failure: Failure | None, key: bytes) -> None:
        """End an item without a value; what waited for its result goes on by itself."""
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
