"""Carries artifacts between folders that don't see each other: piece by piece, and under the same names.

What stands in a pack has the same place in the same pack here and there, so that outcomes can be told as they are. A
pack that was carried has holes where nothing was sent: that it is there, and how long it is, proves nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from hookline.errors import ArtifactError
from hookline.model.batch import RunFacts
from hookline.store.artifacts import Artifacts
from hookline.store.checked import Checked
from hookline.store.durable import NewFile, make_folder, sync_data, sync_folder, write_all
from hookline.store.flight import checked_path
from hookline.store.leases import noted_pack
from hookline.store.outputs import ONE_INLINE, PACK_LIMIT, Stored, unpack_outputs
from hookline.store.packs import HEAD_SIZE, OWN_FILE, head_of, pack_path, read_place
from hookline.store.place import storage_error
from hookline.store.references import inside

__all__ = ["Carrier", "Piece", "carrier_of"]

Piece = tuple[bytes, int, bytes, int, bytes]
"""Digest, size and place of an artifact; where in it these bytes belong; the bytes, at most 1 MiB."""

_PIECE = PACK_LIMIT  # so that what stands in a pack comes whole, and is checked before a byte of it is written
_INLINE = bytes((ONE_INLINE,))
_REMEMBERED = 16384
_MOST_OPEN = 64


def carrier_of(run: RunFacts) -> Carrier:
    """Make the carrier for the folder of a run's artifacts, on a node or in the driver.

    Args:
        run: What is said about the run there.
    """
    return Carrier(Path(run.artifacts), run.run_id, Checked(checked_path(Path(run.flight))))


class Carrier:
    """Gives and takes the artifacts of one folder; safe to use from several threads.

    Args:
        artifacts: The folder of the artifacts.
        run: The id of the run that they are carried for: while it is driven, no collector removes what was looked for
            or taken.
        checked: What the processes of the run tell each other about files that they wrote or checked.
    """

    def __init__(self, artifacts: Path, run: str, checked: Checked | None = None) -> None:
        self._artifacts = Artifacts(artifacts, run, checked)
        self._folder = artifacts / "packs"
        self._lease = self._artifacts.leases.lease(run)
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._unfinished: dict[tuple[int, bytes], _Unfinished] = {}
        self._whole: set[tuple[bytes, bytes]] = set()
        self._packs: dict[bytes, int] = {}
        self._unsynced: set[Path] = set()

    def named(self, blobs: Iterable[Any]) -> list[Stored]:
        """List what outcomes name outside of themselves, each once, without what is within it.

        Args:
            blobs: Packed outputs, and lists and tuples of them; all else, which inputs of batches hold too, is passed
                over.

        Raises:
            StoreDamagedError: Bytes are no packed outputs.
        """
        found: dict[Stored, None] = {}
        for blob in blobs:
            for one in blob if isinstance(blob, list | tuple) else (blob,):
                if isinstance(one, bytes) and one[:1] != _INLINE:
                    for item in inside(unpack_outputs(one)):
                        if item.place:
                            found[Stored(item.digest, item.size, item.place, None)] = None
        return [*found]

    def lacking(self, stored: Iterable[Stored]) -> list[Stored]:
        """List what this folder does not hold whole; what it does hold stays there as long as the run is driven.

        Raises:
            StoreError: The folder can't be read or written.
        """
        with self._storing():
            return [item for item in stored if item.place and not self._holds(item)]

    def pieces(self, stored: Stored) -> Iterator[Piece]:
        """Read an artifact.

        Raises:
            ArtifactError: It is missing or damaged; found before the first piece is given.
        """
        digest, size, place, _, _ = stored
        if place != OWN_FILE or size == 0:
            yield digest, size, place, 0, bytes(self._artifacts.read(stored))
            return
        self._artifacts.check(stored)
        # Not mapped: what was read of a mapping counts as this process's memory.
        with self._artifacts.path_of(digest).open("rb", buffering=0) as file:
            for at in range(0, size, _PIECE):
                yield digest, size, place, at, os.pread(file.fileno(), _PIECE, at)

    def take(self, piece: Piece, sender: int = 0) -> bool:
        """Write a piece. Those of one artifact come in order, those of several artifacts and senders as they like.

        Args:
            piece: The piece.
            sender: Whose it is; pieces of one sender are taken one at a time.

        Returns:
            Whether it was the last, and the artifact is there now, checked.

        Raises:
            ArtifactError: The bytes are not those that the digest names; nothing of them stays.
            StoreError: The disk is full or can't be written.
        """
        digest, size, place, at, data = piece
        with self._storing():
            if packed := read_place(place):
                if at or len(data) != size or packed[1] < HEAD_SIZE or blake3(data).digest() != digest:
                    raise _damaged(digest)
                self._take_packed(digest, place, packed, data)
                return True
            if place == OWN_FILE:
                return self._take_own(digest, size, at, data, sender)
        raise ArtifactError(f"artifact {digest.hex()} has a place that this hookline does not know")

    def sync(self) -> None:
        """Make all that was taken durable; called before outcomes that name it are told.

        Raises:
            StoreError: The disk refuses.
        """
        # Whoever comes while others sync waits for them: what they took over is not durable before they are done.
        with self._syncing, self._storing():
            with self._lock:
                packs, self._packs = self._packs, {}
                folders, self._unsynced = self._unsynced, set()
            with contextlib.ExitStack() as stack:
                for fd in packs.values():
                    stack.callback(os.close, fd)
                for fd in packs.values():
                    sync_data(fd)
            for folder in folders:
                sync_folder(folder)

    def forget(self, sender: int) -> None:
        """Let go of what a sender has begun and won't finish.

        Args:
            sender: Which; nothing is taken from it meanwhile.
        """
        for key in [key for key in [*self._unfinished] if key[0] == sender]:
            self._unfinished.pop(key).discard()

    def close(self) -> None:
        """Make durable what was taken, let go of what is unfinished, and give descriptors back."""
        try:
            self.sync()
        finally:
            for unfinished in self._unfinished.values():
                unfinished.discard()
            self._unfinished.clear()
            self._lease.close()
            self._artifacts.close()

    def _holds(self, item: Stored) -> bool:
        # Noted before it is looked for: what is there then is not collected any more.
        packed = read_place(item.place)
        self._note(noted_pack(packed[0]) if packed else item.digest)
        with contextlib.suppress(FileNotFoundError):
            if not packed:
                return self._artifacts.path_of(item.digest).stat().st_size == item.size
            if self._artifacts.has_place(item.place, item.size):
                known = item.place, item.digest
                if known not in self._whole and self._digest_at(packed, item.size) == item.digest:
                    self._remember(*known)
                return known in self._whole
        return False

    def _digest_at(self, packed: tuple[bytes, int], size: int) -> bytes:
        fd = os.open(pack_path(self._folder, packed[0]), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return blake3(os.pread(fd, size, packed[1])).digest()
        finally:
            os.close(fd)

    def _take_packed(self, digest: bytes, place: bytes, packed: tuple[bytes, int], data: bytes) -> None:
        pack, offset = packed
        self._note(noted_pack(pack))
        with self._lock:
            fd = self._open_pack(pack)
            os.lseek(fd, offset - HEAD_SIZE, os.SEEK_SET)
            write_all(fd, [head_of(digest, len(data)), data])
        self._artifacts.restore(place)
        self._remember(place, digest)

    def _open_pack(self, pack: bytes) -> int:
        if pack not in self._packs:
            if len(self._packs) >= _MOST_OPEN:
                fd = self._packs.pop(next(iter(self._packs)))
                try:
                    sync_data(fd)
                finally:
                    os.close(fd)
            make_folder(self._folder)
            path = pack_path(self._folder, pack)
            # Whoever made the file may have been killed before its name was durable.
            self._packs[pack] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._unsynced.add(self._folder)
        return self._packs[pack]

    def _take_own(self, digest: bytes, size: int, at: int, data: bytes, sender: int) -> bool:
        path = self._artifacts.path_of(digest)
        unfinished = self._unfinished.pop((sender, digest), None)
        if at == 0:
            if unfinished is not None:
                unfinished.discard()
            self._note(digest)
            make_folder(path.parent)
            unfinished = _Unfinished(path.parent)
        if unfinished is None:
            raise _damaged(digest)
        with contextlib.ExitStack() as stack:
            stack.callback(unfinished.discard)
            if at != unfinished.size or at + len(data) > size:
                raise _damaged(digest)
            unfinished.add(data)
            if unfinished.size < size:
                self._unfinished[sender, digest] = unfinished
                stack.pop_all()
                return False
            if unfinished.digest() != digest:
                raise _damaged(digest)
            # Another sender may have been quicker.
            if not self._artifacts.is_sound(digest, size):
                unfinished.file.name(path)
                self._artifacts.remember(digest, os.fstat(unfinished.file.fd))
        with self._lock:
            self._unsynced.add(path.parent)
        return True

    def _note(self, name: bytes) -> None:
        with self._lock:
            self._lease.note(name)

    def _remember(self, place: bytes, digest: bytes) -> None:
        if len(self._whole) >= _REMEMBERED:
            self._whole.clear()
        self._whole.add((place, digest))

    @contextlib.contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise storage_error(error, error.filename or self._artifacts.root) from error


class _Unfinished:
    """An artifact of which more is to come, in a scratch file beside its later name."""

    def __init__(self, folder: Path) -> None:
        self.file = NewFile(folder)
        self.size = 0
        self._hasher = blake3(max_threads=blake3.AUTO)

    def add(self, data: bytes) -> None:
        write_all(self.file.fd, [data])
        self._hasher.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._hasher.digest()

    def discard(self) -> None:
        self.file.discard()


def _damaged(digest: bytes) -> ArtifactError:
    return ArtifactError(
        f"artifact {digest.hex()} was damaged on its way between machines: other bytes came than its digest says",
        help="resume the run; if it happens again, check memory and network of these machines",
    )
