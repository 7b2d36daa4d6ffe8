"""polars' values: frames and series come back exactly, and have one digest however they are chunked."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.values.encode import decode, encode
from hookline.values.plain import encode_plain
from hookline.values.serializers import UnstorableError
from thorough import tries

pl = pytest.importorskip("polars", reason="polars is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

INTS = st.integers(-100, 100)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)
TIMES = st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2100, 1, 1)).map(lambda time: time.replace(microsecond=0))
STRUCT = pl.Struct({"a": pl.Int8, "t": pl.Datetime("ms", "UTC"), "c": pl.Categorical})
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pl.Int64, INTS),
    (pl.UInt8, st.integers(0, 9)),
    (pl.Float32, st.floats(width=32)),
    (pl.Float64, st.floats()),
    (pl.Boolean, st.booleans()),
    (pl.String, TEXTS),
    (pl.Binary, st.binary(max_size=4)),
    (pl.Date, TIMES.map(dt.datetime.date)),
    (pl.Time, st.times()),
    (pl.Datetime("us"), TIMES),
    (pl.Datetime("ns", "Europe/Berlin"), TIMES.map(lambda time: time.replace(tzinfo=dt.UTC))),
    (pl.Duration("ms"), st.timedeltas(dt.timedelta(-99), dt.timedelta(99))),
    (pl.Decimal(10, 2), st.decimals(-99, 99, places=2).map(Decimal)),
    (pl.Null, st.none()),
    (pl.Categorical, st.sampled_from(["x", "y", ""])),
    (pl.Enum(["b", "a"]), st.sampled_from("ab")),
    (pl.List(pl.Int16), st.lists(INTS, max_size=2)),
    (pl.List(pl.List(pl.Categorical)), st.lists(st.lists(st.sampled_from("ab"), max_size=2), max_size=2)),
    (pl.Array(pl.Int16, 2), st.lists(INTS, min_size=2, max_size=2)),
    (STRUCT, INTS.map(lambda at: {"a": at, "t": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "c": str(at % 2)})),
]


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """Frames of any column types."""
    rows, columns = draw(st.integers(0, 5)), []
    for at, (dtype, cells) in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=5))):
        values = draw(st.lists(st.none() | cells, min_size=rows, max_size=rows))
        columns.append(pl.Series(f"column {at}", values, dtype=dtype))
    return pl.DataFrame(columns)


def through(value: Any) -> Any:
    return decode(encode(value).data())


@settings(max_examples=tries(150), deadline=None)
@given(frames())
def test_any_frame_comes_back_as_it_was(frame: Any) -> None:
    """Types with units, zones, categories and nested ones; nulls are told from NaN."""
    back = through(frame)
    assert type(back) is pl.DataFrame
    assert back.schema == frame.schema
    assert back.shape == frame.shape
    assert back.equals(frame, null_equal=True)
    assert encode(back).digest == encode(frame).digest
    assert encode_plain([frame], [])  # it has a canonical form


@settings(max_examples=tries(100), deadline=None)
@given(frames(), st.integers(0, 3))
def test_chunks_and_slices_do_not_count(frame: Any, cut: int) -> None:
    """In one chunk or many, alone or a slice of something larger: one digest."""
    digest = encode(frame).digest
    assert encode(pl.concat([frame[:cut], frame[cut:]], rechunk=False)).digest == digest
    assert encode(pl.concat([frame, frame], rechunk=True)[: frame.height]).digest == digest
    assert encode(pl.concat([frame, frame], rechunk=True)[frame.height :]).digest == digest


@settings(max_examples=tries(100), deadline=None)
@given(st.data())
def test_one_changed_cell_changes_the_digest(data: st.DataObject) -> None:
    """Two columns that differ anywhere have different digests, and their series too."""
    dtype, cells = data.draw(st.sampled_from(KINDS))
    values = data.draw(st.lists(st.none() | cells, min_size=3, max_size=3))
    other = [*values]
    other[data.draw(st.integers(0, 2))] = data.draw(st.none() | cells)
    one, two = pl.Series(values, dtype=dtype), pl.Series(other, dtype=dtype)
    alike = repr(one.to_list()) == repr(two.to_list())
    assert (encode(one).digest == encode(two).digest) == alike
    assert (encode(one).digest == encode(two.alias("name")).digest) is False


def test_frames_without_columns_keep_their_height() -> None:
    """Rows without columns are rows."""
    for frame in (pl.DataFrame(), pl.DataFrame(height=3)):
        assert through(frame).shape == frame.shape


def test_named_categories_come_back_as_such() -> None:
    """A series of categories with a name of their own keeps them."""
    series = pl.Series("s", ["a", "b", None], dtype=pl.Categorical(pl.Categories("mine", "space", pl.UInt8)))
    back = through(series)
    assert back.dtype == series.dtype
    assert back.dtype.categories.physical() == pl.UInt8
    assert back.to_list() == ["a", "b", None]


def test_what_arrow_lacks_goes_by_pickle() -> None:
    """Integers of 128 bits come back all the same."""
    series = pl.Series("big", [2**100, None], dtype=pl.Int128)
    back = through([series])[0]
    assert back.dtype == series.dtype
    assert back.to_list() == series.to_list()


def test_numbers_are_mapped_and_not_copied() -> None:
    """A loaded series of numbers lies on the memory that it was stored in."""
    memory = bytearray(encode(pl.Series("n", np.arange(10_000))).data())
    back: Any = decode(memoryview(memory))
    assert np.shares_memory(back.to_numpy(allow_copy=False), np.frombuffer(memory, np.uint8))


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [{"a": value}]], ids=["alone", "inside"])
def test_a_plan_is_refused_with_the_way_out(wrap: Any) -> None:
    """A LazyFrame has no rows yet; the message says what to return instead."""
    with pytest.raises(UnstorableError, match="a polars LazyFrame is a plan, not data") as caught:
        encode(wrap(pl.LazyFrame({"a": [1]})))
    assert "help: collect it: 'frame.collect()'" in str(caught.value)


def test_python_objects_in_polars_are_refused() -> None:
    """polars itself can't write them; the message names the type and its reason."""
    with pytest.raises(UnstorableError, match=r"polars.*Series' can't be stored .*Object"):
        encode(pl.Series([object()]))


PROBE = """
import json, sys
import polars as pl
from hookline.values.encode import encode
pl.Series(sys.argv[1:], dtype=pl.Categorical)
frame = pl.DataFrame({"c": pl.Series(["x", "y", "z"], dtype=pl.Categorical), "l": [["a"], None, []]})
print(json.dumps([encode(frame).digest.hex(), encode(frame["c"]).digest.hex()]))
"""


def test_digests_are_the_same_in_other_processes() -> None:
    """What other categories a process has met, and in which order, does not count; nor does its hash seed."""
    found = []
    for seed, words in (("0", []), ("1", ["z", "y"]), ("4242", ["other", "y", "x"])):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROBE, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == found[2]
