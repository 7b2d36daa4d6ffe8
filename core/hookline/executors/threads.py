"""The threads executor: attempts happen in threads of the driver's process."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from hookline.executors.protocol import CUT_SHORT, Traits
from hookline.model.batch import Batch, Deliver, Finished, Outcome, RunFacts, Started

__all__ = ["ThreadsExecutor"]

_log = logging.getLogger("hookline.executors.threads")
# The worker stands above the executors; it is started by name.
_WORKER = "hookline.worker.local"


class ThreadsExecutor:
    """Makes attempts in a fixed number of threads.

    A thread can't be stopped: what does not end within the grace period is left behind, and the process can end anyway.

    Args:
        workers: How many threads; by default as many as there are processors for this process, and at least two.
    """

    traits = Traits(kills=False, remote=False, shares_memory=True)

    def __init__(self, workers: int | None = None) -> None:
        self._count = workers or max(
            2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
        )
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._leaving: set[int] = set()
        self._lock = threading.Lock()
        self._worker: Any = None
        self._deliver: Deliver | None = None

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`; threads are started when there is work for them."""
        self._worker = importlib.import_module(_WORKER).LocalWorkers(run)
        self._deliver = deliver

    def capacity(self) -> int:
        """One batch per thread."""
        return self._count

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        self._queue.put(batch)
        with self._lock:
            wanted = self._queue.qsize() > self._idle and len(self._threads) < self._count
        if wanted:
            # Daemons: a step that never ends must not keep a driver from ending that was told to.
            number = len(self._threads)
            thread = threading.Thread(target=self._loop, args=(number,), name=f"hookline-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def cancel(self, batches: Iterable[int], grace: float) -> None:  # noqa: ARG002 - threads can't be forced
        """Ask batches to end before their next attempt, and steps that ask ``attempt().cancelled()``."""
        if self._worker is not None:
            self._worker.cancel(batches)

    def close(self, grace: float) -> None:
        """Wait for threads that are working, at most ``grace`` seconds in all."""
        for _ in self._threads:
            self._queue.put(None)
        end = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if grace and self._leaving:
            _log.warning(CUT_SHORT, len(self._leaving), grace)
        if self._worker is not None and not any(thread.is_alive() for thread in self._threads):
            self._worker.close()
            self._worker = None

    def _loop(self, number: int) -> None:
        deliver, worker = self._deliver, self._worker
        assert deliver is not None
        while True:
            with self._lock:
                self._idle += 1
            batch = self._queue.get()
            with self._lock:
                self._idle -= 1
            if batch is None:
                self._leaving.add(number)
                worker.leave(number)
                self._leaving.discard(number)
                return
            deliver(Started(batch.number, number))

            def emit(
                outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None, batch: Batch = batch
            ) -> None:
                deliver(Finished(batch.number, number, outcomes, done, positions))

            # It was reported as the attempt's end. The user interrupts no thread but the main one.
            with contextlib.suppress(KeyboardInterrupt):
                worker.run(batch, emit, number)
