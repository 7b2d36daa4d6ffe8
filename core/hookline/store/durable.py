"""Writing files and folders so that a power cut leaves either all or nothing under their final names."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NewFile", "make_folder", "new_file", "scratch_name", "sync_data", "sync_folder", "write_all", "write_file"]

# On macOS fsync leaves data in the drive's cache; F_FULLFSYNC does not.
_FULL_SYNC = 51 if os.uname().sysname == "Darwin" else None
# In one call: no system takes less, and the disk is to begin soon.
_MOST_BYTES = 1 << 24
_MOST_PIECES = 1024
_MUCH = 1 << 20
_SYNC_FILE_RANGE_WRITE = 2


def make_folder(path: Path) -> None:
    """Create a folder and its parents, each entry durable before this returns."""
    missing = []
    at = path
    while not at.is_dir():
        # Somebody else may make it at this moment.
        if at.exists() and not at.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(at))
        missing.append(at)
        at = at.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(path: Path | str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_data(fd: int) -> None:
    """Make a file's bytes durable."""
    if _FULL_SYNC is not None:
        import fcntl

        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fdatasync(fd)


def write_all(fd: int, chunks: Sequence[bytes | memoryview]) -> None:
    """Write every byte of every chunk, in few calls; the disk begins with much while more is written."""
    views = [memoryview(chunk).cast("B") for chunk in chunks]
    pieces = [view[low : low + _MOST_BYTES] for view in views for low in range(0, len(view), _MOST_BYTES)]
    at = 0
    while at < len(pieces):
        end, size = at + 1, len(pieces[at])
        while end < len(pieces) and end - at < _MOST_PIECES and size + len(pieces[end]) <= _MOST_BYTES:
            size += len(pieces[end])
            end += 1
        done = os.writev(fd, pieces[at:end])
        if done >= _MUCH and (start_writing := _sync_file_range()) is not None:
            start_writing(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)
        while at < end and done >= len(pieces[at]):
            done -= len(pieces[at])
            at += 1
        if done:
            pieces[at] = pieces[at][done:]


class NewFile:
    """A scratch file that gets its final name only once all of it is durable."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / scratch_name("new")
        self.fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def name(self, target: Path) -> None:
        """Give the file its name; the name itself needs ``sync_folder`` afterwards."""
        sync_data(self.fd)
        self._path.rename(target)

    def discard(self) -> None:
        """Close; what has no name by now vanishes."""
        os.close(self.fd)
        self._path.unlink(missing_ok=True)


@contextmanager
def new_file(folder: Path) -> Iterator[NewFile]:
    """Open a scratch file in the folder; unless it is given a name within the block, nothing stays."""
    file = NewFile(folder)
    try:
        yield file
    finally:
        file.discard()


def write_file(target: Path, chunks: Sequence[bytes | memoryview]) -> os.stat_result:
    """Write a file that appears under its name wholly or not at all, and tell how it stands."""
    with new_file(target.parent) as file:
        write_all(file.fd, chunks)
        file.name(target)
        return os.fstat(file.fd)


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    # A hint to the disk, which not every system has. Few processes write so much, and workers are to be there at once.
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


def scratch_name(name: str) -> str:
    """Name a file that nobody else writes; collection knows such leftovers by the suffix."""
    return f".{name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
