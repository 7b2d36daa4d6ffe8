"""Packs: values gather in memory, and each place that was given is good once a sync has worked."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.errors import ArtifactError, StoreError
from hookline.store import Artifacts, ArtifactWriter, Stored
from hookline.store.checked import Checked
from hookline.store.packs import HEAD_SIZE, WRITE_AT, pack_path, read_place

SIZE = 50_000


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts", checked=Checked(tmp_path / "checked"))


def put(writer: ArtifactWriter, data: bytes | None = None) -> Stored:
    data = os.urandom(SIZE) if data is None else data
    digest = blake3(data).digest()
    return Stored(digest, len(data), writer.put(digest, [data], len(data)), None)


def pack_of(artifacts: Artifacts, item: Stored) -> Path:
    packed = read_place(item.place)
    assert packed is not None
    return pack_path(artifacts.root / "packs", packed[0])


def damage(artifacts: Artifacts, item: Stored, *, secretly: bool = False) -> None:
    """Change the first bytes of a value, without a new time of change if that is to be secret."""
    path, packed = pack_of(artifacts, item), read_place(item.place)
    assert packed is not None
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(packed[1])
        file.write(b"damaged!")
    if secretly:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let writes beyond a size fail, as they do on a disk that fills up unseen."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_small_values_are_written_together(artifacts: Artifacts) -> None:
    """The file grows by far more than one value at a time, and by all of them with a sync."""
    writer = artifacts.writer()
    items = [put(writer) for _ in range(2 * WRITE_AT // SIZE)]
    path = pack_of(artifacts, items[0])
    assert WRITE_AT <= path.stat().st_size < WRITE_AT + 2 * SIZE
    writer.sync()
    assert path.stat().st_size == len(items) * (SIZE + HEAD_SIZE)
    assert all(blake3(Artifacts(artifacts.root).read(item)).digest() == item.digest for item in items)


def test_what_gathers_in_memory_is_read_and_put_again_as_what_is_written(artifacts: Artifacts) -> None:
    """The process that put a value sees it at once, and it has one place however often it is put."""
    writer, data = artifacts.writer(), os.urandom(SIZE)
    item = put(writer, data)
    assert put(writer, data) == item
    assert pack_of(artifacts, item).stat().st_size == 0
    assert artifacts.read(item) == data
    assert put(writer, data) == item
    writer.sync()
    assert pack_of(artifacts, item).stat().st_size == SIZE + HEAD_SIZE


def test_memory_that_changes_after_the_put_is_stored_as_it_was(artifacts: Artifacts) -> None:
    """An array that the next call writes into must not reach what waits to be written."""
    memory = bytearray(os.urandom(SIZE))
    data, writer = bytes(memory), artifacts.writer()
    place = writer.put(blake3(data).digest(), [memoryview(memory)], SIZE)
    memory[:8] = b"changed!"
    assert artifacts.read(Stored(blake3(data).digest(), SIZE, place, None)) == data


def test_what_can_not_be_written_is_never_called_durable(artifacts: Artifacts) -> None:
    """While the disk refuses each sync fails; nothing is left in part, and with the first that works all is there."""
    writer = artifacts.writer()
    first = put(writer)
    writer.sync()
    with no_file_beyond(2 * SIZE):
        second, third = put(writer), put(writer)
        for _ in range(2):
            with pytest.raises(StoreError, match="EFBIG"):
                writer.sync()
        assert pack_of(artifacts, first).stat().st_size == SIZE + HEAD_SIZE
        # From now on it is told at once, and what was refused has no place.
        refused = os.urandom(SIZE)
        with pytest.raises(StoreError, match="EFBIG"):
            put(writer, refused)
    fourth = put(writer)
    writer.sync()
    again = put(writer, refused)
    writer.sync()
    fresh = Artifacts(artifacts.root)
    for item in (first, second, third, fourth, again):
        assert blake3(fresh.read(item)).digest() == item.digest
    assert pack_of(artifacts, first).stat().st_size == 5 * (SIZE + HEAD_SIZE)


def test_a_pack_that_others_removed_or_cut_gets_no_more_values(artifacts: Artifacts) -> None:
    """What it held is lost, and is put again; what is put from then on is where its place says."""
    for spoil in (Path.unlink, lambda path: os.truncate(path, 10)):
        writer, data = artifacts.writer(), os.urandom(SIZE)
        lost = put(writer, data)
        writer.sync()
        spoil(pack_of(artifacts, lost))
        put(writer)
        writer.sync()
        again = put(writer, data)
        writer.sync()
        assert pack_of(artifacts, again) != pack_of(artifacts, lost)
        assert Artifacts(artifacts.root).read(again) == data


def test_the_workers_of_a_run_trust_a_pack_that_one_of_them_wrote(artifacts: Artifacts, tmp_path: Path) -> None:
    """They don't digest the bytes again: a change that inode, size and time do not show is unseen by this run only."""
    writer = artifacts.writer()
    item = put(writer)
    writer.sync()
    damage(artifacts, item, secretly=True)
    for mine in (artifacts, Artifacts(artifacts.root, checked=Checked(tmp_path / "checked"))):
        assert bytes(mine.read(item)[:8]) == b"damaged!"
    for stranger in (Checked(tmp_path / "another run"), None):
        with pytest.raises(ArtifactError, match="are others"):
            Artifacts(artifacts.root, checked=stranger).read(item)


@pytest.mark.parametrize("more", [False, True])
def test_a_changed_pack_is_checked_by_whoever_wrote_it(artifacts: Artifacts, *, more: bool) -> None:
    """Its time of change gives it away, also where the writer went on writing after the change."""
    writer = artifacts.writer()
    item = put(writer)
    writer.sync()
    damage(artifacts, item)
    if more:
        put(writer)
        writer.sync()
    with pytest.raises(ArtifactError, match="are others"):
        artifacts.read(item)


def test_a_wrong_place_in_a_trusted_pack_gives_no_other_value(artifacts: Artifacts) -> None:
    """What stands before a value names it: a journal that mixes places up is noticed."""
    writer = artifacts.writer()
    one, other = put(writer), put(writer)
    writer.sync()
    with pytest.raises(ArtifactError, match="are others"):
        artifacts.read(one._replace(place=other.place))
    assert blake3(artifacts.read(one)).digest() == one.digest
