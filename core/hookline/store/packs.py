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

_PLACE = Struct(">c8sQ")
# Before the bytes stand a mark, the digest and the size, so that a pack can be read without the journal.
_RECORD = Struct(">4s32sQ")
_MARK = b"hkl1"

HEAD_SIZE = _RECORD.size
"""Bytes before each value in a pack."""


class Pack:
    """One pack file that only this process appends to, one thread at a time; any thread may sync meanwhile.

    Args:
        folder: Where packs are.
        pack: Its id, which no other pack has.
    """

    def __init__(self, folder: Path, pack: bytes) -> None:
        make_folder(folder)
        self._folder = folder
        self.id = pack
        self.path = pack_path(folder, self.id)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = 0
        self._durable = 0
        self._named = False
        self._syncing = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether the next value belongs into a new pack."""
        return self._size >= ROLL_AT

    def untouched(self) -> bool:
        """Tell whether the file is still there and as long as this process made it."""
        status = os.fstat(self._fd)
        return status.st_nlink > 0 and status.st_size == self._size

    def append(self, digest: bytes, chunks: Sequence[bytes | memoryview], size: int) -> bytes:
        """Append one value and give its place; it is durable after ``sync``."""
        try:
            write_all(self._fd, [head_of(digest, size), *chunks])
        except OSError:
            # Half a value at the end would shift all that follow.
            os.ftruncate(self._fd, self._size)
            raise
        place = _PLACE.pack(PACK_TAG, self.id, self._size + _RECORD.size)
        self._size += _RECORD.size + size
        return place

    def sync(self) -> None:
        """Make all values appended so far durable; threads that ask for it together wait for the disk once."""
        wanted = self._size
        with self._syncing:
            if self._durable < wanted:
                reached = self._size
                sync_data(self._fd)
                self._durable = reached
            if not self._named:
                sync_folder(self._folder)
                self._named = True

    def close(self) -> None:
        """Make all durable and give the descriptor back."""
        try:
            self.sync()
        finally:
            self.forget()

    def forget(self) -> None:
        """Give the descriptor back without syncing, as a forked child must."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


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
