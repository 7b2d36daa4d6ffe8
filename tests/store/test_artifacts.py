"""Artifacts: what is put is what is read, or an error says why not."""

from __future__ import annotations

import os
import pickle
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.errors import ArtifactError, StoreError
from hookline.store import INLINE_LIMIT, PACK_LIMIT, Artifacts, ArtifactWriter, Stored
from thorough import tries

LARGE = PACK_LIMIT + 1


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def put(writer: ArtifactWriter, data: bytes) -> Stored:
    digest = blake3(data).digest()
    return Stored(digest, len(data), writer.put(digest, [data], len(data)), None)


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes((byte[0] ^ 1,)))


@settings(max_examples=tries(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=6), st.integers(1, 3))
def test_values_come_back_as_they_were_put(artifacts: Artifacts, values: list[bytes], pieces: int) -> None:
    """Whatever the bytes, in however many pieces they come, reading gives them back, here and elsewhere."""
    writer = artifacts.writer()
    items = []
    for value in values:
        step = len(value) // pieces + 1
        chunks = [memoryview(value)[at : at + step] for at in range(0, len(value), step)]
        digest = blake3(value).digest()
        items.append(Stored(digest, len(value), writer.put(digest, chunks, len(value)), None))
    writer.sync()
    assert [bytes(artifacts.read(item)) for item in items] == values
    assert [bytes(Artifacts(artifacts.root).read(item)) for item in items] == values


@pytest.mark.parametrize("size", [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, PACK_LIMIT, LARGE, 3 * LARGE])
def test_files_come_back_at_every_size(artifacts: Artifacts, tmp_path: Path, size: int) -> None:
    """A file is stored in the row, in a pack or as a file of its own, and copied out again unchanged."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    writer = artifacts.writer()
    item = writer.put_file(source)
    writer.sync()
    assert item.digest == blake3(source.read_bytes()).digest()
    assert (item.place == b"") == (size <= INLINE_LIMIT)
    artifacts.link_out(item, tmp_path / "copy")
    Artifacts(artifacts.root).link_out(item, tmp_path / "elsewhere")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "elsewhere").read_bytes() == source.read_bytes()
    assert bytes(artifacts.read(item)) == source.read_bytes()


def test_a_copy_belongs_to_its_receiver(artifacts: Artifacts, tmp_path: Path) -> None:
    """Writing into a copied-out file, or into a mapped value, leaves the artifact as it was."""
    data = os.urandom(LARGE)
    item = put(artifacts.writer(), data)
    artifacts.link_out(item, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"other")
    view = artifacts.read(item)
    assert isinstance(view, memoryview)
    view[:4] = b"xxxx"
    assert bytes(Artifacts(artifacts.root).read(item)) == data
    assert artifacts.path_of(item.digest).stat().st_nlink == 1


def test_a_large_value_is_written_once(artifacts: Artifacts) -> None:
    """The same bytes put again, by whomever, don't touch the file that is there."""
    data = os.urandom(LARGE)
    item = put(artifacts.writer(), data)
    path = artifacts.path_of(item.digest)
    before = path.stat()
    assert put(Artifacts(artifacts.root).writer(), data) == item
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_what_no_single_call_writes_is_written_whole(artifacts: Artifacts) -> None:
    """The disk is given much in several goes, which begin and end inside of pieces."""
    data = os.urandom(1 << 20) * 41 + b"end"
    cuts = [0, 5, (1 << 24) - 1, (1 << 24) + 3, 40 << 20, len(data)]
    chunks = [memoryview(data)[low:high] for low, high in pairwise(cuts)]
    digest = blake3(data).digest()
    item = Stored(digest, len(data), artifacts.writer().put(digest, chunks, len(data)), None)
    assert Artifacts(artifacts.root).read(item) == data


def test_the_algorithm_is_part_of_the_address(artifacts: Artifacts) -> None:
    """Another digest can follow one day without a clash."""
    digest = blake3(b"x").digest()
    name = digest.hex()
    assert artifacts.path_of(digest) == artifacts.root / "objects" / "blake3" / name[:2] / name[2:]


@pytest.mark.parametrize("size", [INLINE_LIMIT + 1, LARGE])
def test_damaged_bytes_are_never_given_out(artifacts: Artifacts, size: int) -> None:
    """One flipped bit in a pack or a file of its own is an error that names digest and path."""
    writer = artifacts.writer()
    item = put(writer, os.urandom(size))
    writer.close()
    path = next(file for file in artifacts.root.rglob("*") if file.is_file())
    flip(path, path.stat().st_size - 100)
    with pytest.raises(ArtifactError, match="is damaged") as caught:
        Artifacts(artifacts.root).read(item)
    assert item.digest.hex() in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 5


def test_damage_after_writing_is_noticed_by_the_writer_itself(artifacts: Artifacts) -> None:
    """What this process wrote is trusted only while inode, size and time of the file are unchanged."""
    item = put(artifacts.writer(), os.urandom(LARGE))
    flip(artifacts.path_of(item.digest), 77)
    with pytest.raises(ArtifactError, match="other bytes than its digest says"):
        artifacts.read(item)


def test_damage_in_the_row_is_noticed(artifacts: Artifacts) -> None:
    """Bytes from the journal are checked against their digest, too."""
    with pytest.raises(ArtifactError, match="in the journal"):
        artifacts.read(Stored(blake3(b"right").digest(), 5, b"", b"wrong"))


def test_a_damaged_file_is_replaced_when_it_is_made_again(artifacts: Artifacts) -> None:
    """Noticed damage is moved aside, so that recomputing heals the store."""
    data = os.urandom(LARGE)
    item = put(artifacts.writer(), data)
    flip(artifacts.path_of(item.digest), 5)
    with pytest.raises(ArtifactError):
        artifacts.read(item)
    assert put(artifacts.writer(), data) == item
    assert bytes(artifacts.read(item)) == data


def test_a_cut_file_is_damage(artifacts: Artifacts, tmp_path: Path) -> None:
    """A wrong size is told at once, with both sizes, and the file is written anew by the next put."""
    data = os.urandom(LARGE)
    item = put(artifacts.writer(), data)
    os.truncate(artifacts.path_of(item.digest), 1000)
    with pytest.raises(ArtifactError, match="has 1,000 bytes instead of 1,048,577"):
        artifacts.link_out(item, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    os.truncate(artifacts.path_of(put(artifacts.writer(), data).digest), 1000)
    put(artifacts.writer(), data)
    assert bytes(artifacts.read(item)) == data


@pytest.mark.parametrize("size", [INLINE_LIMIT + 1, LARGE])
def test_a_missing_artifact_says_what_to_do(artifacts: Artifacts, size: int) -> None:
    """The message names digest and path, and that running again makes it again."""
    writer = artifacts.writer()
    item = put(writer, os.urandom(size))
    writer.close()
    next(file for file in artifacts.root.rglob("*") if file.is_file()).unlink()
    with pytest.raises(ArtifactError, match="is missing") as caught:
        artifacts.read(item)
    assert item.digest.hex() in caught.value.message
    assert "run the workflow again" in caught.value.help


def test_a_place_of_a_later_version_is_refused(artifacts: Artifacts) -> None:
    """A place that this version can't read is an error, not a guess."""
    with pytest.raises(ArtifactError, match="does not know"):
        artifacts.read(Stored(b"d" * 32, 4, b"z", None))


def test_threads_share_one_writer(artifacts: Artifacts) -> None:
    """Values put by many threads at once all come back."""
    writer = artifacts.writer()
    assert artifacts.writer() is writer
    items: list[tuple[Stored, bytes]] = []

    def work(number: int) -> None:
        for turn in range(20):
            data = b"%d %d " % (number, turn) * 900
            items.append((put(writer, data), data))
            writer.sync()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(items) == 80
    assert all(artifacts.read(item) == data for item, data in items)


def test_a_forked_child_writes_a_pack_of_its_own(artifacts: Artifacts) -> None:
    """Parent and child go on writing side by side, and neither disturbs the other's values."""
    writer = artifacts.writer()
    first = put(writer, b"parent before" * 1000)
    reader, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        item = put(artifacts.writer(), b"child" * 1000)
        artifacts.writer().sync()
        os.write(pipe, pickle.dumps(item))
        os._exit(0)
    second = put(writer, b"parent after" * 1000)
    writer.sync()
    assert os.waitpid(child, 0)[1] == 0
    theirs: Stored = pickle.loads(os.read(reader, 4096))
    os.close(reader)
    os.close(pipe)
    assert artifacts.read(theirs) == b"child" * 1000
    assert artifacts.read(first) == b"parent before" * 1000
    assert artifacts.read(second) == b"parent after" * 1000
    assert theirs.place[1:9] != first.place[1:9] == second.place[1:9]


def test_a_full_disk_leaves_nothing_truncated(small_disk: Path) -> None:
    """On a disk that fills up, every put either works or fails with ENOSPC, and what worked stays readable."""
    artifacts = Artifacts(small_disk / "artifacts")
    writer = artifacts.writer()
    kept, refusals = [], []
    for size in (300_000, 600_000, 500_000, LARGE, 400_000, 5_000, 700_000, LARGE, 5_001):
        try:
            kept.append(put(writer, os.urandom(size)))
        except StoreError as error:
            refusals.append(error)
    writer.sync()
    assert len(kept) >= 3
    assert refusals
    for refusal in refusals:
        assert "no space left on device (ENOSPC)" in refusal.message
        assert str(small_disk) in refusal.message
        assert "free some space" in refusal.help
    fresh = Artifacts(artifacts.root)
    assert all(len(fresh.read(item)) == item.size for item in kept)
    assert not list(artifacts.root.rglob("*.tmp"))
    named = [file.stat().st_size for file in (artifacts.root / "objects").rglob("*") if file.is_file()]
    assert all(size == LARGE for size in named)


def test_after_space_is_freed_the_same_writer_goes_on(small_disk: Path) -> None:
    """A put that failed for want of space works once there is some."""
    (small_disk / "ballast").write_bytes(bytes(1_600_000))
    artifacts = Artifacts(small_disk / "artifacts")
    writer = artifacts.writer()
    data = os.urandom(900_000)
    with pytest.raises(StoreError, match="ENOSPC"):
        put(writer, data)
    (small_disk / "ballast").unlink()
    item = put(writer, data)
    writer.sync()
    assert Artifacts(artifacts.root).read(item) == data


def test_an_unreadable_output_file_is_named(artifacts: Artifacts, tmp_path: Path) -> None:
    """Storing a file that is not there names the path and the errno."""
    with pytest.raises(StoreError, match=r"no such file or directory \(ENOENT\)") as caught:
        artifacts.writer().put_file(tmp_path / "nothing")
    assert "nothing" in caught.value.message
