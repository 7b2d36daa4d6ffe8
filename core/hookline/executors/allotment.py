"""Which worker process gets which batch, and when.

Batches wait in one queue per kind of worker (how many processors it may use), and whichever worker is idle takes the
oldest. A worker that is busy gets one more batch ahead, so that it need not wait for the driver, which may hold the
interpreter for milliseconds while it records. The batch ahead is not lost behind a slow one: its begin needs a claim,
which either the worker takes to begin it or the driver to take it back (see :mod:`hookline.executors.wire`), and an
idle worker is always given what others have ahead. No thread and no descriptor is waited for here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable

from hookline.executors.pool_worker import PoolWorker
from hookline.model.batch import Batch, Deliver, Lost, Started

__all__ = ["Allotment"]

_RETIRE_WITHIN = 10.0


class Allotment:
    """Batches that wait, workers, and what these have in hand. Whoever calls holds the executor's lock.

    Args:
        limit: How many workers there may be.
        deliver: Takes messages for the engine.
        wake: Lets the listening thread look around.

    Attributes:
        limit: How many workers there may be.
        workers: Those there are, by serial.
        close_at: When the last worker has to be gone, once the executor is closed.
    """

    def __init__(self, limit: int, deliver: Deliver, wake: Callable[[], None]) -> None:
        self.limit = limit
        self.workers: dict[int, PoolWorker] = {}
        self.close_at: float | None = None
        self._deliver = deliver
        self._wake = wake
        self._queues: dict[int, deque[Batch]] = {}
        self._idle: dict[int, list[PoolWorker]] = {}

    def add(self, batch: Batch) -> None:
        """Take a new batch."""
        cpu = _cpu(batch)
        idle = self._idle.get(cpu)
        if idle:
            # Straight from this thread: a wake-up of the other one costs more than sending.
            self._give(idle.pop(), batch)
            return
        self._queues.setdefault(cpu, deque()).append(batch)
        self._give_ahead(cpu)
        if self.lacking(cpu) > 0 and (len(self.workers) < self.limit or any(self._idle.values())):
            self._wake()

    def put_back(self, batch: Batch) -> None:
        """Take a batch that its worker died with, as the oldest."""
        if self.close_at is None:
            self._queues.setdefault(_cpu(batch), deque()).appendleft(batch)
        else:
            self._cancelled(batch, "the executor was closed")

    def find_work(self, worker: PoolWorker) -> None:
        """Give a worker that has nothing to do the oldest batch, or make room for one that can do what is there."""
        if self.close_at is not None:
            self._retire(worker, self.close_at)
        elif self._stands_in_the_way(worker):
            self._retire(worker, time.monotonic() + _RETIRE_WITHIN)
        elif queue := self._queues.get(worker.cpu):
            self._give(worker, queue.popleft())
            self._give_ahead(worker.cpu)
        elif (batch := self._take_from_another(worker)) is not None:
            self._give(worker, batch)
        elif worker.ready:
            self._idle.setdefault(worker.cpu, []).append(worker)

    def go_on(self, worker: PoolWorker) -> None:
        """Let a worker that ended its batch go on with what it has ahead, or find it something."""
        hand, worker.ahead = worker.ahead, None
        if hand is None:
            self.find_work(worker)
            return
        worker.running = hand
        hand.begin()
        self._deliver(Started(hand.batch.number, worker.number))
        if hand.cancel_after is not None:
            worker.cancel(hand.cancel_after)
            self._wake()
        else:
            self._give_ahead(worker.cpu)

    def forget(self, worker: PoolWorker) -> None:
        """Leave out a worker that died."""
        del self.workers[worker.serial]
        for idle in self._idle.values():
            if worker in idle:
                idle.remove(worker)

    def cancel(self, wanted: Collection[int], grace: float) -> None:
        """End batches: at once what has not begun, within the grace period what has."""
        reason = "cancelled before it began"
        for queue in self._queues.values():
            for batch in [batch for batch in queue if batch.number in wanted]:
                queue.remove(batch)
                self._cancelled(batch, reason)
        for worker in self.workers.values():
            if worker.ahead is not None and worker.ahead.batch.number in wanted:
                self._cancel_ahead(worker, grace, reason)
            if worker.running is not None and worker.running.batch.number in wanted:
                worker.cancel(grace)

    def recall(self, number: int) -> bool:
        """Take a batch back for whoever gave it; tell whether it had not begun."""
        for queue in self._queues.values():
            for batch in queue:
                if batch.number == number:
                    queue.remove(batch)
                    return True
        for worker in self.workers.values():
            if worker.ahead is not None and worker.ahead.batch.number == number:
                return worker.take_back() is not None
        return False

    def close(self, grace: float) -> None:
        """End everything."""
        self.close_at = time.monotonic() + grace
        reason = "the executor was closed"
        for batch in self.take_waiting():
            self._cancelled(batch, reason)
        for worker in self.workers.values():
            self._cancel_ahead(worker, grace, reason)
            if worker.running is not None:
                worker.cancel(grace)
            elif worker.ready:
                worker.retire(self.close_at)
            else:
                worker.kill_at = time.monotonic()

    def take_waiting(self) -> list[Batch]:
        """Give all batches that no worker has."""
        waiting = [batch for queue in self._queues.values() for batch in queue]
        for queue in self._queues.values():
            queue.clear()
        return waiting

    # How many workers, and of which kind.

    @property
    def kinds(self) -> Iterable[int]:
        """The kinds of workers that batches have asked for."""
        return list(self._queues)

    def lacking(self, cpu: int) -> int:
        """Count the batches of a kind that a further worker could begin at once."""
        workers = [worker for worker in self.workers.values() if worker.cpu == cpu]
        waiting = len(self._queues.get(cpu, ())) + sum(worker.ahead is not None for worker in workers)
        return waiting - sum(not worker.ready for worker in workers)

    def make_room(self) -> None:
        """Let idle workers go in whose place one of another kind is needed."""
        if len(self.workers) < self.limit:
            return
        for idle in self._idle.values():
            if idle and self._stands_in_the_way(idle[-1]):
                idle.pop().retire(time.monotonic() + _RETIRE_WITHIN)
                return

    def _stands_in_the_way(self, worker: PoolWorker) -> bool:
        """Tell whether a worker of another kind is needed, and there is no room for it."""
        if len(self.workers) < self.limit or any(other.retired for other in self.workers.values()):
            return False
        mine = bool(self._queues.get(worker.cpu))
        for cpu, queue in self._queues.items():
            if queue and cpu != worker.cpu:
                others = sum(other.cpu == cpu for other in self.workers.values())
                if others == 0 or (not mine and others < len(queue)):
                    return True
        return False

    def _retire(self, worker: PoolWorker, within: float) -> None:
        worker.retire(within)
        self._wake()

    # To one worker, and back.

    def _give(self, worker: PoolWorker, batch: Batch) -> None:
        self._deliver(Started(batch.number, worker.number))
        worker.hand(batch, ahead=False)
        if worker.waiting_to_send or batch.timeout is not None:
            self._wake()

    def _give_ahead(self, cpu: int) -> None:
        """Let busy workers have their next batch already."""
        queue = self._queues.get(cpu)
        if not queue:
            return
        for worker in self.workers.values():
            # What has a timeout must not begin unseen.
            if not queue or queue[0].timeout is not None:
                return
            if worker.cpu == cpu and worker.may_get_ahead:
                worker.hand(queue.popleft(), ahead=True)
                if worker.waiting_to_send:
                    self._wake()

    def _take_from_another(self, worker: PoolWorker) -> Batch | None:
        for other in self.workers.values():
            if other.cpu == worker.cpu and (batch := other.take_back()) is not None:
                return batch
        return None

    def _cancel_ahead(self, worker: PoolWorker, grace: float, reason: str) -> None:
        batch = worker.take_back()
        if batch is not None:
            self._cancelled(batch, reason)
        elif worker.ahead is not None:
            worker.ahead.cancel_after = grace

    def _cancelled(self, batch: Batch, reason: str) -> None:
        self._deliver(Lost(batch.number, -1, reason, cancelled=True))


def _cpu(batch: Batch) -> int:
    return max(1, int(batch.work.cpu))
