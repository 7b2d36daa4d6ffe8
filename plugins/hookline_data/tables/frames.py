"""The libraries of data frames: which one to use, and a way to treat both alike.

pandas and polars are imported where they are used; narwhals gives both one interface.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hookline import HooklineError, UsageError

if TYPE_CHECKING:
    import narwhals as nw

__all__ = [
    "LIBRARIES",
    "Frame",
    "as_frame",
    "chosen_library",
    "lacking",
    "library_of",
    "named_frame",
    "same_library",
]

LIBRARIES = ("pandas", "polars")
"""The libraries of frames, the one that is preferred first."""

Frame = Any
"""A data frame of pandas or polars."""


def lacking(name: str) -> HooklineError:
    """Say that a library is not installed, and how to install it."""
    return HooklineError(f"the data plugin needs {name}, which is not installed", help="pip install 'hookline[data]'")


def chosen_library(wanted: str = "") -> str:
    """Tell which library makes frames.

    Args:
        wanted: ``"pandas"``, ``"polars"``, or nothing for the first of the two that is installed.

    Raises:
        UsageError: There is no library of that name.
        HooklineError: It is not installed.
    """
    if wanted and wanted not in LIBRARIES:
        raise UsageError(f"there are no frames of '{wanted}'", help=f"choose one of {', '.join(LIBRARIES)}")
    for name in (wanted,) if wanted else LIBRARIES:
        if find_spec(name) is not None:
            return name
    raise HooklineError(
        f"the data plugin needs {wanted or 'pandas or polars'}, which is not installed",
        help=f"pip install 'hookline[data]' {wanted or 'pandas'}",
    )


def as_frame(table: Frame, what: str = "the table") -> nw.DataFrame[Any]:
    """Look at a frame through narwhals.

    Args:
        table: A frame of pandas or polars.
        what: What it is called in an error.

    Raises:
        HooklineError: It is something else, or has columns of one name.
    """
    try:
        import narwhals
    except ImportError as error:
        raise lacking("narwhals") from error
    try:
        frame: nw.DataFrame[Any] = narwhals.from_native(table, eager_only=True)
    except TypeError as error:
        kind = type(table)
        raise HooklineError(
            f"{what} is a {kind.__module__.partition('.')[0]}.{kind.__qualname__}, not a data frame",
            help="give its '.table'" if hasattr(table, "table") else "give a DataFrame of pandas or polars",
        ) from error
    except narwhals.exceptions.DuplicateError as error:
        names = [str(name) for name in table.columns]
        twice = sorted({f"'{name}'" for name in names if names.count(name) > 1})
        raise HooklineError(
            f"{what} has several columns named {' and '.join(twice)}",
            help="rename them, so that each has a name of its own",
        ) from error
    return frame


def named_frame(table: Frame, what: str = "the table") -> nw.DataFrame[Any]:
    """Look at a frame whose columns all have names that are texts, as :func:`as_frame` does.

    Raises:
        HooklineError: It is something else, or has other columns.
    """
    frame = as_frame(table, what)
    names: list[object] = [*frame.columns]  # pandas takes anything
    unnamed = [repr(name) for name in names if not isinstance(name, str) or not name]
    if unnamed:
        raise HooklineError(
            f"{what} has columns whose names are no texts: {', '.join(unnamed[:5])}{' …' if unnamed[5:] else ''}",
            help='name them: table.columns = ["id", …]',
        )
    return frame


def library_of(table: Frame) -> str:
    """Tell whose frame it is: ``"pandas"`` or ``"polars"``."""
    return str(as_frame(table).implementation)


def same_library(*tables: Frame) -> str:
    """Tell whose frames these are.

    Raises:
        HooklineError: They are of several libraries.
    """
    kinds = sorted({library_of(table) for table in tables})
    if len(kinds) > 1:
        raise HooklineError(
            f"these tables are of {' and '.join(kinds)}",
            help="convert one of them: table.to_pandas(), polars.from_pandas(…)",
        )
    return kinds[0]
