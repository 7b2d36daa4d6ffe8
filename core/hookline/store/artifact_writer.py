"""The writer of a process's artifacts: into packs and files of their own, durable before outcomes are reported."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from hookline.store.durable import make_folder, new_file, sync_folder, write_all, write_file
from hookline.store.leases import UNNAMED, noted_pack
from hookline.store.locks import Forgetful, forget_in_children
from hookline.store.outputs import INLINE_LIMIT, PACK_LIMIT, Stored
from hookline.store.packs import OWN_FILE, Pack, new_pack_id
from hookline.store.place import storage_error

if TYPE_CHECKING:
    from hookline.store.artifacts import Artifacts

__all__ = ["ArtifactWriter"]

_PIECE = 1 << 20
_REMEMBERED = 16384


class ArtifactWriter(Forgetful):
    """The writer of one process; safe to use from several threads.

    Made by :meth:`Artifacts.writer`.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._folder = artifacts.root / "packs"
        self._lock = threading.Lock()
        self._lease = artifacts.leases.lease(artifacts.run)
        self._naming = threading.Lock()
        self._pack: Pack | None = None
        self._places: dict[bytes, bytes] = {}
        self._unsynced: set[Path] = set()
        self.closed = False
        forget_in_children(self)

    def put(self, digest: bytes, chunks: Sequence[bytes | memoryview], size: int) -> bytes:
        """Store a value and give its place.

        Args:
            digest: Of all chunks together.
            chunks: The bytes, in pieces.
            size: Of all chunks together.

        Raises:
            StoreError: The disk is full or can't be written.
        """
        if size > PACK_LIMIT:
            return self._put_own(digest, chunks, size)
        try:
            if (pack := self._pack) is not None and pack.crowded:
                pack.write()
            with self._lock:
                pack, place = self._open_pack(), self._places.get(digest)
                if place is None or not (pack.awaits(place) or self._artifacts.has_place(place, size)):
                    place = pack.append(digest, chunks, size)
                    if len(self._places) >= _REMEMBERED:
                        self._places.clear()
                    self._places[digest] = place
                return place
        except OSError as error:
            raise storage_error(error, error.filename or self._folder) from error

    def put_file(self, path: Path) -> Stored:
        """Store a user's file; the digest is that of the bytes that were stored."""
        try:
            with path.open("rb", buffering=0) as file:
                head = file.read(PACK_LIMIT + 1)
                while 0 < len(head) <= PACK_LIMIT and (more := file.read(PACK_LIMIT + 1 - len(head))):
                    head += more
                if len(head) > PACK_LIMIT:
                    return self._put_large_file(head, file.fileno())
        except OSError as error:
            raise storage_error(error, error.filename or path) from error
        digest = blake3(head).digest()
        if len(head) <= INLINE_LIMIT:
            return Stored(digest, len(head), b"", head)
        return Stored(digest, len(head), self.put(digest, [head], len(head)), None)

    def sync(self) -> None:
        """Make all that was put durable; called before outcomes are reported.

        Other threads put more meanwhile: they don't wait for the disk.
        """
        try:
            if (pack := self._pack) is not None:
                self._sync_pack(pack)
            with self._naming:
                with self._lock:
                    folders, self._unsynced = self._unsynced, set()
                for folder in folders:
                    sync_folder(folder)
        except OSError as error:
            raise storage_error(error, error.filename or self._folder) from error

    def write(self, pack: bytes) -> None:
        """Write what gathers in memory for a pack, so that it can be read; it is durable after ``sync`` only."""
        if (mine := self._pack) is not None and mine.id == pack:
            mine.write()

    def close(self) -> None:
        """Make all durable and give the descriptors back."""
        self.sync()
        with self._lock:
            self.closed = True
            if self._pack is not None:
                self._pack.close()
                self._pack = None
            self._lease.close()

    def forget(self) -> None:
        """In a forked child: leave the parent's pack alone."""
        self._lock, self._naming = threading.Lock(), threading.Lock()
        if self._pack is not None:
            self._pack.forget()
            self._pack = None
        self._places = {}
        self._unsynced = set()

    def _open_pack(self) -> Pack:
        if self._pack is not None and self._pack.full:
            if not self._sync_pack(self._pack):
                # It may have grown again around what is lost.
                self._places.clear()
            self._pack.close()
            self._pack = None
        if self._pack is None:
            pack = new_pack_id()
            self._lease.note(noted_pack(pack))
            self._pack = Pack(self._folder, pack)
        return self._pack

    def _sync_pack(self, pack: Pack) -> bool:
        """Make a pack durable; tell the run's workers how it stands, or this one that others changed it."""
        pack.sync()
        status = pack.unchanged()
        if status is not None:
            self._artifacts.remember(noted_pack(pack.id), status)
        return status is not None

    def _put_own(self, digest: bytes, chunks: Sequence[bytes | memoryview], size: int) -> bytes:
        path = self._artifacts.path_of(digest)
        try:
            self._note(digest)
            if not self._artifacts.is_sound(digest, size):
                make_folder(path.parent)
                self._artifacts.remember(digest, write_file(path, chunks))
            self._mark_unsynced(path)
        except OSError as error:
            raise storage_error(error, path) from error
        return OWN_FILE

    def _put_large_file(self, head: bytes, source: int) -> Stored:
        # The name is not known before the last byte.
        folder = self._artifacts.root
        make_folder(folder)
        self._note(UNNAMED)
        hasher, size, piece = blake3(max_threads=blake3.AUTO), 0, head
        with new_file(folder) as file:
            while piece:
                write_all(file.fd, [piece])
                hasher.update(piece)
                size += len(piece)
                piece = os.read(source, _PIECE)
            digest = hasher.digest()
            path = self._artifacts.path_of(digest)
            self._note(digest)
            if not self._artifacts.is_sound(digest, size):
                make_folder(path.parent)
                file.name(path)
                self._artifacts.remember(digest, os.fstat(file.fd))
        self._mark_unsynced(path)
        return Stored(digest, size, OWN_FILE, None)

    def _note(self, name: bytes) -> None:
        with self._lock:
            self._lease.note(name)

    def _mark_unsynced(self, path: Path) -> None:
        with self._lock:
            self._unsynced.add(path.parent)
