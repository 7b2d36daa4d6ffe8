"""pandas' values: frames, series and indexes come back exactly, and have one digest however they were built."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.errors import HooklineError
from hookline.store import Artifacts, Stored
from hookline.values import container
from hookline.values.encode import Encoded, decode, encode
from hookline.values.plain import encode_plain
from thorough import tries

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pa: Any = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=4)
INTS = st.integers(-100, 100)
TIMES = st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2100, 1, 1)).map(lambda time: time.replace(microsecond=0))
CELLS = (
    st.sampled_from([None, pd.NA, pd.NaT, float("nan"), True, np.int8(1), np.float32(0.5), (1, "a"), b"x", {1, 2}])
    | st.integers()
    | TEXTS
    | TIMES.map(pd.Timestamp)
    | TIMES.map(lambda time: pd.Timestamp(time, tz="Europe/Berlin"))
    | st.integers(-(2**60), 2**60).map(pd.Timedelta)
    | INTS.map(lambda at: pd.Period(ordinal=at, freq="M"))
    | INTS.map(lambda at: pd.Interval(at, at + 1, "both"))
)
Kind = tuple[st.SearchStrategy[Any], Callable[[list[Any]], Any]]


def typed(dtype: Any) -> Callable[[list[Any]], Any]:
    return lambda cells: pd.Series(cells, dtype=dtype).array


def missing(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | cells


def zoned(unit: str, zone: Any) -> Callable[[list[Any]], Any]:
    return lambda cells: pd.Series(cells, dtype=f"M8[{unit}]").dt.tz_localize("UTC").dt.tz_convert(zone).array


STRUCT = pd.ArrowDtype(pa.struct([("a", pa.int64()), ("b", pa.string())]))
WORKING = pd.offsets.CustomBusinessDay(holidays=["2024-01-03"])

KINDS: dict[str, Kind] = {
    "int64": (INTS, typed("int64")),
    "uint8": (st.integers(0, 9), typed("uint8")),
    "float32": (st.floats(width=32), typed("float32")),
    "float64": (st.floats(), typed("float64")),
    "complex": (st.complex_numbers(), typed("complex128")),
    "bool": (st.booleans(), typed("bool")),
    "object": (CELLS, lambda cells: pd.Series([*cells], dtype=object).array),
    "times": (missing(TIMES), typed("datetime64[ns]")),
    "times in seconds": (missing(TIMES), typed("datetime64[s]")),
    "times in a zone": (missing(TIMES), zoned("us", "Asia/Kolkata")),
    "times in an offset": (missing(TIMES), zoned("ns", dt.timezone(dt.timedelta(hours=2)))),
    "durations": (missing(st.timedeltas(dt.timedelta(-99), dt.timedelta(99))), typed("timedelta64[us]")),
    "Int64": (missing(INTS), typed("Int64")),
    "UInt8": (missing(st.integers(0, 9)), typed("UInt8")),
    "Float32": (missing(st.floats(allow_nan=False, width=32)), typed("Float32")),
    "boolean": (missing(st.booleans()), typed("boolean")),
    "texts of Python": (TEXTS, typed("string[python]")),
    "texts of Arrow": (TEXTS, typed("string[pyarrow]")),
    "texts": (TEXTS, typed("str")),
    "Arrow int": (missing(INTS), typed(pd.ArrowDtype(pa.int16()))),
    "Arrow bool": (missing(st.booleans()), typed(pd.ArrowDtype(pa.bool_()))),
    "Arrow time": (missing(TIMES), typed(pd.ArrowDtype(pa.timestamp("us", "UTC")))),
    "Arrow decimal": (missing(st.decimals(-9, 9, places=2)), typed(pd.ArrowDtype(pa.decimal128(8, 2)))),
    "Arrow list": (missing(st.lists(INTS, max_size=2)), typed(pd.ArrowDtype(pa.list_(pa.int64())))),
    "Arrow struct": (missing(INTS.map(lambda at: {"a": at, "b": str(at)})), typed(STRUCT)),
    "Arrow map": (missing(INTS.map(lambda at: [("k", at)])), typed(pd.ArrowDtype(pa.map_(pa.string(), pa.int64())))),
    "categories": (missing(st.sampled_from("abc")), typed(pd.CategoricalDtype([*"cab"]))),
    "ordered categories": (missing(st.sampled_from([1, 2])), typed(pd.CategoricalDtype([2, 1, 3], ordered=True))),
    "periods": (missing(INTS.map(lambda at: pd.Period(ordinal=at, freq="Q-NOV"))), typed(pd.PeriodDtype("Q-NOV"))),
    "intervals": (missing(INTS.map(lambda at: pd.Interval(at, at + 0.5, "left"))), typed("interval[float64, left]")),
    "sparse": (st.sampled_from([0, 0, 0, 1, 2]), typed(pd.SparseDtype("int32", 0))),
    "sparse floats": (st.sampled_from([float("nan"), 1.5]), typed(pd.SparseDtype("float64"))),
}  # fmt: skip
NAMES = st.none() | st.sampled_from(["a", "b", 1, 1.5, ("a", 1), dt.date(2024, 1, 1)])

INDEXES: dict[str, Callable[[int], Any]] = {
    "range": lambda n: pd.RangeIndex(5, 5 + 3 * n, 3, name="r"),
    "integers": lambda n: pd.Index(np.arange(n) * 2, dtype="int16"),
    "floats": lambda n: pd.Index(np.arange(n) / 2),
    "bools": lambda n: pd.Index(np.arange(n) % 2 == 0),
    "texts": lambda n: pd.Index([f"row {at}" for at in range(n)], dtype="str"),
    "texts as objects": lambda n: pd.Index([f"row {at}" for at in range(n)], dtype=object, name=("x", 1)),
    "mixed": lambda n: pd.Index([at if at % 2 else str(at) for at in range(n)], dtype=object),
    "tuples": lambda n: pd.Index([(at, "x") for at in range(n)], tupleize_cols=False, dtype=object),
    "times with frequency": lambda n: pd.date_range("2024-03-30", periods=n, freq="D", tz="Europe/Berlin", name="t"),
    "times with anchored frequency": lambda n: pd.date_range("2024", periods=n, freq="2W-TUE", unit="s"),
    "business days": lambda n: pd.date_range("2024", periods=n, freq=WORKING),
    "times without frequency": lambda n: pd.DatetimeIndex(pd.date_range("2024", periods=n), freq=None),
    "durations": lambda n: pd.timedelta_range("1h", periods=n, freq="3h"),
    "periods": lambda n: pd.period_range("2024", periods=n, freq="M"),
    "categories": lambda n: pd.CategoricalIndex([*"ab" * n][:n], categories=["b", "a"], ordered=True),
    "intervals": lambda n: pd.interval_range(pd.Timestamp("2024"), periods=n, closed="both"),
    "missing integers": lambda n: pd.Index(pd.array([None, *range(n)][:n], dtype="Int64")),
    "levels": lambda n: pd.MultiIndex.from_product([["x", "y"], pd.date_range("2024", periods=n)], names=["k", 1])[:n],
}  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """Frames of any column types, with any index, names that come twice, attributes and flags."""
    rows = draw(st.integers(0, 5))
    kinds = draw(st.lists(st.sampled_from([*KINDS]), max_size=5))
    arrays = {at: made(draw, kind, rows) for at, kind in enumerate(kinds)}
    index = INDEXES[draw(st.sampled_from([*INDEXES]))](rows)
    data = {at: pd.Series(array, index=index, dtype=array.dtype) for at, array in arrays.items()}
    frame = pd.DataFrame(data, index=index)
    names = draw(st.lists(NAMES, min_size=len(kinds), max_size=len(kinds)))
    frame.columns = pd.Index(names, dtype=object, name=draw(NAMES), tupleize_cols=False)
    frame.attrs = draw(st.sampled_from([{}, {"source": ["a", 1]}]))
    if draw(st.booleans()) and frame.index.is_unique and frame.columns.is_unique:
        frame.flags.allows_duplicate_labels = False
    return frame


def made(draw: st.DrawFn, kind: str, rows: int) -> Any:
    cells, make = KINDS[kind]
    return make(draw(st.lists(cells, min_size=rows, max_size=rows)))


def through(value: Any) -> Any:
    return decode(encode(value).data())


def assert_same_index(back: Any, index: Any) -> None:
    assert type(back) is type(index)
    pd.testing.assert_index_equal(back, index, exact=True, check_order=True)
    assert repr(back) == repr(index)
    assert [*map(type, back.names)] == [*map(type, index.names)]
    assert getattr(back, "freq", None) == getattr(index, "freq", None)
    if isinstance(index, pd.MultiIndex):
        for one, other in zip(back.levels, index.levels, strict=True):
            assert_same_index(one, other)


def assert_same_column(back: Any, column: Any) -> None:
    assert repr(back.dtype) == repr(column.dtype)
    assert type(back.array) is type(column.array)
    if column.dtype == object:
        assert [type(cell) for cell in back] == [type(cell) for cell in column]
        assert all(one is two or encode_plain(one) == encode_plain(two) for one, two in zip(back, column, strict=True))
        assert all((one is two) for one, two in zip(back, column, strict=True) if two is None or two is pd.NA)
    if isinstance(column.dtype, pd.CategoricalDtype):
        assert_same_index(back.array.categories, column.array.categories)


def assert_same_frame(back: Any, frame: Any) -> None:
    """All that pandas' own check knows, and what it does not look at."""
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=True, check_flags=True, check_names=True)
    assert_same_index(back.index, frame.index)
    assert_same_index(back.columns, frame.columns)
    for at in range(frame.shape[1]):
        assert_same_column(back.iloc[:, at], frame.iloc[:, at])
    assert back.attrs == frame.attrs


@settings(max_examples=tries(200), deadline=None)
@given(frames())
def test_any_frame_comes_back_as_it_was(frame: Any) -> None:
    """Element types, index, names, categories, zones, attributes and flags; objects in cells keep their type."""
    back = through(frame)
    assert_same_frame(back, frame)
    assert encode(back).digest == encode(frame).digest
    assert encode_plain([frame], [])  # it has a canonical form


@pytest.mark.parametrize("kind", [*KINDS])
def test_columns_of_each_type_come_back_alone(kind: str) -> None:
    """As a series, as a bare array, as an index where pandas can, and with no rows."""

    @settings(max_examples=15, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        array = made(data.draw, kind, data.draw(st.integers(0, 4)))
        series = pd.Series(array, dtype=array.dtype, name=("n", 1))
        back = through({"deep": [series]})["deep"][0]
        pd.testing.assert_series_equal(back, series, check_exact=True)
        assert_same_column(back, series)
        assert back.name == ("n", 1)
        assert encode(back).digest == encode(series).digest
        if not isinstance(array, pd.arrays.NumpyExtensionArray):
            assert encode_plain([array], [])
            pd.testing.assert_extension_array_equal(through(array), array)

    check()


@pytest.mark.parametrize("kind", [*INDEXES])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_indexes_of_each_kind_come_back(kind: str, rows: int) -> None:
    """Alone and on a series; the kind, the frequency, the names and the levels."""
    index = INDEXES[kind](rows)
    assert encode_plain(index, [])
    assert_same_index(through(index), index)
    assert_same_index(through(pd.Series(0, index=index)).index, index)


def in_pieces(frame: Any) -> Any:
    """The same frame, each column added by itself."""
    data = {at: frame.iloc[:, at].copy() for at in range(frame.shape[1])}
    built = pd.DataFrame(data, index=frame.index, copy=False)
    built.columns = frame.columns
    return like(built, frame)


def like(built: Any, frame: Any) -> Any:
    built.attrs = frame.attrs
    built.flags.allows_duplicate_labels = frame.flags.allows_duplicate_labels
    return built


@settings(max_examples=tries(100), deadline=None)
@given(frames())
def test_how_a_frame_was_built_does_not_count(frame: Any) -> None:
    """Consolidated or in pieces, a slice of something larger, or a view backwards twice: one digest."""
    digest = encode(frame).digest
    assert encode(frame.copy()).digest == digest
    assert encode(in_pieces(frame)).digest == digest
    wide = frame.set_flags(allows_duplicate_labels=True)
    twice = like(pd.concat([wide, wide], axis=1).iloc[:, : frame.shape[1]], frame)
    if frame.shape[1]:
        assert encode(like(twice.set_axis(frame.columns, axis=1), frame)).digest == digest


def test_numbers_laid_out_row_by_row_have_the_digest_of_columns() -> None:
    """The memory order, and whether it may be written, are no part of a frame; nor is how wide or long it is."""
    for shape in ((3, 4), (20_000, 2), (2, 300)):
        rows = np.arange(shape[0] * shape[1], dtype="f8").reshape(shape)
        by_row, by_column = pd.DataFrame(rows, copy=False), pd.DataFrame({at: rows[:, at] for at in range(shape[1])})
        by_column.columns = pd.RangeIndex(shape[1])
        assert encode(by_row).digest == encode(by_column).digest
        assert_same_frame(through(by_row), by_row)
        pd.testing.assert_frame_equal(through(by_row), by_column)


def test_wide_frames_come_back_in_few_pieces() -> None:
    """Small columns of one type stand together, in the stored form and in pandas."""
    frame = pd.DataFrame({f"{kind}{at}": np.arange(3).astype(kind) for at in range(50) for kind in ("f8", "i4")})
    encoded = encode(frame)
    assert len(container.split(memoryview(encoded.data())).buffers) <= 4
    assert len(through(frame)._mgr.blocks) == 2
    assert_same_frame(through(frame), frame)


def test_chunks_and_what_stands_under_missing_values_do_not_count() -> None:
    """Arrow columns in one chunk or many, sliced or filled with anything where they are null: one digest."""
    whole = pa.array(["a", None, "c", "d"], pa.large_string())
    chunked = pa.chunked_array([whole.slice(0, 1), whole.slice(1)])
    odd = pa.Array.from_buffers(
        pa.large_string(), 4, [whole.buffers()[0], pa.py_buffer(np.array([0, 1, 3, 4, 5])), pa.py_buffer(b"axxcd")]
    )
    found = {
        encode(pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))).iloc[1:]).digest
        for array in (whole, chunked.combine_chunks(), odd)
    }
    found.add(encode(pd.Series(pd.arrays.ArrowExtensionArray(chunked)).iloc[1:]).digest)
    assert len(found) == 1
    mask = np.array([False, True])
    one, two = (pd.arrays.IntegerArray(np.array([1, under]), mask) for under in (0, 7))
    assert encode(pd.Series(one)).digest == encode(pd.Series(two)).digest


CHANGES = {
    "int64": (1, 2),
    "float64": (0.0, -0.0),
    "object": (1, 1.0),
    "times": (dt.datetime(2024, 1, 1), None),
    "times in a zone": (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 1)),
    "Int64": (0, None),
    "boolean": (False, None),
    "texts": ("", None),
    "texts of Python": ("a", "b"),
    "texts of Arrow": ("", None),
    "Arrow int": (0, None),
    "Arrow bool": (False, None),
    "Arrow list": ([], None),
    "Arrow struct": ({"a": 1, "b": "x"}, {"a": 1, "b": "y"}),
    "categories": ("a", "b"),
    "periods": (pd.Period("2024Q1", "Q-NOV"), None),
    "intervals": (pd.Interval(0, 1, "left"), pd.Interval(0, 2, "left")),
    "sparse": (0, 1),
}


@pytest.mark.parametrize("kind", [*CHANGES])
@pytest.mark.parametrize("row", [0, 9])
def test_one_changed_cell_changes_the_digest(kind: str, row: int) -> None:
    """Whatever the type; also between a value and a missing one, and between objects that are equal."""
    usual, changed = CHANGES[kind]
    cells = [usual] * 10
    before = pd.DataFrame({"a": range(10), "b": KINDS[kind][1](cells)})
    cells[row] = changed
    after = pd.DataFrame({"a": range(10), "b": KINDS[kind][1](cells)})
    assert encode(before).digest != encode(after).digest


def test_missing_objects_are_told_apart() -> None:
    """None, NaN, NA and NaT in a column of objects are four values."""
    columns = [pd.Series([cell], dtype=object) for cell in (None, float("nan"), pd.NA, pd.NaT, "nan", 0, False)]
    assert len({encode(column).digest for column in columns}) == len(columns)


def test_labels_attributes_and_types_count() -> None:
    """Each of them makes another frame."""
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2]}, index=pd.Index([0, 1], dtype="int64"))
    others = [
        frame.rename(columns={"a": "c"}),
        frame.rename_axis(index="n"),
        frame.rename_axis(columns="n"),
        frame.reset_index(drop=True),
        frame.astype({"a": "Int64"}),
        frame.astype({"b": "int32"}),
        frame[["b", "a"]].set_axis(["a", "b"], axis=1).assign(a=[1, 3]),
        frame.set_flags(allows_duplicate_labels=False),
        frame.iloc[::-1],
        frame.T,
        frame["a"],
        frame.index,
        like(frame.copy(), pd.DataFrame()).set_axis(pd.MultiIndex.from_tuples([("a",), ("b",)]), axis=1),
    ]
    others.append(frame.copy())
    others[-1].attrs["k"] = 1
    digests = {encode(value).digest for value in (frame, *others)}
    assert len(digests) == len(others) + 1


PROBE = """
import json, sys
import numpy as np, pandas as pd
from hookline.values.encode import encode
words = ["alpha", "beta", None, "gamma"]
frame = pd.DataFrame({"w": words, "o": pd.Series([{"x", "y", "z"}, 1, None, "é"], dtype=object), "n": range(4),
    "c": pd.Categorical(words), "t": pd.date_range("2024", periods=4, tz="Europe/Berlin"),
    "s": pd.array(words, dtype="string[pyarrow]"), "i": pd.interval_range(0, 4)})
print(json.dumps([encode(v).digest.hex() for v in (frame, frame["w"], frame.set_index(["w", "t"]), {"k": [frame]})]))
"""


def test_digests_are_the_same_in_other_processes_under_other_hash_seeds() -> None:
    """Frames with texts, sets, categories and zones: one digest everywhere."""
    found = []
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == 4


def stored(artifacts: Artifacts, encoded: Encoded) -> Stored:
    place = artifacts.writer().put(encoded.digest, encoded.chunks, encoded.size)
    return Stored(encoded.digest, encoded.size, place, None)


def test_what_a_consumer_changes_reaches_nobody_else(tmp_path: Path) -> None:
    """Large columns lie on the artifact's file, privately: cells can be set in place, and the file stays as it was."""
    rows = 200_000
    frame = pd.DataFrame({"a": np.arange(rows), "b": np.ones(rows), "t": pd.date_range("2024", periods=rows, freq="s")})
    artifacts = Artifacts(tmp_path / "artifacts")
    item = stored(artifacts, encode(frame))
    mine: Any = decode(artifacts.read(item))
    mine.iloc[0, 0] = -1
    mine["b"] = 0.0
    mine.loc[5, "t"] = pd.Timestamp("1999-01-01")
    other: Any = decode(Artifacts(tmp_path / "artifacts").read(item))
    assert_same_frame(other, frame)
    assert encode(other).digest == item.digest


def test_large_columns_are_mapped_and_not_copied() -> None:
    """Numbers, times, categories' codes, nullable numbers and Arrow's texts stay on the memory they were stored in."""
    rows = 20_000
    frame = pd.DataFrame(
        {
            "f": np.arange(rows) / 2,
            "i": np.arange(rows),
            "t": pd.date_range("2024", periods=rows, freq="s", tz="UTC"),
            "n": pd.array([*range(rows)], dtype="Int64"),
            "s": pd.array([f"row {at}" for at in range(rows)], dtype="string[pyarrow]"),
        }
    )
    memory = bytearray(encode(frame).data())
    held = np.frombuffer(memory, np.uint8)
    back: Any = decode(memoryview(memory))
    parts = [
        back["f"].to_numpy(),
        back["i"].to_numpy(),
        back["t"].array.asi8,
        back["n"].array.to_numpy("int64"),
        np.frombuffer(back["s"].array.__arrow_array__().chunk(0).buffers()[2], np.uint8),
    ]
    assert all(np.shares_memory(part, held) for part in parts)


def test_a_frame_s_own_memory_is_written_without_a_copy() -> None:
    """Large columns are among the pieces that go to the disk."""
    frame = pd.DataFrame({"a": np.arange(20_000), "b": np.arange(20_000)})
    pieces = [np.frombuffer(piece, np.uint8) for piece in encode(frame).chunks]
    for name in frame:
        assert any(np.shares_memory(piece, frame[name].to_numpy()) for piece in pieces)


def test_zones_of_pytz_are_kept() -> None:
    """Older versions of pandas use them by themselves; frames and times in them have a canonical form, too."""
    pytz: Any = pytest.importorskip("pytz", reason="pytz is not installed")
    zone = pytz.timezone("Europe/Berlin")
    index = pd.date_range("2024-03-30", periods=3, freq="D", tz=zone)
    frame = pd.DataFrame({"t": index, "o": pd.Series([*index], dtype=object)}, index=index)
    assert encode_plain(frame, [])
    back = through(frame)
    assert_same_index(back.index, index)
    pd.testing.assert_frame_equal(back, frame)
    assert back.index.tz is zone
    late = through([zone.localize(dt.datetime(2024, 7, 1)), zone.localize(dt.datetime(2024, 1, 1))])
    assert [time.isoformat() for time in late] == ["2024-07-01T00:00:00+02:00", "2024-01-01T00:00:00+01:00"]


class Marked(pd.DataFrame):  # type: ignore[misc,name-defined]
    """A project's own frame, which knows one thing more."""

    _metadata = ["place"]  # noqa: RUF012 - pandas' way

    @property
    def _constructor(self) -> Any:
        return Marked


def test_a_subclass_keeps_its_type_and_what_it_knows() -> None:
    """It goes by pickle; frames that it holds, and frames in objects beside it, go by their form."""
    frame = Marked({"a": [1, 2]})
    frame.place = "here"
    back = through([frame])[0]
    assert type(back) is Marked
    assert back.place == "here"
    pd.testing.assert_frame_equal(back, frame)


class Holder:
    """An object of the project's with frames inside."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame


def test_frames_inside_objects_have_one_form_too() -> None:
    """How they were built does not count there, either; objects in cells that are one stay one."""
    frame = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": [3, 4]})
    assert encode(Holder(frame)).digest == encode(Holder(in_pieces(frame))).digest
    shared = Holder(1)
    objects = pd.DataFrame({"o": pd.Series([shared, shared], dtype=object)})
    back = through(objects)
    assert back["o"][0] is back["o"][1]
    assert back["o"][0].frame == 1


def test_what_pandas_own_pickle_wrote_still_loads() -> None:
    """Before frames had a form they were stored so, in a container of the serializer 'pickle'."""
    frame = pd.DataFrame({"a": np.arange(3), "s": ["x", None, "y"]})
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(frame, 5, buffer_callback=buffers.append)
    data = b"".join(container.join(container.Parts("pickle", b"c" * 32, stream, [item.raw() for item in buffers])))
    assert_same_frame(decode(data), frame)


GOLDEN = (
    "k0hLTE4AAQoHAAAABgAAAPEDAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAIAAAAAAAAACAAAAAAAAAACAAAAAAAAABAAAAAAAAAAcGlja2xlAIAFle"
    "YDAAAAAAAAjBxob29rbGluZS52YWx1ZXMuZm9ybXMuZnJhbWVzjA1yZWJ1aWxkX2ZyYW1lkyiMHGhvb2tsaW5lLnZhbHVlcy5mb3Jtcy5mcmFt"
    "ZXOMDXJlYnVpbGRfcmFuZ2WTKEsASwJLAU50UowcaG9va2xpbmUudmFsdWVzLmZvcm1zLmZyYW1lc4wNcmVidWlsZF9pbmRleJOMHGhvb2tsaW"
    "5lLnZhbHVlcy5mb3Jtcy5hcnJheXOMD3JlYnVpbGRfb2JqZWN0c5NLBoWMAUNdKIwBaYwBZowBb4wBY4wBbowBdGWHUk6GUl0oXUsAYYwVaG9v"
    "a2xpbmUudmFsdWVzLnBsYWlujA1yZWJ1aWxkX2FycmF5kyiMAzxpOEsBSwKGjAFDl3RShl1LAWGMFWhvb2tsaW5lLnZhbHVlcy5wbGFpbowNcm"
    "VidWlsZF9hcnJheZMojAM8ZjhLAUsChowBQ5d0UoZLAoWMHGhvb2tsaW5lLnZhbHVlcy5mb3Jtcy5hcnJheXOMD3JlYnVpbGRfb2JqZWN0c5NL"
    "AoWMAUNdKIwBeE5lh1KGSwOFjB1ob29rbGluZS52YWx1ZXMuZm9ybXMuY29sdW1uc4wScmVidWlsZF9jYXRlZ29yaWVzk4wVaG9va2xpbmUudm"
    "FsdWVzLnBsYWlujA1yZWJ1aWxkX2FycmF5kyiMA3xpMUsChYwBQ5d0UowcaG9va2xpbmUudmFsdWVzLmZvcm1zLmZyYW1lc4wNcmVidWlsZF9p"
    "bmRleJOMHGhvb2tsaW5lLnZhbHVlcy5mb3Jtcy5hcnJheXOMD3JlYnVpbGRfb2JqZWN0c5NLAYWMAUNdjAF1YYdSToZSiYdShksEhYwdaG9va2"
    "xpbmUudmFsdWVzLmZvcm1zLmNvbHVtbnOMFXJlYnVpbGRfbWFza2VkX2NvbHVtbpOMDEludGVnZXJBcnJheYwVaG9va2xpbmUudmFsdWVzLnBs"
    "YWlujA1yZWJ1aWxkX2FycmF5kyiMAzxpNEsChYwBQ5d0UowVaG9va2xpbmUudmFsdWVzLnBsYWlujA1yZWJ1aWxkX2FycmF5kyiMA3xiMUsChY"
    "wBQ5d0UodShksFhYwdaG9va2xpbmUudmFsdWVzLmZvcm1zLmNvbHVtbnOMDXJlYnVpbGRfdGltZXOTjBVob29rbGluZS52YWx1ZXMucGxhaW6M"
    "DXJlYnVpbGRfYXJyYXmTKIwGPE04W3NdSwKFjAFDl3RSjAFzjAhkYXRldGltZYwIdGltZXpvbmWTjAhkYXRldGltZYwJdGltZWRlbHRhk0sASw"
    "BLAIdShVKHUoZlfYh0Ui4BAAAAAAAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAA4D8AAAAAAAD4fwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD/AAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAIAAkmUAAAAAAAAAAAAAAIA="
)


def test_the_first_form_of_frames_loads_for_ever() -> None:
    """Bytes that a former version stored give the frame that was stored, and its digest is still the same."""
    frame = pd.DataFrame(
        {
            "i": np.array([1, 2], "i8"),
            "f": np.array([0.5, np.nan]),
            "o": pd.Series(["x", None], dtype=object),
            "c": pd.Categorical.from_codes([0, -1], pd.Index(["u"], dtype=object)),
            "n": pd.array([1, None], dtype="Int32"),
            "t": pd.DatetimeIndex(["2024-01-01", "NaT"]).as_unit("s").tz_localize("UTC"),
        },
        index=pd.RangeIndex(2),
    )
    frame.columns = pd.Index([*"ifocnt"], dtype=object)
    data = base64.b64decode(GOLDEN)
    assert_same_frame(decode(data), frame)
    assert encode(frame).data() == data


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    """Where a frame is loaded without pandas, one sentence says what to install."""
    file = tmp_path / "frame"
    file.write_bytes(encode(pd.DataFrame({"a": [1]})).data())
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from hookline.values.encode import decode\n"
        "from hookline.errors import HooklineError\n"
        "try:\n    decode(open(sys.argv[1], 'rb').read())\n"
        "except HooklineError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, check=True)
    assert "a stored value needs the module 'pandas', which is not installed here" in done.stdout
    assert "help: install it" in done.stdout
    with pytest.raises(HooklineError, match="needs the module 'nowhere'"):
        decode(b"\x80\x05cnowhere\nThing\n.")


def test_looking_at_values_imports_no_library() -> None:
    """Plain data and objects are encoded without NumPy, pandas, polars or pyarrow."""
    script = (
        "import sys\nfrom hookline.values.encode import decode, encode\n"
        "class Thing: pass\n"
        "decode(encode([1, {'a': (2.5, 'x')}]).data()); encode(Thing())\n"
        "print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
