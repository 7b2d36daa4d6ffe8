"""The inline executor: attempts happen in the driver's own thread, where a debugger sees them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from hookline.executors.protocol import Traits
from hookline.model.batch import Batch, Deliver, Finished, Outcome, RunFacts, Started

__all__ = ["InlineExecutor"]

# The worker stands above the executors; it is started by name.
_WORKER = "hookline.worker.local"


class InlineExecutor:
    """Makes each attempt while it is submitted.

    Args:
        workers: Taken and ignored: there is one thread.
    """

    traits = Traits(kills=False, remote=False, shares_memory=True, blocks=True)

    def __init__(self, workers: int | None = None) -> None:  # noqa: ARG002 - every executor takes it
        self._worker: Any = None
        self._deliver: Deliver | None = None

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`."""
        self._worker = importlib.import_module(_WORKER).LocalWorkers(run)
        self._deliver = deliver

    def capacity(self) -> int:
        """One batch at a time."""
        return 1

    def submit(self, batch: Batch) -> None:
        """Run the batch before returning."""
        deliver = self._deliver
        assert deliver is not None
        deliver(Started(batch.number, 0))

        def emit(outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
            deliver(Finished(batch.number, 0, outcomes, done, positions))

        self._worker.run(batch, emit, 0)

    def cancel(self, batches: Iterable[int], grace: float) -> None:  # noqa: ARG002 - nothing here can be forced
        """Ask the batch that is running, if there is one, to end."""
        if self._worker is not None:
            self._worker.cancel(batches)

    def close(self, grace: float) -> None:  # noqa: ARG002 - nothing is running
        """Give files back."""
        if self._worker is not None:
            self._worker.leave(0)
            self._worker.close()
            self._worker = None
