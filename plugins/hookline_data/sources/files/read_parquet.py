"""Reads Parquet, which knows types: they become those of the schema where nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hookline import HooklineError
from hookline.ml import Schema
from hookline_data.sources.files.casts import as_declared
from hookline_data.sources.files.cells import Cells
from hookline_data.sources.files.path_keys import PathKeys
from hookline_data.sources.files.plain_values import plain
from hookline_data.sources.files.series import make_piece, make_series
from hookline_data.sources.files.table import Reading, article_of, check_header, column_of, in_full, shown
from hookline_data.sources.files.together import check_together
from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import narwhals, pandas, polars, pyarrow
from hookline_data.validation.finding import Finding, Origin
from hookline_data.wording.words import PERSONAL, near

__all__ = ["read_parquet"]

_MOST = (1 << 63) - 1
_EXACT = 1 << 53  # up to here, every whole number is a float


def read_parquet(
    files: Mapping[str, Path],
    constants: Callable[[str], Mapping[str, str]],
    library: str,
    source: str,
    schema: Schema | None,
    columns: Sequence[str] | None,
) -> Reading:
    """Read files into one table.

    Args:
        files: The files by the names that the user knows.
        constants: Gives, for a name, the texts of columns that the file lacks.
        library: Whose frame is wanted.
        source: The source's name.
        schema: What types the columns have; None where that is not said.
        columns: The columns that are wanted; None for all.

    Raises:
        HooklineError: A file is none, or has other columns than the schema or the other files.
    """
    frames, origins, rows = list[Frame](), list[Origin](), 0
    path_keys, findings = PathKeys(), list[Finding]()
    first: tuple[str, tuple[str, ...]] | None = None
    for name, path in files.items():
        frame = _read(path, name, library)
        said = constants(name)
        texts = {key: text for key, text in said.items() if key not in frame.columns}
        names = (*map(str, frame.columns), *texts)
        check_header(name, source, names, first, schema)
        if first is None:
            first = (name, names)
            order = _order(name, names, source, schema, columns)
        _look_at_keys(path_keys, frame, {key: text for key, text in said.items() if key not in texts}, schema, rows)
        frame, unread = _with_columns(frame, texts, schema, library, rows)
        findings += unread
        frame = frame[order]
        if schema is not None:  # file by file: together, columns of several types would become what none of them is
            frame, inexact = as_declared(frame, schema, rows)
            findings += inexact
        frames.append(frame)
        origins.append(Origin(rows, name))
        rows += len(frame)
    whole = _joined(frames, list(files), library)
    findings += path_keys.findings({one.name: one for one in schema.columns} if schema else {}, PERSONAL)
    return Reading(whole, origins, findings, len(frames))


def _read(path: Path, name: str, library: str) -> Frame:
    """Read one file; with pandas through Arrow, so that whole numbers stay whole where some are missing."""
    if library == "pandas":
        pyarrow()
    try:
        if library == "polars":
            with path.open("rb") as file:
                return polars().read_parquet(file)
        return pyarrow().parquet.ParquetFile(path).read().to_pandas(types_mapper=_pandas_type, ignore_metadata=True)
    except FileNotFoundError as error:
        raise HooklineError(
            f"'{name}' vanished: it was there when the run was planned", help="run again, or bring it back"
        ) from error
    except Exception as error:
        told = str(error).partition("\n")[0]
        raise HooklineError(
            f"'{name}' can't be read as Parquet: {told}", help="it may be cut off; write it anew"
        ) from error


def _pandas_type(arrow: Any) -> Any:
    pd, types = pandas(), pyarrow().types
    if types.is_integer(arrow):
        return pandas().api.types.pandas_dtype(f"{'U' if str(arrow)[0] == 'u' else ''}Int{arrow.bit_width}")
    if types.is_boolean(arrow):
        return pd.BooleanDtype()
    if types.is_date(arrow) or types.is_decimal(arrow):
        return pd.ArrowDtype(arrow)
    if types.is_binary(arrow) or types.is_large_binary(arrow):
        return pd.ArrowDtype(pyarrow().binary())
    return None


def _order(
    name: str, names: Sequence[str], source: str, schema: Schema | None, columns: Sequence[str] | None
) -> list[str]:
    """Tell which columns the table has, those of the schema first."""
    for one in columns or ():
        if one not in names:
            raise HooklineError(
                f"the source '{source}' has no column '{one}'{near(one, names)}",
                help=f"'{name}' has {', '.join(names)}",
            )
    declared = [] if schema is None else [one for one in schema.names if one in names]
    return list(dict.fromkeys([*declared, *names])) if columns is None else list(columns)


def _look_at_keys(
    path_keys: PathKeys, frame: Frame, said: Mapping[str, str], schema: Schema | None, first: int
) -> None:
    """Compare columns with what the name of their file says of them."""
    for name, text in said.items():
        series = narwhals().from_native(frame)[name]
        missing = series.is_null().to_list()
        values = [None if gone else plain(value) for value, gone in zip(series.to_list(), missing, strict=True)]
        path_keys.look(column_of(schema, name), text, values, first)


def _with_columns(
    frame: Frame, texts: Mapping[str, str], schema: Schema | None, library: str, first: int
) -> tuple[Frame, list[Finding]]:
    """Add columns that have the same text in all rows, as values of the schema's type, where it is one."""
    nw = narwhals()
    made, unread, count = [], list[Finding](), len(frame)
    for name, text in texts.items():
        column = column_of(schema, name)
        cells = Cells(column)
        (value,) = cells.texts([text])
        if cells.bad:
            cells_in_full = dict.fromkeys(range(first, first + count), in_full(text))
            check = f"is {article_of(column.type)}"
            unread.append(Finding(name, check, list(cells_in_full), shown([text], column), cells=cells_in_full))
        kind = "str" if column.type == "any" else column.type
        piece = make_piece(library, [value] * count, kind, nullable=column.nullable)
        series = make_series(library, name, [piece], kind)
        made.append(nw.from_native(series, series_only=True))
    return (nw.from_native(frame).with_columns(*made).to_native() if made else frame), unread


def _joined(frames: list[Frame], names: list[str], library: str) -> Frame:
    """Put tables of several files below each other."""
    if len(frames) == 1:
        return frames[0]
    check_together(frames, names)
    if library == "pandas":
        return pandas().concat(frames, ignore_index=True)
    return polars().concat(frames, how="vertical_relaxed", rechunk=True)
