"""What is running right now: a mapped file per driver and executor, one slot per worker, left by a killed process.

Nothing is synced: the file informs after a crash of a process, not of the machine. A slot is set before its attempt
starts, so a slot that was being written when the process died says truthfully that nothing had started.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from struct import Struct

from hookline.model.batch import AT_ONCE
from hookline.store.place import storage_error

__all__ = ["Flight", "InFlight", "Slot", "checked_path", "forget_flight"]

InFlight = tuple[int, int, int]
"""(node, item, attempt)."""

_SLOT = Struct("<QQII")
_SIZE = 32
_CHECK = 0x5F10C4
_EMPTY = bytes(_SIZE)
_CAPACITY = 4096
_SIDE = 1024
"""The first slot for attempts that go on beside others of their worker; the file grows where many workers have such."""


class Slot:
    """One worker's place in the flight file."""

    __slots__ = ("_at", "_map")

    def __init__(self, mapped: mmap.mmap, at: int) -> None:
        self._map = mapped
        self._at = at

    def set(self, node: int, item: int, attempt: int, _pack: Callable[..., None] = _SLOT.pack_into) -> None:
        """Say that this worker starts an attempt now."""
        _pack(self._map, self._at, item, item ^ node ^ attempt ^ _CHECK, node, attempt)

    def clear(self) -> None:
        """Say that this worker is idle."""
        self._map[self._at : self._at + _SIZE] = _EMPTY

    def get(self) -> InFlight | None:
        """Tell which attempt stands here, if one does."""
        item, check, node, attempt = _SLOT.unpack_from(self._map, self._at)
        if attempt == 0 or check != item ^ node ^ attempt ^ _CHECK:
            return None
        return node, item, attempt


class Flight:
    """The flight file of one executor in one epoch of one run.

    Args:
        path: Where the file is; worker processes open the same path.
        create: Whether to make it anew.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._besides: list[Flight] = []
        self._maps: list[mmap.mmap] = []
        self._open(os.O_CREAT | os.O_TRUNC if create else 0, _CAPACITY if create else 0)

    def _open(self, flags: int, slots: int) -> None:
        """Map the file, in which there must be room for so many slots."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | flags, 0o644)
            try:
                _allocate(fd, slots * _SIZE)
                self._map = mmap.mmap(fd, os.fstat(fd).st_size)
            finally:
                os.close(fd)
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else OSError(0, str(error))
            raise storage_error(cause, self.path) from error
        # Slots of an earlier one may be in use.
        self._maps.append(self._map)

    def slot(self, worker: int) -> Slot:
        """Give the slot of a worker.

        Args:
            worker: From 0; workers beyond the capacity of the file share slots.
        """
        return Slot(self._map, worker % _SIDE * _SIZE)

    def side_slot(self, worker: int, number: int) -> Slot:
        """Give a slot for one of several attempts that one worker makes at once.

        Args:
            worker: The worker, from 0.
            number: Which of its attempts, below :data:`~hookline.model.batch.AT_ONCE`.
        """
        first = _SIDE + worker * AT_ONCE
        if (first + AT_ONCE) * _SIZE > len(self._map):
            self._open(0, first + AT_ONCE)
        return Slot(self._map, (first + number) * _SIZE)

    def beside(self, number: int) -> Flight:
        """Make the file of a further executor of the run, which numbers its workers from 0 too.

        It is closed and removed with this one, and found by the run's next driver just as this one is.

        Args:
            number: Which executor, from 1.
        """
        further = Flight(self.path.with_name(f"{self.path.name}.{number}"), create=True)
        self._besides.append(further)
        return further

    def read(self) -> list[InFlight]:
        """List what stands in the slots."""
        found = []
        for at in range(0, len(self._map) - _SIZE + 1, _SIZE):
            if self._map[at : at + _SIZE] != _EMPTY:
                entry = Slot(self._map, at).get()
                if entry:
                    found.append(entry)
        return found

    def close(self) -> None:
        """Give the mapping back; slots can't be used any more."""
        for further in self._besides:
            further.close()
        for mapped in self._maps:
            mapped.close()

    def remove(self) -> None:
        """Close and delete the file: nothing is in flight any more."""
        for further in self._besides:
            further.remove()
        self.close()
        forget_flight(self.path)


def checked_path(flight: Path) -> Path:
    """Name the file, beside a flight file, in which the workers of the same driver tell what they checked."""
    return flight.with_name(f"checked-{flight.name}")


def forget_flight(path: Path) -> None:
    """Delete a flight file and what stands beside it."""
    checked_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _allocate(fd: int, size: int) -> None:
    """Let a file grow to a size, unless it has it; what others wrote into it stays."""
    # Room must be there before it is mapped, also for those between who then need not ask: a full disk would end the
    # process with SIGBUS later. Meanwhile no other process is to take what it lets grow for its own end of the file.
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        end = os.fstat(fd).st_size
        if end >= size:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, end, size - end)
        else:
            os.pwrite(fd, bytes(size - end), end)
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
