"""A batch of an async step: its attempts go on side by side in the worker's event loop.

The thread that was given the batch waits: it hands outcomes on as they come, passes the wish to cancel on, and looks
after attempts that do not end when their time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hookline.model.attempt import attempt_in_force
from hookline.model.batch import AT_ONCE, Batch, Failure, Outcome
from hookline.model.recording import in_attempt
from hookline.model.states import Kind
from hookline.worker.attempts import Prepared
from hookline.worker.failures import failure_of
from hookline.worker.services import Emit, WorkerServices

if TYPE_CHECKING:
    from hookline.worker.event_loop import EventLoop

__all__ = ["run_concurrent"]

_LOOK = 0.05
_EMIT_AFTER = 0.02
_GRACE = 5.0
"""Seconds in which an attempt must have ended after it was cancelled because its time was over."""

_ANSWER = 1.0
"""Seconds in which a loop that nobody blocks comes round, also on a busy machine."""

_GONE = 70
_Done = tuple[int, Outcome]


def run_concurrent(batch: Batch, prepared: Prepared, emit: Emit, services: WorkerServices) -> None:
    """Make the attempts of a batch side by side.

    Args:
        batch: What to run.
        prepared: What its attempts have in common.
        emit: Takes outcomes as they come, with their positions.
        services: What this worker has.

    Raises:
        KeyboardInterrupt: The user interrupted the driver's own thread; attempts at hand were reported as cancelled.
    """
    waiting = _Waiting(batch, prepared, emit, services)
    try:
        waiting.until_done()
    finally:
        services.slot.clear()


class _Waiting:
    """The thread that waits for a batch."""

    def __init__(self, batch: Batch, prepared: Prepared, emit: Emit, services: WorkerServices) -> None:
        self._batch = batch
        self._prepared = prepared
        self._emit = emit
        self._services = services
        self._left = len(batch.items)
        self._ended = bytearray(len(batch.items))
        self._interrupted = False
        self._cancelled = False
        self._open()

    def _open(self) -> None:
        """Take a loop for attempts that have not begun; outcomes from an earlier one are not looked at any more."""
        positions = [at for at, ended in enumerate(self._ended) if not ended]
        self._loop = self._services.shared.open_loop()
        self._done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        self._batch_of_attempts = _Batch(
            self._batch, self._prepared, self._services, self._loop, self._done, positions, self._cancelled
        )

    def until_done(self) -> None:
        """Hand outcomes on until there are no more."""
        capture = self._services.capture
        if capture is not None:
            capture.begin()
        started: _Batch | None = None
        try:
            while self._left:
                # An interrupt may come at any line from here on, before the loop has begun, too.
                try:
                    if self._batch_of_attempts.over:
                        self._open()
                    if started is not self._batch_of_attempts:
                        self._loop.start(self._batch_of_attempts.run())
                        started = self._batch_of_attempts
                    self._hand_on(self._gather())
                    self._look_after()
                except KeyboardInterrupt:
                    self._interrupted = True
                    self._cancel()
        finally:
            if self._left:
                # An error, as of a full disk: it is reported for all that was not, and none of that is to begin.
                self._batch_of_attempts.begin_no_more()
                self._cancel()
            if capture is not None:
                capture.end()
        if self._interrupted:
            raise KeyboardInterrupt

    def _gather(self) -> list[_Done]:
        """Take what has ended: with the first, whatever comes within a moment."""
        found: list[_Done] = []
        try:
            found.append(self._done.get(timeout=_LOOK))
            end = time.monotonic() + _EMIT_AFTER
            while len(found) < self._left and (rest := end - time.monotonic()) > 0:
                found.append(self._done.get(timeout=rest))
        except queue.Empty:
            pass
        return found

    def _hand_on(self, found: list[_Done]) -> None:
        found = [done for done in found if not self._ended[done[0]]]
        for position, _ in found:
            self._ended[position] = 1
        self._left -= len(found)
        if not found:
            return
        self._services.shared.writer.sync()
        self._emit([outcome for _, outcome in found], not self._left, [position for position, _ in found])

    def _look_after(self) -> None:
        if self._loop.left_behind:
            # By a batch of another thread.
            self._leave_loop()
            return
        if not self._cancelled and self._services.is_cancelled(self._batch.number):
            self._cancel()
        limit = self._batch.timeout
        if limit is None or not self._left:
            return
        now = time.monotonic()
        begun = list(self._batch_of_attempts.began.items())
        late = [at for at, began in begun if now - began > limit + _GRACE and not self._ended[at]]
        if late:
            self._leave_behind(late, limit)

    def _cancel(self) -> None:
        self._cancelled = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.loop.call_soon_threadsafe(self._batch_of_attempts.cancel)

    def _leave_behind(self, late: list[int], limit: float) -> None:
        """Give up on attempts that were cancelled and did not end: they hold the loop, or don't let go."""
        message = f"took longer than {limit:g} s, and did not end when it was cancelled"
        if self._services.expendable:
            failure = Failure("TimeoutError", message, "", "", True)
            self._hand_on([(at, _outcome(self._batch.items[at], Kind.TIMED_OUT, failure)) for at in late])
            if self._left:
                os._exit(_GONE)  # the executor has the others tried again
            self._loop.left_behind = True
            return
        failure = Failure("abandoned", message, "", "", retryable=False)
        self._abandon(late, failure)
        self._batch_of_attempts.give_up(late)
        if len(self._loop.given_up) >= AT_ONCE or not self._loop.answers(_ANSWER):
            self._loop.left_behind = True
            self._leave_loop()

    def _abandon(self, positions: list[int], failure: Failure) -> None:
        self._hand_on([(at, _outcome(self._batch.items[at], Kind.ABANDONED, failure)) for at in positions])

    def _leave_loop(self) -> None:
        """Give up on all that is in a loop which an attempt holds; the rest is made in another one."""
        begun = self._batch_of_attempts.begin_no_more()
        with contextlib.suppress(queue.Empty):
            while True:
                self._hand_on([self._done.get_nowait()])
        self._abandon(begun, Failure("abandoned", "another attempt held the event loop", "", "", retryable=False))


class _Batch:
    """The attempts of one batch, in the loop.

    Attributes:
        began: When attempts began, by position, until they have ended; written by the loop.
        over: Whether the loop was left, and begins none any more.
    """

    def __init__(
        self,
        batch: Batch,
        prepared: Prepared,
        services: WorkerServices,
        loop: EventLoop,
        done: queue.SimpleQueue[_Done],
        positions: Sequence[int],
        stopping: bool,
    ) -> None:
        self._batch = batch
        self._prepared = prepared
        self._services = services
        self._done = done
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._width = min(len(positions), AT_ONCE)
        self._positions = iter(positions)
        self._stopping = stopping
        self._running = False
        self._beginning = threading.Lock()
        self.began: dict[int, float] = {}
        self.over = False

    async def run(self) -> None:
        """Let as many attempts go on at once as may, until all have been made; a second call does nothing."""
        if self._running:
            return
        self._running = True
        await asyncio.gather(*[self._make_some() for _ in range(self._width)])

    def begin_no_more(self) -> list[int]:
        """Begin no further attempt, and give those that have begun and not ended; from any thread."""
        with self._beginning:
            self.over = True
            return list(self.began)

    def give_up(self, positions: list[int]) -> None:
        """Note that nobody waits for attempts any more, though they may go on; from any thread."""
        given_up = self._loop.given_up
        given_up.update((self._batch.number, at) for at in positions)
        given_up.difference_update((self._batch.number, at) for at in positions if at not in self.began)

    def cancel(self) -> None:
        """Cancel the attempts at hand, and begin no further one."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()

    async def _make_some(self) -> None:
        for position in self._positions:
            async with self._loop.room:
                # A task of its own has a context of its own, and can be cancelled without the others.
                task = asyncio.create_task(self._make(position))
                self._tasks.add(task)
                try:
                    await asyncio.wait([task])
                finally:
                    self._tasks.discard(task)
                if task.cancelled():  # before it had begun
                    self._done.put((position, _outcome(self._batch.items[position], Kind.CANCELLED)))
                elif (error := task.exception()) is not None:  # a full disk, most likely
                    failure = failure_of(error, ())
                    self._done.put((position, _outcome(self._batch.items[position], Kind.FAILED, failure)))

    async def _make(self, position: int) -> None:
        with self._beginning:
            if self.over:
                return
            self.began[position] = time.monotonic()
        number = self._loop.free.pop()
        try:
            slot = self._services.shared.flight.side_slot(self._services.worker, number)
            try:
                outcome = await self._attempt(position, slot)
            finally:
                slot.clear()
            # First this: what has neither begun nor ended is made elsewhere if the loop is left.
            self._done.put((position, outcome))
        finally:
            self._loop.free.append(number)
            self.began.pop(position, None)
            self._loop.given_up.discard((self._batch.number, position))

    async def _attempt(self, position: int, slot: Any) -> Outcome:
        if self._stopping:
            return _outcome(self._batch.items[position], Kind.CANCELLED)
        attempts = self._services.shared.attempts(self._batch, self._prepared, self._services)
        item = attempts.begin(position, slot)
        in_attempt.set(attempts.record)
        attempt_in_force.set(attempts.current)
        capture = self._services.capture
        end = capture.begin_here() if capture is not None else None
        started_us, clock = time.time_ns() // 1000, time.perf_counter_ns()
        outputs: bytes | None = None
        failure: Failure | None = None
        kind: int = Kind.COMPLETED
        limit = asyncio.timeout(self._batch.timeout)
        try:
            async with limit:
                value = await attempts.call()
            if limit.expired() or self._is_late(position):
                raise TimeoutError  # it was cancelled and went on, or held the loop until now
            kind, outputs = attempts.take(value)
        except BaseException as error:  # noqa: BLE001 - whatever a step raises is its failure, sys.exit too
            kind, failure = self._failed(error, limit.expired() or self._is_late(position))
        duration_us = (time.perf_counter_ns() - clock) // 1000
        notes = attempts.finish(kind, outputs, failure, duration_us)
        output = end() if end is not None else None
        return Outcome(item, kind, outputs, started_us, duration_us, failure, notes, output)

    def _is_late(self, position: int) -> bool:
        limit = self._batch.timeout
        return limit is not None and time.monotonic() - self.began[position] > limit

    def _failed(self, error: BaseException, expired: bool) -> tuple[int, Failure]:
        if expired:
            message = f"took longer than {self._batch.timeout:g} s"
            return Kind.TIMED_OUT, Failure("TimeoutError", message, "", "", True)
        if isinstance(error, asyncio.CancelledError) and self._stopping:
            return Kind.CANCELLED, failure_of(error, ())
        return Kind.FAILED, failure_of(error, self._prepared.retry_on, self._prepared.function)


def _outcome(item: int, kind: int, failure: Failure | None = None) -> Outcome:
    return Outcome(item, kind, None, time.time_ns() // 1000, 0, failure)
