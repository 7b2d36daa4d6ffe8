"""Carrying artifacts between folders that don't see each other: the same names, the same bytes, and no others."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.errors import ArtifactError, StoreDamagedError, StoreError
from hookline.model.states import RunState
from hookline.store import INLINE_LIMIT, PACK_LIMIT, Artifacts, Group, NewRun, NodeRow, Stored, open_store, pack_outputs
from hookline.store.collect import collect
from hookline.store.deletion import delete_runs
from hookline.store.packs import OWN_FILE, PACK_TAG, pack_path, read_place
from hookline.store.verify import verify
from hookline.values.registered import DIGESTS
from hookline.worker.carrier import Carrier, Piece
from hookline.worker.loading import FileOpener, load_outcome
from hookline.worker.storing import Storer
from thorough import tries
from values.shapes import DIGEST, Tagged

PACKED, OWN = 50_000, PACK_LIMIT + 1
SIZES = [INLINE_LIMIT + 1, PACKED, PACK_LIMIT, OWN, 3 * PACK_LIMIT, 3 * PACK_LIMIT + 7]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Artifacts]:
    """The folder that things are carried from."""
    artifacts = Artifacts(tmp_path / "here")
    yield artifacts
    artifacts.close()


@pytest.fixture
def there(tmp_path: Path) -> Artifacts:
    """The folder that they are carried to."""
    return Artifacts(tmp_path / "there")


@pytest.fixture
def source(here: Artifacts) -> Iterator[Carrier]:
    carrier = Carrier(here.root, "")
    yield carrier
    carrier.close()


@pytest.fixture
def target(there: Artifacts) -> Iterator[Carrier]:
    carrier = Carrier(there.root, "")
    yield carrier
    carrier.close()


def put(artifacts: Artifacts, data: bytes) -> Stored:
    """Store bytes so that other processes see them."""
    digest, writer = blake3(data).digest(), artifacts.writer()
    place = writer.put(digest, [data], len(data))
    writer.sync()
    return Stored(digest, len(data), place, None)


def own(artifacts: Artifacts, data: bytes) -> Stored:
    """Put bytes into a file of their own, however few they are."""
    path = artifacts.path_of(blake3(data).digest())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Stored(blake3(data).digest(), len(data), OWN_FILE, None)


def carry(source: Carrier, target: Carrier, items: Iterable[Stored]) -> int:
    """Carry what the target lacks; tell how many artifacts that was."""
    ends = [target.take(piece) for item in target.lacking(items) for piece in source.pieces(item)]
    target.sync()
    return sum(ends)


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes((byte[0] ^ 1,)))


def scratch(artifacts: Artifacts) -> list[Path]:
    return [path for path in artifacts.root.rglob("*") if path.suffix == ".tmp"]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_carried_is_read_as_where_it_came_from(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier, size: int
) -> None:
    """In packs and files of their own: the same bytes under the same name, and nothing is lacking any more."""
    data = os.urandom(size)
    item = put(here, data)
    assert target.lacking([item]) == [item]
    assert carry(source, target, [item]) == 1
    assert bytes(Artifacts(there.root).read(item)) == data
    assert there.has(pack_outputs([item]))
    assert target.lacking([item]) == Carrier(there.root, "").lacking([item]) == []
    assert scratch(there) == []


@pytest.mark.parametrize("store", [put, own])
def test_empty_artifacts_are_carried_too(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier, store: Any
) -> None:
    """One piece without bytes brings them."""
    item = store(here, b"")
    assert [piece[4] for piece in source.pieces(item)] == [b""]
    assert carry(source, target, [item]) == 1
    assert target.lacking([item]) == []
    assert bytes(there.read(item)) == b""


@settings(max_examples=tries(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 5000, PACKED, PACK_LIMIT, OWN, 2 * PACK_LIMIT]), st.binary(max_size=4))),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_pieces_of_several_artifacts_and_senders_come_as_they_like(
    tmp_path: Path, contents: list[tuple[int, bytes]], senders: int, rng: random.Random
) -> None:
    """Whatever the order between artifacts and senders, and whoever sends the same at once, the bytes are equal."""
    folder = tmp_path / os.urandom(4).hex()
    here, there = Artifacts(folder / "here"), Artifacts(folder / "there")
    source, target = Carrier(here.root, ""), Carrier(there.root, "")
    values = [head + bytes(size) for size, head in contents]
    items = [put(here, value) for value in values]
    waiting = [(sender, source.pieces(item)) for sender in range(senders) for item in dict.fromkeys(items)]
    ends = 0
    while waiting:
        sender, pieces = chosen = rng.choice(waiting)
        piece = next(pieces, None)
        if piece is None:
            waiting.remove(chosen)
        else:
            ends += target.take(piece, sender)
    target.close()
    assert ends == senders * len(set(items))
    assert [bytes(Artifacts(there.root).read(item)) for item in items] == values
    assert scratch(there) == []
    source.close()
    here.close()


def test_senders_may_take_turns_from_several_threads(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """Eight nodes send the same and other things while somebody makes durable what has come."""
    values = [os.urandom(size) for size in (PACKED, OWN, 2 * OWN, 6000)]
    shared = [put(here, value) for value in values]
    problems: list[BaseException] = []

    def send(sender: int, items: list[Stored]) -> None:
        try:
            for item in items:
                assert [target.take(piece, sender) for piece in source.pieces(item)][-1]
                target.sync()
        except BaseException as error:
            problems.append(error)

    single = [put(here, os.urandom(PACKED)) for _ in range(8)]
    threads = [threading.Thread(target=send, args=(number, [*shared, single[number]])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [bytes(there.read(item)) for item in shared] == values
    assert target.lacking(single) == []
    assert scratch(there) == []


def test_a_pack_that_was_carried_has_holes_and_nobody_takes_them_for_values(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """The last of three values makes the file long enough for all; the others are lacking nevertheless."""
    items = [put(here, os.urandom(PACKED)) for _ in range(3)]
    carry(source, target, items[2:])
    assert there.has_place(items[0].place, PACKED)
    assert target.lacking(items) == items[:2]
    again = Carrier(there.root, "")
    assert again.lacking(items) == items[:2]
    assert carry(source, again, items) == 2
    assert [bytes(there.read(item)) for item in items] == [bytes(here.read(item)) for item in items]
    again.close()


def test_a_pack_that_came_whole_is_the_same_file(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """Also what stands before each value, by which packs are read without a journal."""
    items = [put(here, os.urandom(PACKED)) for _ in range(3)]
    carry(source, target, reversed(items))
    packed = read_place(items[0].place)
    assert packed is not None
    old, new = (pack_path(artifacts.root / "packs", packed[0]) for artifacts in (here, there))
    assert old.read_bytes() == new.read_bytes()


def test_a_hole_that_somebody_read_is_filled_for_good(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """Reading too early marks the place as damaged; once the bytes are there, the mark goes."""
    items = [put(here, os.urandom(PACKED)) for _ in range(2)]
    carry(source, target, items[1:])
    with pytest.raises(ArtifactError, match="is damaged"):
        there.read(items[0])
    assert carry(source, target, items) == 1
    assert there.has(pack_outputs(items))


def test_more_packs_than_are_kept_open_are_carried(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """A node that runs long sees the packs of very many workers."""
    items = []
    for _ in range(80):
        writer = Artifacts(here.root).writer()
        data = os.urandom(INLINE_LIMIT + 1)
        items.append(
            Stored(blake3(data).digest(), len(data), writer.put(blake3(data).digest(), [data], len(data)), None)
        )
        writer.close()
    assert carry(source, target, items) == len(items)
    assert [bytes(there.read(item)) for item in items] == [bytes(here.read(item)) for item in items]


@pytest.fixture
def storer(here: Artifacts, tmp_path: Path) -> Iterator[Storer]:
    DIGESTS.register("geo.tagged", **DIGEST)  # type: ignore[arg-type]
    yield Storer(here.writer(), lambda _: b"", tmp_path / "attempts")
    DIGESTS.forget("geo.tagged")


def test_outcomes_load_where_all_that_they_name_was_carried(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier, storer: Storer, tmp_path: Path
) -> None:
    """Values, files, folders of files and values that are stored apart, of all sizes."""
    files = tmp_path / "files"
    (files / "inner").mkdir(parents=True)
    contents = {f"inner/{size}": os.urandom(size) for size in (0, 10, PACKED, OWN)}
    for name, data in contents.items():
        (files / name).write_bytes(data)
    value = [files, files / "inner" / str(OWN), Tagged(1, "x" * PACKED), Tagged(2, "y" * OWN), bytes(PACKED), "small"]
    blob = pack_outputs([storer.slot(value)])
    here.writer().sync()
    named = source.named([blob])
    assert len(named) == len(set(named))
    assert all(item.place and not item.files and item.data is None for item in named)
    assert carry(source, target, named) == len(named) >= 4
    folder, file, *tagged, array, small = load_outcome(
        FileOpener(Artifacts(there.root), lambda: tmp_path / "out"), blob
    )
    assert {name: (folder / name).read_bytes() for name in contents} == contents
    assert file.read_bytes() == contents[f"inner/{OWN}"]
    assert [(one.value, len(one.tag)) for one in tagged] == [(1, PACKED), (2, OWN)]
    assert (array, small) == (bytes(PACKED), "small")


def test_what_inputs_of_batches_hold_beside_outcomes_is_passed_over(
    here: Artifacts, source: Carrier, storer: Storer
) -> None:
    """Numbers, whose attempt it is, small values; lists of outcomes are looked into, and nothing is named twice."""
    large, other = (pack_outputs([storer.slot(os.urandom(PACKED))]) for _ in range(2))
    small = pack_outputs([storer.slot(1)])
    named = source.named([large, small, 7, None, (3, "train[3]"), [large, small, other], (other,), [], ()])
    assert [item.size > PACKED for item in named] == [True, True]
    assert all(here.read(item) for item in named)
    with pytest.raises(StoreDamagedError):
        source.named([b"no outputs"])


@pytest.mark.parametrize("size", [PACKED, OWN])
@pytest.mark.parametrize("gone", [False, True], ids=["damaged", "missing"])
def test_what_is_damaged_or_missing_is_not_sent(here: Artifacts, source: Carrier, size: int, gone: bool) -> None:
    """The first piece says so, and from then on nobody takes the artifact for whole."""
    item = put(here, os.urandom(size))
    packed = read_place(item.place)
    path = here.path_of(item.digest) if packed is None else pack_path(here.root / "packs", packed[0])
    path.unlink() if gone else flip(path, path.stat().st_size - 1)
    with pytest.raises(ArtifactError, match=f"{item.digest.hex()} is {'missing' if gone else 'damaged'}"):
        next(source.pieces(item))
    assert source.lacking([item]) == [item]


def changed(piece: Piece, **differing: Any) -> Piece:
    names = ("digest", "size", "place", "at", "data")
    return tuple({**dict(zip(names, piece, strict=True)), **differing}.values())  # type: ignore[return-value]


@pytest.mark.parametrize("size", [1, PACKED, OWN, 3 * OWN])
def test_bytes_that_were_changed_on_the_way_are_refused(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier, size: int
) -> None:
    """The digest is checked at the end; nothing of them stays, and the true bytes can come afterwards."""
    item = put(here, os.urandom(size))
    *first, last = source.pieces(item)
    for piece in first:
        assert not target.take(piece)
    with pytest.raises(ArtifactError, match=f"{item.digest.hex()} was damaged on its way"):
        target.take(changed(last, data=last[4][:-1] + bytes((last[4][-1] ^ 1,))))
    assert target.lacking([item]) == [item]
    assert scratch(there) == []
    assert carry(source, target, [item]) == 1
    assert bytes(there.read(item)) == bytes(here.read(item))


def test_pieces_that_do_not_follow_each_other_are_refused(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """One that is left out, comes twice, is too long, or belongs to a place that can't be."""
    one, two, three = source.pieces(item := put(here, os.urandom(2 * OWN)))
    packed = next(source.pieces(put(here, os.urandom(PACKED))))
    for pieces in (
        [two],
        [one, three],
        [one, two, two],
        [one, two, changed(three, data=bytes(PACKED))],
        [changed(packed, at=1)],
        [changed(packed, size=PACKED - 1)],
        [changed(packed, place=PACK_TAG + bytes(16))],
        [changed(packed, place=b"?")],
    ):
        for piece in pieces[:-1]:
            assert not target.take(piece)
        with pytest.raises(ArtifactError):
            target.take(pieces[-1])
    assert target.lacking([item]) == [item]
    assert scratch(there) == []


def test_an_artifact_that_is_begun_again_is_taken_from_its_start(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """A sender that broke off, as at a damaged source, sends all of it anew."""
    item = put(here, os.urandom(3 * OWN))
    assert not any(target.take(piece) for piece in itertools.islice(source.pieces(item), 2))
    assert carry(source, target, [item]) == 1
    assert bytes(there.read(item)) == bytes(here.read(item))
    assert scratch(there) == []


def test_what_a_lost_sender_began_goes_and_what_others_began_stays(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """Two send the same; one is lost, the other ends it."""
    item = put(here, os.urandom(OWN))
    first, last = source.pieces(item)
    assert not target.take(first, 1)
    assert not target.take(first, 2)
    target.forget(1)
    assert len(scratch(there)) == 1
    with pytest.raises(ArtifactError):
        target.take(last, 1)
    assert target.take(last, 2)
    assert not target.take(first, 3)
    target.close()
    assert scratch(there) == []
    assert bytes(there.read(item)) == bytes(here.read(item))


def test_an_own_file_that_is_damaged_is_replaced(
    here: Artifacts, there: Artifacts, source: Carrier, target: Carrier
) -> None:
    """One of another length is lacking, and what comes takes its name."""
    item = put(here, os.urandom(OWN))
    carry(source, target, [item])
    os.truncate(there.path_of(item.digest), 100)
    assert carry(source, target, [item]) == 1
    assert bytes(Artifacts(there.root).read(item)) == bytes(here.read(item))


def test_a_full_disk_is_worded_as_any_of_the_store(here: Artifacts, source: Carrier, tmp_path: Path) -> None:
    """What the operating system says about the folder comes as an error of the store."""
    (tmp_path / "file").write_text("no folder")
    target = Carrier(tmp_path / "file", "")
    with pytest.raises(StoreError, match="not a directory"):
        target.take(next(source.pieces(put(here, os.urandom(PACKED)))))
    target.close()


@pytest.mark.parametrize("size", [PACKED, OWN], ids=["pack", "own file"])
def test_what_was_taken_stays_until_it_is_recorded(here: Artifacts, source: Carrier, tmp_path: Path, size: int) -> None:
    """A collector removes nothing of it while the run is driven, also before its last piece."""
    kept, lost = (put(here, os.urandom(size)) for _ in range(2))
    with open_store(tmp_path / "store", create=True) as store:
        with store.start_run(NewRun("w")) as run:
            target = Carrier(store.artifacts.root, run.run_id)
            for piece in source.pieces(kept):
                target.take(piece)
                assert collect(store, dry_run=False).pieces == []
            carry(source, target, [lost])
            assert collect(store, dry_run=False).pieces == []
            target.close()
            assert collect(store, dry_run=False).pieces == []
            run.commit(recorded(kept))
            run.finish(RunState.COMPLETED)
        found = collect(store, dry_run=False)
        assert len(found.pieces) == (0 if size == PACKED else 1)  # a pack stays as a whole
        assert bytes(store.artifacts.read(kept)) == bytes(here.read(kept))
        assert verify(store).damaged == []
        delete_runs(store, store.runs())
        assert len(collect(store, dry_run=False).pieces) == 1


@pytest.mark.parametrize("size", [PACKED, OWN], ids=["pack", "own file"])
def test_what_was_there_already_stays_once_somebody_looked_for_it(tmp_path: Path, size: int) -> None:
    """An outcome names what a deleted run left: it is not carried again, and not collected before it is recorded."""
    with open_store(tmp_path / "store", create=True) as store:
        with store.start_run(NewRun("w")) as old:
            artifacts = Artifacts(store.artifacts.root, old.run_id)
            item = put(artifacts, os.urandom(size))
            artifacts.close()
            old.commit(recorded(item))
        delete_runs(store, store.runs())
        with store.start_run(NewRun("w")) as run:
            target = Carrier(store.artifacts.root, run.run_id)
            assert target.lacking([item]) == []
            assert collect(store, dry_run=False).pieces == []
            target.close()
            run.commit(recorded(item))
        assert len(store.artifacts.read(item)) == size


def recorded(item: Stored) -> Group:
    return Group(
        nodes=[NodeRow(0, "a", "a", b"f" * 32, 1, 9)],
        attempts=[(0, 0, 1, 1, blake3(item.digest).digest(), pack_outputs([item]), 0, 0, 0)],
    )
