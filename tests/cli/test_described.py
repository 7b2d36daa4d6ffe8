"""Any value as JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.described import as_json, as_text

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ANYTHING = st.recursive(
    PLAIN | st.floats() | st.binary() | st.dates() | st.decimals() | st.uuids() | st.complex_numbers(),
    lambda inner: st.tuples(inner, inner) | st.dictionaries(st.integers() | st.tuples(st.integers()), inner),
    max_leaves=10,
)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Model:
    depth: int
    path: Path


class Point(NamedTuple):
    x: int
    y: int


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@given(PLAIN)
def test_plain_data_stays_what_it_is(value: object):
    """What JSON can hold comes back from JSON as it was."""
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == value


@given(ANYTHING)
def test_every_value_has_a_form_in_strict_json(value: object):
    """Whatever a workflow returns can be written as JSON that every reader takes."""
    json.dumps(as_json(value), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (Path("a/b"), "a/b"),
        (Colour.RED, "red"),
        ((1, 2), [1, 2]),
        ({3, 1}, [1, 3]),
        (Model(3, Path("x")), {"depth": 3, "path": "x"}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (float("nan"), {"type": "float", "repr": "nan"}),
        (b"abc", {"type": "bytes", "repr": "3 bytes"}),
        ({1: "a"}, {"1": "a"}),
        ({(1,): "a"}, {"type": "dict", "repr": "{(1,): 'a'}"}),
    ],
)
def test_other_values_are_described(value: object, form: object):
    """Paths, enums, records and sets have a plain form; the rest is told by type and text."""
    assert as_json(value) == form


def test_arrays_are_lists_and_their_numbers_numbers():
    """What numpy holds is written as what it holds."""
    numpy = pytest.importorskip("numpy")
    assert as_json({"a": numpy.arange(3), "b": numpy.float32(0.5), "c": numpy.int64(7)}) == {
        "a": [0, 1, 2],
        "b": 0.5,
        "c": 7,
    }


def test_endless_and_rude_values_are_described_too():
    """A list that holds itself, and an object whose text can't be had, do no harm."""
    endless: list[object] = []
    endless.append(endless)
    json.dumps(as_json(endless))
    assert as_json(Rude()) == {"type": f"{__name__}.Rude", "repr": f"<{__name__}.Rude>"}
    assert as_text(Rude()) == "<Rude>"


def test_long_values_are_cut_for_people():
    """A value for the terminal says how much of it is not shown."""
    assert as_text("x" * 3000).endswith("… (1,000 more characters)")
    assert as_text({"b": 1, "a": [1, 2]}) == "{'b': 1, 'a': [1, 2]}"
