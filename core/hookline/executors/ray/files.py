"""Sends files that arguments name to nodes that do not see them, piece by piece."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hookline.executors.ray.wire import FILE, FILE_END

__all__ = ["file_messages"]

_log = logging.getLogger("hookline.executors.ray")
_PIECE = 1 << 20


def file_messages(asked: Iterable[tuple[str, tuple[int, int, int] | None]], cwd: str) -> Iterator[tuple[Any, ...]]:
    """Give the messages that bring files.

    Args:
        asked: Paths, each with how the file stands that the node has there: inode, size and time of change; None for
            none. One that stands here just so is the same, and is not sent.
        cwd: Where relative paths start.

    Yields:
        Messages for the outpost; what can't be read comes to nothing, and whoever opens it there will say so.
    """
    for path, mark in asked:
        try:
            file = Path(cwd, path)
            if mark is None or mark != _mark(file):
                yield from _messages(path, file)
        except OSError as error:
            _log.debug("a file can't be sent: %r", error)
        yield FILE_END, path


def _messages(path: str, file: Path) -> Iterator[tuple[Any, ...]]:
    if not file.is_dir():
        yield from _pieces(path, "", file)
        return
    seen: set[tuple[int, int]] = set()
    for folder, inside, names in os.walk(file, followlinks=True):
        status = os.stat(folder)  # noqa: PTH116 - as text
        if (status.st_dev, status.st_ino) in seen:
            inside.clear()  # a link leads back to it
            continue
        seen.add((status.st_dev, status.st_ino))
        inner = os.path.relpath(folder, file)
        yield FILE, path, inner, "folder", b""
        for name in sorted(names):
            try:
                yield from _pieces(path, f"{inner}/{name}", Path(folder, name))
            except OSError as error:  # a link to nothing, say: the others are sent all the same
                _log.debug("a file can't be sent: %r", error)


def _pieces(path: str, inner: str, file: Path) -> Iterator[tuple[Any, ...]]:
    if not stat.S_ISREG(file.stat().st_mode):
        return  # whoever opens a pipe waits for who writes, and a device may never end
    with file.open("rb", buffering=0) as source:
        kind = "program" if os.fstat(source.fileno()).st_mode & 0o100 else "file"
        yield FILE, path, inner, kind, source.read(_PIECE)
        try:
            while data := source.read(_PIECE):
                yield FILE, path, inner, "more", data
        except OSError:
            yield FILE, path, inner, "none", b""  # what was cut off must not pass for whole
            raise


def _mark(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
