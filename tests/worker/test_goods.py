"""What a node that does not see the store's folder asks for, and when its batches can be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.errors import StoreError
from hookline.model.batch import Batch, Finished, FunctionRef, Outcome, Work
from hookline.store import Artifacts, Stored, pack_outputs
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
    yield Goods(carrier)
    carrier.close()


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
    assert goods.needed(batch(1, one)) == [one]
    assert [each.place for each in goods.needed(batch(2, one, two))] == [two.place]
    (first,), (second,) = source.pieces(one), source.pieces(two)
    assert [each.number for each in goods.take(first)[0]] == [1]
    assert goods.waits(2)
    assert [each.number for each in goods.take(second)[0]] == [2]
    assert goods.needed(batch(3, one, two)) == []
    assert not goods.waits(3)


def test_a_batch_that_waits_for_what_can_not_be_had_is_made(tmp_path: Path, goods: Goods) -> None:
    """Whoever reads it says what is wrong; and if it is made there later, it is sent."""
    lost = made(tmp_path / "driver")
    (asked,) = goods.needed(batch(1, lost))
    assert [each.number for each in goods.give_up(asked.digest, asked.place)] == [1]
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
    assert goods.needed(batch(2, one)) == []


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
    assert goods.needed(batch(3, large)) == [large]
    *_, (ready, _) = [goods.take(piece) for piece in source.pieces(large)]
    assert [each.number for each in ready] == [3]
