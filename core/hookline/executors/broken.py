"""What stands in for an executor that could not start: it fails the attempts that it is given, with the reason."""

from __future__ import annotations

from collections.abc import Iterable

from hookline.executors.protocol import Traits
from hookline.model.batch import Batch, Deliver, Failure, Finished, RunFacts

__all__ = ["BrokenExecutor"]


class BrokenExecutor:
    """Fails every attempt, so that the tasks of other executors go on.

    Args:
        failure: Why the executor that it stands for could not start.
    """

    traits = Traits(kills=True, remote=False, shares_memory=False)

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._deliver: Deliver | None = None

    def start(self, run: RunFacts, deliver: Deliver) -> None:  # noqa: ARG002 - no worker needs to know
        """See :meth:`Executor.start`."""
        self._deliver = deliver

    def capacity(self) -> int:
        """One batch at a time; each is over at once."""
        return 1

    def submit(self, batch: Batch) -> None:
        """Fail the batch."""
        assert self._deliver is not None
        self._deliver(Finished.failed(batch, self._failure))

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """Nothing is running."""

    def close(self, grace: float) -> None:
        """Nothing is running."""
