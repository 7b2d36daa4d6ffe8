"""Collecting garbage: removing what nothing in the journal refers to, while others go on recording.

The order is what makes this safe. First the files are listed, then the leases read, then the journal. A file that was
put before it was listed is named by a lease, or its run has ended by then and what it recorded is read afterwards. Just
before files are removed, leases are read again, those of runs that came and went meanwhile included: whoever puts a
file again that is there already has it noted by then, and whoever comes later finds it gone and writes it anew.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hookline.store.deletion import Needed, purge
from hookline.store.leases import Notes, noted_pack
from hookline.store.leftovers import Piece, find_leftovers, remove_leftovers
from hookline.store.locks import StoreLock, maintaining
from hookline.store.ownership import driven_runs
from hookline.store.packs import HEAD_SIZE, OWN_FILE, read_place
from hookline.store.place import storage_error
from hookline.store.references import inside, references
from hookline.store.schema import LOCK

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["EVERYTHING", "Collection", "Limits", "collect"]

_BATCH = 64  # files removed while nobody can note anything
_ARTIFACT = "artifact"
_PACK = "pack"
_DAMAGED = "set aside"
_SCRATCH = "unfinished file"
_MARK = "mark"
_OBJECT = re.compile(r"[0-9a-f]{62}\Z")
_SET_ASIDE = re.compile(r"[0-9a-f]{62}\.damaged-[0-9a-f]{8}\Z")
_PACK_FILE = re.compile(r"[0-9a-f]{16}\.pack\Z")
_PLACE = re.compile(r"[0-9a-f]{34}\Z")

Tell = Callable[[str, int], object]


class Limits(NamedTuple):
    """Which part of the garbage to collect."""

    older_than: float = 0.0
    """Only what was not written for so many seconds."""
    max_size: int | None = None
    """Only as much, the oldest first, as brings the artifacts down to so many bytes; None for all."""


EVERYTHING = Limits()


@dataclass
class Collection:
    """What was collected, or would be.

    Attributes:
        pieces: What goes.
        kept: Bytes of artifacts that stay.
        referred: Bytes of these that something refers to.
        leased: Number of files that nothing refers to yet, but a run in progress may.
        leased_size: Bytes of these.
        waiting: Whether results of deleted runs stay until no run is in progress.
    """

    pieces: list[Piece] = field(default_factory=list)
    kept: int = 0
    referred: int = 0
    leased: int = 0
    leased_size: int = 0
    waiting: bool = False

    @property
    def size(self) -> int:
        """Bytes that come back."""
        return sum(piece.size for piece in self.pieces)


def collect(
    store: SqliteStore, limits: Limits = EVERYTHING, *, dry_run: bool = True, tell: Tell = lambda *_: None
) -> Collection:
    """Find what nothing refers to, and remove it.

    Args:
        store: The store.
        limits: Which part of it.
        dry_run: Whether to only tell what would go.
        tell: Called with what is being done, and how many steps of it are done.

    Returns:
        What went, or would go.

    Raises:
        StoreError: The journal can't be read, and nothing was removed; or another process is cleaning up.
    """
    leases = store.artifacts.leases
    with maintaining(store.path):
        try:
            if dry_run:
                return _Survey(store, limits, tell, purged=False).collection
            purge(store, lambda rows: tell("removing rows of deleted runs", rows))
            with leases.collecting():
                survey = _Survey(store, limits, tell, purged=True)
                survey.remove()
            leases.remove(survey.dead)
            return survey.collection
        except OSError as error:
            raise storage_error(error, error.filename or store.path) from error


class _Survey:
    """One look at everything that could go."""

    def __init__(self, store: SqliteStore, limits: Limits, tell: Tell, *, purged: bool) -> None:
        self._store = store
        self._tell = tell
        self.collection = Collection()
        files = [*_listed(store.artifacts.root)]
        self._driven: set[str] = set()
        self.dead = store.artifacts.leases.out_of_force(self._look_for_drivers)
        self._notes = Notes(self.dead)
        with store.artifacts.leases.noted(self._notes) as noted:
            # Read; nothing has to be held back yet.
            pass
        self._digests: set[bytes] = set()
        self._own: set[bytes] = set()
        self._packs: dict[bytes, dict[int, int]] = {}
        self._read_journal(purged)
        self._sort_out(files, noted)
        self._leftovers = find_leftovers(store, self._digests)
        self._apply(limits)

    def remove(self) -> None:
        """Remove what was found, unless it was put again meanwhile."""
        leases, root = self._store.artifacts.leases, self._store.artifacts.root
        files = [piece for piece in self.collection.pieces if piece.path.is_relative_to(root)]
        for at in range(0, len(files), _BATCH):
            self._tell("removing artifacts", at)
            with leases.noted(self._notes) as noted:
                for piece in files[at : at + _BATCH]:
                    if _name(piece) not in noted:
                        piece.path.unlink(missing_ok=True)
        remove_leftovers(self._store, self._leftovers)
        self.collection.pieces = [piece for piece in self.collection.pieces if not os.path.lexists(piece.path)]

    def _look_for_drivers(self) -> set[str]:
        lock = StoreLock(self._store.path / LOCK)
        try:
            with lock:
                self._driven = driven_runs(self._store.path)
        finally:
            lock.close()
        return self._driven

    def _read_journal(self, purged: bool) -> None:
        with self._store.reading() as connection:
            needed = Needed(connection)
        # What deleted runs left, and nobody needs, is told as gone where the next purge can remove it.
        sure = purged or bool(self._driven)
        for count, (owner, slots) in enumerate(references(self._store)):
            if count % 1000 == 0:
                self._tell("reading the journal", count)
            if owner.kind != "record" and not needed(owner.run, owner.node, owner.item):
                self.collection.waiting = sure
                if not sure:
                    continue
            for item in inside(slots):
                self._digests.add(item.digest)
                if item.place == OWN_FILE:
                    self._own.add(item.digest)
                elif packed := read_place(item.place):
                    self._packs.setdefault(packed[0], {})[packed[1]] = HEAD_SIZE + item.size

    def _sort_out(self, files: Sequence[Piece], noted: set[bytes]) -> None:
        found = self.collection
        marks: list[Piece] = []
        packs = set()
        for piece in files:
            used = self._used(piece)
            if used:
                found.referred += used
            elif _name(piece) in noted or (piece.kind == _SCRATCH and noted):
                found.leased += 1
                found.leased_size += piece.size
            else:
                (marks if piece.kind == _MARK else found.pieces).append(piece)
                continue
            found.kept += piece.size
            packs.add(piece.path.stem)
        found.pieces += [mark for mark in marks if mark.path.name[2:18] not in packs]

    def _used(self, piece: Piece) -> int:
        """Tell how many bytes of a file something refers to."""
        if piece.kind == _PACK:
            return min(piece.size, sum(self._packs.get(bytes.fromhex(piece.path.stem), {}).values()))
        return piece.size if piece.kind == _ARTIFACT and _name(piece) in self._own else 0

    def _apply(self, limits: Limits) -> None:
        found = self.collection
        latest = time.time() - limits.older_than if limits.older_than else float("inf")
        pieces = sorted([*found.pieces, *self._leftovers], key=lambda piece: piece.modified)
        pieces = [piece for piece in pieces if piece.modified <= latest]
        if limits.max_size is not None:
            surplus = found.kept + sum(piece.size for piece in pieces) - limits.max_size
            before = itertools.accumulate((piece.size for piece in pieces), initial=0)
            pieces = [piece for piece, gone in zip(pieces, before, strict=False) if gone < surplus]
        found.pieces = pieces
        self._leftovers = [piece for piece in self._leftovers if piece in set(pieces)]


def _listed(root: Path) -> Iterator[Piece]:
    """List the files below the root of the artifacts whose names say what they are; others are left alone."""
    kinds = (
        (root / "packs", [(_PACK_FILE, _PACK)]),
        (root / "damaged", [(_PLACE, _MARK)]),
        (root, [(re.compile(r"\..*\.tmp\Z"), _SCRATCH)]),
        *(
            (folder, [(_OBJECT, _ARTIFACT), (_SET_ASIDE, _DAMAGED), (re.compile(r"\..*\.tmp\Z"), _SCRATCH)])
            for folder in (root / "objects" / "blake3").glob("[0-9a-f][0-9a-f]")
        ),
    )
    for folder, names in kinds:
        for path in folder.iterdir() if folder.is_dir() else ():
            kind = next((kind for pattern, kind in names if pattern.match(path.name)), None)
            if kind is not None:
                try:
                    status = path.lstat()
                except FileNotFoundError:
                    continue
                yield Piece(kind, path, status.st_size, status.st_mtime)


def _name(piece: Piece) -> bytes:
    """Give the name under which a lease would note a file."""
    if piece.kind == _ARTIFACT:
        return bytes.fromhex(piece.path.parent.name + piece.path.name)
    if piece.kind == _PACK:
        return noted_pack(bytes.fromhex(piece.path.stem))
    return b""
