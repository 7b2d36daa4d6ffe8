"""Pack files: where values of medium size stand one after another, each process writing packs of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from struct import Struct

from hookline.store.durable import make_folder, sync_data, sync_folder, write_all

__all__ = ["HEAD_SIZE", "OWN_FILE", "PACK_TAG", "Pack", "head_of", "new_pack_id", "pack_path", "read_place"]

PACK_TAG = b"p"
OWN_FILE = b"f"
"""How the place of a value begins: in a pack, or in a file of its own."""

ROLL_AT = 256 << 20
WRITE_AT = 1 << 20
"""Bytes that gather before they are written; while that is done more gather, to a limit."""

_MOST_WAITING = 1 << 22
_ROOM = 1 << 28

_PLACE = Struct(">c8sQ")
# Before the bytes stand a mark, the digest and the size, so that a pack can be read without the journal.
_RECORD = Struct(">4s32sQ")
_MARK = b"hkl1"

HEAD_SIZE = _RECORD.size
"""Bytes before each value in a pack."""


class Pack:
    """One pack file that only this process appends to.

    While the disk has room values gather in memory and are written together: each system call lets other threads have
    the interpreter, and to get it back may take longer than the call. Else each is written at once, so that only what
    finds no room is refused. What can't be written against expectation goes on waiting and is tried again: each place
    that was given is good, or ``sync`` fails.

    One thread at a time appends; any may write and sync meanwhile.

    Args:
        folder: Where packs are.
        pack: Its id, which no other pack has.
    """

    def __init__(self, folder: Path, pack: bytes) -> None:
        make_folder(folder)
        self._folder = folder
        self.id = pack
        self.path = pack_path(folder, self.id)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        # Memory of that size, freed once, lets glibc keep what is freed from now on: to get it anew costs more than to
        # write it.
        bytes(_MOST_WAITING)
        # Where each value ends, with its bytes; the first entry is what is written. It changes in single steps, between
        # which an interrupt may come.
        self._values: list[tuple[int, Sequence[bytes]]] = [(0, ())]
        self._durable = 0
        self._named = False
        self._status = os.fstat(self._fd)
        self._touched = self._changed = False
        self._roomy = _has_room(self._fd)
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether the next value belongs into a new pack: this one is large, or others removed or cut it."""
        return self._values[-1][0] >= ROLL_AT or self._touched

    @property
    def crowded(self) -> bool:
        """Whether so much waits that it is to be written before there is more."""
        waiting = self._values[-1][0] - self._values[0][0]
        return waiting >= WRITE_AT and (waiting >= _MOST_WAITING or not self._writing.locked())

    def awaits(self, place: bytes) -> bool:
        """Tell whether what has a place here is still to be written."""
        _, pack, offset = _PLACE.unpack(place)
        return bool(pack == self.id and offset > self._values[0][0])

    def unchanged(self) -> os.stat_result | None:
        """Tell how the file stood when this process wrote to it last; None where others changed it before that."""
        return None if self._touched or self._changed else self._status

    def append(self, digest: bytes, chunks: Sequence[bytes | memoryview], size: int) -> bytes:
        """Append one value and give its place; it is durable after ``sync``.

        Raises:
            OSError: It can't be written, and is not in the pack.
        """
        at = self._values[-1][0]
        # What is not ours may change before it is written.
        pieces = [head_of(digest, size), *(chunk if type(chunk) is bytes else bytes(chunk) for chunk in chunks)]
        self._values.append((at + _RECORD.size + size, pieces))
        if not self._roomy:
            self._write(refuse_last=True)
        return _PLACE.pack(PACK_TAG, self.id, at + _RECORD.size)

    def write(self) -> None:
        """Write all values appended so far, so that they can be read."""
        self._write()

    def sync(self) -> None:
        """Make all values appended so far durable; threads that ask for it together wait for the disk once."""
        wanted = self._values[-1][0]
        if self._values[0][0] < wanted:
            self.write()
        with self._syncing:
            if self._durable < wanted:
                reached = self._values[0][0]
                sync_data(self._fd)
                self._durable = reached
            if not self._named:
                sync_folder(self._folder)
                self._named = True

    def close(self) -> None:
        """Make all durable and give the descriptor back."""
        self.sync()
        self.forget()

    def forget(self) -> None:
        """Give the descriptor back without syncing, as a forked child must."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, *, refuse_last: bool = False) -> None:
        with self._writing:
            values = [*self._values]
            begin, end = values[0][0], values[-1][0]
            if begin == end:
                return
            self._look(begin)
            try:
                os.lseek(self._fd, begin, os.SEEK_SET)
                write_all(self._fd, [piece for _, pieces in values for piece in pieces])
            except OSError:
                # Half a value at the end would shift all that follow.
                os.ftruncate(self._fd, begin)
                self._status = os.fstat(self._fd)
                self._roomy = False
                if refuse_last:
                    self._values.pop()
                raise
            self._status = os.fstat(self._fd)
            self._values[: len(values)] = [(end, ())]
            self._roomy = _has_room(self._fd)

    def _look(self, written: int) -> None:
        """See whether the file is as this process left it."""
        status = os.fstat(self._fd)
        if status.st_nlink == 0 or status.st_size != written:
            self._touched = True
        if status.st_mtime_ns != self._status.st_mtime_ns:
            self._changed = True


def _has_room(fd: int) -> bool:
    found = os.fstatvfs(fd)
    return found.f_bavail * found.f_frsize >= _ROOM


def new_pack_id() -> bytes:
    """Make an id for a pack that nobody else will have."""
    return os.urandom(8)


def head_of(digest: bytes, size: int) -> bytes:
    """Write what stands before a value in a pack."""
    return _RECORD.pack(_MARK, digest, size)


def read_place(place: bytes) -> tuple[bytes, int] | None:
    """Take a place apart into pack id and offset, or say that it is not one in a pack."""
    if len(place) != _PLACE.size or place[:1] != PACK_TAG:
        return None
    _, pack, offset = _PLACE.unpack(place)
    return pack, offset


def pack_path(folder: Path, pack: bytes) -> Path:
    """Name the file of a pack."""
    return folder / f"{pack.hex()}.pack"
