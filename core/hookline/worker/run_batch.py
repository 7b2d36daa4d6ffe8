"""The one thing that every executor calls wherever it makes attempts: work through a batch.

No executor, thread or process is mentioned here; hooks, capture, stores and files all happen inside, so that every
executor has them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from hookline.model.attempt import attempt_in_force
from hookline.model.batch import Batch, Outcome
from hookline.model.recording import in_attempt
from hookline.model.states import Kind
from hookline.store.artifact_writer import ArtifactWriter
from hookline.worker.attempts import prepare
from hookline.worker.failures import failure_of
from hookline.worker.services import Emit, WorkerServices

__all__ = ["Emit", "run_batch"]

_TELL_AFTER_NS = 20_000_000
_TELL_LINKS_AFTER_NS = 5_000_000
"""Sooner: nothing else is going on, so the driver has time to record what ended, beside what follows."""


def run_batch(batch: Batch, emit: Emit, services: WorkerServices) -> None:
    """Make the attempts of a batch: one after the other, then those of its links; those of async steps side by side.

    Args:
        batch: What to run.
        emit: Called with outcomes whose outputs are durable; at least once, the last time with ``done`` set.
        services: What this worker has.

    Raises:
        KeyboardInterrupt: The user interrupted an attempt in the driver's own thread; it was reported as cancelled.
    """
    try:
        prepared = prepare(batch.work, services.shared)
    except Exception as error:  # noqa: BLE001 - an import of the user's may raise anything
        emit(_all_failed(batch, error), True)
        return
    if batch.work.concurrent:
        from hookline.worker.run_concurrent import run_concurrent

        run_concurrent(batch, prepared, emit, services)
        return
    attempts = services.shared.attempts(batch, prepared, services)
    inside, source = in_attempt.set(attempts.record), attempt_in_force.set(attempts.current)
    after_ns = _TELL_LINKS_AFTER_NS if batch.links else _TELL_AFTER_NS
    telling = _Telling(emit, services.shared.writer, after_ns)
    last = len(batch.items) - 1
    outcome: Outcome | None = None
    try:
        for position in range(len(batch.items)):
            if services.is_cancelled(batch.number):
                telling.outcomes.extend(_cancelled(batch, position))
                break
            outcome = attempts.make(position)
            telling.add(outcome, more=position < last or bool(batch.links))
        interrupted = attempts.interrupted
        if batch.links and outcome is not None and not interrupted:
            interrupted = _follow(batch, outcome, services, telling)
    finally:
        attempt_in_force.reset(source)
        in_attempt.reset(inside)
        services.slot.clear()
    telling.end()
    if interrupted:
        raise KeyboardInterrupt


def _follow(batch: Batch, outcome: Outcome, services: WorkerServices, telling: _Telling) -> bool:
    """Make the calls that follow on a batch's only item, as far as may be; tells whether the user interrupted one."""
    # Most batches have none.
    from hookline.worker.stretch import follow

    try:
        for followed in follow(batch, outcome, services):
            telling.add(followed, more=True)
    except KeyboardInterrupt:
        return True
    return False


class _Telling:
    """Tells of outcomes now and then, and only once what they name is durable."""

    def __init__(self, emit: Emit, writer: ArtifactWriter, after_ns: int) -> None:
        self._after_ns = after_ns
        self._emit = emit
        self._writer = writer
        self._told = time.perf_counter_ns()
        self.outcomes: list[Outcome] = []

    def add(self, outcome: Outcome, *, more: bool) -> None:
        """Take an outcome.

        Args:
            outcome: The outcome.
            more: Whether another may follow.
        """
        self.outcomes.append(outcome)
        now = time.perf_counter_ns()
        if more and now - self._told > self._after_ns:
            self._writer.sync()
            self._emit(self.outcomes, False)
            self.outcomes, self._told = [], now

    def end(self) -> None:
        """Tell what was not told, and that there is no more."""
        self._writer.sync()
        self._emit(self.outcomes, True)


def _all_failed(batch: Batch, error: BaseException) -> list[Outcome]:
    failure = failure_of(error, ())
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.FAILED, None, now, 0, failure) for item in batch.items]


def _cancelled(batch: Batch, position: int) -> Sequence[Outcome]:
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.CANCELLED, None, now, 0) for item in batch.items[position:]]
