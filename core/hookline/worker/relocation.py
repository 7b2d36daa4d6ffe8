"""What a run's facts are on a node: whether it sees the driver's folders, and where things are if it does not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from hookline.config.address import scheme_of
from hookline.errors import HooklineError, StoreError
from hookline.model.batch import RunFacts
from hookline.store.durable import make_folder, new_file, scratch_name, write_all
from hookline.store.flight import Flight
from hookline.store.locks import Forgetful, forget_in_children, wait_for
from hookline.store.place import check_local, storage_error

__all__ = ["Mark", "NodeFolder", "Proof", "forget_proof", "proof_of", "relocated", "sees_project", "sees_store"]

Mark = tuple[int, int, int]
"""Inode, time of change (ns) and size."""

_REMOVED = ".removed-"


class Proof(NamedTuple):
    """What the driver says so that a node finds out whether it sees the same folders.

    Attributes:
        path: A file of the store.
        content: What it holds, and nobody can guess.
        root: How the project's folder stands; None where it is gone.
        target: How the target file stands; None where there is none.
        home: The project's folder without links.
    """

    path: str
    content: bytes
    root: Mark | None
    target: Mark | None
    home: str = ""


def proof_of(run: RunFacts) -> Proof:
    """Write what nodes look for into the store; to be called by the driver.

    Args:
        run: What the engine says about the run.

    Returns:
        What to send to nodes; :func:`forget_proof` removes the file.

    Raises:
        StoreError: The store can't be written.
    """
    artifacts = Path(run.artifacts)
    path, content = artifacts.parent / scratch_name("proof"), os.urandom(32)
    try:
        make_folder(artifacts)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, [content])
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, path) from error
    return Proof(str(path), content, _mark(run.root), _mark(run.target_file), os.path.realpath(run.root))


def forget_proof(proof: Proof) -> None:
    """Remove the file; nodes that come later see nothing."""
    with contextlib.suppress(OSError):
        Path(proof.path).unlink()


def sees_store(run: RunFacts, proof: Proof) -> bool:
    """Tell whether this node can write artifacts where the driver reads them.

    Args:
        run: What the driver says about the run.
        proof: What it wrote there.
    """
    artifacts = Path(run.artifacts)
    if not _holds(proof):
        return False
    try:
        # Over a network, locks and mapped files of two machines don't see each other: such a folder is as good as none.
        check_local(artifacts)
        with new_file(artifacts):
            return True
    except (OSError, HooklineError):
        return False


def sees_project(run: RunFacts, proof: Proof) -> bool:
    """Tell whether the project's folder on this node is the driver's.

    Of the folder itself only its number counts: it changes with every file that a step makes in there.

    Args:
        run: What the driver says about the run.
        proof: How things stand there.
    """
    if Path(proof.path).is_relative_to(run.root):
        return _holds(proof)  # containers of one image agree in all but what was written since
    root, target = _mark(run.root), _mark(run.target_file)
    return root is not None and proof.root is not None and (root[0], target) == (proof.root[0], proof.target)


def _holds(proof: Proof) -> bool:
    try:
        return Path(proof.path).read_bytes() == proof.content
    except OSError:
        return False


def relocated(run: RunFacts, *, project: Path | None, store: Path | None, home: str = "") -> RunFacts:
    """Say about a run what holds on this node; of the store's address only a URL stays.

    Args:
        run: What the driver says about the run.
        project: Where the project's files are on this node; None where it sees those of the driver.
        store: A folder of the node's own for this run; None where it sees the store. What is missing in it is made.
        home: The project's folder in the driver, without links.

    Returns:
        The facts for workers of this node, which may share both folders.

    Raises:
        StoreError: A folder can't be made.
    """
    try:
        if project is not None:
            homes = tuple(dict.fromkeys(each for each in (run.root, home) if each))
            run = replace(run, **_moved(run, project), homes=homes)
        if store is not None:
            address = run.store if scheme_of(run.store) else ""
            run = replace(run, **_kept_in(store), store=address)
    except OSError as error:
        raise storage_error(error, error.filename or store or run.cwd) from error
    return run


def _moved(run: RunFacts, project: Path) -> dict[str, Any]:
    root = os.path.normpath(run.root)

    def place(path: str) -> str | None:
        """Give the place of what lies in the project."""
        inner = os.path.normpath(path)
        return str(project / Path(inner).relative_to(root)) if Path(inner).is_relative_to(root) else None

    cwd = place(run.cwd)
    if cwd is not None:
        # An empty folder is in no package.
        Path(cwd).mkdir(parents=True, exist_ok=True)
    elif not Path(run.cwd).is_dir():
        cwd = str(project)
    search_path = [place(entry) or (entry if Path(entry).exists() else None) for entry in run.search_path]
    return {
        "root": str(project),
        "cwd": cwd or run.cwd,
        "target_file": place(run.target_file) or run.target_file,
        "search_path": tuple(entry for entry in search_path if entry is not None),
        "plugins": tuple(ref._replace(file=place(ref.file) or ref.file) for ref in run.plugins),
    }


def _kept_in(store: Path) -> dict[str, Any]:
    artifacts, folder, flight = store / "artifacts", store / "attempts", store / "flight"
    artifacts.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if not flight.exists():
        # Made aside: nobody sees it while there is no room in it yet, and one that others use stays.
        scratch = store / scratch_name("flight")
        Flight(scratch, create=True).close()
        with contextlib.suppress(FileExistsError):
            flight.hardlink_to(scratch)
        scratch.unlink()
    files = store / "files"
    files.mkdir(exist_ok=True)
    return {"artifacts": str(artifacts), "folder": str(folder), "flight": str(flight), "files": str(files)}


def _mark(path: str) -> Mark | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - an empty path is none, not the working directory
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


class NodeFolder(Forgetful):
    """A folder for one run on this node, held by each worker process that uses it. Use it in a ``with`` block.

    The last one to close it removes it. What killed processes left of other runs is removed by the next to come.

    Args:
        run_id: The run's id.

    Attributes:
        path: The folder, which only this user can read.

    Raises:
        StoreError: It can't be made, or somebody else made it.
    """

    def __init__(self, run_id: str) -> None:
        # Folders are locked themselves. The outer one is locked for moments, in which nobody comes or goes.
        self._all = Path(tempfile.gettempdir()) / f"hookline-{os.getuid()}"
        self.path = self._all / run_id
        self._fd = -1
        try:
            with _locked(self._all):
                left = [path for path in self._all.iterdir() if path != self.path]
                trash = [moved for path in left if (moved := _set_aside(path))]
                self._fd = _opened(self.path)
                fcntl.flock(self._fd, fcntl.LOCK_SH)
        except OSError as error:
            self.forget()
            raise storage_error(error, error.filename or self.path) from error
        forget_in_children(self)
        _remove(trash)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder, and remove it unless others hold it.

        What can't be removed is left to whoever comes next.
        """
        if self._fd < 0:
            return
        trash = None
        with contextlib.suppress(OSError), _locked(self._all):
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            trash = _set_aside(self.path)
        self.forget()
        _remove([trash] if trash else [])

    def forget(self) -> None:
        """In a forked child: leave the folder to the parent, which holds it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _opened(folder: Path) -> int:
    """Open a folder of this user's own, made if need be."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(fd)
    if status.st_uid != os.getuid():
        os.close(fd)
        raise StoreError(
            f"can't use '{folder}': it belongs to another user (number {status.st_uid})",
            help="have it removed, or set TMPDIR to a folder that only you can write to",
        )
    if status.st_mode & 0o077:
        os.fchmod(fd, 0o700)
    return fd


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    fd = _opened(folder)
    try:
        wait_for(fd, fcntl.LOCK_EX, folder)
        yield
    finally:
        os.close(fd)


def _set_aside(folder: Path) -> Path | None:
    """Move a folder that nobody holds out of the way, which is quick; deleting it is not."""
    if folder.name.startswith(_REMOVED):
        return folder  # of one who was killed on the way, or is at it
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return folder.rename(folder.with_name(f"{_REMOVED}{os.urandom(6).hex()}"))
        finally:
            os.close(fd)
    return None


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
