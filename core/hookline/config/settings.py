"""The settings that there are: one declaration each, from which files, variables, help and documentation follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hookline.errors import HooklineError
from hookline.model.resources import parse_duration

__all__ = ["ENV", "LIMITS", "PLUGINS", "PREFIX", "SETTINGS", "TABLES", "Setting", "Table", "seconds"]

PREFIX = "HOOKLINE_"
"""What the names of environment variables begin with."""

_WHOLE = re.compile(r"[+-]?[0-9]+")
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that can be set for a project, a shell or one call.

    Attributes:
        name: Its key in ``[tool.hookline]``, or in a table there.
        takes: What values it takes, as it reads after "takes".
        about: What it is for.
        default: What holds where it is not set.
        read: Makes a value of what a file or a call gives.
        unset: What the default means, where it does not say so itself.
        numeric: Whether the text of a variable is a whole number.
        optional: Whether the command line has an option for it.
        flag: What the option is called where it isn't called like the key.
        table: The table that it stands in; empty where that is ``[tool.hookline]`` itself.
        switch: Whether the text of a variable is ``true`` or ``false``.
        worded: Whether a text can say it, and so a variable.
    """

    name: str
    takes: str
    about: str
    default: object
    read: Callable[[object], object]
    unset: str = ""
    numeric: bool = False
    optional: bool = True
    flag: str = ""
    table: str = ""
    switch: bool = False
    worded: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        """Where it stands below ``[tool.hookline]``."""
        return (self.table, self.name) if self.table else (self.name,)

    @property
    def variable(self) -> str:
        """The environment variable that sets it; empty where there is none."""
        return PREFIX + "_".join(self.key).upper() if self.worded else ""

    @property
    def option(self) -> str:
        """The command line's option that sets it; empty where there is none."""
        return f"--{self.flag or self.name}" if self.optional else ""

    def read_text(self, text: str) -> object:
        """Make a value of a variable's text.

        Raises:
            ValueError: It can't be meant so.
        """
        if self.switch:
            return self.read(_SWITCHES.get(text.strip().lower(), text))
        return self.read(int(text) if self.numeric and _WHOLE.fullmatch(text.strip()) else text)


def _whole(value: object) -> object:
    # In the journal it is a number of 64 bits.
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise ValueError
    return value


def _count(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError
    return value


def _word(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _path(value: object) -> object:
    # A call may give a path.
    return _word(str(value) if hasattr(value, "__fspath__") else value)


def _durability(value: object) -> object:
    if value not in ("full", "fast"):
        raise ValueError
    return value


def _environment(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError
    return value.strip()


def _names(value: object) -> object:
    if isinstance(value, str):  # a variable's text
        names = [name.strip() for name in value.split(",") if name.strip()]
        return () if names == ["none"] else tuple(names)
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name.strip() for name in value):
        raise ValueError
    return tuple(name.strip() for name in value)


def seconds(value: object) -> float | None:
    """Read a length of time, which in the text of a variable may be a plain number.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        value = float(value)  # a variable's text
    try:
        return parse_duration(value, "grace")
    except HooklineError:
        raise ValueError from None


SETTINGS = (
    Setting(
        "store",
        "a folder's path or a URL",
        "Where runs and results are recorded. In the file, a relative path starts at the file's folder. A URL, "
        "``scheme://…``, names a store that a plugin brings.",
        None,
        _path,
        unset="`.hookline` in the project root",
    ),
    Setting("executor", "an executor's name", "Where tasks run: inline, threads, processes, ray.", "threads", _word),
    Setting(
        "workers",
        "a whole number from 1",
        "How many tasks may run at once.",
        None,
        _count,
        unset="what the machine has",
        numeric=True,
    ),
    Setting(
        "durability",
        "'full' or 'fast'",
        "full: what is recorded survives a power cut; fast: the last seconds may run again.",
        "full",
        _durability,
    ),
    Setting(
        "grace",
        "seconds, or a time such as '30s'",
        "How long running tasks may take to end when a run stops.",
        10.0,
        seconds,
    ),
    Setting("seed", "a whole number of at most 64 bits", "What Seed arguments derive from.", 0, _whole, numeric=True),
    Setting(
        "load_policy",
        "a load policy's name",
        "Which stored values may be loaded: any; no-pickle: none that could run code.",
        "any",
        _word,
        optional=False,
    ),
    Setting(
        "turns",
        "a whole number from 1",
        "How many turns a loop may take, and how many levels deep steps may grow.",
        1_000_000,
        _count,
        numeric=True,
    ),
)
"""All settings that are one value each, in the order in which they are shown."""

LIMITS = Setting(
    "limits",
    "a whole number from 1",
    "It is how many attempts of the steps that carry the name may run at once in one run.",
    None,
    _count,
    unset="no limit",
)
"""What each entry of the table ``[tool.hookline.limits]`` is."""

ENV = Setting(
    "env",
    "an environment's name",
    "Which of the file's environments holds. A table ``[tool.hookline.env.NAME]`` is laid over all other settings.",
    "",
    _environment,
    unset="none",
)
"""Which environment holds; not in the file, whose key of that name holds the environments themselves."""

PLUGINS = Setting(
    "plugins",
    "names of plugins",
    "``allow``: only these plugins are loaded; ``deny``: these are not, whoever allows them. The variable, and "
    "``--no-plugins``, go before ``allow``; an empty variable, and ``none``, stand for no plugin at all.",
    None,
    _names,
    unset="all that are installed",
)
"""What ``allow`` and ``deny`` in the table ``[tool.hookline.plugins]`` are."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of tables, whose inner keys are not ours to know.

    Attributes:
        name: Its key in ``[tool.hookline]``.
        entry: What has an entry there, as it reads after "the table of".
        about: What an entry is for.
    """

    name: str
    entry: str
    about: str


TABLES = (
    Table("plugin", "a plugin", "The plugin's own settings, which it checks itself."),
    Table("step", "a step", "Values for arguments of the step that the workflow leaves open."),
    Table("provider", "a provider", "Values for arguments of the provider."),
    Table("source", "a source", "Where the data of that name comes from, for the plugins that read data."),
)
"""All tables that hold a table for each name."""
