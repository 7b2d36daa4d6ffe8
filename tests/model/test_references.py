"""References: what they give, and what they refuse with a remedy."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import math
import operator
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pytest

from hookline.errors import WorkflowError
from hookline.model.recording import Recording
from hookline.model.reference import Reference, completed, first
from hookline.model.step import step


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@dataclasses.dataclass
class Scores:
    recall: float
    precision: float


class Report(TypedDict):
    text: str
    rows: int


@step
def plain(x: int = 0) -> int:
    return x


@step
def pair() -> tuple[int, str]:
    return 1, ""


@step
def split() -> Split:
    return Split([], [])


@step
def score() -> Scores:
    return Scores(0.0, 0.0)


@step
def report() -> Report:
    return Report(text="", rows=0)


@pytest.fixture(autouse=True)
def recording() -> Iterator[Recording]:
    """A workflow that is being built."""
    made = Recording()
    with made.in_force():
        yield made


def slot(reference: Any) -> int:
    assert type(reference) is Reference
    return reference._slot


USES: list[tuple[Callable[[Any], object], str]] = [
    (bool, "can't be tested"),
    (lambda it: it and 1, "can't be tested"),
    (lambda it: not it, "can't be tested"),
    (len, "has no length yet"),
    (str, "can't be formatted"),
    (lambda it: f"{it}", "can't be formatted"),
    (lambda it: f"{it:>3}", "can't be formatted"),
    (lambda it: "%s" % it, "can't be formatted"),  # noqa: UP031 - the old way is refused, too
    (lambda it: it(1), "can't be called"),
    (lambda it: 3 in it, "can't be searched"),
    (list, "can't be iterated over"),
    (lambda it: [*it], "can't be iterated over"),
    (lambda it: it[0], "can't be indexed"),
    (lambda it: it["a"], "can't be indexed"),
    (lambda it: it[1:], "can't be indexed"),
    (lambda it: it.depth, "has no attribute 'depth'"),
    (lambda it: it.append(3), "has no attribute 'append'"),
    (lambda it: setattr(it, "depth", 3), "can't be changed"),
    (lambda it: delattr(it, "depth"), "can't be changed"),
    (lambda it: operator.setitem(it, 0, 3), "can't be changed"),
    (lambda it: operator.delitem(it, 0), "can't be changed"),
    (lambda it: it == 3, "can't be compared"),
    (lambda it: it != 3, "can't be compared"),
    (lambda it: it < 3, "can't be compared"),
    (lambda it: it <= 3, "can't be compared"),
    (lambda it: max(it, 3), "can't be compared"),
    (lambda it: it + 1, "can't be computed with"),
    (lambda it: 1 + it, "can't be computed with"),
    (lambda it: 2**it, "can't be computed with"),
    (lambda it: it @ it, "can't be computed with"),
    (lambda it: -it, "can't be computed with"),
    (lambda it: ~it, "can't be computed with"),
    (lambda it: it & True, "can't be computed with"),
    (lambda it: operator.iadd(it, 1), "can't be computed with"),
    (abs, "can't be computed with"),
    (int, "can't be computed with"),
    (float, "can't be computed with"),
    (round, "can't be computed with"),
    (range, "can't be computed with"),
    (math.floor, "can't be computed with"),
    (sum, "can't be iterated over"),
    (sorted, "can't be iterated over"),
    (Path, "can't be used as a path"),
    (open, "can't be used as a path"),
    (next, "can't be used as a value"),
    (reversed, "can't be used as a value"),
    (bytes, "can't be used as a value"),
    (pickle.dumps, "can't be copied, stored or sent"),
    (copy.copy, "can't be copied, stored or sent"),
    (copy.deepcopy, "can't be copied, stored or sent"),
]


@pytest.mark.parametrize(("use", "said"), USES)
def test_a_reference_refuses_to_be_used_as_a_value(use: Callable[[Any], object], said: str) -> None:
    """Whatever needs the value raises, names the task and the line, and says what to do instead."""
    reference = plain()
    with pytest.raises(WorkflowError) as caught:
        use(reference)
    assert caught.value.message.startswith(f"the reference to task 'plain' {said} (")
    assert os.path.basename(__file__) in caught.value.message
    assert caught.value.help


def test_a_refusal_names_the_line_of_the_mistake() -> None:
    """The place is the user's line, not one inside hookline."""
    reference = plain()
    here = inspect.currentframe()
    with pytest.raises(WorkflowError) as caught:
        bool(reference)
    assert here is not None
    assert caught.value.message.endswith(f":{here.f_lineno - 1})") or caught.value.message.endswith(
        f":{inspect.getsourcelines(test_a_refusal_names_the_line_of_the_mistake)[1] + 5})"
    )


def test_a_reference_can_be_shown_for_debugging() -> None:
    """Its repr names the task and the part."""
    assert repr(plain()) == "<reference to task 'plain'>"
    assert repr(split().test) == "<reference to 'test' of task 'split'>"
    assert repr(first(plain(), pair()[1])) == "<reference to the first of task 'plain-2', '1' of task 'pair'>"
    assert repr(completed(plain.map(x=[1]))) == "<reference to the completed items of task 'plain-3'>"


def test_a_reference_may_be_a_member_of_collections() -> None:
    """Hashing and identity work, so that user code can keep references in lists, dicts and sets."""
    one, other = plain(), plain()
    assert one in [other, one][1:]
    assert len({one, other, one}) == 2


def test_a_fixed_tuple_gives_its_elements() -> None:
    """A tuple of fixed length can be indexed, from the end too, unpacked and iterated over."""
    both = pair()
    number, text = both
    assert (slot(number), slot(text)) == (0, 1)
    assert (slot(both[0]), slot(both[-1])) == (0, 1)
    with pytest.raises(WorkflowError, match=r"has no element 2[^\n]*\n?help: it has 2"):
        _ = both[2]  # type: ignore[misc]


def test_a_named_tuple_gives_its_fields() -> None:
    """By attribute, by index and by unpacking."""
    parts = split()
    train, test = parts
    assert (slot(train), slot(test), slot(parts.test), slot(parts[1])) == (0, 1, 1, 1)


def test_a_dataclass_gives_its_fields() -> None:
    """By attribute only; a misspelt one is told with the right one."""
    scores = score()
    assert (slot(scores.recall), slot(scores.precision)) == (0, 1)
    with pytest.raises(WorkflowError) as caught:
        _ = scores.recal  # type: ignore[attr-defined]
    assert caught.value.help == "its fields are recall, precision; did you mean 'recall'?"
    with pytest.raises(WorkflowError) as caught:
        _ = scores.zzz  # type: ignore[attr-defined]
    assert caught.value.help == "its fields are recall, precision"


def test_a_typed_dict_gives_its_keys() -> None:
    """By key only, as the value itself would."""
    made = report()
    assert slot(made["rows"]) == 1
    with pytest.raises(WorkflowError, match=r"write …\['rows'\]"):
        _ = made.rows  # type: ignore[attr-defined]
    with pytest.raises(WorkflowError, match="has no key 'row'"):
        _ = made["row"]  # type: ignore[typeddict-item]


def test_a_part_has_no_parts() -> None:
    """A slot is one artifact, whatever is inside."""
    with pytest.raises(WorkflowError, match="the reference to 'train' of task 'split' can't be indexed"):
        _ = split().train[0]


def test_a_mapped_reference_stands_for_a_list() -> None:
    """It has no fields of its items, and says so."""
    many = score.map()
    with pytest.raises(WorkflowError, match="it stands for a list, one item per call of 'score'"):
        _ = many.recall  # type: ignore[attr-defined]


def test_first_takes_references_only() -> None:
    """Anything else, or nothing, is refused; a first of firsts is one list of choices."""
    one, two, three = plain(), plain(), plain()
    nested: Any = first(first(one, two), three)
    assert nested._options == (one, two, three) or all(
        mine is theirs for mine, theirs in zip(nested._options, (one, two, three), strict=True)
    )
    for wrong in ((), (3,), (one, None)):
        with pytest.raises(WorkflowError, match="takes one or more references"):
            first(*wrong)


def test_completed_takes_mapped_references_only() -> None:
    """A plain task has no items, and no list either."""
    assert completed(plain.map(x=[1]))._completed  # type: ignore[attr-defined]
    for wrong in (plain(), [plain()], completed(plain.map(x=[1]))):
        with pytest.raises(WorkflowError, match=r"takes what \.map"):
            completed(wrong)  # type: ignore[arg-type]


def test_what_inspects_every_object_meets_no_error() -> None:
    """Protocols that are asked for by name, such as numpy's, see an attribute that is not there."""
    assert not hasattr(plain(), "__array_interface__")
    with pytest.raises(TypeError, match="JSON serializable"):
        json.dumps(plain())
