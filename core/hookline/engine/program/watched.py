"""Files that are arguments: noticing that one changed while a run read it."""

from __future__ import annotations

from pathlib import Path

from hookline.values.encode import paths_inside
from hookline.values.files import swap_paths, walk_folder

__all__ = ["Signature", "changed_since", "paths_in", "signature"]

Signature = tuple[tuple[str, int, int, int], ...]


def paths_in(value: object) -> list[Path]:
    """List the paths at any depth of a value; inside objects where pickle can look into them."""
    try:
        return paths_inside(value)
    except Exception:  # noqa: BLE001 - a value's own pickling code may raise anything
        pass
    found: list[Path] = []

    def note(path: Path) -> Path:
        found.append(path)
        return path

    swap_paths(value, note)
    return found


def signature(path: Path) -> Signature:
    """Describe a file or folder so that a change shows: inode, size and modification time of each file."""
    files = [(place, file) for place, file, _ in walk_folder(path)] if path.is_dir() else [("", path)]
    described = []
    for place, file in files:
        try:
            found = file.stat()
        except OSError:
            described.append((place, 0, 0, 0))
            continue
        described.append((place, found.st_ino, found.st_size, found.st_mtime_ns))
    return tuple(described)


def changed_since(path: Path, before: Signature) -> bool:
    """Tell whether a file or folder is not what it was."""
    return signature(path) != before
