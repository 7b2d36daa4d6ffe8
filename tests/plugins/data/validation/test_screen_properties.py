"""What holds of every table and schema: no row is lost, and both libraries find the same."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import ml
from hookline_data import screen
from plugins.data.made_tables import cells

NUMBERS = st.one_of(st.none(), st.integers(-5, 5))
TEXTS = st.one_of(st.none(), st.sampled_from(["a", "b", "ab", "", "B"]))
ROWS = st.lists(st.tuples(NUMBERS, TEXTS, st.sampled_from([0, 1, "x"])), max_size=12)


@st.composite
def columns(draw: Any) -> tuple[ml.Column, ml.Column]:
    low, high = sorted((draw(st.integers(-5, 5)), draw(st.integers(-5, 5))))
    number = ml.Column(
        "n", "int", nullable=draw(st.booleans()), minimum=low, maximum=draw(st.sampled_from([None, high]))
    )
    text = ml.Column(
        "t",
        "str",
        nullable=draw(st.booleans()),
        allowed=draw(st.sampled_from([(), ("a", "b")])),
        pattern=draw(st.sampled_from(["", "[ab]+"])),
    )
    return number, text


def is_bad(number: int | None, text: str | None, of_number: ml.Column, of_text: ml.Column) -> bool:
    """Tell by hand whether something is wrong with a row."""
    if number is None or text is None:
        lacks = (number is None and not of_number.nullable) or (text is None and not of_text.nullable)
        if lacks:
            return True
    wrong = number is not None and (
        number < of_number.minimum or (of_number.maximum is not None and number > of_number.maximum)  # type: ignore[operator]
    )
    if text is not None:
        wrong |= bool(of_text.allowed) and text not in of_text.allowed
        wrong |= bool(of_text.pattern) and not (text and set(text) <= {"a", "b"})
    return wrong


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, said=columns())
def test_each_row_is_valid_or_put_aside(rows: list[tuple[Any, ...]], said: tuple[ml.Column, ml.Column]) -> None:
    """In its order and with its label; exactly those are put aside with which something is wrong, in both libraries."""
    schema = ml.Schema(said)
    numbers, texts = [row[0] for row in rows], [row[1] for row in rows]
    expected = [at for at, row in enumerate(rows) if is_bad(row[0], row[1], *said)]
    stays = [at for at in range(len(rows)) if at not in expected]
    frames = (
        pd.DataFrame({"n": pd.Series(numbers, dtype="Int64"), "t": pd.Series(texts, dtype=object)}).set_axis(
            pd.Index([row[2] for row in rows], dtype=object), axis=0
        ),
        pl.DataFrame({"n": pl.Series(numbers, dtype=pl.Int64), "t": pl.Series(texts, dtype=pl.String)}),
    )
    reports = []
    for table in frames:
        valid, quarantined, report = screen(table, schema, mode="quarantine")
        assert len(valid) + len(quarantined) == len(table)
        assert cells(quarantined, "_row") == expected
        assert all(cells(quarantined, "_reasons"))
        assert cells(valid, "t") == [texts[at] for at in stays]
        assert cells(quarantined, "t") == [texts[at] for at in expected]
        assert report.bad_rows == len(expected)
        if isinstance(valid, pd.DataFrame):
            assert list(valid.index) == [rows[at][2] for at in stays]
            assert list(valid.dtypes) == list(table.dtypes)
        reports.append([(one.column, one.check, one.count, one.rows) for one in report.problems])
        assert screen(table, schema, mode="warn").valid is table
    assert reports[0] == reports[1]


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(
        st.one_of(st.none(), st.integers(-3, 3), st.text(max_size=2), st.floats(), st.lists(st.integers(), max_size=1)),
        max_size=8,
    )
)
def test_no_cell_of_any_kind_is_lost(rows: list[Any]) -> None:
    """Columns of objects of pandas may hold anything."""
    table = pd.DataFrame({"a": pd.Series(rows, dtype=object)})
    for kind in ("int", "str", "float", "list"):
        valid, quarantined, _ = screen(table, ml.Schema((ml.Column("a", kind, minimum=None),)), mode="quarantine")
        assert len(valid) + len(quarantined) == len(rows)
        kept = {"int": int, "str": str, "float": (int, float), "list": list}[kind]
        assert all(isinstance(value, kept) for value in valid["a"])  # type: ignore[arg-type]
