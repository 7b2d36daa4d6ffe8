"""Verifying a store: every damaged artifact is found, named with its tasks, and set aside."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.model.states import RunState
from hookline.store import Artifacts, Group, NewRun, NodeRow, SqliteStore, Stored, pack_outputs
from hookline.store.deletion import delete_runs
from hookline.store.packs import pack_path, read_place
from hookline.store.verify import verify

PACKED, OWN = 5_000, (1 << 20) + 1


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes((byte[0] ^ 1,)))


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def to_link_in_a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def to_socket(path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


# Of an artifact with a file of its own.
WAYS: list[Callable[[Path], object]] = [
    lambda path: os.truncate(path, path.stat().st_size - 1),
    lambda path: os.truncate(path, 0),
    lambda path: flip(path, 0),
    lambda path: flip(path, OWN // 2),
    lambda path: flip(path, OWN - 1),
    lambda path: path.write_bytes(bytes(OWN)),
    lambda path: path.write_bytes(path.read_bytes() + b"more"),
    lambda path: path.write_bytes(path.read_bytes()[1:] + b"x"),
    lambda path: path.unlink(),
    to_folder,
    to_link_in_a_circle,
    to_socket,
    lambda path: (path.unlink(), path.symlink_to("nowhere")),
    lambda path: (path.unlink(), os.mkfifo(path)),
]


def record(store: SqliteStore, items: list[Stored]) -> None:
    with store.start_run(NewRun("w")) as run:
        rows = [
            (0, at, 1, 1, blake3(item.digest).digest(), pack_outputs([item]), 0, 0, 0) for at, item in enumerate(items)
        ]
        run.commit(Group(nodes=[NodeRow(0, "a", "a", b"f" * 32, 1, len(items))], attempts=rows))
        run.finish(RunState.COMPLETED)


def put(store: SqliteStore, data: bytes) -> Stored:
    digest = blake3(data).digest()
    return Stored(digest, len(data), store.artifacts.writer().put(digest, [data], len(data)), None)


@pytest.mark.chaos
def test_200_artifacts_damaged_in_every_way_are_200_found(store: SqliteStore) -> None:
    """Files and places in packs, each damaged in some way: all are reported with their task, none that is whole is."""
    chance = random.Random(3)
    head = os.urandom(1000)
    own = [put(store, head + bytes(OWN - 1004) + number.to_bytes(4, "big")) for number in range(60)]
    packs: list[list[Stored]] = []
    for _ in range(4):
        packs.append([put(store, os.urandom(PACKED)) for _ in range(45)])
        # Each writer has a pack of its own.
        store.artifacts.close()
    whole = [put(store, os.urandom(size)) for size in (PACKED, OWN)]
    store.artifacts.close()
    items = [*own, *(item for pack in packs for item in pack), *whole]
    order = chance.sample(items, len(items))
    record(store, order)

    damaged = {item.digest for item in own}
    for number, item in enumerate(own):
        WAYS[number % len(WAYS)](store.artifacts.path_of(item.digest))
    flipped, cut, gone, folder = packs
    for item in flipped:
        place = read_place(item.place)
        assert place is not None
        flip(pack_of(store, item), place[1] + chance.randrange(PACKED))
    keep = read_place(cut[10].place)
    assert keep is not None
    os.truncate(pack_of(store, cut[0]), keep[1])
    pack_of(store, gone[0]).unlink()
    to_folder(pack_of(store, folder[0]))
    damaged |= {item.digest for item in (*flipped, *cut[10:], *gone, *folder)}

    found = verify(store)
    assert len(damaged) >= 200
    assert {damage.artifact.stored.digest for damage in found.damaged} == damaged
    assert found.count == len(items)
    for damage in found.damaged:
        (owner,) = damage.artifact.owners
        assert order[owner.item].digest == damage.artifact.stored.digest
        assert damage.what
        # Nobody takes it for whole any more: the next run makes it again.
        assert not store.artifacts.has(pack_outputs([damage.artifact.stored]))
    assert all(store.artifacts.has(pack_outputs([item])) for item in (*whole, *cut[:10]))


def pack_of(store: SqliteStore, item: Stored) -> Path:
    place = read_place(item.place)
    assert place is not None
    return pack_path(store.artifacts.root / "packs", place[0])


def test_what_this_process_knows_to_be_sound_is_read_all_the_same(store: SqliteStore) -> None:
    """Damage that leaves size and time of change as they were is found: verifying trusts nothing."""
    item = put(store, os.urandom(OWN))
    record(store, [item])
    path = store.artifacts.path_of(item.digest)
    before = path.stat()
    flip(path, 7)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(store.artifacts.read(item)) == OWN  # known to be sound, as it seems
    assert len(verify(store).damaged) == 1


def test_what_nothing_refers_to_is_not_read(store: SqliteStore) -> None:
    """Damage to the artifacts of a deleted run is nobody's damage."""
    item = put(store, os.urandom(OWN))
    record(store, [item])
    store.artifacts.path_of(item.digest).unlink()
    assert len(verify(store).damaged) == 1
    delete_runs(store, store.runs())
    assert verify(store).damaged == []


def test_a_set_aside_artifact_that_is_made_again_is_whole(store: SqliteStore) -> None:
    """Verify, put again, verify: the second time all is well, for files and packs."""
    data = [os.urandom(PACKED), os.urandom(OWN)]
    items = [put(store, part) for part in data]
    record(store, items)
    store.artifacts.close()
    flip(store.artifacts.path_of(items[1].digest), 5)
    assert len(verify(store).damaged) == 1
    assert put(store, data[1]) == items[1]
    assert verify(store).damaged == []
    assert len(Artifacts(store.artifacts.root).read(items[1])) == OWN
