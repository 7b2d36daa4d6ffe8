"""What workers are sent: each work and each taken key once, and every batch whole."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.executors import sent
from hookline.executors.sent import Received, Sent
from hookline.model.batch import Batch
from hookline.model.stretch import Link, Taken
from hookline.model.work import FunctionRef, Work

KNOWN = 5
"""How many works a worker remembers here."""

KEYS = st.binary(min_size=32, max_size=32)
WORKS = [
    Work(
        task, f"task-{task}", False, FunctionRef("steps", f"f{task % 3}", b"code" * (task % 3), b"%d" % (task % 3)), ()
    )
    for task in range(12)
]
LINKS = st.builds(
    Link,
    st.sampled_from(WORKS),
    st.tuples(st.none(), st.binary(max_size=3)),
    st.just((0,)),
    st.lists(st.one_of(st.binary(max_size=3), st.integers(0, 2)), max_size=3).map(tuple),
)
ROUNDS = st.tuples(
    st.integers(0, 2),  # which worker
    st.sampled_from(WORKS),
    st.lists(LINKS, max_size=3),
    st.lists(KEYS, max_size=3),  # what the driver decides about meanwhile
    st.lists(KEYS, max_size=3).map(lambda keys: b"".join(key[:8] for key in keys)),  # what other runs recorded
)


@pytest.fixture(scope="module", autouse=True)
def few_works() -> Iterator[None]:
    """Have workers forget soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sent, "_KNOWN_WORKS", KNOWN)
        yield


@given(st.lists(ROUNDS, min_size=1, max_size=20))
def test_a_worker_gets_every_batch_whole(rounds: list[Any]) -> None:
    """Works, links and, with links, all keys that are taken so far, whatever other workers were sent between."""
    senders, receivers = [Sent() for _ in range(3)], [Received() for _ in range(3)]
    codes: list[dict[bytes, bytes]] = [{} for _ in range(3)]
    taken, keys = Taken(), list[bytes]()
    for number, (at, work, links, decided, recorded) in enumerate(rounds, 1):
        for key in decided:
            taken.add(key)
        taken.extend(recorded)
        keys += [*decided, *(recorded[low : low + 8] for low in range(0, len(recorded), 8))]
        batch = Batch(number, work, (0,), 1, ((number, b"blob"),), (b"k" * 32,), 1.5 if number % 2 else None)
        if links:
            batch.links, batch.taken = links, taken
        parcel = pickle.loads(pickle.dumps(senders[at].pack(batch), 5))
        got = receivers[at].unpack(parcel)
        for new in receivers[at].new:
            codes[at].setdefault(new.function.digest, new.function.code)
        assert (got.number, got.items, got.attempt, got.inputs, got.keys, got.timeout) == (
            (batch.number, batch.items, batch.attempt, batch.inputs, batch.keys, batch.timeout)
        )
        assert len(got.links) == len(batch.links)
        for sent_work, got_work in [(work, got.work), *zip_works(batch, got)]:
            assert told(got_work) == told(sent_work)
            assert codes[at][got_work.function.digest] == sent_work.function.code
        assert [link[1:] for link in got.links] == [link[1:] for link in batch.links]
        if not links:
            assert got.taken is None
            continue
        assert got.taken is not None
        assert all(key in got.taken for key in keys)
        assert bytes(got.taken.prefixes) == bytes(taken.prefixes), "something was sent twice, or not at all"


def zip_works(batch: Batch, got: Batch) -> Iterator[tuple[Work, Work]]:
    """Pair the works of links."""
    for ours, theirs in zip(batch.links, got.links, strict=True):
        yield ours.work, theirs.work


def told(work: Work) -> list[Any]:
    """All that a work says, but for the code, which travels once per function."""
    values = {field.name: getattr(work, field.name) for field in fields(work)}
    function = values.pop("function")
    return [*values.values(), function.module, function.qualname, function.digest]


@given(st.lists(st.lists(st.sampled_from(WORKS), min_size=1, max_size=4), min_size=1, max_size=20))
def test_a_work_travels_once_until_it_is_forgotten(stretches: list[list[Work]]) -> None:
    """What a worker remembers is not sent again, it remembers few, and both sides forget together."""
    sender, receiver = Sent(), Received()
    remembered: set[int] = set()
    for number, works in enumerate(stretches):
        batch = Batch(number, works[0], (0,), 1, ((),), (b"k" * 32,))
        if links := [Link(work, (None,), (0,), (b"", 0)) for work in works[1:]]:
            batch.links, batch.taken = links, Taken()
        receiver.unpack(sender.pack(batch))
        if receiver.forgot:
            remembered.clear()
        new = [work.task for work in receiver.new]
        assert len(new) == len(set(new))
        assert remembered.isdisjoint(new)
        remembered.update(new)
        assert {work.task for work in works} <= remembered
        assert len(remembered) <= KNOWN
        assert receiver._works.keys() == remembered
