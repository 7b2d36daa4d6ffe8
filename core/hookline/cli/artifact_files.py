"""Writing artifacts and values out to files and folders of the user's."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookline.cli.artifact_rows import find_task, one_artifact
from hookline.cli.tasks import task_id
from hookline.cli.wording import hint
from hookline.engine.past.descriptions import read_slots
from hookline.engine.past.recorded import recorded_target
from hookline.errors import HooklineError, StoreError, UsageError
from hookline.store.leftovers import tree_size
from hookline.worker.loading import FileOpener, copy_out, load_outcome

if TYPE_CHECKING:
    from hookline.cli.working import Working
    from hookline.store.catalogue import Artifact
    from hookline.store.protocol import Store

__all__ = ["Written", "write_out"]

_DIGEST = re.compile(r"(blake3:)?[0-9a-fA-F]{4,64}\Z")
_WORDS = {
    "file": "a file, as it was returned",
    "folder": "a folder, as it was returned",
    "bytes": "the bytes as they are",
    "text": "the text in UTF-8",
    "pickle": "pickled; read it with pickle.load",
    "raw": "the bytes as they are stored",
}


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: Where.
        form: ``file``, ``folder``, ``bytes``, ``text``, ``pickle`` or ``raw``.
        size: How many bytes, of a folder in all its files.
    """

    path: Path
    form: str
    size: int

    @property
    def words(self) -> str:
        """The form in plain words."""
        return _WORDS[self.form]


def write_out(store: Store, name: str, run: str, target: Path, raw: bool, force: bool, working: Working) -> Written:
    """Write an artifact or a task's value.

    Args:
        store: Where it is.
        name: A task of the run, or a digest.
        run: The run.
        target: The file or folder to write.
        raw: Whether to write a value's stored bytes.
        force: Whether to replace what is there.
        working: Tells how far the search for a digest is.

    Returns:
        What was written; it appears under its name as a whole.

    Raises:
        UsageError: There is no such artifact or task, something is at the target, or it can't be written.
        StoreError: The artifact is damaged.
    """
    target = target.absolute()
    _check_target(target, force)
    write = _writer(store, name, run, raw, working)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".hookline-", dir=target.parent))
        try:
            made = scratch / "made"
            form = write(made)
            if os.path.lexists(target):
                # A folder can't be renamed over a file, nor the other way round.
                target.rename(scratch / "replaced")
            made.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return Written(target, form, tree_size(target))
    except OSError as error:
        raise UsageError(
            f"can't write '{error.filename2 or error.filename or target}': {(error.strerror or str(error)).lower()}",
            help="give another path with --output",
        ) from error


def _check_target(target: Path, force: bool) -> None:
    if os.path.lexists(target) and not force:
        raise UsageError(f"'{target}' exists already", help="give another path, or --force to write over it")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder '{target.parent}'", help="make it first")


def _writer(store: Store, name: str, run: str, raw: bool, working: Working) -> Callable[[Path], str]:
    """Choose what is meant: a task where there is one of this name, else a digest."""
    try:
        row = store.run(run)
        node, item = find_task(store, row.run, name)
    except UsageError:
        if not _DIGEST.match(name):
            raise
        artifact = one_artifact(store, name, working, "hookline artifacts get DIGEST")
        return lambda made: _write_artifact(store, artifact, made, raw)
    if raw:
        raise UsageError("--raw writes one artifact, not the value of a task", help="give the artifact's digest")
    return lambda made: _write_task(store, row.run, node, item, made, task_id(name))


def _write_artifact(store: Store, artifact: Artifact, made: Path, raw: bool) -> str:
    if artifact.what in ("file", "folder") and not raw:
        copy_out(store.artifacts, artifact.stored, made, folder=artifact.what == "folder")
        return artifact.what
    if raw or artifact.what == "output":
        made.write_bytes(store.artifacts.read(artifact.stored))
        return "raw"
    opener = _Opener(store, made)
    return opener.write(opener.files.load(artifact.stored))


def _write_task(store: Store, run: int, number: int, item: int | None, made: Path, name: str) -> str:
    node = store.node(run, number)
    assert node is not None
    opener = _Opener(store, made)
    slots = read_slots(node.options, lambda: recorded_target(store.run(run)))

    def load(blob: bytes | None) -> Any:
        return None if blob is None else load_outcome(opener.files, blob, -1, slots)

    if node.shape and item is None:
        return opener.write([load(blob) for blob in store.outputs(run, number, 0, node.length or 0)])
    low = item or 0
    blob = store.outputs(run, number, low, low + 1)[0]
    if blob is None:
        run_id = store.id_of(run) or "RUN"
        raise UsageError(
            f"task '{name}' of run {run_id} has no value", help=f"see: {hint('why', name, '--run', run_id)}"
        )
    return opener.write(load(blob))


class _Opener:
    """Loads values whose files are copied to a folder beside the target, and writes them."""

    def __init__(self, store: Store, made: Path) -> None:
        self._made = made
        self._copies = made.with_name("copies")
        self.files = FileOpener(store.artifacts, lambda: self._copies)

    def write(self, value: object) -> str:
        """Write a value; tells in which form."""
        if isinstance(value, Path) and value.is_relative_to(self._copies):
            value.rename(self._made)
            return "folder" if self._made.is_dir() else "file"
        if self._copies.exists():
            raise UsageError(
                "the value holds files among other things, which one file can't keep",
                help="give one item, or the digest of a file: `hookline artifacts list RUN TASK` shows them",
            )
        if isinstance(value, (bytes, bytearray)):
            self._made.write_bytes(value)
            return "bytes"
        if isinstance(value, str):
            self._made.write_bytes(value.encode("utf-8", errors="surrogateescape"))
            return "text"
        self._made.write_bytes(_pickled(value))
        return "pickle"


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value, 5)
    except Exception as error:  # pickling runs code of the value's class
        if isinstance(error, HooklineError):
            raise
        raise StoreError(
            f"the value can't be pickled: {error}",
            help="load it in Python: hookline.open_store('.hookline').run(RUN).load(TASK)",
        ) from error
