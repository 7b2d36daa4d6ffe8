"""Stores for tests: real ones, in memory where the system has a file system there, and removed afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["store_in_memory"]

_IN_MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def store_in_memory(fallback: Path | None = None) -> Iterator[Path]:
    """Give the folder of a store that lasts as long as the block.

    It is a store like any other: SQLite, artifacts, locks. What a store promises can only be tested with a store, and
    on a file system in memory (Linux's ``/dev/shm``) it costs no disk either.

    Args:
        fallback: Where to put it if there is no such file system; by default the system's temporary folder.

    Yields:
        The folder, for ``hookline.run(…, store=folder)``; nothing is in it yet.
    """
    usable = _IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK)
    folder = Path(tempfile.mkdtemp(prefix="hookline-", dir=_IN_MEMORY if usable else fallback))
    try:
        yield folder / ".hookline"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
