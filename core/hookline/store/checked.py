"""Which artifacts a run has written or checked: a file that its workers append to, so that each need not check again.

Nothing is synced: the file belongs to one driver's life, and whoever does not find a record checks for himself. Records
divide pages evenly, so that none is ever seen in part.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from struct import Struct

from hookline.store.locks import Forgetful, forget_in_children

__all__ = ["Checked", "Identity"]

Identity = tuple[int, int, int]
"""Inode, size and time of change (ns) of a file whose bytes were found to have its digest."""

_RECORD = Struct("<32sQQQQ")
_CHECK = 0x0C8EC7ED
_AT_ONCE = 1024 * _RECORD.size


class Checked(Forgetful):
    """The record of one run, seen by one process; safe to use from several threads.

    Args:
        path: The file, made with the first record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[bytes, Identity] = {}
        self._fd = -1
        self._read = 0
        self._lock = threading.Lock()
        forget_in_children(self)

    def add(self, digest: bytes, identity: Identity) -> None:
        """Tell the others that a file holds what its digest says; what can't be told is checked again."""
        record = _RECORD.pack(digest, *identity, _sum_of(identity))
        with self._lock:
            try:
                os.write(self._open(os.O_CREAT), record)
            except OSError:
                return

    def find(self, digest: bytes) -> Identity | None:
        """Give the last that any of the run's processes told of an artifact."""
        with self._lock:
            try:
                while data := os.pread(self._open(), _AT_ONCE, self._read):
                    whole = len(data) - len(data) % _RECORD.size
                    for name, inode, size, changed, check in _RECORD.iter_unpack(data[:whole]):
                        identity = inode, size, changed
                        if check == _sum_of(identity):
                            self._known[name] = identity
                    self._read += whole
                    if not whole:
                        break
            except OSError:
                pass
            return self._known.get(digest)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            self._close()

    def forget(self) -> None:
        """In a forked child: open the file anew."""
        self._lock = threading.Lock()
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _open(self, flags: int = 0) -> int:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o644)
        return self._fd


def _sum_of(identity: Identity) -> int:
    inode, size, changed = identity
    return inode ^ size ^ changed ^ _CHECK
