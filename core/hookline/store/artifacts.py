"""Artifacts: stored values too large for a row, addressed by digest, checked before use."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from hookline.errors import ArtifactError
from hookline.store.artifact_writer import ArtifactWriter
from hookline.store.checked import Checked, Identity
from hookline.store.durable import make_folder, write_all
from hookline.store.leases import Leases, noted_pack
from hookline.store.outputs import Stored, unpack_outputs
from hookline.store.packs import HEAD_SIZE, OWN_FILE, head_of, read_place
from hookline.store.place import storage_error

__all__ = ["Artifacts"]

_PIECE = 1 << 20
_REMEMBERED = 16384
_FICLONE = 0x40049409
_REPAIR = (
    "run the workflow again, or resume it: what made the artifact is recomputed"
    " (a step with cache=False only by a new run, or with --rerun)"
)


class Artifacts:
    """The artifacts of a store: reading in every process, writing through one writer per process.

    Args:
        root: The folder of the artifacts.
        run: The id of the run whose results are put here; empty where no run has begun.
        checked: What the processes of one run tell each other about files that they wrote or checked.
    """

    def __init__(self, root: Path, run: str = "", checked: Checked | None = None) -> None:
        self.root = Path(root)
        self.run = run
        self.leases = Leases(self.root)
        self._packs = self.root / "packs"
        self._objects = self.root / "objects" / "blake3"
        self._marks = self.root / "damaged"
        # Looked at for every hit, for which paths are slow.
        self._packs_text, self._objects_text, self._marks_text = map(str, (self._packs, self._objects, self._marks))
        self._sound: dict[bytes, Identity] = {}
        self._checked = checked
        self._lock = threading.Lock()
        self._writer: ArtifactWriter | None = None

    def __reduce__(self) -> tuple[type[Artifacts], tuple[Path, str]]:
        return Artifacts, (self.root, self.run)

    def writer(self) -> ArtifactWriter:
        """Give this process's writer."""
        with self._lock:
            if self._writer is None or self._writer.closed:
                self._writer = ArtifactWriter(self)
            return self._writer

    def close(self) -> None:
        """Give descriptors back, and close this process's writer, if it has one.

        Outside of a run, what it put has to be recorded by now.
        """
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None and not writer.closed:
            writer.close()
        if self._checked is not None:
            self._checked.close()

    def read(self, item: Stored) -> bytes | memoryview:
        """Give the bytes of a stored value, checked against size and digest.

        Large ones are mapped privately: writing into them changes neither the artifact nor anyone else's view.

        Raises:
            ArtifactError: The artifact is missing or damaged.
        """
        if item.data is not None:
            if not _matches(item, item.data):
                raise _damaged(item, "the bytes in the journal are others")
            return item.data
        packed = read_place(item.place)
        if packed:
            return self._read_packed(item, *packed)
        if item.place != OWN_FILE:
            raise ArtifactError(f"artifact {item.digest.hex()} has a place that this hookline does not know")
        return self._read_own(item)

    def has(self, outputs: bytes) -> bool:
        """Tell whether the artifacts of a recorded outcome are there, in their size, and not known to be damaged.

        Their bytes are not read: whoever reads them finds other damage, and from then on the answer is no.

        Args:
            outputs: The packed outputs.
        """
        pending = [*unpack_outputs(outputs)]
        while pending:
            digest, size, place, _, files = pending.pop()
            pending += files
            if place == OWN_FILE:
                name = digest.hex()
                if _size_of(f"{self._objects_text}/{name[:2]}/{name[2:]}") != size:
                    return False
            elif place and not self.has_place(place, size):
                return False
        return True

    def has_place(self, place: bytes, size: int) -> bool:
        """Tell the same of what stands at a place in a pack."""
        packed = read_place(place)
        if packed is None or os.access(f"{self._marks_text}/{place.hex()}", os.F_OK):
            return False
        return _size_of(f"{self._packs_text}/{packed[0].hex()}.pack") >= packed[1] + size

    def is_sound(self, digest: bytes, size: int) -> bool:
        """Tell whether a file of its own holds these bytes; reads it, unless this process wrote or checked it."""
        try:
            self._read_own(Stored(digest, size, OWN_FILE, None))
        except ArtifactError:
            return False
        return True

    def check(self, item: Stored) -> None:
        """Make sure that a file of its own is whole; reads it, unless this run wrote or checked it.

        Raises:
            ArtifactError: The artifact is missing or damaged.
        """
        self._read_own(item, keep=False)

    def link_out(self, item: Stored, target: Path) -> None:
        """Make a copy of a file artifact that its receiver may change; shares blocks where the disk can.

        Args:
            item: What ``put_file`` gave.
            target: The new file; must not exist.
        """
        if item.place == OWN_FILE:
            source = self.path_of(item.digest)
            self._read_own(item, keep=False)
            with self._failing(item, source):
                _copy_file(source, target)
            return
        data = self.read(item)
        try:
            with target.open("xb") as file:
                file.write(data)
        except OSError as error:
            raise storage_error(error, target) from error

    def path_of(self, digest: bytes) -> Path:
        """Name the file of an artifact that has one of its own."""
        name = digest.hex()
        return self._objects / name[:2] / name[2:]

    def remember(self, digest: bytes, status: os.stat_result) -> None:
        """Note that this process wrote or checked a file as it stands.

        Args:
            digest: Of the file's bytes; for a pack, which nobody but its writer knows to be whole, as it is noted.
            status: How it stands.
        """
        if self._sound.get(digest) == _identity(status):
            return
        if len(self._sound) >= _REMEMBERED:
            self._sound.clear()
        self._sound[digest] = _identity(status)
        if self._checked is not None:
            self._checked.add(digest, _identity(status))

    def set_aside(self, item: Stored) -> None:
        """Let nobody take an artifact for whole any more, so that the task that made it makes it again."""
        self._sound.pop(item.digest, None)
        with contextlib.suppress(OSError):
            if item.place == OWN_FILE:
                path = self.path_of(item.digest)
                path.rename(path.with_name(f"{path.name}.damaged-{os.urandom(4).hex()}"))
            elif item.place:
                # Packs are never written again: what is known of a place in one is kept beside them.
                make_folder(self._marks)
                (self._marks / item.place.hex()).touch()

    def restore(self, place: bytes) -> None:
        """Let a place in a pack be taken for whole again, now that its bytes were written anew."""
        (self._marks / place.hex()).unlink(missing_ok=True)

    def _read_packed(self, item: Stored, pack: bytes, offset: int) -> memoryview:
        path = f"{self._packs_text}/{pack.hex()}.pack"
        with self._failing(item, path):
            if self._writer is not None:
                self._writer.write(pack)
            data, status = _read_at(path, max(offset - HEAD_SIZE, 0), item.size + HEAD_SIZE)
        value = memoryview(data)[HEAD_SIZE:]
        # A pack that this run wrote is not checked again; what stands before the value tells that it is the one.
        known = data[:HEAD_SIZE] == head_of(item.digest, item.size) and self._is_known(
            noted_pack(pack), _identity(status)
        )
        if len(value) != item.size or not (known or blake3(value).digest() == item.digest):
            self.set_aside(item)
            raise _damaged(item, f"the bytes at {offset} in '{path}' are others")
        return value

    def _read_own(self, item: Stored, *, keep: bool = True) -> memoryview:
        path = self.path_of(item.digest)
        with self._failing(item, path):
            # Whatever stands there instead of the file must not make us wait.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                status = os.fstat(fd)
                if status.st_size != item.size:
                    raise self._damage(item, path, f"has {status.st_size:,} bytes instead of {item.size:,}")
                if item.size == 0:
                    return memoryview(b"")
                known = self._is_known(item.digest, _identity(status))
                if known and not keep:
                    return memoryview(b"")
                view = memoryview(mmap.mmap(fd, item.size, access=mmap.ACCESS_COPY))
            finally:
                os.close(fd)
        if not known:
            if blake3(view, max_threads=blake3.AUTO).digest() != item.digest:
                raise self._damage(item, path, "has other bytes than its digest says")
            self.remember(item.digest, status)
        return view

    def _is_known(self, digest: bytes, identity: Identity) -> bool:
        """Tell whether this run wrote or checked the file as it stands now."""
        if self._sound.get(digest) == identity:
            return True
        return self._checked is not None and self._checked.find(digest) == identity

    def _damage(self, item: Stored, path: Path, what: str) -> ArtifactError:
        self.set_aside(item)
        return _damaged(item, f"'{path}' {what}")

    @contextlib.contextmanager
    def _failing(self, item: Stored, path: Path | str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ArtifactError(
                f"artifact {item.digest.hex()} is missing: there is no '{path}'",
                help=_REPAIR,
            ) from error
        except OSError as error:
            raise storage_error(error, error.filename2 or error.filename or path) from error


def _matches(item: Stored, data: bytes) -> bool:
    return len(data) == item.size and blake3(data).digest() == item.digest


def _damaged(item: Stored, what: str) -> ArtifactError:
    return ArtifactError(
        f"artifact {item.digest.hex()} is damaged: {what}",
        help=_REPAIR,
    )


def _identity(status: os.stat_result) -> Identity:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _size_of(path: str) -> int:
    """Give the size of a regular file; -1 where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path takes three times as long
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def _read_at(path: str, offset: int, size: int) -> tuple[bytes, os.stat_result]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(fd, size, offset)
        # Afterwards: a file that is unchanged by then had not changed before.
        return data, os.fstat(fd)
    finally:
        os.close(fd)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as old, target.open("xb", buffering=0) as new:
        if not _share_blocks(old.fileno(), new.fileno()):
            _copy_bytes(old.fileno(), new.fileno(), os.fstat(old.fileno()).st_size)


def _share_blocks(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, target: int, size: int) -> None:
    done = 0
    while done < size:
        piece = os.pread(source, _PIECE, done)
        if not piece:
            raise OSError(errno.EIO, "the file ended early")
        write_all(target, [piece])
        done += len(piece)
