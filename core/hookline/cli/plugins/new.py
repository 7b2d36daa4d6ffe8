"""Begins a plugin: a project that can be installed, with tests that pass."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from hookline.cli.app import COMMANDS
from hookline.cli.plugins.template import FILES
from hookline.errors import UsageError

__all__ = ["write_project"]

_PREFIX = "hookline_"


def write_project(name: str, folder: Path | None) -> tuple[Path, list[str]]:
    """Write the files of a new plugin; nothing that exists is changed.

    Args:
        name: The plugin's name.
        folder: Where; by default a folder that is called as the distribution, below the working directory.

    Returns:
        The folder, and the files in it.

    Raises:
        UsageError: The name can't be used, files are there already, or can't be written.
    """
    names = _names(name)
    where = Path(names["distribution"]) if folder is None else folder
    texts = {path.format(**names): text.format(**names) for path, text in FILES.items()}
    there = [path for path in texts if (where / path).exists()]
    if there:
        raise UsageError(
            f"'{where}' has {', '.join(map(repr, there))} already; nothing was written",
            help="give another folder: hookline plugins new NAME --folder FOLDER",
        )
    try:
        for path, text in texts.items():
            (where / path).parent.mkdir(parents=True, exist_ok=True)
            (where / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"'{error.filename}' can't be written: {error.strerror}") from error
    return where, list(texts)


def _names(name: str) -> dict[str, str]:
    plain = name.removeprefix("hookline-").removeprefix(_PREFIX)
    package = _PREFIX + plain.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*[a-z0-9]", plain) or keyword.iskeyword(plain) or plain == "hookline":
        raise UsageError(
            f"'{name}' can't be a plugin's name",
            help="use lower-case letters, digits, '-' and '_', beginning with a letter, such as my-data",
        )
    if plain in COMMANDS:
        raise UsageError(
            f"'{name}' is a command of hookline itself, and the plugin's command would be called so",
            help="choose another name",
        )
    return {"name": plain, "package": package, "distribution": f"hookline-{plain.replace('_', '-')}"}
