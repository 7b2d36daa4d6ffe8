"""Load policies: which stored formats become values."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import os
import pickle
import uuid
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import HooklineError, PluginError, UsageError
from hookline.model.secret import Secret
from hookline.values.container import Parts, join
from hookline.values.encode import decode, encode, encode_constant
from hookline.values.plain_reader import load_pickle
from hookline.values.policy import LOAD_POLICIES, load_policy, set_load_policy
from hookline.values.registered import SERIALIZERS
from hookline.values.serializers import UnstorableError
from values.shapes import SERIALIZER, Shape, Tagged


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.fixture(autouse=True)
def no_pickle() -> Iterator[None]:
    """The policy is in force, and lifted afterwards."""
    set_load_policy("no-pickle")
    yield
    set_load_policy("any")


PLAIN: list[Any] = [
    None, True, 3, -2.5, 1j, "text", b"bytes", [1, [2]], (1, (2,)), {"a": {1: 2}}, {1, 2}, frozenset({"x"}),
    dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), dt.time(12), dt.timedelta(1),
    dt.datetime(2026, 1, 31, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), decimal.Decimal("1.5"),
    uuid.UUID(int=5), PurePosixPath("a/b"), Colour.RED, [Colour.BLUE, Colour.BLUE], Secret("env:TOKEN"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_is_loaded_as_ever(value: Any) -> None:
    """Everything that needs no code of its own, alone and among others."""
    assert decode(encode(value).data()) == value
    assert decode(encode_constant([value, 1])[1]) == [value, 1]


@given(st.recursive(st.none() | st.integers() | st.text() | st.floats(allow_nan=False), lambda inner: st.lists(inner)))
def test_any_plain_value_is_the_same_under_both_policies(value: Any) -> None:
    """The reader changes nothing about what is read."""
    assert decode(encode(value).data()) == value


def test_arrays_and_frames_are_loaded() -> None:
    """NumPy, pandas, polars and pyarrow have forms of hookline's own."""
    array = np.arange(5000.0).reshape(50, 100)
    assert (decode(encode(array).data()) == array).all()  # type: ignore[union-attr]
    objects = np.array(["a", None, 3], dtype=object)
    assert decode(encode(objects).data()).tolist() == ["a", None, 3]  # type: ignore[attr-defined]
    times = pd.date_range("2026-01-01", periods=3, freq="D", tz="Europe/Berlin")
    frame = pd.DataFrame(
        {"n": [1, 2, 3], "t": times, "c": pd.Categorical(["x", "y", "x"]), "m": pd.array([1, None, 3])}
    )
    pd.testing.assert_frame_equal(decode(encode(frame).data()), frame)  # type: ignore[arg-type]
    table = pl.DataFrame({"n": [1, 2], "t": ["a", None]})
    assert decode(encode(table).data()).equals(table)  # type: ignore[attr-defined]
    assert decode(encode(pa.array([["a"], None])).data()).to_pylist() == [["a"], None]  # type: ignore[attr-defined]


class Evil:
    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


ATTACKS: list[tuple[Any, str]] = [
    (Evil(os.system, ("true",)), "posix.system"),
    (Evil(eval, ("1",)), "builtins.eval"),
    (Evil(getattr, (Colour, "__class__")), "the attribute '__class__'"),
    (Evil(getattr, (Colour, "mro")), "the attribute 'mro'"),
    (Evil(getattr, (dt.date, "today")), "the attribute 'today'"),
    (Tagged(1, "a"), "values.shapes.Tagged"),
    (range(3), "builtins.range"),
]


@pytest.mark.parametrize(("value", "needs"), ATTACKS, ids=lambda part: part if isinstance(part, str) else "")
def test_bytes_that_would_run_code_are_refused(value: Any, needs: str) -> None:
    """Whoever wrote them into the store, in whatever form."""
    stream = pickle.dumps(value, 5)
    stored = [stream, b"".join(join(Parts("pickle", b"", stream, [])))]
    for data in stored:
        with pytest.raises(HooklineError) as caught:
            decode(data)
        assert caught.value.message == (
            f"the load policy 'no-pickle' does not let a stored value be loaded: it needs {needs}"
        )
    with pytest.raises(HooklineError, match="it needs"):
        load_pickle(stream)


def test_attributes_can_not_be_put_on_what_a_stream_may_name() -> None:
    """Neither on functions, nor on classes, nor on members of Enum classes."""
    # Protocol 0: the global, an attribute of it, BUILD.
    for name in ("chookline.values.files\nopen_file\n", "cuuid\nUUID\n", "cvalues.test_policy\nColour\n"):
        stream = b"\x80\x05" + name.encode() + b"}(V__module__\nVx\nub."
        with pytest.raises((HooklineError, pickle.UnpicklingError)):
            decode(stream)
    # The name can be written in several ways.
    for named in (b"cbuiltins\ngetattr\n", b"Vbuiltins\nV\\u0067etattr\n\x93"):
        member = b"\x80\x05" + named + b"(cvalues.test_policy\nColour\nVRED\ntR}(V_value_\nI5\nub."
        with pytest.raises(HooklineError, match="attributes of objects beside Enum members"):
            decode(member)
    assert Colour.RED.value == 1


def test_arrays_of_objects_over_bytes_are_refused() -> None:
    """Their elements would be addresses that the stream chooses, under any policy."""
    from hookline.values.forms.arrays import rebuild_records
    from hookline.values.plain import rebuild_array

    for make in (lambda: rebuild_array("O", (1,), "C", bytes(8)), lambda: rebuild_records("|O", (1,), "C", bytes(8))):
        with pytest.raises(ValueError, match="an array of objects over bytes"):
            make()


def test_functions_of_libraries_are_no_values() -> None:
    """Forms that look names up in a library give what they are for, and nothing else of it."""
    from hookline.values.forms import columns, polars_frames

    with pytest.raises(KeyError):
        columns.rebuild_missing("read_pickle")
    with pytest.raises(TypeError):
        columns.rebuild_offset("__class__", 1, False, {})
    with pytest.raises(TypeError):
        polars_frames.rebuild_series("x", pa.array([1]), ("plain", ("read_csv", "x")))


@pytest.mark.parametrize("form", ["dill", "cloudpickle"])
def test_other_formats_that_run_code_are_refused(form: str) -> None:
    """By their name, before a byte of them is looked at."""
    with pytest.raises(HooklineError) as caught:
        decode(b"".join(join(Parts(form, b"", b"anything", []))))
    assert str(caught.value) == (
        f"the load policy 'no-pickle' does not let values of the format '{form}' be stored or loaded\n"
        "help: return plain data, arrays, frames or files, register a serializer for the type, or set load_policy to "
        "'any' where everybody who can write to the store is trusted"
    )


def test_what_could_not_be_loaded_is_not_stored() -> None:
    """The step that made it fails, not the one that needs it."""
    with pytest.raises(UnstorableError) as caught:
        encode([Tagged(1, "a")])
    assert caught.value.message == (
        "a value of type 'builtins.list' can't be stored (the load policy 'no-pickle' does not let a stored value be "
        "loaded: it needs values.shapes.Tagged)"
    )


def test_paths_travel_as_arguments(tmp_path: Path) -> None:
    """A constant that names a file goes to workers as a path."""
    assert decode(encode_constant([tmp_path])[1]) == [tmp_path]


def test_a_registered_format_is_loaded_where_it_says_that_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its author knows whether bytes choose what is called."""
    SERIALIZERS.register("geo.shapes", **SERIALIZER)  # type: ignore[arg-type]
    try:
        data = encode(Shape([(1.0, 2.0)])).data()
        assert decode(data).points == [(1.0, 2.0)]  # type: ignore[attr-defined]
        monkeypatch.setattr(SERIALIZERS.load("geo.shapes"), "safe", False)
        with pytest.raises(HooklineError, match=r"does not let values of the format .geo\.shapes. be stored or loaded"):
            decode(data)
    finally:
        SERIALIZERS.forget("geo.shapes")


def test_a_policy_of_a_plugin_decides_by_name() -> None:
    """Such a policy may, for one, let pickle pass and refuse the rest."""

    class PickleOnly:
        def allows(self, name: str, safe: bool) -> bool:
            return name == "pickle"

    LOAD_POLICIES.register("mine", PickleOnly, source="mine 1")
    try:
        set_load_policy("mine")
        assert load_policy() == "mine"
        assert decode(encode(Tagged(1, "a")).data()).value == 1  # type: ignore[attr-defined]
        with pytest.raises(UnstorableError):
            encode(lambda: 1)
    finally:
        LOAD_POLICIES.forget("mine")


def _refusing() -> object:
    raise ValueError("no key")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (_refusing, "the load policy 'mine' of mine 1 can't be made: ValueError: no key"),
        (
            int,
            "the load policy 'mine' of mine 1 can't be asked: AttributeError: 'int' object has no attribute 'allows'",
        ),
    ],
)
def test_a_policy_that_is_none_is_an_error_of_its_plugin(factory: Callable[[], object], message: str) -> None:
    """What was in force stays so."""
    LOAD_POLICIES.register("mine", factory, source="mine 1")
    try:
        with pytest.raises(PluginError) as caught:
            set_load_policy("mine")
        assert caught.value.message == message
        assert load_policy() == "no-pickle"
    finally:
        LOAD_POLICIES.forget("mine")


def test_an_unknown_policy_is_met_with_the_nearest() -> None:
    """A misspelt policy is not the same as none."""
    with pytest.raises(UsageError) as caught:
        set_load_policy("nopickle")
    assert caught.value.message == "there is no load policy 'nopickle'; did you mean 'no-pickle'?"
    assert load_policy() == "no-pickle"
