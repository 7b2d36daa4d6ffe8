"""Files that arguments name, on a node that does not see the driver's: found in the project's package, or brought.

An argument travels with the path that it has in the driver. On such a node it stands for a file elsewhere: where the
package of the project has it, where it was brought to, or where it is, if that proves to be the same file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hookline.model.batch import Batch, RunFacts
from hookline.model.stored import ONE_INLINE
from hookline.model.work import Argument, StoredArgument, Structure
from hookline.store.place import storage_error
from hookline.values.files import swap_paths
from hookline.values.plain_reader import read_plain

__all__ = ["Asked", "Brought", "PathsHere"]

_HEAD = 33
_INLINE = bytes((ONE_INLINE,))
_NAMES = b"pathlib"
"""What the stored form of each path holds."""

Asked = tuple[str, tuple[int, int, int] | None]
"""A path, and how the file stands that is there on this node: inode, size, time of change (ns)."""


class PathsHere:
    """Gives values with paths that lead somewhere on this node.

    Args:
        run: What holds for the run on this node.
    """

    def __init__(self, run: RunFacts) -> None:
        self._root = Path(run.root)
        self._homes = [Path(home) for home in run.homes]
        self._cwd = Path(run.cwd)
        self.folder = Path(run.files)

    def __call__(self, value: Any) -> Any:
        """Replace each path at any depth of lists, tuples, sets and dicts."""
        return swap_paths(value, self.place)

    def place(self, path: Path) -> Path:
        """Give the path under which a file of the driver's is found here; the path itself where it is not known."""
        packed = self.packed(path)
        if packed is not None:
            return packed
        there = self.brought(str(path)) / (path.name or "_")
        return there if there.exists() else path

    def packed(self, path: Path) -> Path | None:
        """Give the place of a path in the project's package; None where it has none there."""
        for home in self._homes:
            if path.is_relative_to(home):
                here = self._root / path.relative_to(home)
                return here if here.exists() else None
        # Relative ones start in the package's folder as they do in the driver's.
        return path if self._homes and not path.is_absolute() and (self._cwd / path).exists() else None

    def brought(self, path: str) -> Path:
        """Name the folder for a file that is brought."""
        return self.folder / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


class Brought:
    """Brings the files that batches need.

    Args:
        run: What holds for the run on this node.
    """

    def __init__(self, run: RunFacts) -> None:
        self._here = PathsHere(run)
        self._cwd = Path(run.cwd)
        self._known: set[str] = set()

    def lacking(self, batch: Batch) -> list[Asked]:
        """List what has to be asked for before a batch can be made."""
        found: dict[str, None] = {}
        for value in _plain_values(batch):
            swap_paths(value, lambda path: found.setdefault(str(path)))
        return [(path, _mark(self._cwd / path)) for path in found if path not in self._known and not self._has(path)]

    def take(self, path: str, inner: str, kind: str, data: bytes) -> None:
        """Take a part of what was asked for.

        Args:
            path: The path that was asked for.
            inner: Where in a folder the file is; empty for the file or folder itself.
            kind: ``"folder"``, ``"file"`` or ``"program"`` for what begins; ``"more"`` for further bytes of it, and
                ``"none"`` where it can't be had after all.
            data: Bytes.

        Raises:
            StoreError: The disk is full or can't be written.
        """
        target = self._unfinished(path) / (Path(path).name or "_") / inner
        try:
            if kind == "folder":
                target.mkdir(parents=True, exist_ok=True)
                return
            if kind == "none":
                target.unlink()
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("ab" if kind == "more" else "wb") as file:
                file.write(data)
            if kind == "program":
                target.chmod(0o755)
        except OSError as error:
            raise storage_error(error, target) from error

    def end(self, path: str) -> None:
        """Note that there is no more of a file, or nothing at all: it is the same here, or is not there either."""
        self._known.add(path)
        unfinished = self._unfinished(path)
        if unfinished.exists():
            # Another outpost of this node may have been quicker.
            with contextlib.suppress(OSError):
                unfinished.rename(self._here.brought(path))
            shutil.rmtree(unfinished, ignore_errors=True)

    def _has(self, path: str) -> bool:
        return self._here.packed(Path(path)) is not None or self._here.brought(path).exists()

    def _unfinished(self, path: str) -> Path:
        place = self._here.brought(path)
        return place.with_name(f"{place.name}.{os.getpid()}")


def _plain_values(batch: Batch) -> Iterator[Any]:
    """Load what holds paths and nothing but plain data: constants of the workflow's own."""
    works = dict.fromkeys((batch.work, *(link.work for link in batch.links)))
    rows = (*batch.inputs, *(link.inputs for link in batch.links))
    for data in (*_constants(argument for work in works for _, argument in work.arguments), *_inline(rows)):
        if _NAMES in data:
            # Paths inside of objects stay as they are.
            with contextlib.suppress(Exception):
                yield read_plain(data)


def _constants(arguments: Iterable[Argument]) -> Iterator[bytes]:
    for argument in arguments:
        if isinstance(argument, StoredArgument):
            yield argument.data
        elif isinstance(argument, Structure):
            yield from _constants(argument.items)


def _inline(inputs: Iterable[Any]) -> Iterator[bytes]:
    for blobs in inputs:
        yield from (blob[_HEAD:] for blob in blobs if isinstance(blob, bytes) and blob[:1] == _INLINE)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
