"""Names of partitions: they stand in ids of tasks and on command lines, and each value has its own."""

from __future__ import annotations

import datetime as dt
import enum
import re
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.past.history import split_task_id
from hookline.errors import UsageError
from hookline.model.partitions import partition_name, partition_of, partitions

EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))


class Kind(enum.Enum):
    TREE = "a tree"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (dt.date(2026, 1, 31), "2026-01-31"),
        (dt.datetime(2026, 1, 31), "2026-01-31T00"),
        (dt.datetime(2026, 1, 31, 5, 30), "2026-01-31T0530"),
        (dt.datetime(2026, 1, 31, 5, 0, 7), "2026-01-31T050007"),
        (dt.datetime(2026, 1, 31, 5, 0, 0, 7), "2026-01-31T050000.000007"),
        (dt.datetime(2026, 1, 31, 5, tzinfo=dt.UTC), "2026-01-31T05Z"),
        (dt.datetime(2026, 1, 31, 5, tzinfo=EAST), "2026-01-31T05+0530"),
        ("north", "north"),
        ("2026-01", "2026-01"),
        ("Zürich", "Zürich"),
        ("a/b", "a_b-c14cdd"),
        ("a b", "a_b-c8687a"),
        ("", "_-e3b0c4"),
        ("-x", "x-a42096"),
        (3, "3"),
        (-3, "minus-3"),
        (0.5, "0.5"),
        (Decimal("-1.5"), "minus-1.5"),
        (True, "true"),
        (None, "none"),
        (Kind.TREE, "TREE"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("data/a.csv"), "data_a.csv-6079cf"),
    ],
)
def test_values_give_short_names(value: object, name: str):
    """Dates read as they are written; what could not stand in an id is replaced, with a digest behind it."""
    assert partition_name(value) == name


@given(st.text() | st.integers() | st.floats(allow_nan=False) | st.datetimes() | st.dates() | st.times())
def test_a_name_can_stand_in_an_id(value: object):
    """Whatever the value, the id of a task below its name is split where it should be."""
    name = partition_name(value)
    assert re.fullmatch(r"[^\W_][\w.+-]*|_[\w.-]*", name)
    assert partition_of(f"{name}/prep/load", 1) == name
    assert split_task_id(f"{name}/load:3") == (f"{name}/load", 3)
    assert split_task_id(name) == (name, None)


@given(st.sets(st.text(max_size=80), min_size=1, max_size=20))
def test_different_texts_have_different_names(texts: set[str]):
    """Names of texts that differ only in what is replaced, or behind the sixtieth character, are kept apart."""
    assert len(partitions(("name",), {"name": list(texts)})) == len(texts)


def test_values_combine_in_order_and_count_once():
    """The last parameter changes fastest; a value that is given again makes no second partition."""
    found = partitions(("day", "region"), {"region": ["n", "s", "n"], "other": 1, "day": [2, 1]})
    assert list(found) == ["2/n", "2/s", "1/n", "1/s"]
    assert found["2/s"] == {"day": 2, "region": "s"}


def test_values_of_one_name_are_refused():
    """A number and the text that reads like it can't both be partitions."""
    with pytest.raises(UsageError, match="two values of 'x' would both be called '1': 1 and '1'"):
        partitions(("x",), {"x": [1, "1"]})


@pytest.mark.parametrize(
    ("task_id", "levels", "name"),
    [
        ("2026-01-01/load", 1, "2026-01-01"),
        ("a/b/load/f", 2, "a/b"),
        ("tell", 1, ""),
        ("a/tell", 2, ""),
        ("x/y", 0, ""),
    ],
)
def test_the_partition_of_a_task_is_the_beginning_of_its_id(task_id: str, levels: int, name: str):
    """A task outside of all partitions has none."""
    assert partition_of(task_id, levels) == name
