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
from hookline.worker.attempts import prepare
from hookline.worker.failures import failure_of
from hookline.worker.services import Emit, WorkerServices

__all__ = ["Emit", "run_batch"]

_EMIT_AFTER_NS = 20_000_000


def run_batch(batch: Batch, emit: Emit, services: WorkerServices) -> None:
    """Make the attempts of a batch: one after the other, those of async steps side by side.

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
    writer = services.shared.writer
    outcomes: list[Outcome] = []
    emitted = time.perf_counter_ns()
    last = len(batch.items) - 1
    try:
        for position in range(len(batch.items)):
            if services.is_cancelled(batch.number):
                outcomes.extend(_cancelled(batch, position))
                break
            outcomes.append(attempts.make(position))
            now = time.perf_counter_ns()
            if now - emitted > _EMIT_AFTER_NS and position < last:
                writer.sync()
                emit(outcomes, False)
                outcomes, emitted = [], now
    finally:
        attempt_in_force.reset(source)
        in_attempt.reset(inside)
        services.slot.clear()
    writer.sync()
    emit(outcomes, True)
    if attempts.interrupted:
        raise KeyboardInterrupt


def _all_failed(batch: Batch, error: BaseException) -> list[Outcome]:
    failure = failure_of(error, ())
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.FAILED, None, now, 0, failure) for item in batch.items]


def _cancelled(batch: Batch, position: int) -> Sequence[Outcome]:
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.CANCELLED, None, now, 0) for item in batch.items[position:]]
