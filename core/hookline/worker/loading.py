"""From an attempt's inputs to the function's arguments: each consumer gets values of its own."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from hookline.errors import ArtifactError
from hookline.model.outputs import Outputs, outputs_of
from hookline.model.work import Argument, FunctionRef, Hole, StoredArgument, Structure
from hookline.store.artifacts import Artifacts
from hookline.store.outputs import Stored, unpack_outputs
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode
from hookline.values.files import FileRef, digest_path, opening
from hookline.values.forms.registered import opening_kept
from hookline.values.registered import Identity, kept_record

__all__ = ["FileOpener", "Loader", "copy_out", "load_outcome", "loader_of"]

Loader = Callable[[Sequence[Any], Callable[[], "FileOpener"]], Any]
"""From an item's inputs, and what opens files for its attempt, to one argument."""

_ONE_INLINE = 1
_HEAD = 33


class FileOpener:
    """Gives out copies of stored files below a folder, made when the first is needed.

    Args:
        artifacts: Where the files are stored.
        folder: Gives the folder for copies.
        lasting: Whether copies stay, each under its digest, and are given out again while they are unchanged; else each
            is made anew.
    """

    def __init__(self, artifacts: Artifacts, folder: Callable[[], Path], *, lasting: bool = False) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._lasting = lasting
        self._count = itertools.count()

    def load(self, stored: Stored) -> Any:
        """Load one slot; files in it are copied out, and values that lie apart are loaded from there."""
        if not stored.files:
            return _plain_load(self._artifacts, stored)
        known = {item.digest: item for item in stored.files}

        def open_copy(ref: FileRef) -> Path:
            if ref.digest not in known:
                raise ArtifactError(f"the content of the file '{ref.name}' is not recorded with its value")
            place = self._folder() / (ref.digest[:8].hex() if self._lasting else str(next(self._count)))
            target = place / PurePath(ref.name).name
            if self._lasting and target.exists():
                found = digest_path(target)
                if isinstance(found, FileRef) and found.digest == ref.digest:
                    return target
                import shutil  # hardly ever needed, and workers are to be there at once

                shutil.rmtree(place)
            place.mkdir(parents=True, exist_ok=True)
            copy_out(self._artifacts, known[ref.digest], target, folder=ref.folder)
            return target

        def open_part(identity: Identity) -> Any:
            record = known.get(digest_bytes(kept_record(identity)))
            if record is None or len(record.files) != 1:
                raise ArtifactError(f"a value with the digest '{identity[0]}' is not recorded with what holds it")
            return self.load(record.files[0])

        with opening(open_copy), opening_kept(open_part):
            return _plain_load(self._artifacts, stored)


def copy_out(artifacts: Artifacts, item: Stored, target: Path, *, folder: bool) -> None:
    """Make a copy of a stored file or folder.

    Args:
        artifacts: Where it is stored.
        item: The file, or the folder's manifest with its files.
        target: The new file or folder; must not exist.
        folder: Whether it is a folder.

    Raises:
        ArtifactError: It is missing or damaged.
    """
    if not folder:
        artifacts.link_out(item, target)
        return
    target.mkdir()
    inside = {child.digest: child for child in item.files}
    rows: Any = decode(bytes(artifacts.read(item._replace(files=()))))
    for place, executable, digest in rows:
        path = target / place
        if not path.resolve().is_relative_to(target.resolve()):
            raise ArtifactError(f"the stored folder '{target.name}' holds a file outside of itself: '{place}'")
        if place.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        artifacts.link_out(inside[digest], path)
        path.chmod(0o755 if executable else 0o644)


def load_outcome(opener: FileOpener, blob: bytes, slot: int = -1, outputs: Outputs | None = None) -> Any:
    """Load a recorded outcome.

    Args:
        opener: Reads stored bytes and gives out files.
        blob: The packed outputs.
        slot: Which slot; -1 for the whole value.
        outputs: How the whole value is put together; None where it has one slot.

    Returns:
        A new value.
    """
    if blob[0] == _ONE_INLINE:
        return decode(blob[_HEAD:])
    slots = unpack_outputs(blob)
    if slot >= 0:
        return opener.load(slots[slot])
    if outputs is None or outputs.form == "one":
        return opener.load(slots[0])
    return outputs.join([opener.load(stored) for stored in slots])


def loader_of(
    argument: Argument,
    annotation: Any,
    find: Callable[[FunctionRef], Callable[..., Any]],
    here: Callable[[Any], Any] | None = None,
) -> Loader:
    """Make the loader of one argument; it serves all attempts of a process.

    Args:
        argument: How the argument is made.
        annotation: The parameter's annotation; ``Iterator`` gets the elements of a mapped task lazily.
        find: Finds a producer's function, whose declared outputs say how its value is put together.
        here: Gives a value with paths that lead somewhere, where those of the driver do not; None where they do.

    Returns:
        The loader.
    """
    if isinstance(argument, StoredArgument):
        data = argument.data
        return (lambda _, __: decode(data)) if here is None else lambda _, __: here(decode(data))
    if isinstance(argument, Structure):
        parts = [loader_of(part, Any, find, here) for part in argument.items]
        return _structure_loader(argument, parts)
    load = _hole_loader(argument, annotation, find)
    # An element of a list that the workflow itself holds. Files that steps made lead somewhere in any case.
    return load if here is None or argument.many else lambda inputs, opener: here(load(inputs, opener))


def _hole_loader(hole: Hole, annotation: Any, find: Callable[[FunctionRef], Callable[..., Any]]) -> Loader:
    index, slot = hole.index, hole.slot
    outputs = outputs_of(find(hole.producer)) if hole.producer is not None else None
    if hole.many:
        origin = typing.get_origin(annotation)
        if origin is Iterator or origin is typing.get_origin(typing.Iterator[int]):
            return lambda inputs, opener: (load_outcome(opener(), blob, slot, outputs) for blob in inputs[index])
        return lambda inputs, opener: [load_outcome(opener(), blob, slot, outputs) for blob in inputs[index]]

    def load(inputs: Sequence[Any], opener: Callable[[], FileOpener]) -> Any:
        blob = inputs[index]
        # The common case, without a further call: one small value.
        if blob[0] == _ONE_INLINE:
            return decode(blob[_HEAD:])
        return load_outcome(opener(), blob, slot, outputs)

    return load


def _structure_loader(structure: Structure, parts: list[Loader]) -> Loader:
    if structure.kind == "dict":
        keys = structure.keys
        return lambda inputs, opener: {key: part(inputs, opener) for key, part in zip(keys, parts, strict=True)}
    if structure.kind == "tuple":
        return lambda inputs, opener: tuple([part(inputs, opener) for part in parts])
    return lambda inputs, opener: [part(inputs, opener) for part in parts]


def _plain_load(artifacts: Artifacts, stored: Stored) -> Any:
    if stored.data is not None:
        return decode(stored.data)
    return decode(artifacts.read(stored))
