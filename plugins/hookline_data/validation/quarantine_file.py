"""Writes rows that were put aside to a file of the user's: all of them, as they are stored."""

from __future__ import annotations

import uuid
from pathlib import Path

from hookline import HooklineError, UsageError
from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import pyarrow
from hookline_data.wording.words import near

__all__ = ["check_place", "write_rows"]

_SUFFIXES = (".csv", ".parquet")


def check_place(path: Path, *, force: bool) -> None:
    """Make sure that a file of this name can be asked for.

    Args:
        path: The file.
        force: Whether it may be there.

    Raises:
        UsageError: Its suffix says no format, there is no such folder, or it is there.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(
            f"the suffix of '{path}' says no format{near(suffix, _SUFFIXES)}",
            help=f"call it {' or '.join(f'{path.stem}{one}' for one in _SUFFIXES)}",
        )
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder '{path.parent}' for '{path.name}'")
    if path.exists() and not force:
        raise UsageError(f"'{path}' is there already", help="--force writes over it")


def write_rows(table: Frame, path: Path, *, force: bool) -> None:
    """Write a table, whole or not at all, as CSV or Parquet, whichever the suffix says.

    Args:
        table: A frame of pandas or polars.
        path: The file.
        force: Whether it may be there.

    Raises:
        UsageError: See :func:`check_place`.
        HooklineError: It can't be written; what was there is as it was.
    """
    check_place(path, force=force)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        _write(table, temporary, path.suffix.lower())
        temporary.replace(path)
    except HooklineError:
        raise
    except Exception as error:  # what the libraries raise has no common class, and lies with the cells
        other = "Parquet" if path.suffix.lower() == ".csv" else "CSV"
        told = str(error).partition("\n")[0]
        raise HooklineError(f"'{path}' can't be written: {told}", help=f"try {other}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(table: Frame, path: Path, suffix: str) -> None:
    if not hasattr(table, "iloc"):
        (table.write_csv if suffix == ".csv" else table.write_parquet)(path)
    elif suffix == ".csv":
        table.to_csv(path, index=False, lineterminator="\n")
    else:
        pyarrow()
        table.to_parquet(path, index=False, engine="pyarrow")
