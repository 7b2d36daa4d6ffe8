"""A few bytes of memory that a driver and one worker share: whether a batch is cancelled, and what an attempt printed.

The worker looks at it without a system call; the driver can read it after the worker was killed.
"""

from __future__ import annotations

import mmap
import os

from hookline.executors.tape import Tape, tape_size

__all__ = ["Board"]

_WORD = 8
_CANCEL, _DOOM, _BEGUN = 0, 1, 2
_HEADER = 3 * _WORD


class Board:
    """The shared memory of one worker.

    Args:
        fd: What :meth:`create` opened; stays the caller's to close.
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, os.fstat(fd).st_size)
        self._view = memoryview(self._memory)
        self._words = self._view[:_HEADER].cast("Q")
        self.tape = Tape(self._view[_HEADER:])

    @staticmethod
    def create(limit: int) -> int:
        """Make the memory.

        Args:
            limit: Bytes of output to keep per attempt.

        Returns:
            Its descriptor.
        """
        size = _HEADER + tape_size(limit)
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("hookline-board", os.MFD_CLOEXEC)
        else:
            import tempfile  # workers, which are to be there at once, don't need it

            fd, path = tempfile.mkstemp(prefix="hookline-board-")
            os.unlink(path)  # noqa: PTH108
        os.ftruncate(fd, size)
        return fd

    def cancel(self, batch: int) -> None:
        """Ask the worker to end a batch."""
        self._words[_CANCEL] = batch + 1

    def cancelled(self, batch: int) -> bool:
        """Tell whether a batch is asked to end."""
        return self._words[_CANCEL] == batch + 1

    def begin(self, batch: int) -> None:
        """Say that the worker begins a batch."""
        self._words[_BEGUN] = batch + 1

    def has_begun(self, batch: int) -> bool:
        """Tell whether a batch is the one that the worker began last."""
        return self._words[_BEGUN] == batch + 1

    def doom(self) -> None:
        """Say that the worker is about to be killed."""
        self._words[_DOOM] = 1

    def doomed(self) -> bool:
        """Tell whether the worker is about to be killed."""
        return self._words[_DOOM] != 0
