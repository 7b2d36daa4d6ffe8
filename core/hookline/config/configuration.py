"""Every setting's value and where it comes from: a call, a variable, the project's file, or the default."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hookline.config.file import SettingsFile, read_file
from hookline.config.root import project_root
from hookline.config.settings import LIMITS, PREFIX, SETTINGS, Setting
from hookline.errors import UsageError, close_match

__all__ = ["Configuration", "check_store", "configure", "store_path"]

_STORE_FOLDER = ".hookline"
_NAMES = (*(setting.name for setting in SETTINGS), LIMITS.name)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings that hold for a project; :data:`~hookline.config.settings.SETTINGS` says what each is.

    Attributes:
        root: The project's folder.
        store: An absolute path; nothing need be there yet.
        executor: An executor's name.
        workers: How many tasks may run at once; None for what the machine has.
        durability: ``"full"`` or ``"fast"``.
        grace: Seconds.
        seed: The seed.
        load_policy: A load policy's name.
        turns: How many turns a loop may take.
        limits: How many attempts may run at once, by step name or tag.
        file: What the project's file says.
        origins: ``"given"``, a variable's name, or ``"file"``, by setting; what is not there is the default.
    """

    root: Path
    store: Path
    executor: str
    workers: int | None
    durability: Literal["full", "fast"]
    grace: float
    seed: int
    load_policy: str
    turns: int
    limits: Mapping[str, int]
    file: SettingsFile
    origins: Mapping[str, str]

    def origin(self, name: str, entry: str = "") -> str:
        """Tell where a value comes from.

        Args:
            name: A setting's name.
            entry: A name in its table, for ``limits``.

        Returns:
            ``"given"``, a variable's name, the file's path with the line, or ``"default"``.
        """
        origin = self.origins.get(name, "default")
        return self.file.place(name, *filter(None, [entry])) if origin == "file" else origin


def configure(near: str | Path | None = None, **given: object) -> Configuration:
    """Work out the settings: what a call gives goes before variables, these before the file, this before defaults.

    Args:
        near: A file or folder of the project; the working directory by default.
        **given: What a call or a command line gives, by the setting's name; None for nothing.

    Returns:
        The settings.

    Raises:
        UsageError: Settings do not exist or have values of the wrong kind; all of them are named with their places.
    """
    start = Path(near or ".").absolute()
    # Links are followed, so that a project reached through one has one store.
    root = project_root((start if start.is_dir() else start.parent).resolve())
    file = read_file(root)
    problems = [
        f"{file.place(key)}: there is no setting '{key}';{close_match(key, _NAMES)}".rstrip(";")
        for key in file.table
        if key not in (*_NAMES, "plugin")
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        values[setting.name] = _value(setting, given.get(setting.name), file, origins, problems)
    limits = _limits(file, origins, problems)
    _warn_of_variables()
    if problems:
        _raise(problems)
    store = Path(values.pop("store") or _STORE_FOLDER).expanduser()
    at_root = origins.get("store", "file") == "file"
    return Configuration(
        root=root,
        store=root / store if at_root else store.absolute(),
        limits=limits,
        file=file,
        origins=origins,
        **values,
    )


def store_path(given: str | Path | None = None, near: str | Path | None = None) -> Path:
    """Tell where the store is: what was given, else ``HOOKLINE_STORE``, else the file's, else in the project root.

    Args:
        given: The path that the user named; None or empty for none.
        near: The workflow's file or folder; the working directory by default.

    Returns:
        An absolute path; nothing need be there yet.

    Raises:
        UsageError: There is a file at that path, or a setting is wrong.
    """
    return check_store(configure(near, store=given or None).store)


def check_store(path: Path) -> Path:
    """Give a store's path back where it can be one.

    Raises:
        UsageError: There is a file at that path.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"the store '{path}' is a file", help="give a folder: --store PATH")
    return path


def _value(setting: Setting, given: object, file: SettingsFile, origins: dict[str, str], problems: list[str]) -> object:
    """Take the first value that there is; one that is passed over has to be right as well."""
    found = []
    name, variable, text = setting.name, setting.variable, os.environ.get(setting.variable, "")
    try:
        if given is not None:
            found.append(("given", setting.read(given)))
    except ValueError:
        problems.append(f"{name} takes {setting.takes}, not {given!r}")
    try:
        if text:
            found.append((variable, setting.read_text(text)))
    except ValueError:
        problems.append(f"the environment variable {variable} takes {setting.takes}, not {text!r}")
    try:
        if name in file.table:
            found.append(("file", setting.read(file.table[name])))
    except ValueError:
        problems.append(f"{file.place(name)}: '{name}' takes {setting.takes}, not {file.table[name]!r}")
    if not found:
        return setting.default
    origins[name], value = found[0]
    return value


def _limits(file: SettingsFile, origins: dict[str, str], problems: list[str]) -> dict[str, int]:
    table = file.table.get(LIMITS.name, {})
    if not isinstance(table, dict):
        place = file.place(LIMITS.name)
        problems.append(f"{place}: '{LIMITS.name}' is a table of names and numbers, not {table!r}")
        return {}
    limits: dict[str, Any] = {}
    for name, number in table.items():
        try:
            limits[name] = LIMITS.read(number)
        except ValueError:
            place = file.place(LIMITS.name, name)
            problems.append(f"{place}: the limit '{name}' takes {LIMITS.takes}, not {number!r}")
    if table:
        origins[LIMITS.name] = "file"
    return limits


def _raise(problems: list[str]) -> None:
    remedy = f"the settings are {', '.join(_NAMES)}"
    if len(problems) == 1:
        raise UsageError(problems[0], help=remedy)
    raise UsageError("\n  - ".join([f"{len(problems)} settings are wrong", *problems]), help=remedy)


def _warn_of_variables() -> None:
    known = {setting.variable for setting in SETTINGS}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            _warn_of(name)


@functools.lru_cache(maxsize=64)
def _warn_of(name: str) -> None:
    """Say once that a variable is not read, where its name is nearly a setting's; others may be somebody else's."""
    import difflib

    known = [setting.variable.removeprefix(PREFIX) for setting in SETTINGS]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=0.8)
    if near:
        _log.warning("the environment variable %s is not read; did you mean %s?", name, PREFIX + near[0])
