"""What a node that does not see the store's folder asks for, and when its batches can be made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.errors import StoreError
from hookline.executors.ray.files import file_messages
from hookline.executors.ray.wire import FILE, FILE_END
from hookline.model.batch import Batch, Finished, Outcome, RunFacts
from hookline.model.work import FunctionRef, StoredArgument, Work
from hookline.store import Artifacts, Stored, pack_one, pack_outputs
from hookline.values.digest import digest_bytes
from hookline.values.encode import encode
from hookline.worker.brought import Asked, Brought, PathsHere
from hookline.worker.carrier import Carrier
from hookline.worker.goods import Goods

DATA = b"some" * 5000


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Carrier]:
    """The driver's folder."""
    carrier = Carrier(tmp_path / "driver", "")
    yield carrier
    carrier.close()


@pytest.fixture
def goods(tmp_path: Path) -> Iterator[Goods]:
    """Those of a node."""
    carrier = Carrier(tmp_path / "node", "")
    yield Goods(carrier, Brought(facts(tmp_path)))
    carrier.close()


def facts(folder: Path) -> RunFacts:
    """Say of a run what holds on a node that has its project in another place."""
    (folder / "files").mkdir(exist_ok=True)
    (folder / "package").mkdir(exist_ok=True)
    places = {"artifacts": "node", "folder": "attempts", "flight": "flight", "cwd": "package", "root": "package"}
    named = {name: str(folder / place) for name, place in places.items()}
    return RunFacts("run", "", **named, homes=("/home/project",), files=str(folder / "files"))


def made(folder: Path, data: bytes = DATA) -> Stored:
    """Store something, as a worker of its own."""
    artifacts, digest = Artifacts(folder), blake3(data).digest()
    stored = Stored(digest, len(data), artifacts.writer().put(digest, [data], len(data)), None)
    artifacts.close()
    return stored


def batch(number: int, *inputs: Stored) -> Batch:
    work = Work(0, "use", False, FunctionRef("flow", "use"), ())
    return Batch(number, work, [0], 1, [tuple(pack_outputs([each]) for each in inputs)], [bytes(16)])


def test_what_two_workers_made_alike_is_brought_to_both_places(tmp_path: Path, source: Carrier, goods: Goods) -> None:
    """Each has it in its own pack; a batch waits for the place that it names."""
    one, two = made(tmp_path / "driver"), made(tmp_path / "driver")
    assert one.digest == two.digest
    assert one.place != two.place
    assert goods.needed(batch(1, one))[0] == [one]
    assert [each.place for each in goods.needed(batch(2, one, two))[0]] == [two.place]
    (first,), (second,) = source.pieces(one), source.pieces(two)
    assert [each.number for each in goods.take(first)[0]] == [1]
    assert goods.waits(2)
    assert [each.number for each in goods.take(second)[0]] == [2]
    assert goods.needed(batch(3, one, two)) == ([], [])
    assert not goods.waits(3)


def test_a_batch_that_waits_for_what_can_not_be_had_is_made(tmp_path: Path, goods: Goods) -> None:
    """Whoever reads it says what is wrong; and if it is made there later, it is sent."""
    lost = made(tmp_path / "driver")
    (asked,), _ = goods.needed(batch(1, lost))
    assert [each.number for each in goods.give_up(asked.digest, asked.place)[0]] == [1]
    again = made(tmp_path / "node")
    outcomes = [Outcome(0, 0, pack_outputs([again]), 0, 0)]
    assert [piece[4] for piece in goods.made(Finished(1, 0, outcomes, True))] == [DATA]
    assert list(goods.made(Finished(1, 0, outcomes, True))) == []


def test_a_batch_that_is_dropped_comes_never(tmp_path: Path, source: Carrier, goods: Goods) -> None:
    """What it waited for is taken all the same."""
    one = made(tmp_path / "driver")
    goods.needed(batch(1, one))
    assert [each.number for each in goods.drop([1, 7])] == [1]
    (piece,) = source.pieces(one)
    assert goods.take(piece) == ([], None)
    assert goods.needed(batch(2, one)) == ([], [])


def test_what_the_driver_has_is_remembered_up_to_a_limit(
    tmp_path: Path, goods: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it something is sent again, rather than a node's memory filled with names."""
    monkeypatch.setattr("hookline.worker.goods._REMEMBERED", 1)
    messages = [Finished(1, 0, [Outcome(0, 0, pack_outputs([made(tmp_path / "node")]), 0, 0)], True) for _ in range(2)]
    assert [len(list(goods.made(messages[number]))) for number in (0, 0, 1, 0)] == [1, 0, 1, 1]


def naming(number: int, constant: object, *elements: object) -> Batch:
    """A batch whose step has a constant and, per item, an element of a list."""
    work = Work(0, "use", True, FunctionRef("flow", "use"), (("x", StoredArgument(encode(constant).data())),))
    blobs = [pack_one(digest_bytes(data), data) for data in (encode(each).data() for each in elements)]
    return Batch(number, work, range(len(blobs)), 1, [(blob,) for blob in blobs], [bytes(16)] * len(blobs))


def bring(goods: Goods, asked: list[Asked], cwd: Path) -> list[int]:
    """Do what driver and outpost do; give the numbers of the batches that can be made then."""
    ready: list[int] = []
    for kind, *what in file_messages(asked, str(cwd)):
        ready += [each.number for each in (goods.take_file(*what) if kind == FILE else goods.end_file(*what))[0]]
    return ready


def test_files_that_arguments_name_are_brought_once(tmp_path: Path, goods: Goods) -> None:
    """Of constants and of elements, at any depth, with folders; each batch waits for its own."""
    driver = tmp_path / "driver"
    (driver / "folder" / "deep").mkdir(parents=True)
    (driver / "folder" / "deep" / "run").write_text("#!/bin/sh")
    (driver / "folder" / "deep" / "run").chmod(0o755)
    (driver / "folder" / "empty").mkdir()
    (driver / "large.bin").write_bytes(bytes(range(256)) * 10_000)
    (driver / "none.txt").touch()
    large, folder, none = driver / "large.bin", driver / "folder", Path("none.txt")
    moved = tmp_path / "moved"
    driver.rename(moved)
    _, asked = goods.needed(naming(1, {"in": [large]}, folder, none))
    assert [path for path, mark in asked if mark is None] == [str(large), str(folder), str(none)]
    assert goods.needed(naming(2, large, 1)) == ([], [])
    assert goods.waits(2)
    moved.rename(driver)
    assert bring(goods, asked, driver) == [2, 1]
    driver.rename(moved)
    here = PathsHere(facts(tmp_path))
    found = here({"in": [large, folder, none]})["in"]
    assert [path.name for path in found] == ["large.bin", "folder", "none.txt"]
    assert found[0].read_bytes() == (moved / "large.bin").read_bytes()
    assert found[2].read_bytes() == b""
    assert sorted(str(path.relative_to(found[1])) for path in found[1].rglob("*")) == ["deep", "deep/run", "empty"]
    assert os.access(found[1] / "deep" / "run", os.X_OK)
    assert goods.needed(naming(3, large, folder)) == ([], [])


def test_what_is_here_already_is_not_sent(tmp_path: Path, goods: Goods) -> None:
    """Files of the project's package, and those that prove to be the driver's own; what is nowhere stays as it is."""
    (tmp_path / "package" / "rows.csv").write_text("packed")
    same, nowhere = tmp_path / "same.csv", tmp_path / "nowhere.csv"
    same.write_text("the same")
    packed, relative = Path("/home/project/rows.csv"), Path("rows.csv")
    _, asked = goods.needed(naming(1, [packed, relative, same, nowhere]))
    assert [path for path, _ in asked] == [str(same), str(nowhere)]
    assert list(file_messages(asked, str(tmp_path))) == [(FILE_END, str(same)), (FILE_END, str(nowhere))]
    assert bring(goods, asked, tmp_path) == [1]
    here = PathsHere(facts(tmp_path))
    assert here([packed, relative, same, nowhere]) == [tmp_path / "package" / "rows.csv", relative, same, nowhere]


def test_another_file_of_that_name_is_not_taken_for_the_drivers(tmp_path: Path, goods: Goods) -> None:
    """A path alone proves nothing: what stands here under it may be anything."""
    path = tmp_path / "rows.csv"
    path.write_text("of the node")
    _, asked = goods.needed(naming(1, path))
    path.unlink()
    path.write_text("of the driver")
    assert bring(goods, asked, tmp_path) == [1]
    path.write_text("of the node")
    assert PathsHere(facts(tmp_path))(path).read_text() == "of the driver"


def test_what_a_node_can_not_keep_fails_the_batches_that_need_it(tmp_path: Path, source: Carrier, goods: Goods) -> None:
    """Once all of it has come, for the rest is on its way already; others go on, and later it is asked for anew."""
    large = made(tmp_path / "driver", bytes(3 << 20))
    small = made(tmp_path / "driver")
    goods.needed(batch(1, large, small))
    goods.needed(batch(2, small))
    in_the_way = tmp_path / "node" / "objects"
    in_the_way.write_text("no folder")
    *some, last = source.pieces(large)
    assert [goods.take(piece) for piece in some] == [([], None)] * 2
    failed, error = goods.take(last)
    assert [each.number for each in failed] == [1]
    assert isinstance(error, StoreError)
    (piece,) = source.pieces(small)
    assert [each.number for each in goods.take(piece)[0]] == [2]

    in_the_way.unlink()
    assert goods.needed(batch(3, large))[0] == [large]
    *_, (ready, _) = [goods.take(piece) for piece in source.pieces(large)]
    assert [each.number for each in ready] == [3]


def test_a_file_that_was_cut_off_does_not_pass_for_whole(tmp_path: Path, goods: Goods) -> None:
    """Where the driver can't read on, what had come of it goes; the batch is made, and says so when it opens it."""
    path = tmp_path / "driver.csv"
    goods.needed(naming(1, path))
    goods.take_file(str(path), "", "file", b"half of")
    goods.take_file(str(path), "", "none", b"")
    assert [each.number for each in goods.end_file(str(path))[0]] == [1]
    assert PathsHere(facts(tmp_path))(path) == path
