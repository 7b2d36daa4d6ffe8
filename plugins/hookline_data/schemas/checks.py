"""The checks of pandera that a column of a schema stands for, for pandas and for polars.

Both libraries say the same of the same data: values that are missing, NaN among them, are no matter of these checks.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

from hookline import HooklineError, ml
from hookline_data.schemas.types import family, fits, fitting_cells, is_nothing, word_of_cells
from hookline_data.tables.libraries import narwhals, pandas, pandera_for, polars
from hookline_data.wording.words import listed

__all__ = ["TYPE_CHECK", "UNIQUE_CHECK", "checks_of", "number"]

TYPE_CHECK = "hookline type"
"""The name of the check that a column is of its type."""

UNIQUE_CHECK = "hookline unique"
"""The name of the check that no value comes twice, which is a matter of the table as a whole."""

Test = Callable[[Any], Any]

_MOST_EXAMPLES = 5


def checks_of(column: ml.Column, library: str) -> list[Any]:
    """Make the checks for a column.

    Args:
        column: What the schema says of it.
        library: ``"pandas"`` or ``"polars"``.
    """
    make = _pandas_tests if library == "pandas" else _polars_tests
    check = pandera_for(library).Check
    # pandera words each case that it is to keep, however many there are; all rows are in the checks' output anyway.
    return [
        check(test, name=name, error=words, n_failure_cases=_MOST_EXAMPLES if name != TYPE_CHECK else None)
        for name, words, test in make(column)
    ]


def number(value: float | str) -> str:
    """Say a limit as people write it: 5, not 5.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, str) and not _is_time(value) else str(value)


def _told(column: ml.Column) -> list[tuple[str, str, Any]]:
    """Say what a column must fulfil: the kind of test, its words, and what it compares with."""
    told: list[tuple[str, str, Any]] = []
    if column.type not in ("any", "object"):
        told.append((TYPE_CHECK, f"is of type {column.type}", column.type))
    if column.minimum is not None:
        told.append(("minimum", f"is at least {number(column.minimum)}", column.minimum))
    if column.maximum is not None:
        told.append(("maximum", f"is at most {number(column.maximum)}", column.maximum))
    if column.allowed:
        told.append(("allowed", f"is one of {listed(column.allowed)}", column.allowed))
    if column.pattern:
        told.append(("pattern", f"matches '{column.pattern}'", column.pattern))
    if column.unique:
        told.append((UNIQUE_CHECK, "is unique", None))
    return told


# -- pandas --------------------------------------------------------------------------------------------------------


def _pandas_tests(column: ml.Column) -> list[tuple[str, str, Test]]:
    makers: dict[str, Callable[[Any], Test]] = {
        TYPE_CHECK: _pandas_type,
        "minimum": lambda limit: lambda series: series >= _pandas_limit(limit, series),
        "maximum": lambda limit: lambda series: series <= _pandas_limit(limit, series),
        "allowed": lambda values: lambda series: series.isin(_pandas_values(values, series)),
        "pattern": lambda pattern: lambda series: series.str.fullmatch(pattern, na=False).astype(bool),
        UNIQUE_CHECK: lambda _: lambda series: ~series.duplicated(keep=False),
    }
    return [(name, words, _of_values(makers[name](given))) for name, words, given in _told(column)]


def _of_values(test: Test) -> Test:
    """Ask a test only where there are values: a column of nothing is of any type."""
    return lambda series: test(series) if len(series) else True


def _pandas_type(wanted: str) -> Test:
    if "." in wanted:
        return _foreign_type(wanted, "pandas", lambda series: series.dtype)

    def test(series: Any) -> Any:
        if series.dtype == object:
            have = word_of_cells(series)
            return True if have != "object" and fits(have, wanted) else fitting_cells(series, wanted)
        if is_nothing(series.dtype):
            return True
        have = family(narwhals().from_native(series, series_only=True).dtype)
        if fits(have, wanted):
            return True
        if have == "float" and wanted == "int":  # pandas makes floats of whole numbers where one is missing
            return series % 1 == 0
        if have == "datetime" and wanted == "date":  # pandas has no dates
            return series == series.dt.normalize()
        return False

    return test


def _pandas_limit(limit: float | str, series: Any) -> Any:
    if not isinstance(limit, str) or not _is_time(limit):
        return limit
    pd = pandas()
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _zoned(pd.Timestamp(limit), getattr(series.dtype, "tz", None))
    return _as_cell(limit, series.iloc[0]) if series.dtype == object else limit


def _zoned(moment: Any, zone: Any) -> Any:
    """Say a moment in the zone of a column: without a zone, a limit is meant in the column's."""
    if zone is not None:
        return moment.tz_convert(zone) if moment.tzinfo else moment.tz_localize(zone)
    return moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment


def _as_cell(limit: str, cell: object) -> Any:
    """Make of a text what the cells of a column of objects are."""
    if isinstance(cell, dt.datetime):
        return dt.datetime.fromisoformat(limit)
    return dt.datetime.fromisoformat(limit).date() if isinstance(cell, dt.date) else limit


def _pandas_values(values: Sequence[Any], series: Any) -> list[Any]:
    return [_pandas_limit(value, series) for value in values]


# -- polars --------------------------------------------------------------------------------------------------------


def _polars_tests(column: ml.Column) -> list[tuple[str, str, Test]]:
    makers: dict[str, Callable[[Any], Test]] = {
        TYPE_CHECK: _polars_type,
        "minimum": lambda limit: _polars_row(lambda one, dtype: one >= _polars_limit(limit, dtype)),
        "maximum": lambda limit: _polars_row(lambda one, dtype: one <= _polars_limit(limit, dtype)),
        "allowed": lambda values: _polars_row(lambda one, dtype: _is_in(one, values, dtype)),
        "pattern": lambda pattern: _polars_row(lambda one, dtype: _matches(one, pattern, dtype)),
        UNIQUE_CHECK: lambda _: _polars_row(lambda one, _: one.is_unique()),
    }
    return [(name, words, makers[name](given)) for name, words, given in _told(column)]


def _polars_row(test: Callable[[Any, Any], Any]) -> Test:
    """Make a test of each cell of an expression; a cell that is missing passes."""

    def check(data: Any) -> Any:
        pl = polars()
        one, dtype = pl.col(data.key), data.lazyframe.collect_schema()[data.key]
        if dtype == pl.Null:
            return True
        passed = test(one, dtype) | one.is_null()
        return data.lazyframe.select(passed | one.is_nan() if dtype.is_float() else passed)

    return check


def _polars_type(wanted: str) -> Test:
    def dtype_of(data: Any) -> Any:
        return data.lazyframe.collect_schema()[data.key]

    if "." in wanted:
        return _foreign_type(wanted, "polars", dtype_of)

    def test(data: Any) -> bool:
        if is_nothing(dtype_of(data)):
            return True
        lazy = narwhals().from_native(data.lazyframe.select(data.key))
        return fits(family(lazy.collect_schema()[data.key]), wanted)

    return test


def _polars_limit(limit: float | str, dtype: Any) -> Any:
    pl = polars()
    if not isinstance(limit, str) or not dtype.is_temporal() or not _is_time(limit):
        return pl.lit(limit)
    moment = dt.datetime.fromisoformat(limit)
    zone = getattr(dtype, "time_zone", None)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        utc = pl.lit(moment).dt.replace_time_zone("UTC")
        return utc.dt.convert_time_zone(zone) if zone else utc.dt.replace_time_zone(None)
    return pl.lit(moment).dt.replace_time_zone(zone) if zone else pl.lit(moment)


def _matches(one: Any, pattern: str, dtype: Any) -> Any:
    pl = polars()
    if dtype in (pl.Categorical, pl.Enum):  # which can't be asked as they are
        one = one.cast(pl.String)
    whole = rf"\A(?:{pattern})\z"
    try:
        pl.select(pl.lit("").str.contains(whole))
    except pl.exceptions.ComputeError:  # polars has no words for it, such as a look to what follows
        match = re.compile(pattern).fullmatch
        return one.map_elements(lambda cell: match(cell) is not None, return_dtype=pl.Boolean)
    return one.str.contains(whole)


def _is_in(one: Any, values: Sequence[Any], dtype: Any) -> Any:
    pl = polars()
    if dtype.is_temporal():
        return pl.any_horizontal([one == _polars_limit(value, dtype) for value in values])
    if dtype == pl.Boolean:
        return one.is_in([value for value in values if isinstance(value, bool)])
    if dtype.is_numeric():
        values = [value for value in values if not isinstance(value, str)]
    if dtype.is_integer():  # of wanted values that are not whole, it has none
        return one.is_in([int(value) for value in values if isinstance(value, int) or value.is_integer()])
    if dtype.is_numeric():
        return one.cast(pl.Float64).is_in([float(value) for value in values])
    return one.cast(pl.String).is_in([str(value) for value in values])


# -- both ----------------------------------------------------------------------------------------------------------


def _foreign_type(wanted: str, library: str, dtype_of: Callable[[Any], Any]) -> Test:
    """Test for a type of another system's, written with a dot, by its name."""
    system, _, name = wanted.rpartition(".")

    def test(data: Any) -> bool:
        if system not in (library, "numpy"):
            raise HooklineError(f"a column of {library} can't be of the type '{wanted}'")
        return str(dtype_of(data)).lower() == name.lower()

    return test


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
