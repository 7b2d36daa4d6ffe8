"""What becomes of attempts that never told how they ended: their worker died, or can't be stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from hookline.engine.record.journaling import Journaling
from hookline.engine.run.in_flight import InFlight, Planned
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.opening import OpenTasks
from hookline.engine.run.outcomes import STATES_OF_KINDS, Outcomes
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.engine.stop import Stop
from hookline.model.batch import AT_ONCE, Batch, Failure, Lost, Outcome
from hookline.model.states import Kind

__all__ = ["Losses"]

_log = logging.getLogger("hookline.engine.run.losses")


class Losses:
    """Takes batches apart whose workers are gone.

    Args:
        outcomes: Ends what is not tried again.
        scheduler: The states of tasks.
        tasks: Those that have begun.
        launcher: Given what has to be tried again.
        retries: Counts attempts.
        journaling: Has attempts recorded.
        stop: While the run stops, nothing is tried again.
        in_flight: Tells what a worker of an executor was making when it was last heard of: node, item, attempt.
        alone: Takes the items that get batches of their own from now on.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        scheduler: Scheduler,
        tasks: OpenTasks,
        launcher: Launcher,
        retries: Retries,
        journaling: Journaling,
        stop: Stop,
        in_flight: Callable[[str, int], tuple[int, int, int] | None],
        alone: set[tuple[int, int]],
    ) -> None:
        self._outcomes = outcomes
        self._scheduler = scheduler
        self._tasks = tasks
        self._launcher = launcher
        self._retries = retries
        self._journal = journaling
        self._stop = stop
        self._in_flight = in_flight
        self._alone = alone

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
                self._alone.add((other, batch.items[at]))
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
        index, key = entry.calls[first], self._outcomes.reach(entry, first)
        if culprit is None or culprit == first or kind != Kind.CRASHED:
            self._take_loss(index, entry.batch, 0, key, kind, failure, message)
        else:
            # What it was given is lost, so there is nothing to be recorded of it; but its worker counts.
            _log.warning("'%s' was lost: %s", self._journal.name(entry.calls[culprit], 0), failure.message)
            self._retries.after_loss(entry.calls[culprit], 0, 1)
            self._alone.update(((entry.calls[culprit], 0), (index, 0)))
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
            self._outcomes.not_completed(index, row, batch.attempt, key)
        elif (
            kind == Kind.CRASHED
            and not self._stop.level
            and (allowed := self._retries.after_loss(index, item, batch.attempt))
        ):
            self._alone.add((index, item))
            self._journal.retrying(index, item, batch.attempt, allowed, 0.0, failure)
            self._retries.wait(0.0, index, item)
        else:
            self._outcomes.give_up(index, item, STATES_OF_KINDS[kind], failure, key)

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
            item, key = (0, self._outcomes.reach(entry, at)) if batch.links else (batch.items[at], batch.keys[at])
            failure = Failure("abandoned", "the thread could not be stopped", "", "", retryable=False)
            row = Outcome(item, Kind.ABANDONED, None, time.time_ns() // 1000, 0, failure)
            self._journal.record(index, [row], [key], batch.attempt, 0)
            self._outcomes.give_up(index, item, State.ABANDONED, failure, key)


def _kind_of_loss(message: Lost) -> tuple[Kind, str]:
    """Tell how an attempt ended whose worker is gone, and what that is called."""
    if message.timed_out:
        return Kind.TIMED_OUT, "TimeoutError"
    if message.cancelled:
        return Kind.CANCELLED, "cancelled"
    return Kind.CRASHED, "out of memory" if message.out_of_memory else "worker lost"
