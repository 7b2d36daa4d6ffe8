"""Digests of objects: which of their equal parts are one object shows only where these can be changed."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import pickle
import subprocess
import sys
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.values.encode import decode, encode, encode_constant
from hookline.values.serializers import PickleSerializer
from thorough import tries

LEAVES = (
    st.sampled_from(["", "a", "value", "other", "ä" * 40])
    | st.binary(max_size=3)
    | st.sampled_from([0, 1, True, None, 10**30, 0.0, -0.0, 1.0, 1 + 2j])
    | st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 3))
    | st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 0, 0, 1), timezones=st.sampled_from([None, dt.UTC]))
    | st.sampled_from([Decimal("1.0"), Decimal("1.00"), UUID(int=7), np.float64(1), np.int32(5), range(3)])
)
FIXED = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.builds(lambda a, b: Pair(a, b), inner, inner)
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    FIXED,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(FIXED, inner, max_size=3)
        | st.sets(FIXED, max_size=3)
        | st.builds(lambda a, b: Row(a, b), inner, inner)
        | st.builds(lambda a: Model(a), inner)
    ),
    max_leaves=8,
)


@dataclass
class Row:
    """A row."""

    value: Any
    other: Any = None


class Pair(NamedTuple):
    """A pair."""

    value: Any
    other: Any


class Model:
    """An object whose attributes are named like values."""

    def __init__(self, value: Any) -> None:
        self.value, self.other = value, "other"


class Held(Model):
    """Another one."""


class Node:
    """A node of a graph."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.near: set[Node] = set()


def digest(value: object) -> bytes:
    """The digest, code apart."""
    return encode(value, code_digest=lambda _: b"").digest


def anew(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """The same value of other objects, with the leaves that a function gives."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind([anew(part, leaf) for part in value])
    if kind is dict:
        return {anew(key, leaf): anew(part, leaf) for key, part in value.items()}
    if kind is Pair:
        return Pair(*[anew(part, leaf) for part in value])
    if kind is Row:
        return Row(anew(value.value, leaf), anew(value.other, leaf))
    return Model(anew(value.value, leaf)) if kind is Model else leaf(value)


def described(value: Any) -> Any:
    """All that a step could tell of a value, but not what is one object."""
    kind = type(value)
    if kind in (list, tuple, Pair):
        return kind.__name__, [described(part) for part in value]
    if kind in (set, frozenset):
        return kind.__name__, sorted(map(repr, map(described, value)))
    if kind is dict:
        return "dict", [(described(key), described(part)) for key, part in value.items()]
    if kind in (Row, Model):
        return kind.__name__, described(vars(value))
    return kind.__name__, repr(value)


def by_itself(leaf: Any) -> Any:
    """An equal leaf that is no other object's."""
    return pickle.loads(pickle.dumps(leaf))


@settings(max_examples=tries(200), deadline=None)
@given(value=VALUES)
def test_it_does_not_show_which_equal_parts_are_one_object(value: Any) -> None:
    """Texts, bytes, numbers, dates, tuples and frozensets count by what they are, wherever they are met."""
    known: dict[Any, Any] = {}
    whole = Row([value, Model(value)], Pair("other", "value"))
    # Of numbers and frozensets, what is equal is not always the same: by type and text.
    shared = anew(whole, lambda leaf: known.setdefault((type(leaf), repr(leaf)), leaf))
    apart = anew(whole, by_itself)
    assert digest(shared) == digest(apart)
    assert digest(copy.deepcopy(shared)) == digest(apart)
    back = decode(encode(apart).data())
    assert described(back) == described(whole)
    assert digest(back) == digest(apart)
    assert digest(pickle.loads(pickle.dumps(shared))) == digest(apart)
    assert encode_constant(shared)[0] == encode_constant(apart)[0]


@settings(max_examples=tries(200), deadline=None)
@given(one=VALUES, two=VALUES)
def test_different_objects_have_different_digests(one: Any, two: Any) -> None:
    """Equal digests mean that a step can't tell them apart."""
    assert (digest(Row((one, "x"), [one, "x"])) == digest(Row((two, "x"), [two, "x"]))) == (
        described(one) == described(two)
    )
    assert (digest(Row((one,), (one,))) == digest(Row((one,), (two,)))) <= (described(one) == described(two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, fold=1)),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        (np.float64(1), np.int64(1)),
        (np.float32(1), np.float64(1)),
        (np.datetime64("2024-01-01", "D"), np.datetime64("2024-01-01", "s")),
        (range(0), range(1, 1)),
        ((1, 2), Pair(1, 2)),
        (frozenset({1}), frozenset({True})),
        ("a", b"a"),
    ],
    ids=repr,
)
def test_parts_that_python_calls_equal_are_not_put_together(one: Any, two: Any) -> None:
    """Not even where they are parts of tuples that are equal, too."""
    for wrap in (lambda part: part, lambda part: (part,), lambda part: Pair(part, 1), lambda part: frozenset([part])):
        twice, both = ([wrap(one), wrap(other), {"a", "b"}] for other in (one, two))
        assert digest(Row(twice)) != digest(Row(both))
        back: Any = decode(encode(Row(both)).data())
        assert described(back) == described(Row(both))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ["text"],
        lambda: [1],
        lambda: {"key": "text"},
        lambda: {"one"},
        lambda: {"one", "two"},
        lambda: bytearray(b"text"),
        lambda: Model("text"),
        lambda: Row("text"),
    ],
    ids=["list", "numbers", "dict", "one", "set", "bytearray", "object", "dataclass"],
)
def test_what_can_be_changed_is_shared_or_not(make: Callable[[], Any]) -> None:
    """A list that is met twice is another value than two equal ones, and comes back as one list."""
    one, two = make(), make()
    assert digest(Row(one, one)) != digest(Row(one, two))
    # As pickle writes them, and where equal parts and sets are looked at.
    for ambiguous in ("", {"a", "b"}, [by_itself("text"), by_itself("text")]):
        both: Any = decode(encode([Row(one, (one, two)), ambiguous]).data())
        assert both[0].value is both[0].other[0] is not both[0].other[1]
        assert both[1] == ambiguous


def test_objects_that_lead_back_to_themselves_come_back_as_such() -> None:
    """Through lists, tuples, dicts, sets and frozensets."""
    model, texts = Model([]), {"a", "b"}
    pair = (model, model.value, {"in": model})
    model.value += [pair, texts, model]
    back: Any = decode(encode(model).data())
    assert back.value[0][0] is back is back.value[2] is back.value[0][2]["in"]
    assert back.value[0][1] is back.value
    inside = Model(None)
    inside.value = frozenset([inside, Model(1), "text"])
    again: Any = decode(encode([inside, texts]).data())
    assert again[0] in again[0].value
    assert len(again[0].value) == 3


def test_a_graph_whose_nodes_hold_each_other_in_sets_is_stored_soon() -> None:
    """Its sets have no order that could be told without going round in circles: they are left as they are."""
    nodes = [Node(f"node {number % 7}") for number in range(300)]
    for node in nodes:
        node.near.update(nodes[:12])
    began = time.process_time()
    stored = encode(nodes).data()
    assert time.process_time() - began < 5
    back: Any = decode(stored)
    assert [node.name for node in back] == [node.name for node in nodes]
    assert all(node.near == set(back[:12]) for node in back)


def test_members_of_a_set_that_hold_much_are_not_all_looked_at_to_sort_it() -> None:
    """Each of them would be taken apart with all that it leads to."""
    table = [Model(number) for number in range(2_000)]
    began = time.process_time()
    back: Any = decode(encode(Row({Held(table) for _ in table})).data())
    assert time.process_time() - began < 5
    assert {len(row.value) for row in back.value} == {2_000}


def test_keys_that_are_no_numbers_are_not_put_together() -> None:
    """Of NaNs a dict may hold several."""
    keys = [Decimal("nan"), Decimal("nan"), np.float64("nan"), np.float64("nan"), float("nan"), float("nan")]
    held = {key: at for at, key in enumerate([*keys, *[(key,) for key in keys]])}
    back: Any = decode(encode(Row(held, {"a", "b"})).data())
    assert [*back.value.values()] == [*range(12)]
    assert isinstance(decode(encode(Row([Decimal("snan")], [Decimal("snan"), {"a", "b"}])).data()), Row)


@pytest.mark.parametrize(
    "value",
    [
        Row("text", 1),
        [Row(number, float(number)) for number in range(20_000)],
        [Model(f"text {number}") for number in range(9_000)],
        Row(OrderedDict(a=Row(1)), defaultdict(list, b=[Model(2)])),
        [Row(1), defaultdict(list), defaultdict(list)],
        Row({"one"}, frozenset({"two"})),
        Row(Counter("abc"), Pair("x", "y")),
        Row("x" * 200_000, b"y" * 100_000),
    ],
    ids=["row", "rows", "texts", "mappings", "defaults", "sets", "counter", "large"],
)
def test_what_pickle_tells_no_more_of_than_it_is_has_the_bytes_of_pickle(value: Any) -> None:
    """Digests that were good stay: nothing is written in another way that could not tell too much."""
    assert encode(value).data() == pickle.dumps(value, 5)
    # And written by our own means it is the same, frames and all.
    telling = by_itself("told twice")
    whole = [value, telling, telling]
    apart = [value, telling, by_itself(telling)]
    assert encode(apart).data() == encode(whole).data() == pickle.dumps(whole, 5)


def test_names_of_classes_are_texts_like_others() -> None:
    """Pickle writes the name of a class from the class itself; an equal text goes back to it, or not, in every case."""
    for name in (Row.__module__, "Row", "datetime", "date", "builtins", "Decimal"):
        for value in (lambda text: [text, Row(text, Decimal(1))], lambda text: Row(dt.date(2024, 1, 1), text)):
            assert digest(value(by_itself(name))) == digest(value(name)) == digest(value(sys.intern(name)))


def test_files_in_objects_are_kept_once() -> None:
    """However often the object is looked at."""
    asked: list[Path] = []
    path = Path("file")

    def keep(path: Path) -> PurePosixPath:
        asked.append(path)
        return PurePosixPath("kept")

    PickleSerializer().dump([Row(path, path), {"a", "b"}], [], set(), keep)
    assert asked == [path]


SEEDS = """
import json
from test_sharing import Model, Pair, Row, digest
words = ["alpha", "beta", "gamma", "delta", 1, 2.5, None, ("t", 1), Pair("a", 1)]
class Words(set):
    pass
values = [Row(set(words)), Row({Pair("b", n) for n in range(9)}), Model(frozenset(words)), Row({"a", "b"}, {"b", "a"}),
          [Model(1), {frozenset(words): {frozenset("xyz"), frozenset("abc")}}], Words(words[:4])]
try:
    from pydantic import BaseModel
except ImportError:
    pass
else:
    class Settings(BaseModel):  # it keeps the names of fields that were given, as a set
        rate: float
        depth: int
        name: str
    values.append(Settings(rate=0.1, depth=3, name="n"))
print(json.dumps([digest(value).hex() for value in values]))
"""


def test_sets_in_objects_have_one_digest_under_all_hash_seeds() -> None:
    """Their members are sorted by what they are."""
    found = []
    for seed in ("0", "1", "77"):
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", SEEDS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == len(found[0])


def test_objects_of_local_classes_do_not_tell_either() -> None:
    """What goes through dill."""

    class Local:
        def __init__(self, *values: Any) -> None:
            self.values = list(values)

    text, items = by_itself("told twice"), [1]
    one = Local(text, text, (text, 1), {"k": text}, items, items)
    two = Local(*map(by_itself, [text, text, (text, 1), {"k": text}]), items, items)
    assert digest(one) == digest(two)
    assert b"dill" in encode(one).data()[:64]
    assert digest(Local(items, items)) != digest(Local(items, [1]))
    back: Any = decode(encode(two).data())
    assert back.values == two.values
    assert back.values[4] is back.values[5]
