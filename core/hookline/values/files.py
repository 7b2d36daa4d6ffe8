"""Files as values: a path inside a value stands for the content and name of what it points to.

On the way into the store a ``Path`` becomes a :class:`FileRef`; on the way out it becomes the path of a fresh copy,
which whoever loads the value has made (:func:`opening`).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

from hookline.errors import UsageError
from hookline.values.digest import digest_bytes
from hookline.values.plain import encode_plain

__all__ = [
    "FileRef",
    "digest_file",
    "digest_path",
    "manifest",
    "name_of",
    "open_file",
    "opening",
    "swap_paths",
    "walk_folder",
]

_CHUNK = 1 << 20
_local = threading.local()


class FileRef:
    """Content and name of a file or folder, in place of its path.

    Attributes:
        name: The last part of its path.
        digest: Digest of the content: of a file's bytes, or of a folder's manifest.
        folder: Whether it is a folder.
    """

    __slots__ = ("digest", "folder", "name")

    def __init__(self, name: str, digest: bytes, folder: bool = False) -> None:
        self.name = name
        self.digest = digest
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str, bytes, bool], object], tuple[str, bytes, bool]]:
        return open_file, (self.name, self.digest, self.folder)


def open_file(name: str, digest: bytes, folder: bool) -> object:
    """Turn a stored file back into a path. Stored streams name this function: it stays here.

    Args:
        name: The file's name.
        digest: Digest of its content.
        folder: Whether it is a folder.

    Returns:
        A path to a copy, as made by the opener in force; outside of :func:`opening` the :class:`FileRef` itself.
    """
    ref = FileRef(name, digest, folder)
    opener: Callable[[FileRef], Path] | None = getattr(_local, "opener", None)
    return ref if opener is None else opener(ref)


@contextlib.contextmanager
def opening(opener: Callable[[FileRef], Path]) -> Iterator[None]:
    """Say how files are given out while values are loaded in this thread.

    Args:
        opener: Makes a copy of the file and returns its path.
    """
    before = getattr(_local, "opener", None)
    _local.opener = opener
    try:
        yield
    finally:
        _local.opener = before


def swap_paths(value: Any, swap: Callable[[Path], object]) -> Any:
    """Replace each path at any depth of lists, tuples, sets and dicts.

    Args:
        value: Any value; not changed.
        swap: Called with each ``pathlib.Path``; gives what takes its place.

    Returns:
        The value itself where it holds no path, else a copy of the containers around the paths. A value that contains
        itself, or is too deep to walk, is given back as it is.
    """
    try:
        return _swapped(value, swap)
    except RecursionError:
        return value


def _swapped(value: Any, swap: Callable[[Path], object]) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        items = [_swapped(item, swap) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else kind(items)
    if kind is dict:
        pairs = [(_swapped(key, swap), _swapped(item, swap)) for key, item in value.items()]
        same = all(new[0] is old[0] and new[1] is old[1] for new, old in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)
    if kind is set or kind is frozenset:
        members = {member: _swapped(member, swap) for member in value}
        return value if all(new is old for old, new in members.items()) else kind(members.values())
    if isinstance(value, Path):
        return swap(value)
    return value


def digest_path(path: Path) -> object:
    """Give what stands for a path argument in a digest.

    Args:
        path: Relative paths mean the working directory.

    Returns:
        A :class:`FileRef` where something exists there, else a ``PurePath`` of the same text.

    Raises:
        UsageError: It exists but can't be read.
    """
    try:
        if path.is_dir():
            return FileRef(name_of(path), digest_bytes(manifest(path, digest_file)), folder=True)
        if path.exists():
            return FileRef(name_of(path), digest_file(path))
    except OSError as error:
        raise UsageError(
            f"'{path}' can't be read: {error.strerror}",
            help="make it readable, or pass a PurePath to pass its text only",
        ) from error
    return PurePath(path)


def digest_file(path: Path) -> bytes:
    """Digest a file's content, whatever its size."""
    from blake3 import blake3

    hasher = blake3()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.digest()


def walk_folder(folder: Path) -> list[tuple[str, Path, bool]]:
    """List a folder's files, sorted by their place in it.

    Args:
        folder: Where to look; links to files are followed, links to folders too.

    Returns:
        For each file: its relative path with forward slashes, its path, whether it may be executed. Empty folders are
        listed with a trailing slash.
    """
    found: list[tuple[str, Path, bool]] = []
    for root, folders, names in os.walk(folder, followlinks=True):
        inside = Path(root)
        if not folders and not names and inside != folder:
            found.append((inside.relative_to(folder).as_posix() + "/", inside, False))
        for name in names:
            path = inside / name
            found.append((path.relative_to(folder).as_posix(), path, os.access(path, os.X_OK)))
    return sorted(found)


def manifest(folder: Path, digest: Callable[[Path], bytes]) -> bytes:
    """Describe a folder's content: the stored form of a folder.

    Args:
        folder: The folder.
        digest: Gives the digest of a file in it.

    Returns:
        The canonical encoding of a sorted list of (relative path, may be executed, digest); an empty folder's path ends
        with a slash and its digest is empty.
    """
    rows = [
        (place, executable, b"" if place.endswith("/") else digest(path))
        for place, path, executable in walk_folder(folder)
    ]
    return encode_plain(rows)


def name_of(path: Path) -> str:
    """Give the last part of a path, also of ``.`` and ``..``."""
    return path.name or path.resolve().name
