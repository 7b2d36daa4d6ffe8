from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from hookline.executors.allotment import Allotment
from hookline.executors.pool_worker import PoolWorker
from hookline.executors.wire import OUTCOMES
from hookline.model.batch import Batch, Lost, Message, RunFacts, Started
from hookline.model.work import FunctionRef, Work
from hookline.worker.process import _Link

RUN = RunFacts("test", "", "", "", "", "", "", capture=False, output_limit=1024)
WORK = Work(0, "same", True, FunctionRef("steps", "same"), ())


class Pool:
    """Workers whose every step, and the driver's, is taken by hand: real sockets and claims, and no process."""

    def __init__(self, workers: int) -> None:
        self.delivered: list[Message] = []
        self.begun: list[int] = []
        self.numbers: list[int] = []
        self.woken = 0
        self.allotment = Allotment(workers, self.delivered.append, self.wake)
        self.workers: list[PoolWorker] = []
        self.links: list[_Link] = []
        self.current: list[int | None] = [None] * workers
        for serial in range(workers):
            worker = PoolWorker(serial, serial, 1, RUN)
            worker.ready = True
            theirs = worker._theirs
            theirs.setblocking(False)
            self.workers.append(worker)
            self.links.append(_Link(theirs, worker._claims))
            self.allotment.workers[serial] = worker
            self.allotment.find_work(worker)

    def wake(self) -> None:
        self.woken += 1

    def submit(self) -> None:
        batch = Batch(len(self.numbers) + 1, WORK, [0], 1, [()], [b""])
        self.numbers.append(batch.number)
        self.allotment.add(batch)

    def begin(self, at: int) -> bool:
        """A worker takes its next message, and begins the batch if that is still its own."""
        if self.current[at] is not None:
            return False
        try:
            message = self.links[at].receive()
        except BlockingIOError:
            return False
        claim, number, *_ = message
        if self.links[at].claim(claim):
            self.current[at] = number
            self.begun.append(number)
        return True

    def finish(self, at: int) -> bool:
        """A worker ends its batch and says so."""
        number = self.current[at]
        if number is None:
            return False
        self.links[at].send((OUTCOMES, number, [], True))
        self.current[at] = None
        return True

    def hear(self, at: int) -> bool:
        """The driver takes what a worker has said."""
        worker = self.workers[at]
        try:
            worker.inbox.receive()
        except BlockingIOError:
            return False
        for _, number, _, _ in worker.inbox.messages():
            assert worker.running is not None
            assert worker.running.batch.number == number
            worker.running = None
            self.allotment.go_on(worker)
        return True

    def drain(self) -> None:
        """Let everybody go on until nobody can."""
        places = range(len(self.workers))
        while any(step(at) for at in places for step in (self.begin, self.finish, self.hear)):
            pass

    def close(self) -> None:
        for worker in self.workers:
            worker.given()
            worker.close()


@pytest.fixture
def pools() -> Iterator[list[Pool]]:
    made: list[Pool] = []
    yield made
    for pool in made:
        pool.close()


def test_each_batch_is_begun_once_in_whatever_order_things_happen(pools: list[Pool]) -> None:
    """Between handing out, taking back, beginning, ending and hearing of it, no batch is lost or made twice."""
    for seed in range(150):
        chance = Random(seed)
        pool = Pool(chance.choice((1, 2, 2, 3)))
        pools.append(pool)
        for _ in range(200):
            at = chance.randrange(len(pool.workers))
            step = chance.choice((pool.begin, pool.finish, pool.hear, None))
            if step is not None:
                step(at)
            elif len(pool.numbers) < 5 + len(pool.begun):
                pool.submit()
        pool.drain()
        assert sorted(pool.begun) == pool.numbers, f"seed {seed}"
        started = [message.batch for message in pool.delivered if isinstance(message, Started)]
        assert sorted(started) == pool.numbers, f"seed {seed}"
        pools.pop().close()


def test_what_is_cancelled_before_it_begins_never_begins(pools: list[Pool]) -> None:
    """A batch is either lost as cancelled or begun, never both and never neither."""
    for seed in range(150):
        chance = Random(seed)
        pool = Pool(2)
        pools.append(pool)
        for _ in range(200):
            at = chance.randrange(2)
            step = chance.choice((pool.begin, pool.finish, pool.hear, None))
            if step is not None:
                step(at)
            elif len(pool.numbers) < 5 + len(pool.begun):
                pool.submit()
            elif chance.random() < 0.3:
                pool.allotment.cancel({chance.choice(pool.numbers)}, 60.0)
        pool.drain()
        lost = [message.batch for message in pool.delivered if isinstance(message, Lost)]
        assert sorted(pool.begun + lost) == pool.numbers, f"seed {seed}"
        pools.pop().close()


def test_nothing_goes_ahead_while_the_batch_at_hand_is_not_claimed(pools: list[Pool]) -> None:
    """A worker that has ended its batch, but not yet begun the next, gets no third: its claim could be taken for it."""
    pool = Pool(1)
    pools.append(pool)
    for _ in range(3):
        pool.submit()
    pool.begin(0)
    pool.finish(0)
    pool.hear(0)
    (worker,) = pool.workers
    assert worker.running is not None
    assert worker.running.batch.number == 2
    assert worker.ahead is None
    pool.begin(0)
    pool.submit()
    assert worker.ahead is not None
    assert worker.ahead.batch.number == 3


def test_a_batch_that_was_cancelled_while_it_began_unseen_is_killed_in_time(pools: list[Pool]) -> None:
    """Once the driver hears that it began, its grace period starts, and whoever waits looks at the clock anew."""
    pool = Pool(1)
    pools.append(pool)
    for _ in range(2):
        pool.submit()
    pool.begin(0)
    pool.finish(0)
    pool.begin(0)
    pool.allotment.cancel({2}, 60.0)
    (worker,) = pool.workers
    assert worker.due is None
    woken = pool.woken
    pool.hear(0)
    assert worker.due is not None
    assert pool.woken > woken
