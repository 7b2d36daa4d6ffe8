"""Writing files and folders so that a power cut leaves either all or nothing under their final names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["make_folder", "scratch_name", "sync_data", "sync_folder", "write_all", "write_new"]

# On macOS fsync leaves data in the drive's cache; F_FULLFSYNC does not.
_FULL_SYNC = 51 if os.uname().sysname == "Darwin" else None


def make_folder(path: Path) -> None:
    """Create a folder and its parents, each entry durable before this returns."""
    missing = []
    at = path
    while not at.is_dir():
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
        import fcntl  # noqa: PLC0415 - one platform needs it

        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fdatasync(fd)


def write_all(fd: int, chunks: Sequence[bytes | memoryview]) -> None:
    """Write every byte of every chunk, however many calls it takes."""
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        at = 0
        while at < len(view):
            at += os.write(fd, view[at : at + (1 << 30)])


@contextmanager
def write_new(target: Path) -> Iterator[int]:
    """Open a scratch file that becomes ``target`` when the block ends well and vanishes when it doesn't.

    The bytes are durable before the name appears; the name itself needs ``sync_folder`` afterwards.
    """
    scratch = target.with_name(scratch_name(target.name))
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        yield fd
        sync_data(fd)
        scratch.rename(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def scratch_name(name: str) -> str:
    """Name a file that nobody else writes; collection knows such leftovers by the suffix."""
    return f".{name[:40]}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
