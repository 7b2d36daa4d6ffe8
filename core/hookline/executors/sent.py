"""What a worker has been told of works, so that each travels to it once."""

from __future__ import annotations

from dataclasses import replace

from hookline.model.batch import Batch, FunctionRef, Work

__all__ = ["Sent"]

_KNOWN_WORKS = 512


class Sent:
    """The works that one worker has been given."""

    def __init__(self) -> None:
        self._works: set[int] = set()
        self._functions: set[bytes] = set()

    def __bool__(self) -> bool:
        """Whether there were any."""
        return bool(self._works)

    def take(self, batch: Batch) -> tuple[Work | None, bool]:
        """Note that a worker is given a batch.

        Args:
            batch: The batch.

        Returns:
            The work that goes with it, None where the worker has it; and whether it has to forget all others first.
        """
        forget = len(self._works) >= _KNOWN_WORKS
        if forget:
            self._works.clear()
        if batch.work.task in self._works:
            return None, forget
        self._works.add(batch.work.task)
        return self._lean(batch.work), forget

    def _lean(self, work: Work) -> Work:
        """Leave out code that the worker has been given before."""
        function: FunctionRef = work.function
        if not function.code:
            return work
        if function.digest in self._functions:
            return replace(work, function=replace(function, code=b""))
        self._functions.add(function.digest)
        return work
