"""Parameters: from Python and from a command line, and what is said when they are wrong."""

# ruff: noqa: E501 - messages stand as they are shown, on one line
from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import UsageError
from hookline.graph.parameters import ParameterDoc, describe_parameters, parse_parameters
from hookline.model.secret import Secret
from hookline.model.workflow import Workflow, workflow


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


@dataclasses.dataclass
class Settings:
    rows: int
    name: str = "x"
    key: Secret[str] | None = None


class Model(pydantic.BaseModel):
    depth: int = 3


@dataclasses.dataclass(frozen=True)
class Named:
    """A class with fields that is written as a text."""

    name: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str) or not value.islower():
            raise ValueError("write it small")
        return cls(value)


class Unknown:
    """A class that pydantic knows nothing about."""


def taking(annotation: Any, *default: Any) -> Workflow[..., Any]:
    def wf(x): ...

    wf.__annotations__["x"] = annotation
    wf.__defaults__ = default or None
    return workflow(wf)


def untyped(default: Any) -> Workflow[..., Any]:
    def wf(x=default): ...

    return workflow(wf)


def parse(annotation: Any, value: object, *, text: bool) -> object:
    return parse_parameters(taking(annotation), {"x": value}, text=text)["x"]


def refusal(annotation: Any, value: object, *, text: bool) -> str:
    with pytest.raises(UsageError) as caught:
        parse(annotation, value, text=text)
    assert caught.value.help == "its parameters are x"
    return caught.value.message.removeprefix("workflow 'wf': ")


TEXTS: list[tuple[Any, str | list[str], object]] = [
    (int, "3", 3),
    (int, " -7 ", -7),
    (float, "1e-3", 0.001),
    (float, "3", 3.0),
    (str, "3", "3"),
    (str, "a,b", "a,b"),
    (Any, "3", "3"),
    (bool, "yes", True),
    (bool, "Off", False),
    (Path, "a/b.csv", Path("a/b.csv")),
    (list[int], "3,5, 8", [3, 5, 8]),
    (list[int], ["3", "5,8"], [3, 5, 8]),
    (list[int], "[3, 5]", [3, 5]),
    (list[int], "", []),
    (list, "a,b", ["a", "b"]),
    (list[str], '["a,b", "c"]', ["a,b", "c"]),
    (list[Path], "a,b", [Path("a"), Path("b")]),
    (list[Color], "RED,b", [Color.RED, Color.BLUE]),
    (list[list[int]], "[[1, 2], [3]]", [[1, 2], [3]]),
    (Sequence[float], "1,2", [1.0, 2.0]),
    (tuple[int, ...], "1,2", (1, 2)),
    (tuple[int, str], "1,a", (1, "a")),
    (set[int], "1,1", {1}),
    (frozenset[str], "a", frozenset({"a"})),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (Settings, '{"rows": 3}', Settings(3)),
    (Model, '{"depth": 4}', Model(depth=4)),
    (int | None, "none", None),
    (int | None, "Null", None),
    (int | None, "3", 3),
    (str | None, "none", "none"),
    (list[int] | None, ["1", "2"], [1, 2]),
    (int | str, "3", 3),
    (str | int, "3", 3),
    (int | str, "x", "x"),
    (Literal["a", 3], "3", 3),
    (Literal["a", 3], "a", "a"),
    (Color, "RED", Color.RED),
    (Color, "b", Color.BLUE),
    (dt.date, "2026-01-31", dt.date(2026, 1, 31)),
    (dt.datetime, "2026-01-31T12:00", dt.datetime(2026, 1, 31, 12)),
    (dt.timedelta, "01:30:00", dt.timedelta(hours=1.5)),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
    (Secret[str], "env:TOKEN", Secret("env:TOKEN")),
    (Secret[str] | None, "file:/run/x", Secret("file:/run/x")),
    (list[Secret[str]], "env:A,env:B", [Secret("env:A"), Secret("env:B")]),
    (Annotated[int, pydantic.Field(gt=0)], "3", 3),
]


@pytest.mark.parametrize(("annotation", "text", "expected"), TEXTS)
def test_text_is_read_as_its_type_says(annotation: Any, text: Any, expected: object) -> None:
    """And what came out is accepted again, unchanged, as a Python value."""
    found = parse(annotation, text, text=True)
    assert found == expected
    assert type(found) is type(expected)
    assert parse(annotation, found, text=False) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, "3", 3),
        (int, 3.0, 3),
        (int, np.int64(3), 3),
        (float, 3, 3.0),
        (Path, "a", Path("a")),
        (Path | None, None, None),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Color, "r", Color.RED),
        (Color, "RED", Color.RED),
        (Color, Color.RED, Color.RED),
        (Settings, {"rows": "3"}, Settings(3)),
        (dt.date, "2026-01-31", dt.date(2026, 1, 31)),
        (Secret[str], "env:X", Secret("env:X")),
        (str, "a,b", "a,b"),
        (list[str], ["a,b"], ["a,b"]),
    ],
)
def test_python_values_are_converted_without_loss(annotation: Any, value: object, expected: object) -> None:
    """As pydantic does, with Enum members by name, too."""
    assert parse(annotation, value, text=False) == expected


def test_values_of_a_file_are_never_read_as_text() -> None:
    """A comma in a list of a parameter file is a comma; what is given beside the file goes first."""
    wf = taking(list[str])
    assert parse_parameters(wf, {}, text=True, typed={"x": ["a,b", "c"]})["x"] == ["a,b", "c"]
    assert parse_parameters(wf, {"x": "d"}, text=True, typed={"x": ["a"]})["x"] == ["d"]


def test_classes_that_nobody_knows_are_checked_by_their_class() -> None:
    """Alone, and inside containers."""
    thing = Unknown()
    assert parse(Unknown, thing, text=False) is thing
    assert parse(list[Unknown], [thing], text=False) == [thing]
    assert refusal(Unknown, 3, text=False) == "'x' takes a value of type 'Unknown', not 3"


WRONG: list[tuple[Any, Any, bool, str]] = [
    (int, "x", True, "'x' takes a whole number, not 'x'"),
    (int, 3.5, False, "'x' takes a whole number, not 3.5"),
    (int, ["1", "2"], True, "'x' takes a whole number, not ['1', '2'] (it is given more than once)"),
    (float, "x", True, "'x' takes a number, not 'x'"),
    (str, 3, False, "'x' takes text, not 3"),
    (bool, "maybe", True, "'x' takes true or false, not 'maybe'"),
    (list[int], "3,x", True, "'x' takes a list of whole numbers, not '3,x' (item 2)"),
    (list[int], "3,5", False, "'x' takes a list of whole numbers, not '3,5'"),
    (list[Path], 3, False, "'x' takes a list of paths, not 3"),
    (set[str], 3, False, "'x' takes a set of texts, not 3"),
    (tuple[int, str], "1", True, "'x' takes 2 values (a whole number, text), not '1' (1 given)"),
    (int | None, "x", True, "'x' takes a whole number or none, not 'x'"),
    (int | float, "x", True, "'x' takes a whole number or a number, not 'x'"),
    (Literal["sgd", "adam"], "adm", True, "'x' takes one of 'sgd', 'adam', not 'adm' (did you mean 'adam'?)"),
    (Color, "RAD", True, "'x' takes one of 'RED', 'BLUE', not 'RAD' (did you mean 'RED'?)"),
    (dt.date, "soon", True, "'x' takes a date (2026-01-31), not 'soon'"),
    (Annotated[int, pydantic.Field(gt=0)], "-1", True, "'x' takes a whole number, not '-1' (input should be greater than 0)"),
    (Settings, '{"row": 3}', True, "'x' takes a JSON object of 'Settings', not what was given ('rows': field required)"),
    (Model, '{"depth": "x"}', True, "'x' takes a JSON object of 'Model', not '{\"depth\": \"x\"}' ('depth')"),
    (dict[str, int], '["a"]', True, "'x' takes a JSON object, not '[\"a\"]'"),
    (Secret[str], "hunter2", True, "'x' takes a secret's place (env:NAME or file:/path), not what was given (a secret was given in the open)"),
    (Secret[str], "hunter2", False, "'x' takes a secret's place (env:NAME or file:/path), not what was given (a secret was given in the open)"),
    (list[Secret[str]], ["hunter2"], False, "'x' takes a list of places of secrets, not what was given (item 1: a secret was given in the open)"),
    (Settings, {"rows": "hunter2", "key": "hunter2"}, False, "'x' takes a JSON object of 'Settings', not what was given ('rows')"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "value", "text", "said"), WRONG)
def test_a_wrong_value_is_told_in_plain_words(annotation: Any, value: Any, text: bool, said: str) -> None:
    """What it takes and what was given, but never a secret's value."""
    message = refusal(annotation, value, text=text)
    assert message == said
    assert "hunter2" not in message


def test_text_that_is_no_json_says_where() -> None:
    """The reason is Python's own, which names the column."""
    assert refusal(dict[str, int], "{a}", text=True).startswith("'x' takes a JSON object, not '{a}' (no JSON: ")


def test_a_secret_is_in_no_part_of_the_error() -> None:
    """Neither in the chain of causes, where pydantic would show its input."""
    with pytest.raises(UsageError) as caught:
        parse(list[Secret[str]], ["hunter2"], text=False)
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)


def test_all_wrong_parameters_come_at_once() -> None:
    """Unknown, missing and mistyped ones; a misspelt one is not reported as missing, too."""

    @workflow
    def churn(path: Path, depth: int, rows: int, name: str = "x") -> None: ...

    with pytest.raises(UsageError) as caught:
        parse_parameters(churn, {"pth": "a", "depth": "x", "zzz": 1}, text=True)
    assert str(caught.value).splitlines() == [
        "workflow 'churn': 4 parameters are wrong",
        "  - there is no parameter 'pth'; did you mean 'path'?",
        "  - there is no parameter 'zzz'",
        "  - 'depth' takes a whole number, not 'x'",
        "  - 'rows' is missing; it takes a whole number",
        "help: its parameters are path, depth, rows, name",
    ]


def test_a_workflow_without_parameters_says_so() -> None:
    """There is nothing to list."""

    @workflow
    def bare() -> None: ...

    with pytest.raises(UsageError, match="help: it takes no parameters"):
        parse_parameters(bare, {"x": 1}, text=False)


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [
        (3, "4", 4),
        (0.5, "4", 4.0),
        (True, "no", False),
        ("a", "4", "4"),
        (Path("a"), "b", Path("b")),
        ([3, 5], "4,6", [4, 6]),
        (["a"], "4", ["4"]),
        ([], "a,b", ["a", "b"]),
        ((1,), "2,3", (2, 3)),
        ([1, "a"], "2,3", ["2", "3"]),
        (Color.RED, "BLUE", Color.BLUE),
        ({"a": 1}, '{"b": 2}', {"b": 2}),
        (None, "4", "4"),
        (Secret("env:A"), "env:B", Secret("env:B")),
        (Unknown(), "4", "4"),
    ],
)
def test_without_annotation_the_default_tells_the_type(default: Any, text: str, expected: object) -> None:
    """Elements of a list count, where they have one type."""
    assert parse_parameters(untyped(default), {"x": text}, text=True)["x"] == expected


def test_defaults_are_copied_and_not_converted() -> None:
    """A list that the workflow changes is new in each run; None stays None whatever is annotated."""
    default = [[3]]
    for wf in (untyped(default), taking(list[list[int]], default)):
        found = parse_parameters(wf, {}, text=False)["x"]
        assert found == default
        found[0].append(5)  # type: ignore[index]
        assert default == [[3]]
    assert parse_parameters(taking(int, None), {}, text=False)["x"] is None
    assert parse_parameters(taking(int, None), {"x": None}, text=False)["x"] is None


@given(st.lists(st.integers()))
def test_a_list_of_numbers_survives_the_command_line(numbers: list[int]) -> None:
    """With commas, by repetition and as JSON."""
    texts = list(map(str, numbers))
    for given_as in (",".join(texts), json.dumps(numbers), *([texts] if texts else [])):
        assert parse(list[int], given_as, text=True) == numbers


@pytest.mark.parametrize("annotation", [[int], {"unit": "cm"}, [], 3])
def test_an_annotation_that_is_no_type_leaves_the_default_as_it_is(annotation: object) -> None:
    """Whatever stands there instead, also what can't be hashed."""
    assert parse_parameters(taking(annotation, [1, 2]), {}, text=False) == {"x": [1, 2]}


def test_everyday_types_do_not_import_pydantic() -> None:
    """A run with numbers, texts, paths and switches starts without it."""
    program = """
import sys
from pathlib import Path
from hookline.model.workflow import workflow
from hookline.graph.parameters import parse_parameters
@workflow
def wf(a: int, b: float, c: str, d: bool, e: Path, f: list[int] = [3]): ...
parse_parameters(wf, dict(a="1", b="1", c="1", d="1", e="1"), text=True)
parse_parameters(wf, dict(a=1, b=1.0, c="1", d=True, e=Path("1")), text=False)
assert "pydantic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


GOOGLE = """Train.

Args:
    path: The customers, as
        a CSV file.
    depths (list[int]): How deep: very.
    *more: Not a parameter.

Returns:
    x: Nothing.
"""
NUMPY = """Train.

Parameters
----------
path : Path
    The customers, as
    a CSV file.
depths, widths : list of int, optional
    How deep: very.

Returns
-------
x : int
    Nothing.
"""
SPHINX = """Train.

:param path: The customers, as
    a CSV file.
:param list[int] depths: How deep: very.
:returns: x: nothing
"""


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX])
def test_help_comes_from_the_docstring(docstring: str) -> None:
    """In each of the three usual styles, on one line."""

    def churn(path: Path, depths: list[int] = [3, 5], fast: bool = False, x: str | None = None) -> None: ...

    churn.__doc__ = docstring
    assert describe_parameters(workflow(churn)) == [
        ParameterDoc("path", "Path", "", "The customers, as a CSV file.", required=True),
        ParameterDoc("depths", "list[int]", "3,5", "How deep: very.", required=False, many=True),
        ParameterDoc("fast", "bool", "false", "", required=False, flag=True),
        ParameterDoc("x", "str | None", "none", "", required=False),
    ]


@pytest.mark.parametrize(
    ("default", "text"),
    [("", "''"), (Color.RED, "RED"), ({"a": 1}, '{"a": 1}'), ([], "[]"), (Secret("env:A"), "env:A"), (True, "true")],
)
def test_defaults_read_as_they_would_be_typed(default: object, text: str) -> None:
    """On a command line."""
    assert describe_parameters(untyped(default))[0].default_text == text


def test_a_workflow_without_docstring_has_no_help() -> None:
    """And no error."""
    wf: Callable[..., Any] = lambda x=3: None  # noqa: E731
    wf.__name__ = "wf"
    assert describe_parameters(workflow(wf)) == [ParameterDoc("x", "int", "3", "", required=False)]


def test_a_class_with_fields_may_say_itself_how_it_is_written() -> None:
    """A command line gives it the text, be it a number to JSON; in Python an instance stays as it is."""
    for text in ("abc", "x2", "true"):
        assert parse_parameters(taking(Named), {"x": text}, text=True) == {"x": Named(text)}
    assert parse_parameters(taking(list[Named]), {"x": ["a,b"]}, text=True) == {"x": [Named("a"), Named("b")]}
    assert parse_parameters(taking(Named), {"x": Named("Z")}, text=False) == {"x": Named("Z")}
    told = refusal(Named, "ABC", text=True)
    assert told == "'x' takes a value of type 'Named', not 'ABC' (write it small)"
