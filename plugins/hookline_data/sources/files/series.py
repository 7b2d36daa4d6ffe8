"""Makes columns of pandas or polars of plain values, so that both libraries have the same types in narwhals' terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import has_pyarrow, numpy, pandas, polars, pyarrow

__all__ = ["make_frame", "make_piece", "make_series"]

_WHOLE = ("any", "decimal", "list", "object")
"""Types of which no piece tells what the whole column is."""


def make_piece(library: str, values: list[Any], kind: str, *, nullable: bool = True) -> Any:
    """Make a piece of a column, which takes less room than a list.

    Args:
        library: ``"pandas"`` or ``"polars"``.
        values: None for those that are missing; datetimes and durations in microseconds.
        kind: One of :data:`hookline.ml.TYPES`.
        nullable: Whether values may be missing; decides, with pandas, between types that can say so and those that
            can't.
    """
    if kind in _WHOLE:
        return values
    if library == "pandas":
        return _pandas_piece(values, kind, nullable)
    pl = polars()
    kinds = {
        "int": pl.Int64,
        "float": pl.Float64,
        "bool": pl.Boolean,
        "date": pl.Date,
        "datetime": pl.Int64,
        "duration": pl.Int64,
        "bytes": pl.Binary,
    }
    return pl.Series("", values, dtype=kinds.get(kind, pl.String))


def make_series(library: str, name: str, pieces: Sequence[Any], kind: str, *, aware: bool = False) -> Any:
    """Make a column of its pieces.

    Args:
        library: As for :func:`make_piece`.
        name: The column's name.
        pieces: What :func:`make_piece` gave; at least one.
        kind: As there.
        aware: Whether datetimes are instants, and so get the zone UTC.
    """
    if kind in _WHOLE:
        values = [value for piece in pieces for value in piece]
        return _polars_whole(name, values, kind) if library == "polars" else _pandas_whole(name, values, kind)
    if library == "polars":
        pl = polars()
        whole = pl.concat([piece.alias(name) for piece in pieces])
        final = {
            "category": pl.Categorical,
            "datetime": pl.Datetime("us", "UTC" if aware else None),
            "duration": pl.Duration("us"),
        }.get(kind)
        return whole if final is None else whole.cast(final)
    whole = pieces[0] if len(pieces) == 1 else pandas().concat(pieces, ignore_index=True)
    whole.name = name
    if kind == "datetime" and aware:
        return whole.dt.tz_localize("UTC")
    return whole.astype("category") if kind == "category" else whole


def make_frame(library: str, columns: Sequence[Any]) -> Frame:
    """Put columns together."""
    if library == "polars":
        return polars().DataFrame(list(columns))
    return pandas().DataFrame({column.name: column for column in columns})


def _pandas_piece(values: list[Any], kind: str, nullable: bool) -> Any:
    pd, np = pandas(), numpy()
    if kind in ("int", "bool"):
        strict, lenient = {"int": ("int64", "Int64"), "bool": ("bool", "boolean")}[kind]
        return pd.Series(pd.array(values, dtype=lenient if nullable or None in values else strict))
    if kind == "float":
        return pd.Series(np.array(values, dtype="float64"))
    if kind in ("datetime", "duration"):
        unit = "datetime64[us]" if kind == "datetime" else "timedelta64[us]"
        missing = np.iinfo("int64").min  # how NumPy says "not a time"
        return pd.Series(np.array([missing if one is None else one for one in values], dtype="int64").view(unit))
    if kind in ("date", "bytes"):
        return _pandas_arrow(values, "date32" if kind == "date" else "binary")
    return pd.Series(values, dtype=pd.Series([""]).dtype)


def _pandas_whole(name: str, values: list[Any], kind: str) -> Any:
    pd, np = pandas(), numpy()
    if kind == "any" and not _has_numbers(values):
        return pd.Series(values, name=name)
    if kind == "decimal" and has_pyarrow():
        made = _pandas_arrow(values, "decimal128", 38, _scale(values))
        made.name = name
        return made
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return pd.Series(made, name=name)


def _pandas_arrow(values: list[Any], kind: str, *arguments: int) -> Any:
    """Make a column of a type that pandas has through Arrow only, and without it as objects."""
    pd = pandas()
    if not has_pyarrow():
        return pd.Series(values, dtype="object")
    pa = pyarrow()
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, getattr(pa, kind)(*arguments))))


def _polars_whole(name: str, values: list[Any], kind: str) -> Any:
    pl = polars()
    if kind == "decimal":
        return pl.Series(name, values, dtype=pl.Decimal(38, _scale(values)))
    if kind == "any" and _has_numbers(values):
        return pl.Series(name, values, dtype=pl.Object)
    try:
        made = pl.Series(name, values, strict=True)
    except (TypeError, RuntimeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, values, dtype=pl.Object)
    # Of numbers within lists, it cuts fractions off where the first ones have none.
    same = all(map(_same, made.to_list(), values))
    return made if same else pl.Series(name, values, dtype=pl.Object)


def _same(made: object, given: object) -> bool:
    """Tell whether a value became what it was; a key that it lacks may be there, with nothing."""
    if isinstance(made, list) and isinstance(given, list | tuple):
        return len(made) == len(given) and all(map(_same, made, given))
    if isinstance(made, dict) and isinstance(given, dict):
        return given.keys() <= made.keys() and all(_same(one, given.get(key)) for key, one in made.items())
    return made == given or (made != made and given != given)


def _has_numbers(values: list[Any]) -> bool:
    """Tell whether there are numbers, of which a library would make one type even where that rounds some."""
    return any(isinstance(value, int | float) for value in values)


def _scale(values: list[Any]) -> int:
    """Tell how many digits after the point the numbers have at most."""
    return max((-int(value.as_tuple().exponent) for value in values if value is not None), default=0)
