"""The project's file of settings: the table ``[tool.hookline]`` of its ``pyproject.toml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hookline.config.root import SETTINGS_FILE
from hookline.errors import UsageError

__all__ = ["SettingsFile", "read_file"]

_DEEPEST = 40
_TABLE = ("tool", "hookline")


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a project's file says.

    Attributes:
        path: The file, relative to the working directory where it lies in there.
        text: Its text.
        table: The table ``[tool.hookline]``; empty where there is none.
    """

    path: str
    text: str
    table: Mapping[str, Any]

    def place(self, *key: str) -> str:
        """Tell where a key of the table stands: ``pyproject.toml:12``."""
        line = _line_of(self.text, (*_TABLE, *key))
        return f"{self.path}:{line}" if line else self.path


def read_file(root: Path) -> SettingsFile:
    """Read the settings of a project.

    Args:
        root: The project's folder.

    Returns:
        What its file says; nothing where there is no file.

    Raises:
        UsageError: The file can't be read, or is no TOML.
    """
    path = root / SETTINGS_FILE
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return SettingsFile(shown, "", {})
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"the settings in '{shown}' can't be read: {reason}", help="let it be read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the settings in '{shown}' are not UTF-8 text", help="save it as UTF-8") from error
    # A file that does not even name hookline is not ours to complain about, nor worth importing the parser.
    if "hookline" not in text:
        return SettingsFile(shown, text, {})
    try:
        found = _lookup(_parsed(text), _TABLE)
    except ValueError as error:
        raise UsageError(f"the settings in '{shown}' are not valid TOML: {error}", help="mend that place") from error
    except RecursionError:
        raise _too_deep(shown) from None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{shown}: 'tool.hookline' is no table", help="write [tool.hookline] and the settings below")
    if _is_deeper(found or {}, _DEEPEST):
        raise _too_deep(shown)
    return SettingsFile(shown, text, found or {})


def _is_deeper(table: object, most: int) -> bool:
    parts = table.values() if isinstance(table, dict) else table if isinstance(table, list) else ()
    return most == 0 or any(_is_deeper(part, most - 1) for part in parts)


def _too_deep(shown: str) -> UsageError:
    return UsageError(
        f"the settings in '{shown}' are nested too deeply", help="build such a value in a step, or read it from a file"
    )


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd().resolve()))
    except (ValueError, OSError):
        return str(path)


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def _lookup(table: Any, key: tuple[str, ...]) -> Any:
    for part in key:
        table = table.get(part) if isinstance(table, dict) else None
    return table


def _line_of(text: str, key: tuple[str, ...]) -> int | None:
    """Find the line in which a key begins; the parser, which knows no lines, reads ever more of the file.

    The line is the one before which the text is sound and lacks the key, and with which, or with as many more as its
    value takes, the text has it.
    """
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if key[-1] not in line or _has("".join(lines[:number]), key) is not False:
            continue
        for end in range(number + 1, len(lines) + 1):
            has = _has("".join(lines[:end]), key)
            if has:
                return number + 1
            if has is not None:
                break
    return None


def _has(text: str, key: tuple[str, ...]) -> bool | None:
    """Tell whether a text has a key; None where it is no sound TOML."""
    import tomllib

    try:
        return _lookup(tomllib.loads(text), key) is not None
    except ValueError:
        return None
