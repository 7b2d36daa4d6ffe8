"""Leases: notes of what was put and may not be recorded yet, so that collecting garbage leaves it alone.

Between putting an artifact and recording it lies the whole way from a worker to the journal. So whoever puts one first
notes it in a lease: a file of the run, or of the process where no run has begun. A lease is in force as long as the run
is driven (or the process has it open); afterwards what it names is recorded, or never will be. No clock is asked.

Notes are taken under a shared lock, and files are removed under the same lock held exclusively, after the notes have
been read once more: an artifact that is there already and is put again is either noted before it would have been
removed, or found to be gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from hookline.store.durable import make_folder, write_all
from hookline.store.locks import Forgetful, forget_in_children, wait_for

__all__ = ["UNNAMED", "Lease", "Leases", "Notes", "noted_pack"]

UNNAMED = b"unnamed".ljust(32)
"""Noted before a file is begun whose digest is known only at its end: unfinished files stay while anything is noted."""

_SIZE = 32
_KNOWN = 16384
_PROCESS = "process"
_COLLECTING = "collecting"
_LOCK = "lock"


class Leases:
    """The leases on the artifacts below one root.

    Args:
        root: The folder of the artifacts.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "leases"

    def lease(self, run: str) -> Lease:
        """Begin a lease; nothing is written before there is something to note.

        Args:
            run: The id of the run; empty where none has begun, for what this process puts until the lease is closed.
        """
        return Lease(self._folder, run)

    def release(self, run: str) -> None:
        """Remove the leases of a run that is not driven any more, unless garbage is being collected right now."""
        if not self._folder.is_dir():
            return
        with _locked(self._folder, fcntl.LOCK_SH):
            if not (self._folder / _COLLECTING).exists():
                for path in self._folder.glob(f"{run}.*"):
                    path.unlink(missing_ok=True)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep every lease for the length of a block, so that none is missed that came and went meanwhile.

        A collector that is killed in the block leaves this mark behind, and leases pile up until the next one.
        """
        make_folder(self._folder)
        with _locked(self._folder, fcntl.LOCK_EX):
            (self._folder / _COLLECTING).touch()
        try:
            yield
        finally:
            with _locked(self._folder, fcntl.LOCK_EX):
                (self._folder / _COLLECTING).unlink(missing_ok=True)

    def out_of_force(self, driven: Callable[[], Collection[str]]) -> frozenset[str]:
        """Name the leases that protect nothing any more.

        Args:
            driven: Gives the ids of the runs that living drivers have now; called once the leases are listed, because
                a run is owned before its first lease begins.
        """
        if not self._folder.is_dir():
            return frozenset()
        with _locked(self._folder, fcntl.LOCK_EX):
            paths = self._files()
        runs = driven()
        return frozenset(
            path.name for path in paths if not (_is_open(path) if _run_of(path) == _PROCESS else _run_of(path) in runs)
        )

    @contextmanager
    def noted(self, notes: Notes) -> Iterator[set[bytes]]:
        """Give all that is noted, and let nothing be noted for the length of the block, which should be short.

        Args:
            notes: What was read so far; gains what came since.
        """
        if not self._folder.is_dir():
            yield notes.names
            return
        with _locked(self._folder, fcntl.LOCK_EX):
            for path in self._files():
                if path.name not in notes.besides:
                    notes.read(path)
            yield notes.names

    def remove(self, names: Collection[str]) -> None:
        """Remove leases that are out of force."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.suffix == ".lease"]


class Notes:
    """What a reader knows of all leases; each note is read once.

    Args:
        besides: Names of leases to leave out.

    Attributes:
        names: All that is noted.
    """

    def __init__(self, besides: Collection[str] = ()) -> None:
        self.besides = besides
        self.names: set[bytes] = set()
        self._ends: dict[str, int] = {}

    def read(self, path: Path) -> None:
        """Read what came to a lease since it was read last."""
        end = self._ends.get(path.name, 0)
        with path.open("rb") as file:
            file.seek(end)
            data = file.read()
        whole = len(data) - len(data) % _SIZE
        self.names.update(data[at : at + _SIZE] for at in range(0, whole, _SIZE))
        self._ends[path.name] = end + whole


class Lease(Forgetful):
    """The notes of one writer; see :class:`Leases`. Not safe to use from several threads."""

    def __init__(self, folder: Path, run: str) -> None:
        self._folder = folder
        self._run = run
        self._path = Path()
        self._fd = -1
        self._known: set[bytes] = set()
        forget_in_children(self)

    def note(self, name: bytes) -> None:
        """Note an artifact before it is put.

        Args:
            name: Its digest; or its pack, as :func:`noted_pack` writes it.
        """
        if name in self._known:
            return
        if self._fd < 0:
            make_folder(self._folder)
        with _locked(self._folder, fcntl.LOCK_SH):
            if self._fd < 0:
                self._open()
            end = os.fstat(self._fd).st_size
            try:
                write_all(self._fd, [name])
            except OSError:
                # Half a note would shift all that follow.
                os.ftruncate(self._fd, end)
                raise
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known.add(name)

    def close(self) -> None:
        """End the lease of a process; that of a run ends with the run."""
        path, run = self._path, self._run
        if self._fd >= 0:
            self.forget()
            if not run:
                with _locked(self._folder, fcntl.LOCK_SH):
                    if not (self._folder / _COLLECTING).exists():
                        path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Start anew, as a forked child must."""
        fd, self._fd = self._fd, -1
        self._known = set()
        if fd >= 0:
            os.close(fd)

    def _open(self) -> None:
        self._path = self._folder / f"{self._run or _PROCESS}.{os.urandom(6).hex()}.lease"
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        if not self._run:
            fcntl.flock(self._fd, fcntl.LOCK_EX)


def noted_pack(pack: bytes) -> bytes:
    """Write a pack's id as it is noted."""
    return pack.ljust(_SIZE, b"\0")


def _run_of(path: Path) -> str:
    return path.name.partition(".")[0]


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    # Opened anew each time, so that threads of one process exclude each other, too.
    fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        wait_for(fd, how, folder / _LOCK)
        yield
    finally:
        os.close(fd)


def _is_open(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
    return False
