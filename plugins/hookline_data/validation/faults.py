"""What pandera found, in hookline's words: which column, which check, which rows by their number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from hookline_data.schemas.check_words import words_of
from hookline_data.schemas.checks import TYPE_CHECK, UNIQUE_CHECK
from hookline_data.schemas.types import family, word_of_cells
from hookline_data.tables.frames import Frame, as_frame
from hookline_data.tables.libraries import narwhals, numpy
from hookline_data.validation.finding import Finding
from hookline_data.validation.rows import numbers_where
from hookline_data.wording.words import clipped, close_to

__all__ = ["Fault", "Faults"]

_OUTPUT = "check_output"
_EXAMPLES = 3
_LONGEST = 200


class Fault(NamedTuple):
    """A finding, and what it is about.

    Attributes:
        finding: The finding.
        about: ``"type"`` where values are not of their column's type, so that other checks can't look at them;
            ``"raised"`` where a check could not be made; else ``"value"``.
    """

    finding: Finding
    about: Literal["value", "type", "raised"] = "value"


class Faults:
    """Tells what pandera found in one table.

    Args:
        schema: The schema.
        library: Whose frame the table is.
        table: The table as it was given.
        data: The table as the schema made it.
    """

    def __init__(self, schema: Any, library: str, table: Frame, data: Frame) -> None:
        self._schema = schema
        self._library = library
        self._table = table
        self._data = data
        self._labels = {str(name): name for name in data.columns}  # pandas has names that are no texts
        self._told_unexpected = False
        self._personal = {
            name for name, column in schema.columns.items() if (getattr(column, "metadata", None) or {}).get("personal")
        }

    def told(self, failure: Any) -> Iterator[Fault]:
        """Say what one of pandera's errors means.

        Args:
            failure: A ``SchemaError``.
        """
        reason = failure.reason_code.name if failure.reason_code is not None else ""
        tell = getattr(self, f"_{reason.lower()}", None)
        if tell is None:
            words = reason.lower().replace("_", " ") or words_of(failure.check)
            yield Fault(Finding(self._column(failure), words))
        else:
            yield from tell(failure)

    # -- the table's columns ----------------------------------------------------------------------------------------

    def _column_not_in_dataframe(self, failure: Any) -> Iterator[Fault]:
        name = str(failure.failure_cases)
        near = close_to(name, [str(one) for one in self._table.columns if one not in self._schema.columns])
        yield Fault(Finding(name, "is there", help=near.strip() if "did you mean" in near else ""))

    def _column_not_in_schema(self, _: Any) -> Iterator[Fault]:
        """Tell all columns that the schema does not have; pandera tells the first."""
        if self._told_unexpected:
            return
        self._told_unexpected = True
        match = re.fullmatch if self._library == "polars" else re.match
        patterns = [column.name for column in self._schema.columns.values() if column.regex]
        matched = {name for name in self._table.columns for one in patterns if match(one, str(name))}
        for name in self._table.columns:
            if name not in self._schema.columns and name not in matched:
                near = close_to(str(name), [one for one in self._schema.columns if one not in self._table.columns])
                yield Fault(Finding(str(name), "is in the schema", help=near.strip() if "did you mean" in near else ""))

    def _column_not_ordered(self, failure: Any) -> Iterator[Fault]:
        yield Fault(Finding(str(failure.failure_cases), "is in the schema's order"))

    def _wrong_datatype(self, failure: Any) -> Iterator[Fault]:
        column = self._column(failure)
        cells = getattr(failure.failure_cases, "columns", ())
        values = list(failure.failure_cases["failure_case"].head(_EXAMPLES)) if "failure_case" in cells else []
        examples = () if column in self._personal else tuple(clipped(_plain(value)) for value in values)
        have = self._series(column).dtype if column in self._labels else ""
        have = f"it is {have}" if str(have) else ""
        yield Fault(Finding(column, f"is of type {failure.schema.dtype}", examples=examples, help=have), "type")

    # -- rows -------------------------------------------------------------------------------------------------------

    def _series_contains_nulls(self, failure: Any) -> Iterator[Fault]:
        column = self._column(failure)
        if column not in self._labels:  # an index
            yield Fault(Finding(column, "is not missing"))
            return
        yield Fault(Finding(column, "is not missing", self._missing(column)))

    def _missing(self, column: str) -> Sequence[int]:
        series = self._series(column)
        if self._library == "pandas":
            return numbers_where(series.isna().to_numpy())
        missing = series.is_null()
        return numbers_where(missing | series.is_nan().fill_null(value=False) if series.dtype.is_float() else missing)

    def _series_contains_duplicates(self, failure: Any) -> Iterator[Fault]:
        column = self._column(failure)
        if column not in self._labels:
            yield Fault(Finding(column, "is unique"))
            return
        yield self._alike([column])

    def _duplicates(self, _: Any) -> Iterator[Fault]:
        """Tell rows that are alike in several columns together; pandera tells the first such columns."""
        for names in _together(self._schema.unique):
            fault = self._alike([str(name) for name in names if str(name) in self._labels])
            if fault.finding.rows:
                yield fault

    def _alike(self, columns: Sequence[str]) -> Fault:
        part = self._data[[self._labels[name] for name in columns]]
        if self._library == "pandas":
            rows = numbers_where(part.duplicated(keep=False).to_numpy())
        else:
            rows = numbers_where(part.is_duplicated())
        return Fault(Finding(", ".join(columns), "is unique", rows, self._examples(columns, rows), whole=True))

    def _datatype_coercion(self, failure: Any) -> Iterator[Fault]:
        from hookline_data.validation.coercion import unreadable

        told = False
        for column, kind, rows in unreadable(self._schema, self._library, self._table, failure):
            told = True
            yield Fault(
                Finding(column, f"is readable as {kind}", rows, self._examples([column], rows, given=True)), "type"
            )
        if not told:
            yield Fault(Finding(self._column(failure), f"is readable as {failure.schema.dtype}"), "type")

    def _dataframe_check(self, failure: Any) -> Iterator[Fault]:
        column, words = self._column(failure), words_of(failure.check)
        name = getattr(failure.check, "name", "")
        about: Literal["type", "value"] = "type" if name == TYPE_CHECK else "value"
        have = f"it is {self._have(column)}" if about == "type" and column in self._labels else ""
        whole = name == UNIQUE_CHECK
        if isinstance(failure.failure_cases, bool) or not hasattr(failure.failure_cases, "columns"):
            yield Fault(Finding(column, words, help=have), about)
            return
        for where, rows in self._failing(failure, column):
            shown = [where] if where in self._labels else []
            yield Fault(Finding(where, words, rows, self._examples(shown, rows or ()), have, whole), about)

    def _check_error(self, failure: Any) -> Iterator[Fault]:
        column = self._column(failure)
        error = str(failure.failure_cases).partition("\n")[0][:_LONGEST]
        if column in self._personal or (not column and self._personal):
            error = error.partition("(")[0]  # what a check says of a value may be the value
        yield Fault(Finding(column, f"{words_of(failure.check)}: the check raised {error}"), "raised")

    def _failing(self, failure: Any, column: str) -> Iterator[tuple[str, Sequence[int] | None]]:
        """Tell the rows of which a check was false, per column where the check tells that."""
        output, count = failure.check_output, len(self._data)
        if self._library == "polars" or not hasattr(output, "index"):
            made = output.collect() if hasattr(output, "collect") else output
            if not hasattr(made, "columns"):  # what a backend of pandera's does not tell by row
                yield column, None
                return
            flags = as_frame(made)[_OUTPUT].fill_null(value=True)
            mask = (~flags).to_native()
            mask = mask.to_numpy(dtype=bool) if self._library == "pandas" else mask
            yield column, numbers_where(mask) if len(flags) == count else None
        elif hasattr(output, "columns"):
            for at, name in enumerate(output.columns):
                rows = numbers_where(_false(output.iloc[:, at]))
                if rows:
                    yield str(name), rows
        elif len(output) == count:
            yield column, numbers_where(_false(output))
        elif column in self._labels:  # the check was not shown the values that are missing
            there = self._series(column).notna().to_numpy().nonzero()[0]
            fits = len(there) == len(output)
            yield column, numbers_where(_mask_at(there[_false(output)], count)) if fits else None
        else:
            yield column, None

    # -- words ------------------------------------------------------------------------------------------------------

    def _column(self, failure: Any) -> str:
        kind, name = type(failure.schema).__name__, failure.schema.name
        if kind == "Column":  # the schema of several columns has the name of the last one, or the pattern of all
            return str(getattr(failure, "column_name", None) or name)
        if kind in ("Index", "MultiIndex"):
            return f"index {name}" if name else "index"
        return "" if kind == "DataFrameSchema" or name is None else str(name)

    def _series(self, column: str) -> Any:
        return self._data[self._labels[column]]

    def _have(self, column: str) -> str:
        series = self._series(column)
        if self._library == "pandas" and series.dtype == object:
            word = word_of_cells(series)
            return "of several types" if word == "object" else word
        return family(narwhals().from_native(series, series_only=True).dtype)

    def _examples(self, columns: Sequence[str], rows: Sequence[int], *, given: bool = False) -> tuple[str, ...]:
        """Give the values of the first few of some rows, but for personal ones."""
        table = self._table if given else self._data
        shown = [name for name in columns if name not in self._personal]
        if not shown or len(shown) < len(columns):
            return ()
        cells = [_cells(table[self._labels[name]], rows[:_EXAMPLES]) for name in shown]
        return tuple(", ".join(clipped(_plain(value)) for value in one) for one in zip(*cells, strict=True))


def _cells(series: Any, rows: Sequence[int]) -> list[Any]:
    return [series.iloc[row] if hasattr(series, "iloc") else series[row] for row in rows]


def _plain(value: Any) -> Any:
    """Give a value of a library's as Python's, which is said in one line and without the name of its type."""
    if hasattr(value, "to_list"):
        return value.to_list()
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") and not value.shape else value


def _false(output: Any) -> Any:
    """Tell where a series of pandas is false; a value that is missing is not."""
    return (output == False).fillna(value=False).to_numpy(dtype=bool)  # noqa: E712 - it compares each cell


def _mask_at(rows: Any, count: int) -> Any:
    mask = numpy().zeros(count, dtype=bool)
    mask[rows] = True
    return mask


def _together(unique: Any) -> list[list[Any]]:
    """Give the columns that are to be unique together: a name, a list of names, or several such lists."""
    if isinstance(unique, str):
        return [[unique]]
    names = list(unique)
    return [names] if all(isinstance(one, str) for one in names) else [list(one) for one in names]
