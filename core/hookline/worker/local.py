"""Workers inside a process that others share, or that an executor of a plugin's started."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from hookline.model.batch import Batch, Failure, Outcome, RunFacts
from hookline.model.states import Kind
from hookline.worker.capture import Capture
from hookline.worker.failures import failure_of
from hookline.worker.native_threads import NativeThreads
from hookline.worker.run_batch import run_batch
from hookline.worker.services import Emit, WorkerServices, open_services

__all__ = ["LocalWorkers"]


class LocalWorkers:
    """Runs batches in whichever thread asks.

    Args:
        run: What the engine says about the run.
        own_process: Whether this process makes one attempt at a time and is there for nothing else: what is written to
            its descriptors is the attempt's, and it may end to get rid of an attempt that does not.
    """

    def __init__(self, run: RunFacts, *, own_process: bool = False) -> None:
        self._own_process = own_process
        self._shared = open_services(run)
        self._capture = Capture(run.output_limit, descriptors=own_process) if run.capture else None
        if self._capture is not None:
            self._capture.install()
        self._cancelled: set[int] = set()
        self._workers: dict[int, WorkerServices] = {}
        self._broken: dict[int, Failure] = {}
        self._lock = threading.Lock()
        self._limits = NativeThreads()

    def run(self, batch: Batch, emit: Emit, number: int) -> None:
        """Work through a batch.

        Args:
            batch: What to run.
            emit: Takes the outcomes.
            number: The worker's number; one thread at a time uses it.
        """
        services = self._workers.get(number)
        if services is None:
            services = self._open(number)
        if (broken := self._broken.get(number)) is not None:
            emit(_failed(batch, range(len(batch.items)), broken), True)
            return
        self._limits.apply(batch.work.cpu)
        count, told = 0, set[int]()

        def emit_counting(outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
            nonlocal count
            if positions is None:
                count += len(outcomes)
            else:
                told.update(positions)
            emit(outcomes, done, positions)

        try:
            run_batch(batch, emit_counting, services)
        except Exception as error:  # noqa: BLE001 - a full disk, most likely: the rest of the batch fails for it
            rest = [at for at in range(count, len(batch.items)) if at not in told]
            emit(_failed(batch, rest, failure_of(error, ())), True, rest)

    def leave(self, number: int) -> None:
        """End a worker, in its own thread: it is given nothing more."""
        services = self._workers.get(number)
        if services is not None:
            services.end()

    def cancel(self, batches: Iterable[int]) -> None:
        """Ask batches to end."""
        self._cancelled.update(batches)

    def close(self) -> None:
        """Give files and streams back."""
        if self._capture is not None:
            self._capture.uninstall()
        self._limits.lift()
        self._shared.close()

    def _open(self, number: int) -> WorkerServices:
        with self._lock:
            services = self._workers[number] = WorkerServices(
                self._shared,
                number,
                self._shared.flight.slot(number),
                self._capture,
                self._cancelled.__contains__,
                self._own_process,
            )
        try:
            services.begin()
        except Exception as error:  # noqa: BLE001 - a plugin's fault: this worker can make no attempt
            self._broken[number] = failure_of(error, ())
        return services


def _failed(batch: Batch, rest: Sequence[int], failure: Failure) -> list[Outcome]:
    return [Outcome(batch.items[at], Kind.FAILED, None, 0, 0, failure) for at in rest]
