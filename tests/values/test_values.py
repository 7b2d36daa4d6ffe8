"""Stored forms: canonical for plain data and arrays, the way back, and what else counts in a digest."""

from __future__ import annotations

import datetime as dt
import enum
import gc
import json
import math
import os
import pickle
import subprocess
import sys
import uuid
import zoneinfo
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline.cache.carried import CarriedCode
from hookline.values import container
from hookline.values.digest import digest_bytes, digest_chunks, digest_tree
from hookline.values.encode import decode, encode, encode_constant
from hookline.values.files import FileRef, digest_path, opening, swap_paths
from hookline.values.plain import NotPlain, PathFound, digest_plain, encode_plain
from hookline.values.serializers import UnstorableError
from thorough import tries

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.sampled_from([dt.UTC, zoneinfo.ZoneInfo("Europe/Berlin")]))
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.just(PurePosixPath("a/b"))
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6)
PLAIN = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


class Colour(enum.Enum):
    """A module-level Enum."""

    RED = 1
    BLUE = "b"


class Plain:
    """An object of a class of the project's."""

    def __init__(self, value: Any) -> None:
        self.value = value


def alike(a: Any, b: Any) -> bool:
    """Equal with equal types at every depth, and NaN equal to itself by its bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(alike, a, b)) and all(map(alike, a.values(), b.values()))
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and encode_plain(a) == encode_plain(b)
    return a == b or encode_plain(a) == encode_plain(b)


@settings(max_examples=tries(200), deadline=None)
@given(value=PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    """Any unpickler reads the stored form; types and values are the same at every depth."""
    stream = encode_plain(value)
    assert alike(decode(stream), value)
    assert alike(pickle.loads(stream), value)
    assert encode(value).data() == stream
    assert encode(value).digest == digest_bytes(stream) == digest_plain(value)


@settings(max_examples=tries(200), deadline=None)
@given(value=PLAIN)
def test_a_copy_of_plain_data_has_the_same_stored_form(value: Any) -> None:
    """It does not matter which parts are one object, nor in which order a set was filled."""
    copy = decode(encode_plain(value))
    assert encode_plain(copy) == encode_plain(value)
    assert encode_plain([value, value]) == encode_plain([value, copy])
    assert encode_plain(rebuilt(value)) == encode_plain(value)


def test_many_nested_frozensets_keep_their_canonical_form() -> None:
    """However many frozensets a value has, it stays plain, and their order does not matter."""
    empty: frozenset[Any] = frozenset()
    value = [
        {frozenset({None}): frozenset({empty})},
        [frozenset({empty, frozenset({n})}) for n in range(200)],
        (empty,) * 99,
    ]
    copy = decode(encode_plain(value))
    assert copy == value
    assert encode_plain([value, copy]) == encode_plain([copy, value])


def rebuilt(value: Any) -> Any:
    """The same value, with sets filled the other way round."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(map(rebuilt, value))
    if kind is dict:
        return {rebuilt(key): rebuilt(item) for key, item in value.items()}
    if kind in (set, frozenset):
        return kind(map(rebuilt, reversed(list(value))))
    return value


@settings(max_examples=tries(200), deadline=None)
@given(a=PLAIN, b=PLAIN)
def test_different_plain_data_has_different_stored_forms(a: Any, b: Any) -> None:
    """Equal bytes mean values that are alike; True is not 1, and 1 is not 1.0."""
    assert (encode_plain(a) == encode_plain(b)) == alike(a, b) or has_nan(a)


def has_nan(value: Any) -> bool:
    return "nan" in repr(value).lower()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1}, frozenset({1})),
        ("a", b"a"),
        (Decimal("1.0"), Decimal("1.00")),
        ([[], []], [[[]]]),
        (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        (np.float64(1), 1.0),
        (np.int32(1), np.int64(1)),
        (np.array([1, 2]), [1, 2]),
        (np.array([1, 2], "i4"), np.array([1, 2], "i8")),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (PurePosixPath("a"), "a"),
        (Colour.RED, 1),
        (Colour.RED, Colour.BLUE),
    ],
    ids=repr,
)
def test_what_python_may_call_equal_is_still_told_apart(a: Any, b: Any) -> None:
    """A digest tells types, signs, orders and precision apart, because a step can."""
    assert encode(a).digest != encode(b).digest


VALUES = """
import datetime as dt, decimal, enum, sys, uuid, zoneinfo, json
from pathlib import Path, PurePosixPath
from types import FrameType
import numpy as np
from hookline.values.encode import encode, encode_constant
from values_probe import Colour
words = ["alpha", "beta", "gamma", "delta", b"x", 1, 2.5, None, ("t", 1)]
values = [
    set(words), frozenset(words), {frozenset(words): {"k": set(words)}}, [{w} for w in words],
    {Colour.RED, Colour.BLUE}, {Colour.RED: [Colour.BLUE]}, [np.arange(3), {"s": set(words)}],
    np.arange(10.0).reshape(2, 5), np.arange(6, dtype=">i4")[::2], np.array("2024-01-01", "M8[D]"),
    np.array(["a", "bcd"]), np.float32(1.5), np.bool_(True), np.datetime64("2024-01-01T00:00"),
    np.asfortranarray(np.arange(6).reshape(2, 3)), np.array([]), np.array(5),
    dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), dt.timedelta(1),
    decimal.Decimal("1.10"), uuid.UUID(int=7), PurePosixPath("a/b"),
]
constants = [Path("data.txt"), [Path("folder")], Path("none"),
             {Path("data.txt"), Path("folder")}, {Path("data.txt"): 1}]
print(json.dumps([encode(v, code_digest=lambda c: b"").digest.hex() for v in values]
                 + [encode_constant(v)[0].hex() for v in constants]))
"""


def test_digests_are_the_same_in_other_processes_under_other_hash_seeds(tmp_path: Path) -> None:
    """Sets, nested sets, Enum members, arrays, NumPy scalars, dates and files: one digest everywhere."""
    (tmp_path / "values_probe.py").write_text("import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 'b'\n")
    found = []
    for seed in ("0", "1", "4242"):
        folder = tmp_path / f"place{seed}"
        (folder / "folder" / "inner").mkdir(parents=True)
        (folder / "data.txt").write_text("data")
        for name in ("b", "a", "inner/c"):
            (folder / "folder" / name).write_text(name)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", VALUES], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == len(found[0])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(20)[::3],
        np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        np.array([]),
        np.zeros((0, 3)),
        np.array(7),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array(["2024-01-01", "NaT"], "M8[s]"),
        np.array([1, 2], ">i2"),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.arange(6)[::-1],
        np.arange(12).reshape(3, 4)[::-1, ::-2],
        np.array([1, 2], ">u8"),
        np.array([1, 2], "m8[25us]"),
        np.zeros((2, 0), "U3"),
        np.array([(1, 2.5), (3, 4.5)], "i4,f8"),
        np.array([(1, (2, b"ab")), (3, (4, b"c"))], [("a", "i1"), ("b", [("x", ">i8"), ("y", "S2")])]),
        np.array([(1, [1, 2])], np.dtype([("a", "i1"), ("b", "f8", (2,))], align=True)),
        np.zeros((2, 2), [(("the title", "a"), "i4")], "F"),
        np.array([b"ab", b"cd"], "V2"),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back_writable_and_as_they_were(array: Any) -> None:
    """Element type, shape and elements are kept; what is loaded can be changed and changes nothing stored."""
    encoded = encode(array)
    data = encoded.data()
    loaded: Any = decode(data)
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    assert loaded.dtype.fields == array.dtype.fields
    assert loaded.flags.f_contiguous == np.asarray(array, order="K").flags.f_contiguous or not array.flags.forc
    assert repr(loaded) == repr(array)
    if array.dtype.names is None:
        assert loaded.tobytes() == array.tobytes()
    assert loaded.flags.writeable
    loaded[...] = array
    assert digest_bytes(data) == encoded.digest
    again: Any = decode(data)
    assert encode(again).digest == encoded.digest


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_subclasses_of_arrays_are_stored_whole(tmp_path: Path) -> None:
    """What NumPy defines beside its array and scalars counts with all its elements and its shape."""
    mapped = np.memmap(tmp_path / "map", "i8", "w+", shape=(3,))
    mapped[:] = 1, 2, 3
    for array in (np.matrix([[1, 2], [3, 4]]), mapped, np.ma.masked_array([1, 2], [True, False])):
        back = decode(encode(array).data())
        assert isinstance(back, np.ndarray)
        assert back.tolist() == array.tolist()
    tall, wide = np.matrix([[1], [2]]), np.matrix([[1, 2]])
    assert encode(tall).digest != encode(wide).digest
    assert encode_constant(tall)[0] != encode_constant(wide)[0]


TEXTS = st.text(st.characters(), max_size=4).map(np.str_) | st.binary(max_size=4).map(np.bytes_)


@example(np.str_("a\0"))
@example(np.bytes_(b"a\0"))
@given(TEXTS)
def test_numpy_texts_come_back_as_they_were(text: Any) -> None:
    """Empty ones, too, and those with zeros at their end."""
    back = decode(encode(text).data())
    assert type(back) is type(text)
    assert back == text
    assert len(back) == len(text)


def test_the_same_elements_laid_out_with_gaps_have_one_digest() -> None:
    """A view with strides and its compact copy are one value."""
    view = np.arange(20)[::2]
    assert encode(view).digest == encode(view.copy()).digest
    assert encode({"x": [view]}).digest == encode({"x": [view.copy()]}).digest


def test_large_arrays_are_not_copied_on_their_way_out() -> None:
    """The array's own memory is among the pieces that are written."""
    array = np.ones(1_000_000)
    pieces = encode(array).chunks
    assert any(
        isinstance(piece, memoryview) and np.shares_memory(np.frombuffer(piece, np.uint8), array) for piece in pieces
    )


@pytest.mark.parametrize(
    "value",
    [object(), Plain(1), lambda: 1, int, len, np.array([object()]), np.rec.array([(1, 2.0)]), enum.Flag("F", "A").A],
    ids=["object", "instance", "function", "class", "built-in", "objects", "records", "flag"],
)
def test_what_has_no_canonical_form_is_not_plain(value: Any) -> None:
    """Objects, functions, classes and records are refused by the plain encoder, at any depth."""
    for wrapped in (value, [value], {"a": (value,)}):
        with pytest.raises(NotPlain):
            encode_plain(wrapped)
        assert digest_plain(wrapped) is None


def test_paths_are_never_plain() -> None:
    """A path counts by content, which the plain encoder can't know."""
    with pytest.raises(PathFound):
        encode_plain([Path("a")])
    with pytest.raises(PathFound):
        encode_plain({Path("a"): 1})


def test_values_that_contain_themselves_are_stored() -> None:
    """Lists and dicts with a way back to themselves come back as such."""
    value: list[Any] = [1]
    value.append(value)
    mapping: dict[str, Any] = {"value": value}
    mapping["self"] = mapping
    for one in (value, mapping):
        loaded: Any = decode(encode(one, keep_file=lambda _: None).data())
        inner = loaded[1] if isinstance(loaded, list) else loaded["self"]
        assert inner is loaded
        digest, data = encode_constant(one)
        assert digest == encode(one).digest
        assert decode(data) is not None


def test_what_pickle_refuses_goes_through_dill() -> None:
    """Lambdas, local classes and closures are stored by value; pickle is tried first."""
    factor = 3

    class Local:
        def times(self, x: int) -> int:
            return x * factor

    assert decode(encode(lambda x: x * factor).data())(2) == 6  # type: ignore[operator]
    assert decode(encode(Local()).data()).times(2) == 6  # type: ignore[attr-defined]


def test_what_dill_refuses_goes_through_cloudpickle() -> None:
    """Members of Enum classes without a module are stored by value, the class is noted, and paths get stand-ins."""

    class Size(enum.Enum):
        SMALL = 1

    class Held:
        def __init__(self) -> None:
            self.size, self.path = Size.SMALL, Path("report.txt")

    noted: set[object] = set()

    def digest(code: frozenset[object]) -> bytes:
        noted.update(code)
        return b"d" * 32

    encoded = encode(Held(), code_digest=digest, keep_inside=lambda path: Path("kept") / path)
    assert {Size, Held} <= noted
    loaded: Any = decode(encoded.data())
    assert loaded.size.name == "SMALL"
    assert loaded.path == Path("kept/report.txt")
    assert b"cloudpickle" in encoded.data()[:64]


def test_what_nothing_can_store_is_refused_with_its_type() -> None:
    """The message names the type, and says what to do."""
    with pytest.raises(UnstorableError, match=r"builtins\.generator.*can't be stored") as caught:
        encode(i for i in ())
    assert "help:" in str(caught.value)


@settings(max_examples=tries(100), deadline=None)
@given(
    stream=st.binary(max_size=200),
    buffers=st.lists(st.binary(max_size=300), max_size=4),
    code=st.binary(max_size=32),
    cut=st.integers(1, 50),
)
def test_containers_come_apart_as_they_were_joined(stream: bytes, buffers: list[bytes], code: bytes, cut: int) -> None:
    """Parts come back, buffers aligned; a container that lost its end is refused."""
    pieces = container.join(container.Parts("pickle", code, stream, buffers))
    whole = b"".join(pieces)
    parts = container.split(memoryview(whole))
    assert (parts.serializer, parts.code, bytes(parts.stream)) == ("pickle", code, stream)
    assert [bytes(buffer) for buffer in parts.buffers] == buffers
    assert digest_chunks(pieces) == digest_bytes(whole)
    at = 0
    for piece, buffer in zip(pieces[2::2], buffers, strict=True):
        at = whole.find(buffer, at) if buffer else at
        assert piece == buffer
    with pytest.raises(ValueError, match=r"truncated|not a hookline"):
        container.split(memoryview(whole[:-cut]))


def test_digests_of_different_kinds_never_meet() -> None:
    """The same parts under two kinds, or as plain bytes, have different digests."""
    parts = [digest_bytes(b"a"), digest_bytes(b"b")]
    assert len({digest_tree("map", parts), digest_tree("nested list", parts), digest_bytes(b"".join(parts))}) == 3


def test_files_are_found_at_any_depth_and_digested_by_content(tmp_path: Path) -> None:
    """Name and content count; the place does not; what does not exist is its text."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text("same")
    one, two = tmp_path / "a" / "file.txt", tmp_path / "b" / "file.txt"
    for wrap in (lambda p: p, lambda p: [p], lambda p: {"k": (1, p)}, lambda p: {p}, lambda p: {p: 1}, Plain):
        first, second = encode_constant(wrap(one))[0], encode_constant(wrap(two))[0]
        assert first == second or wrap is Plain
        two.write_text("other")
        assert encode_constant(wrap(two))[0] != second
        two.write_text("same")
    renamed = two.rename(two.with_name("renamed.txt"))
    assert encode_constant(renamed)[0] != encode_constant(one)[0]
    assert digest_path(tmp_path / "none") == PurePosixPath(tmp_path / "none")
    (tmp_path / "a" / "empty").mkdir()
    assert encode_constant(tmp_path / "a")[0] != encode_constant(tmp_path / "b")[0]


def test_the_bytes_of_a_constant_keep_its_paths(tmp_path: Path) -> None:
    """Digested by content, carried by path: a worker opens the caller's file."""
    path = tmp_path / "file.txt"
    path.write_text("x")
    for value in (path, [path], {path: path}, {"k": {path}}):
        assert decode(encode_constant(value)[1]) == value


def test_stored_files_open_through_the_opener_in_force(tmp_path: Path) -> None:
    """Outside of an opener a stand-in comes back; inside, whatever the opener gives out."""
    ref = FileRef("name.txt", b"d" * 32)
    data = encode({"deep": [ref]}).data()
    stand_in: Any = decode(data)
    assert stand_in["deep"][0].name == "name.txt"
    with opening(lambda found: tmp_path / found.name):
        assert decode(data) == {"deep": [tmp_path / "name.txt"]}


def test_swapping_gives_back_the_same_object_where_there_is_no_path() -> None:
    """Containers are copied only around paths."""
    value = [{"a": (1, {2})}]
    assert swap_paths(value, lambda path: path) is value
    assert swap_paths([Path("a"), value], str) == ["a", value]


MODEL = """
class Model:
    def __init__(self, weight):
        self.weight = weight
    def predict(self, x):
        return self.weight * {factor}
"""


def test_an_object_whose_class_was_edited_is_another_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of a value's class is part of its digest, though not of its bytes: an edited method is another model."""
    import importlib

    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"carried_{uuid.uuid4().hex}"
    file = tmp_path / f"{name}.py"

    def digest(factor: str) -> bytes:
        sys.modules.pop(name, None)
        file.write_text(MODEL.format(factor=factor))
        importlib.invalidate_caches()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        module = importlib.import_module(name)
        return encode([module.Model(3)], code_digest=CarriedCode(tmp_path)).digest

    assert digest("2") == digest("2  # a comment") != digest("4")
    assert digest("2") == digest("2")


def test_plain_data_is_encoded_without_a_call_per_element() -> None:
    """Looking for paths and encoding happen at C speed; one call more where some byte might be the sign of a set."""

    def calls_for(rows: int) -> int:
        value = [{"number": row, "text": "text", "more": [1.5, None]} for row in range(rows)]
        count = 0

        def note(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        # A collection calls what others have hung on it, hypothesis among them: no work of ours.
        gc.disable()
        sys.setprofile(note)
        try:
            encode(value, keep_file=lambda path: path)
        finally:
            sys.setprofile(None)
            gc.enable()
        return count

    assert calls_for(1_000) <= calls_for(10) + 1
