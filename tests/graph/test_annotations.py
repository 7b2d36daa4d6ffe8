"""Which types can meet on an edge, and how types read."""

from __future__ import annotations

import abc
import collections.abc
import dataclasses
import enum
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict, TypeVar

import numpy as np
import pytest

from hookline.graph.annotations import ListOf, can_meet, collection_element, constant_fits, type_text

T = TypeVar("T")
Count = NewType("Count", int)


class Animal: ...


class Dog(Animal): ...


class Tool: ...


class Walker(abc.ABC):
    @abc.abstractmethod
    def walk(self) -> None: ...


class Walks(Protocol):
    def walk(self) -> None: ...


class Row(TypedDict):
    x: int


class Color(enum.Enum):
    RED = "r"


@pytest.mark.parametrize(
    ("produced", "wanted"),
    [
        (int, float),
        (bool, int),
        (int, complex),
        (int, int | None),
        (int | None, int),
        (int | str, str | bytes),
        (Any, int),
        (int, Any),
        (T, int),
        (int, T),
        (int, object),
        (object, int),
        (Animal, Dog),
        (Dog, Animal),
        (Dog, Walker),
        (Dog, Walks),
        (Literal[1], int),
        (str, Literal["a"]),
        (Count, int),
        (int, Count),
        (Annotated[int, "x"], int),
        (list[int], list[str]),
        (list[int], Sequence[int]),
        (list[int], Iterable[int]),
        (dict[str, int], Mapping[str, int]),
        (dict[str, int], Row),
        (Path, PurePath),
        (Path, str | Path),
        (np.ndarray, Sequence[int]),
        (np.int64, int),
        (np.float64, float),
        (type[int], type),
        (len.__class__, Callable[[int], int]),
        (ListOf(int), list[str]),
        (ListOf(int), Sequence[int]),
        (ListOf(int), Iterator[int]),
        (ListOf(int), Iterable[int]),
        (ListOf(int), Any),
    ],
)
def test_types_that_can_meet(produced: Any, wanted: Any) -> None:
    """Whatever some value could satisfy, or nobody can tell, passes."""
    assert can_meet(produced, wanted)


@pytest.mark.parametrize(
    ("produced", "wanted"),
    [
        (str, int),
        (int, str),
        (float, int),
        (None, int),
        (int | str, bytes | None),
        (list[int], dict[str, int]),
        (dict[str, int], list[int]),
        (list[int], tuple[int, ...]),
        (list[int], Iterator[int]),
        (str, Path),
        (Dog, Tool),
        (Color, Walker),
        (int, Walker),
        (Literal["a"], int),
        (Count, str),
        (Row, list[int]),
        (ListOf(int), int),
        (ListOf(int), tuple[int, ...]),
        (ListOf(int), dict[str, int]),
    ],
)
def test_types_that_cannot_meet(produced: Any, wanted: Any) -> None:
    """Only where no value of one type is a value of the other is an edge wrong."""
    assert not can_meet(produced, wanted)


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [
        (1, float, True),
        (1.5, int, False),
        (1, bool, False),
        (True, int, True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        (None, int, False),
        (None, None, True),
        ([], Sequence[int], True),
        ({}, Row, True),
        (np.int64(3), int, True),
        (np.bool_(True), bool, True),
        (np.zeros(3), int, False),
        (np.zeros(3), list[int], False),
        (Dog(), Walker, True),
        (len, Callable[[int], int], True),
        ("x", Walks, True),
    ],
)
def test_constants_fit_by_their_own_type(value: object, wanted: Any, fits: bool) -> None:
    """A constant is known exactly, so it is judged more strictly than a type."""
    assert constant_fits(value, wanted) is fits


@pytest.mark.parametrize(
    ("produced", "expected"),
    [
        (list[int], (True, int)),
        (Sequence[str], (True, str)),
        (tuple[int, ...], (True, int)),
        (tuple[int, str], (True, Any)),
        (list, (True, Any)),
        (Any, (True, Any)),
        (list[int] | None, (True, Any)),
        (ListOf(float), (True, float)),
        (dict[str, int], (False, Any)),
        (str, (False, Any)),
        (int, (False, Any)),
        (None, (False, Any)),
        (set[int], (False, Any)),
    ],
)
def test_what_can_be_mapped_over(produced: Any, expected: tuple[bool, Any]) -> None:
    """Lists and tuples, and whatever may turn out to be one."""
    assert collection_element(produced) == expected


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (list[int], "list[int]"),
        (dict[str, list[Path]], "dict[str, list[Path]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int | None"),
        (typing.Optional[int], "int | None"),  # noqa: UP045 - the older spelling reads the same
        (Literal["a", 1], "'a' | 1"),
        (Literal[Color.RED], "'r'"),
        (Annotated[int, "x"], "int"),
        (Callable[[int], str], "Callable[…, str]"),
        (Count, "Count"),
        (T, "T"),
        (ListOf(int), "list[int]"),
        (dataclasses.make_dataclass("Cfg", ["x"]), "Cfg"),
        (collections.abc.Sequence, "Sequence"),
    ],
)
def test_types_read_as_users_write_them(annotation: Any, text: str) -> None:
    """Without modules, and unions with bars."""
    assert type_text(annotation) == text
