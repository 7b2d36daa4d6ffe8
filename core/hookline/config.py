"""Where things lie: the project that a workflow belongs to, and the store of that project."""

from __future__ import annotations

import os
from pathlib import Path

from hookline.errors import UsageError

__all__ = ["STORE_FOLDER", "STORE_VARIABLE", "project_root", "store_path"]

STORE_FOLDER = ".hookline"
STORE_VARIABLE = "HOOKLINE_STORE"

_MARKERS = ("pyproject.toml", ".git")


def store_path(given: str | Path | None = None, near: str | Path | None = None) -> Path:
    """Tell where the store is: what was given, else ``HOOKLINE_STORE``, else ``.hookline`` in the project root.

    Args:
        given: The path that the user named; None or empty for none.
        near: The workflow's file or folder; the working directory by default.

    Returns:
        An absolute path; nothing need be there yet.

    Raises:
        UsageError: There is a file at that path.
    """
    named = os.fspath(given) if given else os.environ.get(STORE_VARIABLE, "")
    path = Path(named).expanduser().absolute() if named else project_root(near) / STORE_FOLDER
    if path.exists() and not path.is_dir():
        raise UsageError(f"the store '{path}' is a file", help="give a folder: --store PATH")
    return path


def project_root(near: str | Path | None = None) -> Path:
    """Find the project's folder: the nearest one above that holds ``pyproject.toml`` or ``.git``.

    Args:
        near: A file or folder of the project; the working directory by default.

    Returns:
        An absolute path; the folder of ``near`` itself where no folder above is marked.
    """
    start = Path(near or ".").absolute()
    folder = start if start.is_dir() else start.parent
    # Resolved, so that a project reached through a link has one store.
    folder = folder.resolve()
    for candidate in (folder, *folder.parents):
        if any((candidate / marker).exists() for marker in _MARKERS):
            return candidate
    return folder
