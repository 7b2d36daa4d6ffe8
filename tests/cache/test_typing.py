"""Constructs of ``typing`` in a step's code: what they are generic over counts, and typing itself by its names."""

# ruff: noqa: E501 - a small program reads best on one line
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cache.test_edit_matrix import probe, write
from hookline.cache.fingerprint import Fingerprinter

HEAD = """
import typing
from dataclasses import dataclass
from typing import *

class Base:
    size = 2

@dataclass(frozen=True)
class Unit:
    name: str

T = TypeVar("T", bound=Base)
U = TypeVar("U", bound="Base")
W = TypeVar("W", int, Base)
P = ParamSpec("P")
Q = ParamSpec("Q")
"""
BOUND = ("size = 2", "size = 3")

CASES = [
    ("generic dataclass", "@dataclass\nclass Box(Generic[T]):\n    width: T\n    def area(self):\n        return 1\n\ndef step() -> Box:\n    return Box[int](3)", [("return 1", "return 2"), BOUND, ("width: T", "width: Base"), ("bound=Base)", "bound=Unit)")]),
    ("generic of a text bound", "class Box(Generic[U]):\n    pass\n\ndef step() -> Box:\n    return Box()", [BOUND, ('bound="Base"', 'bound="Unit"')]),
    ("generic of constraints", "class Box(Generic[W]):\n    pass\n\ndef step() -> Box[int]:\n    return Box()", [BOUND, ("int, Base", "str, Base")]),
    ("generic by inheritance", "class Box(Generic[T]):\n    pass\nclass Chest(Box[T], Generic[T, U]):\n    def open(self):\n        return 1\n\ndef step() -> Chest:\n    return Chest()", [BOUND, ("return 1", "return 2"), ("Box[T]", "Box[Base]")]),
    ("protocol", "@runtime_checkable\nclass Sized(Protocol[T]):\n    def area(self) -> int:\n        return 1\n\ndef step(x) -> Sized:\n    return isinstance(x, Sized)", [("return 1", "return 2"), BOUND, ("def area", "def extent")]),
    ("type variable of a step", "def step(x: T) -> T:\n    return x", [BOUND, ("bound=Base)", "bound=Base, covariant=True)")]),
    ("parameter specification", "class Task(Generic[P, Q]):\n    def go(self, *a: P.args, **k: P.kwargs):\n        return 1\n\ndef step(x: Callable[P, Base]) -> Task[[int, str], [str]]:\n    return Task()", [BOUND, ("return 1", "return 2"), ("[[int, str], [str]]", "[[int], [str, str]]")]),
    ("union", "def step(x: Base | None) -> int | Unit:\n    return x", [BOUND, ("name: str", "name: int"), ("Base | None", "Base | int")]),
    ("union held by a name", "Either = Base | None\n\ndef step(x):\n    return isinstance(x, Either)", [BOUND, ("Base | None", "Unit | None")]),
    ("new type", "Size = NewType('Size', Base)\n\ndef step(x):\n    return Size(x)", [BOUND, ("'Size', Base", "'Size', Unit")]),
    ("annotated", "def step(x: Annotated[int, Unit('m')]) -> int:\n    return x", [("'m'", "'km'"), ("name: str", "name: str\n    def go(self): ...")]),
    ("annotated field", "@dataclass\nclass Box:\n    width: Annotated[int, Unit('m'), 3]\n\ndef step():\n    return get_type_hints(Box, include_extras=True)", [("'m'", "'km'"), (", 3]", ", 4]")]),
    ("typed dictionary", "class Row(TypedDict, Generic[T]):\n    width: T\n    name: 'Unit'\n\ndef step() -> Row:\n    return Row(width=1)", [BOUND, ("width: T", "width: int"), ("TypedDict, Generic[T])", "TypedDict, Generic[T], total=False)"), ("name: str", "name: int")]),
    ("named tuple", "class Pair(NamedTuple, Generic[T]):\n    left: T\n    right: int = 1\n    def swap(self):\n        return 2\n\ndef step() -> Pair[int]:\n    return Pair(1)", [BOUND, ("int = 1", "int = 5"), ("return 2", "return 3")]),
    ("handed around", "KINDS = [Generic, Protocol, Any, Union, Optional[Base], ClassVar, Final[int], Literal['a', 1], type(None), T, P, typing]\n\ndef step():\n    return KINDS", [BOUND, ("'a', 1", "'a', 2"), ("Final[int]", "Final[str]")]),
    ("an alias of itself", "JSON = Union[int, Base, list['JSON'], dict[str, 'JSON']]\n\ndef step(x: JSON) -> 'JSON':\n    return x", [BOUND, ("list['JSON']", "set['JSON']")]),
]  # fmt: skip
if sys.version_info >= (3, 12):
    CASES.append(("type parameters", "type Alias[A: Base] = list[A] | dict[str, Alias[A]]\nclass Box[A: Base]:\n    width: A\n    def area(self):\n        return 1\n\ndef step(x: Alias[Base]) -> Box[Base]:\n    return Box()", [BOUND, ("return 1", "return 2"), ("list[A]", "set[A]")]))  # fmt: skip

EDITS = [
    (name, f"{HEAD}\n{text}\n", old, new)
    for name, text, edits in CASES
    for old, new in edits
]  # fmt: skip


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Fingerprints by text, each from two processes of unlike hash seeds, all but the originals only from one."""
    folder = tmp_path_factory.mktemp("typing")
    texts = list(dict.fromkeys(f"{HEAD}\n{text}\n" for _, text, _ in CASES))
    edited = [text.replace(old, new, 1) for _, text, old, new in EDITS]
    every = [*texts, *edited]
    first = probe([write(folder / f"a{at}", text) for at, text in enumerate(every)])
    second = probe([write(folder / "b" / f"{at}", text) for at, text in enumerate(every)], seed="77")
    return {text: list(pair) for text, *pair in zip(every, first, second, strict=True)}


@pytest.mark.parametrize(("name", "text", "old", "new"), EDITS, ids=[f"{name}: {old}" for name, _, old, _ in EDITS])
def test_an_edit_of_what_a_typing_construct_speaks_of_changes_the_fingerprint(
    taken: dict[str, list[dict[str, Any]]], name: str, text: str, old: str, new: str
) -> None:
    """Bodies, bounds, constraints, metadata and arguments of generic things are code like any other."""
    assert old in text, name
    before, after = taken[text][0], taken[text.replace(old, new, 1)][0]
    assert before["unstable"] == after["unstable"] == ""
    assert before["digest"] != after["digest"], (name, old)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_typing_constructs_have_the_same_digest_in_each_process(
    taken: dict[str, list[dict[str, Any]]], case: tuple[str, str, list[tuple[str, str]]]
) -> None:
    """No identity, address or hash of typing's own objects is in a fingerprint."""
    first, second = taken[f"{HEAD}\n{case[1]}\n"]
    assert first["unstable"] == ""
    assert first["digest"] == second["digest"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_typing_constructs_are_read_in_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, list[tuple[str, str]]]
) -> None:
    """What typing says of itself is not walked again and again: ``get_origin(Generic)`` is ``Generic``."""
    file = tmp_path / "typed.py"
    file.write_text(f"{HEAD}\n{case[1]}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "typed", raising=False)
    import typed  # type: ignore[import-not-found]

    monkeypatch.setitem(sys.modules, "typed", typed)
    before = time.process_time()
    taken = Fingerprinter(tmp_path).of(typed.step)
    assert time.process_time() - before < 1
    assert len(taken.parts) < 200
