"""NumPy's values: any array comes back as it was, and has one digest however it lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hookline.values.encode import decode, encode
from hookline.values.plain import encode_plain
from thorough import tries

SIMPLE = hnp.scalar_dtypes().filter(lambda dtype: dtype.itemsize > 0 and dtype.char not in "gG")
RECORDS = hnp.array_dtypes(SIMPLE, allow_subarrays=True).filter(lambda dtype: dtype.itemsize > 0)
ARRAYS = hnp.arrays(SIMPLE | RECORDS, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
CELLS = st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2) | st.just({1, "a"})


def same(a: Any, b: Any) -> bool:
    """Equal in type, shape and every byte that belongs to a field."""
    if a.dtype.names is None:
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a.dtype == b.dtype and all(same(a[name], b[name]) for name in a.dtype.names)


@settings(max_examples=tries(150), deadline=None)
@given(ARRAYS)
def test_any_array_comes_back_as_it_was(array: Any) -> None:
    """All element types with units, byte orders and fields; all shapes, also without axes or elements."""
    back: Any = decode(encode(array).data())
    assert type(back) is np.ndarray
    assert same(back, array)
    assert back.dtype.str == array.dtype.str
    assert back.flags.writeable
    assert encode_plain([array], [])  # it has a canonical form


@settings(max_examples=tries(150), deadline=None)
@given(ARRAYS, st.data())
def test_how_an_array_lies_in_memory_does_not_count(array: Any, data: st.DataObject) -> None:
    """A view with gaps or negative strides, a read-only one, and what was loaded have the digest of a compact copy."""
    if array.ndim:
        steps = data.draw(st.tuples(*[st.sampled_from([1, 2, -1])] * array.ndim))
        array = array[tuple(slice(None, None, step) for step in steps)]
    compact = array.copy(order="F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C")
    locked = array.view()
    locked.flags.writeable = False
    digest = encode(compact).digest
    assert encode(array).digest == encode(locked).digest == digest
    assert encode(decode(encode(array).data())).digest == digest


@settings(max_examples=tries(100), deadline=None)
@given(st.lists(CELLS, max_size=6), st.sampled_from("CF"))
def test_arrays_of_objects_keep_each_object(items: list[Any], order: Any) -> None:
    """Lists inside stay lists, integers of any size integers, and types are told apart."""
    array = np.empty((len(items), 2), object, order)
    for at, item in enumerate(items):
        array[at, 0] = array[at, 1] = item
    back: Any = decode(encode(array).data())
    assert back.dtype == object
    assert back.shape == array.shape
    assert [type(item) for item in back.flat] == [type(item) for item in array.flat]
    assert encode_plain(back) == encode_plain(array)


def test_sets_inside_arrays_of_objects_have_one_order() -> None:
    """In whichever order a set was filled, the array around it has the same digest."""
    one, two = np.empty(1, object), np.empty(1, object)
    one[0], two[0] = set(range(0, 80, 8)), set(range(72, -1, -8))
    assert list(one[0]) != list(two[0])
    assert encode([one]).digest == encode([two]).digest
    assert decode(encode([one]).data())[0][0] == one[0]  # type: ignore[index]


def test_an_array_that_holds_itself_is_stored() -> None:
    """It goes by pickle, which keeps cycles."""
    array = np.empty(2, object)
    array[0], array[1] = array, {frozenset({1})}
    back: Any = decode(encode(array).data())
    assert back[0] is back


def test_what_lies_between_fields_does_not_count() -> None:
    """Padding may hold anything, and is no part of the value."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    raw = np.frombuffer(bytearray(b"\x01" + b"x" * 7 + bytes(8)), dtype)
    clean = np.zeros(1, dtype)
    clean["a"] = 1
    assert raw.tobytes() != clean.tobytes()
    assert encode(raw).digest == encode(clean).digest


@pytest.mark.parametrize(
    "array",
    [
        np.ma.masked_array([1.5, 2.5], [True, False]),
        np.ma.masked_array([1, 2]),
        np.ma.masked_array([[1, 2]], [[False, True]], fill_value=-1, hard_mask=True),
        np.ma.masked_array(["a", "b"], [True, False], fill_value="none"),
        np.ma.masked_array([(1, 2.0)], [(True, False)], dtype="i4,f8"),
        np.ma.masked_array([None, "a"], [True, False], dtype=object),
        np.ma.masked_array(np.zeros((0, 2))),
    ],
    ids=["floats", "no mask", "hard", "texts", "records", "objects", "empty"],
)
def test_masked_arrays_come_back_as_they_were(array: Any) -> None:
    """Data under the mask, the mask, what fills it, and whether it is hard."""
    back: Any = decode(encode([array]).data())[0]  # type: ignore[index]
    assert encode_plain([array], [])
    assert type(back) is np.ma.MaskedArray
    assert back.data.tolist() == array.data.tolist()
    assert back.dtype == array.dtype
    assert np.array_equal(np.ma.getmaskarray(back), np.ma.getmaskarray(array))
    assert (back.mask is np.ma.nomask) == (array.mask is np.ma.nomask)
    assert (back.fill_value, back.hardmask) == (array.fill_value, array.hardmask)
    assert encode([back]).digest == encode([array]).digest
    other = array.copy()
    other.mask = ~np.ma.getmaskarray(array) if array.dtype.names is None else True
    assert encode([other]).digest != encode([array]).digest


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("make", [lambda: np.rec.array([(1, 2.0)], dtype="i4,f8"), lambda: np.matrix([[1], [2]])])
def test_subclasses_keep_their_type(make: Callable[[], Any]) -> None:
    """They go by pickle, whole."""
    array = make()
    back: Any = decode(encode(array).data())
    assert type(back) is type(array)
    assert back.dtype == array.dtype
    assert back.tolist() == array.tolist()
