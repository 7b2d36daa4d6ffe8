"""What runs leave beside the journal and the artifacts: folders of attempts, copies of files, locks."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hookline.model.states import RunState
from hookline.store.locks import StoreLock
from hookline.store.ownership import driven_runs
from hookline.store.schema import LOCK

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["Piece", "find_leftovers", "remove_leftovers", "tree_size"]

_REMOVED = ".removed-"
_RUN_FILE = re.compile(r"(.+)-(\d+)(?:\.lock|\.mark)?\Z")
_COPY = re.compile(r"[0-9a-f]{16}\Z")


class Piece(NamedTuple):
    """Something on disk that can go."""

    kind: str
    """In plain words, such as ``artifact`` or ``attempt folder``."""
    path: Path
    size: int
    """Bytes."""
    modified: float
    """When it was written last, in seconds since 1970."""


def find_leftovers(store: SqliteStore, referenced: Collection[bytes]) -> list[Piece]:
    """List what no run needs any more.

    Args:
        store: The store.
        referenced: The digests of all that is recorded.

    Returns:
        Folders of attempts of runs that are over (checkpoints stay as long as the run can be resumed), copies of files
        whose content is not recorded any more, and locks and marks of runs that are gone.
    """
    with _runs(store) as runs:
        found = [("attempt folder", path) for path in runs.attempt_folders()]
        found += [("lock", path) for path in runs.stale_files()]
    heads = {digest[:8] for digest in referenced}
    for path in _entries(store.path / "files"):
        if _COPY.match(path.name) and bytes.fromhex(path.name) not in heads:
            found.append(("copy of a file", path))
    return [*_pieces(found)]


def remove_leftovers(store: SqliteStore, pieces: Iterable[Piece]) -> None:
    """Remove what :func:`find_leftovers` found, unless a run needs it by now."""
    wanted = {piece.path for piece in pieces}
    trash = store.path / "attempts" / f"{_REMOVED}{os.urandom(4).hex()}"
    with _runs(store) as runs:
        # Moved out of the way under the lock, which is quick; deleting them is not.
        for number, path in enumerate(sorted(wanted.intersection(runs.attempt_folders()))):
            trash.mkdir(exist_ok=True)
            with contextlib.suppress(OSError):
                path.rename(trash / str(number))
        for path in wanted.intersection(runs.stale_files()):
            path.unlink(missing_ok=True)
    shutil.rmtree(trash, ignore_errors=True)
    for path in wanted:
        if path.parent.name == "files":
            shutil.rmtree(path, ignore_errors=True)


def tree_size(path: Path) -> int:
    """Add up the sizes of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    total = 0
    for root, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 - as os.walk gives it
    return total


class _Runs:
    """What is known of runs while the store's lock is held."""

    def __init__(self, store: SqliteStore) -> None:
        self._folder = store.path
        self._driven = driven_runs(store.path)
        self._states = {row.id: row.state for row in store.runs()}

    def attempt_folders(self) -> Iterator[Path]:
        """Name what can go of the folders of attempts."""
        for path in _entries(self._folder / "attempts"):
            if path.name in self._driven:
                continue
            state = self._states.get(path.name)
            if state is None or state is RunState.COMPLETED:
                yield path
            else:
                yield from (entry for entry in _entries(path) if entry.suffix != ".checkpoint")

    def stale_files(self) -> Iterator[Path]:
        """Name the locks and marks of runs that are gone."""
        for folder in ("locks", "flight"):
            for path in _entries(self._folder / folder):
                match = _RUN_FILE.match(path.name)
                if match and match[1] not in self._driven and match[1] not in self._states:
                    yield path


@contextlib.contextmanager
def _runs(store: SqliteStore) -> Iterator[_Runs]:
    lock = StoreLock(store.path / LOCK)
    try:
        with lock:
            yield _Runs(store)
    finally:
        lock.close()


def _entries(folder: Path) -> Sequence[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()


def _pieces(found: Iterable[tuple[str, Path]]) -> Iterator[Piece]:
    for kind, path in found:
        # Its owner may have removed it meanwhile.
        with contextlib.suppress(FileNotFoundError):
            yield Piece(kind, path, tree_size(path), path.lstat().st_mtime)
