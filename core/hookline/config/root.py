"""The project that a file belongs to."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SETTINGS_FILE", "project_root"]

SETTINGS_FILE = "pyproject.toml"
_MARKERS = (SETTINGS_FILE, ".git")


def project_root(near: str | Path | None = None) -> Path:
    """Find the project's folder: the nearest one above that holds ``pyproject.toml`` or ``.git``.

    Args:
        near: A file or folder of the project; the working directory by default. Links in it are not followed.

    Returns:
        An absolute path; the folder of ``near`` itself where no folder above is marked.
    """
    start = Path(near or ".").absolute()
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.parents):
        if any((candidate / marker).exists() for marker in _MARKERS):
            return candidate
    return folder
