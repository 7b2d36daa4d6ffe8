"""Ranges and lists of parameters: what a workflow is mapped over, and with which values."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import Secret, step, workflow
from hookline.errors import UsageError
from hookline.graph.parameter_ranges import RangeError, ranged, values_of
from hookline.graph.spread import spread

JAN = [dt.date(2026, 1, day) for day in range(1, 32)]


class Kind(enum.Enum):
    TREE = "tree"
    LINE = "line"


@step
def use(*values: object) -> int:
    return len(values)


@workflow
def flow(
    day: dt.date = JAN[0],
    at: dt.datetime | None = None,
    count: int = 1,
    name: str = "x",
    kind: Kind = Kind.TREE,
    mode: Literal["a", "b"] = "a",
    days: list[dt.date] = [],
    rate: float = 0.5,
    path: Path = Path("x"),
    bag: dict[str, int] = {},
    key: Secret[str] | None = None,
    bare: Any = None,
):
    return use(day)


@pytest.mark.parametrize(
    ("annotation", "text", "values"),
    [
        (dt.date, "2026-01-30..2026-02-01", [JAN[29], JAN[30], dt.date(2026, 2, 1)]),
        (dt.date, "2026-01-01..2026-01-01", JAN[:1]),
        (dt.date, "2026-01-01..2026-01-20/7d", [JAN[0], JAN[7], JAN[14]]),
        (dt.date, "2026-01-01..2026-01-20/1w", [JAN[0], JAN[7], JAN[14]]),
        (dt.date, "2025-12..2026-02", [dt.date(2025, 12, 1), JAN[0], dt.date(2026, 2, 1)]),
        (dt.date, "2026-01..2026-12/6months", [JAN[0], dt.date(2026, 7, 1)]),
        (dt.date, "2026-01-31..2026-03-31/month", [JAN[30], dt.date(2026, 2, 28), dt.date(2026, 3, 31)]),
        (dt.date, "9999-12-30..9999-12-31", [dt.date(9999, 12, 30), dt.date(9999, 12, 31)]),
        (dt.date | None, "2026-01-01..2026-01-02", JAN[:2]),
        (dt.datetime, "2026-01-01T23..2026-01-02T00", [dt.datetime(2026, 1, 1, 23), dt.datetime(2026, 1, 2)]),
        (dt.datetime, "2026-01-01..2026-01-02", [dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 2)]),
        (
            dt.datetime,
            "2026-01-01T00..2026-01-01T01/30min",
            [dt.datetime(2026, 1, 1, 0, m) for m in (0, 30)] + [dt.datetime(2026, 1, 1, 1)],
        ),
        (int, "-1..1", [-1, 0, 1]),
        (int, "1..10/4", [1, 5, 9]),
        (str, "2026-01-30..2026-02-01", ["2026-01-30", "2026-01-31", "2026-02-01"]),
        (str, "2026-01..2026-03", ["2026-01", "2026-02", "2026-03"]),
        (Any, "2026-01-01..2026-01-02", ["2026-01-01", "2026-01-02"]),
    ],
)
def test_both_ends_belong_to_a_range(annotation: Any, text: str, values: list[object]):
    """Days, weeks, months, hours, minutes and whole numbers; texts give texts."""
    assert ranged(annotation, text) == values


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, "../data"),
        (str, "a..b"),
        (str, "1..5"),
        (Path, "../x"),
        (float, "0..1"),
        (dt.date, "2026-01-01"),
        (Kind, "a..b"),
    ],
)
def test_what_may_be_a_value_is_no_range(annotation: Any, text: str):
    """Two dots alone make no range of texts, paths, and whatever else has no steps."""
    assert ranged(annotation, text) is None


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (dt.date, "2026-02-01..2026-01-01", "ends before it begins"),
        (dt.date, "2026-01-01..2026-02-30", "'2026-02-30' is no date"),
        (dt.date, "2026-01-01..", "has one end only"),
        (dt.date, "..2026-01-01", "has one end only"),
        (dt.date, "2026-01-01..2026-01-02..2026-01-03", "is no date"),
        (dt.date, "2026-01..2026-01-05", "one end is a month"),
        (dt.date, "2026-01..2026-02/7d", "no step between months"),
        (dt.date, "2026-01-01..2026-01-05/0d", "'0d' is no step"),
        (dt.date, "2026-01-01..2026-01-05/-1d", "'-1d' is no step"),
        (dt.date, "2026-01-01..2026-01-05/", "'' is no step"),
        (dt.date, "2026-01-01..2026-01-05/3", "'3' is no step"),
        (dt.date, "2026-01-01..2026-01-05/1h", "no step between dates"),
        (dt.datetime, "2026-01-01T00Z..2026-01-02", "has a time zone"),
        (dt.datetime, "2000-01-01..2026-01-01/1min", "more than 100,000 values"),
        (str, "2026-01-01..tomorrow", "'tomorrow' is no date"),
        (int, "5..1", "ends before it begins"),
        (int, "1..x", "'x' is no whole number"),
        (int, "1..5/0", "'0' is no step"),
        (int, "1..5/-1", "'-1' is no step"),
        (int, "1..999999999999999999", "more than 100,000 values"),
        (int, "1..9999999999999999999", "is no whole number"),
    ],
)
def test_a_range_that_makes_no_sense_says_why(annotation: Any, text: str, message: str):
    """Each fault has its own words, and nothing is guessed."""
    with pytest.raises(RangeError, match=message):
        values_of(annotation, text)


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 500), st.integers(1, 40))
def test_steps_are_even(begin: dt.date, length: int, step_: int):
    """A range has every step-th day, from its first to the last that is not behind its end."""
    end = begin + dt.timedelta(length)
    found = ranged(dt.date, f"{begin}..{end}/{step_}d")
    assert found == [begin + dt.timedelta(number) for number in range(0, length + 1, step_)]


@given(st.integers(-1000, 1000), st.integers(0, 500), st.integers(1, 40))
def test_whole_numbers_are_those_of_python(begin: int, length: int, step_: int):
    """A range of whole numbers is Python's, with its end."""
    assert ranged(int, f"{begin}..{begin + length}/{step_}") == list(range(begin, begin + length + 1, step_))


def over(texts: dict[str, Any] | None = None, typed: dict[str, object] | None = None) -> dict[str, object]:
    found = spread(flow, texts or {}, typed or {})
    return {name: found.params[name] for name in found.workflow.mapped_over}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("day", "2026-01-01..2026-01-02", JAN[:2]),
        ("day", "2026-01-01..2026-01-02,2026-01-05", [*JAN[:2], JAN[4]]),
        ("day", ["2026-01-01", "2026-01-03..2026-01-04"], [JAN[0], *JAN[2:4]]),
        ("count", "1,2,5..6", [1, 2, 5, 6]),
        ("name", "north, south", ["north", "south"]),
        ("name", "north,", ["north"]),
        ("name", '["a,b", "c"]', ["a,b", "c"]),
        ("name", ["a", "b"], ["a", "b"]),
        ("kind", "TREE,line", [Kind.TREE, Kind.LINE]),
        ("mode", "a,b", ["a", "b"]),
        ("rate", "0.5,1", [0.5, 1.0]),
        ("path", "a,b", [Path("a"), Path("b")]),
        ("bare", "a,b", ["a", "b"]),
    ],
)
def test_a_parameter_with_several_values_is_mapped_over(name: str, text: Any, values: list[object]):
    """Ranges, commas, repetition and JSON, for parameters of any type that is no structure."""
    assert over({name: text}) == {name: values}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day", "2026-01-01"),
        ("name", "[a"),
        ("bag", '{"a": 1, "b": 2}'),
        ("key", "env:A,env:B"),
        ("days", "2026-01-01,2026-01-02"),
    ],
)
def test_one_value_maps_nothing(name: str, text: str):
    """A single value, a structure, a secret, and a list for a parameter that takes one are what they are."""
    found = spread(flow, {name: text}, {})
    assert (found.workflow, found.listed) == (flow, ())


def test_a_parameter_that_is_not_there_is_named():
    """Else a misspelt range would look like none at all."""
    for texts, typed in (({"dya": "2026-01-01..2026-01-02"}, {}), ({}, {"dya": ["2026-01-01"]})):
        with pytest.raises(UsageError, match="there is no parameter 'dya'; did you mean 'day'"):
            spread(flow, texts, typed)


def test_a_range_fills_a_parameter_that_takes_a_list():
    """There, a range is a short way to write the list, beside which another parameter may be mapped over."""
    alone = spread(flow, {"days": "2026-01-01..2026-01-03,2026-01-31"}, {})
    assert (alone.workflow, alone.listed, alone.params["days"]) == (flow, ("days",), [*JAN[:3], JAN[30]])
    beside = spread(flow, {"days": ["2026-01-01..2026-01-02"], "count": "1,2"}, {})
    assert (beside.workflow.mapped_over, beside.params["days"]) == (("count",), JAN[:2])


def test_a_workflow_that_is_mapped_already_takes_ranges_for_its_lists():
    """What a file maps itself is given its lists, and mapped over nothing more."""
    mapped = flow.over("day")
    found = spread(mapped, {"day": "2026-01-01..2026-01-02"}, {})
    assert (found.workflow, found.params["day"]) == (mapped, JAN[:2])
    assert spread(mapped, {"day": ["2026-01-01"]}, {}).params["day"] == JAN[:1]
    with pytest.raises(UsageError, match="mapped over 'day' already"):
        spread(mapped, {"day": "2026-01-01", "count": "1,2"}, {})


def test_a_file_of_parameters_gives_lists_and_ranges():
    """Lists in a file are values to map over, texts may be ranges, and a comma in a text is a comma."""
    typed: dict[str, object] = {"name": ["a,b", "c"], "day": "2026-01-01..2026-01-02", "count": [1, 2], "mode": "a"}
    assert over({"mode": "b,a"}, typed) == {
        "day": JAN[:2],
        "count": [1, 2],
        "name": ["a,b", "c"],
        "mode": ["b", "a"],
    }
    assert over({}, {"name": "a,b", "days": [JAN[0]]}) == {}


def test_all_wrong_parameters_are_named_at_once():
    """One message has the faults of all ranges and lists, and how a range is written."""
    with pytest.raises(UsageError) as caught:
        over({"day": "2026-01-02..2026-01-01", "kind": "TREE,BUSH", "count": "1,x"})
    assert caught.value.message == (
        "workflow 'flow': 3 parameters are wrong\n"
        "  - 'day' is given '2026-01-02..2026-01-01': it ends before it begins\n"
        "  - 'count' takes a whole number, not 'x'\n"
        "  - 'kind' takes one of 'TREE', 'LINE', not 'BUSH'"
    )
    assert caught.value.help == "write a range as -p day=2026-01-01..2026-03-31, with a step 2026-01-01..2026-03-31/7d"


def test_too_many_partitions_are_refused():
    """A slip of the keyboard does not fill the memory."""
    with pytest.raises(UsageError, match="that makes 2,000,000 partitions"):
        over({"count": "1..1000", "name": ",".join(map(str, range(2000)))})
