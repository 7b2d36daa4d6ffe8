"""How a return annotation splits a value into slots, and which values it admits."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.model.outputs import Outputs, outputs_of

T = TypeVar("T")
Count = NewType("Count", int)


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Scores:
    recall: float
    names: list[str]

    def __post_init__(self) -> None:
        raise AssertionError("rebuilding must not call this")


@dataclasses.dataclass
class Base:
    depth: int


@dataclasses.dataclass
class Derived(Base):
    width: int = 0


class Report(TypedDict):
    text: str
    rows: int


class Loose(TypedDict, total=False):
    text: str


class Walks(Protocol):
    def walk(self) -> None: ...


def outputs(returns: Any) -> Outputs:
    def function() -> Any: ...

    function.__annotations__["return"] = returns
    return outputs_of(function)


@pytest.mark.parametrize(
    ("returns", "form", "names"),
    [
        (int, "one", ("value",)),
        (tuple[int, str], "tuple", ("0", "1")),
        (Annotated[tuple[int, str], "x"], "tuple", ("0", "1")),
        (Split, "namedtuple", ("train", "test")),
        (Scores, "dataclass", ("recall", "names")),
        (Derived, "dataclass", ("depth", "width")),
        (Report, "typeddict", ("text", "rows")),
        (Loose, "one", ("value",)),
        (tuple[int, ...], "one", ("value",)),
        (tuple, "one", ("value",)),
        (tuple[()], "one", ("value",)),
        (tuple[int, typing.Unpack[tuple[str, ...]]], "one", ("value",)),  # noqa: UP044 - both spellings count
        (Optional[Split], "one", ("value",)),  # noqa: UP045 - the older spelling
        (Any, "one", ("value",)),
        (None, "one", ("value",)),
        ("NoSuchName", "one", ("value",)),
    ],
)
def test_an_annotation_decides_on_the_slots(returns: Any, form: str, names: tuple[str, ...]) -> None:
    """Fixed tuples, NamedTuples, dataclasses and complete TypedDicts have a slot per field, all else has one."""
    found = outputs(returns)
    assert (found.form, found.names) == (form, names)


def test_a_function_without_annotation_has_one_unchecked_slot() -> None:
    """What nobody declared is not checked."""

    def function(): ...

    found = outputs_of(function)
    assert found.form == "one"
    assert found.accepts(object())


@pytest.mark.parametrize(
    ("returns", "good", "wrong"),
    [
        (int, [1, True], [1.0, "1", None]),
        (float, [1.0, 1], ["1", 1j]),
        (complex, [1j, 1.0, 1], ["1"]),
        (None, [None], [0]),
        (list[int], [[], ["not looked at"]], [(), {}]),
        (Sequence[int], [[], (), "ab"], [{1}]),
        (Union[int, str], [1, "a"], [1.5]),  # noqa: UP007 - the older spelling
        (int | None, [1, None], ["a"]),
        (Literal["a", 1], ["b", 2], [1.5]),
        (Count, [3], ["3"]),
        (Path, [Path("a")], ["a"]),
        (Callable[[int], int], [len], [3]),
        (type[int], [int], [3]),
        (Loose, [{}, {"text": ""}], [[]]),
        (Any, [object()], []),
        (object, [object()], []),
        (T, [object()], []),
        (Walks, [object()], []),
        (list[int] | Any, [object()], []),
        (tuple[int, str], [(1, "a"), ("elements", "not looked at")], [(1,), [1, "a"]]),
        (Split, [Split([], [])], [([], [])]),
        (Base, [Base(1)], [Derived(1), {"depth": 1}]),
        (Report, [{"text": "", "rows": 1}], [{"text": ""}, {"text": "", "rows": 1, "more": 2}]),
        ("NoSuchName", [object()], []),
    ],
)
def test_only_the_outermost_type_is_checked(returns: Any, good: list[Any], wrong: list[Any]) -> None:
    """A value is an instance of what was declared, an int passes for a float, and nothing is converted."""
    found = outputs(returns)
    assert [found.accepts(value) for value in good] == [True] * len(good)
    assert [found.accepts(value) for value in wrong] == [False] * len(wrong)


def test_a_subclass_is_not_rebuilt_as_its_parent() -> None:
    """A split dataclass must be exactly the declared class: its slots would not say that it was another."""
    assert not outputs(Base).accepts(Derived(1, 2))


def test_a_dataclass_is_rebuilt_without_its_constructor() -> None:
    """Field by field, also when it is frozen, has slots, and its constructor would fail."""
    found = outputs(Scores)
    value = found.join([0.5, ["a"]])
    assert type(value) is Scores
    assert found.split(value) == [0.5, ["a"]]


@given(st.lists(st.integers(), min_size=2, max_size=2))
def test_splitting_and_joining_are_inverse(parts: list[int]) -> None:
    """For every form, a value put together from its slots has these slots."""
    for returns in (tuple[int, int], Split, Scores, Report):
        found = outputs(returns)
        assert list(found.split(found.join(parts))) == parts


def test_iterables_of_any_kind_are_checked_as_such() -> None:
    """An abstract class admits what is registered with it."""
    assert outputs(Iterable[int]).accepts({1})
