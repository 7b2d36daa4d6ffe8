"""The blob in which an outcome's slots are recorded."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import StoreDamagedError
from hookline.store import Stored, pack_one, pack_outputs, unpack_outputs

digests = st.binary(min_size=32, max_size=32)
files = st.one_of(
    st.builds(lambda digest, data: Stored(digest, len(data), b"", data), digests, st.binary(max_size=40)),
    st.builds(
        lambda digest, size, place: Stored(digest, size, place, None),
        digests,
        st.integers(0, 1 << 50),
        st.binary(min_size=1, max_size=20),
    ),
)
slots = st.builds(lambda slot, more: slot._replace(files=tuple(more)), files, st.lists(files, max_size=3))


@given(st.lists(slots, max_size=5))
def test_slots_come_back_as_they_went_in(items: list[Stored]) -> None:
    """Whatever the number of slots and files, unpacking gives what was packed."""
    assert unpack_outputs(pack_outputs(items)) == tuple(items)


@given(digests, st.binary(max_size=4096))
def test_the_short_way_gives_the_same_bytes_as_the_long_one(digest: bytes, data: bytes) -> None:
    """One small slot packs to the same blob through either function."""
    assert pack_one(digest, data) == pack_outputs([Stored(digest, len(data), b"", data)])


def test_bytes_that_have_a_place_stay_out_of_the_row() -> None:
    """A value that is stored elsewhere leaves only digest, size and place in the blob, even while in memory."""
    blob = pack_outputs([Stored(b"d" * 32, 100_000, b"f", b"x" * 100_000)])
    assert len(blob) < 50
    assert unpack_outputs(blob) == (Stored(b"d" * 32, 100_000, b"f", None),)


def test_a_value_without_place_and_bytes_is_refused() -> None:
    """Nothing is packed whose bytes would be nowhere."""
    with pytest.raises(ValueError, match="needs its bytes"):
        pack_outputs([Stored(b"d" * 32, 4, b"", None)])


@given(st.lists(slots, min_size=2, max_size=3), st.data())
def test_a_cut_blob_is_damage(items: list[Stored], data: st.DataObject) -> None:
    """A blob that ends early is told apart from a whole one."""
    blob = pack_outputs(items)
    cut = data.draw(st.integers(0, len(blob) - 1))
    with pytest.raises(StoreDamagedError, match="can't be read"):
        unpack_outputs(blob[:cut])


@given(st.binary(max_size=200))
def test_foreign_bytes_give_slots_or_damage_and_nothing_else(blob: bytes) -> None:
    """Random bytes never end in an error that names no cause."""
    with contextlib.suppress(StoreDamagedError):
        assert all(len(slot.digest) == 32 for slot in unpack_outputs(blob))
