"""Which module a file is: a stable name, and where imports look for what is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hookline.config.root import project_root

__all__ = ["Naming", "name_of_file"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What follows from a file's path.

    Attributes:
        file: The file's absolute path.
        module_name: The name of its module.
        packaged: Whether its folder is a package, so that relative imports work in it.
        root: The project root.
        search_path: Folders that imports of the file's code have to find.
    """

    file: Path
    module_name: str
    packaged: bool
    root: Path
    search_path: tuple[str, ...]


def name_of_file(file: Path, module_name: str = "") -> Naming:
    """Name the module that a file is.

    Args:
        file: A Python file.
        module_name: Its name, where that has been decided elsewhere.

    Returns:
        The package's name where ``__init__.py`` or a ``src`` folder says so, else the path from the project root with
        dots.
    """
    file = file.absolute()
    root = project_root(file)
    top = _package_top(file)
    packaged = top is not None
    base = top or _source_folder(file, root) or root
    if not module_name:
        parts = list(file.with_suffix("").relative_to(base).parts)
        if parts[-1] == "__init__" and len(parts) > 1:
            parts.pop()
        # A dot in a folder's name would make it look like two packages.
        module_name = ".".join(part.replace(".", "_") for part in parts)
    # Inside a package the folder comes last: a module 'types' in there must not hide the standard library's.
    folders = (base, root, file.parent) if packaged else (file.parent, base, root)
    return Naming(file, module_name, packaged, root, tuple(dict.fromkeys(map(str, folders))))


def _package_top(file: Path) -> Path | None:
    """The folder that holds the outermost package that the file is in."""
    folder = file.parent
    if not (folder / "__init__.py").is_file():
        return None
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _source_folder(file: Path, root: Path) -> Path | None:
    source = root / "src"
    return source if source in file.parents else None
