"""The processes executor: attempts happen in processes that can be killed one by one, children included.

Batches wait in one queue, and whichever worker is idle takes the oldest. A worker that is busy gets one more batch
ahead, so that it need not wait for the driver, which may hold the interpreter for milliseconds while it records. The
batch ahead is not lost behind a slow one: its begin needs a claim, which either the worker takes to begin it or the
driver to take it back (see :mod:`hookline.executors.wire`), and an idle worker is always given what others have ahead.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from hookline.executors.death import MemoryWatch, describe_exit
from hookline.executors.pool_worker import Hand, PoolWorker
from hookline.executors.protocol import Traits
from hookline.executors.supervision import Supervision
from hookline.executors.wire import BROKEN, OUTCOMES, READY
from hookline.executors.worker_start import processors, worker_command, worker_environment
from hookline.model.batch import Batch, Deliver, Failure, Finished, Lost, Outcome, Output, RunFacts, Started
from hookline.model.states import Kind

__all__ = ["ProcessesExecutor"]

_log = logging.getLogger("hookline.executors.processes")

_TERM_GRACE = 0.25
_RETIRE_WITHIN = 10.0
_RELIEF_AFTER = 1.0
_STARTS = 3


class ProcessesExecutor:
    """Makes attempts in processes of its own.

    Args:
        workers: How many processes at most; by default as many as there are processors for this process.
    """

    traits = Traits(kills=True, remote=False, shares_memory=False)

    def __init__(self, workers: int | None = None) -> None:
        self._limit = workers or processors()
        self._lock = threading.RLock()
        self._queues: dict[int, deque[Batch]] = {}
        self._workers: dict[int, PoolWorker] = {}  # by serial
        self._idle: dict[int, list[PoolWorker]] = {}  # by cpu
        self._serial = 0
        self._failed_starts = 0
        self._spared: dict[int, int] = {}
        self._close_at = 0.0
        self._relief_at = 0.0
        self._broken: Failure | None = None
        self._supervision: Supervision | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._wake_out, self._wake_in = -1, -1
        self._woken = False
        self._changed = True  # whether the listening thread has more to look at than messages

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`; processes are started when there is work for them."""
        self._run, self._deliver = run, deliver
        self._memory = MemoryWatch()
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)

    def capacity(self) -> int:
        """One batch per process."""
        return self._limit

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        cpu = _cpu(batch)
        with self._lock:
            if self._broken is not None:
                self._fail(batch, self._broken)
                return
            idle = self._idle.get(cpu)
            if idle:
                # Straight from this thread: a wake-up of the other one costs more than sending.
                self._give(idle.pop(), batch)
            else:
                self._queues.setdefault(cpu, deque()).append(batch)
                self._give_ahead(cpu)
                if self._wants_worker():
                    self._wake()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="hookline-processes", daemon=True)
                self._thread.start()
                self._wake()

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """See :meth:`Executor.cancel`."""
        wanted = set(batches)
        with self._lock:
            for queue in self._queues.values():
                for batch in [batch for batch in queue if batch.number in wanted]:
                    queue.remove(batch)
                    self._deliver(Lost(batch.number, -1, "cancelled before it began", cancelled=True))
            for worker in self._workers.values():
                ahead = worker.ahead
                if ahead is not None and ahead.batch.number in wanted:
                    if worker.take_back(ahead):
                        worker.ahead = None
                        self._deliver(Lost(ahead.batch.number, -1, "cancelled before it began", cancelled=True))
                    else:
                        ahead.cancel_after = grace
                if worker.running is not None and worker.running.batch.number in wanted:
                    self._cancel_running(worker, grace)
            self._wake()

    def close(self, grace: float) -> None:
        """See :meth:`Executor.close`."""
        with self._lock:
            self._closing = True
            self._close_at = time.monotonic() + grace
            for queue in self._queues.values():
                for batch in queue:
                    self._deliver(Lost(batch.number, -1, "the executor was closed", cancelled=True))
                queue.clear()
            for worker in self._workers.values():
                self._close_worker(worker, grace)
            self._wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._supervision is not None:
            self._supervision.close()
            self._supervision = None
        for fd in (self._wake_out, self._wake_in):
            if fd >= 0:
                os.close(fd)
        self._wake_out = self._wake_in = -1

    def _close_worker(self, worker: PoolWorker, grace: float) -> None:
        ahead = worker.ahead
        if ahead is not None:
            ahead.cancel_after = grace
            if worker.take_back(ahead):
                worker.ahead = None
                self._deliver(Lost(ahead.batch.number, -1, "the executor was closed", cancelled=True))
        if worker.running is not None:
            self._cancel_running(worker, grace)
        elif worker.ready:
            worker.retire(self._close_at)
        else:
            worker.kill_at = time.monotonic()

    # Who gets what. All of this holds the lock.

    def _give(self, worker: PoolWorker, batch: Batch) -> None:
        self._deliver(Started(batch.number, worker.number))
        worker.hand(batch, ahead=False)
        if worker.waiting_to_send or batch.timeout is not None:
            self._wake()

    def _give_ahead(self, cpu: int) -> None:
        """Let busy workers have their next batch already."""
        queue = self._queues[cpu]
        for worker in self._workers.values():
            # What has a timeout must not begin unseen.
            if not queue or queue[0].timeout is not None:
                return
            if (
                worker.cpu == cpu
                and worker.running is not None
                and worker.running.batch.timeout is None
                and not worker.doom
                and not worker.retired
                and worker.may_get_ahead
            ):
                worker.hand(queue.popleft(), ahead=True)
                if worker.waiting_to_send:
                    self._wake()

    def _find_work(self, worker: PoolWorker) -> None:
        """Give a worker that has nothing to do the oldest batch, or make room for one that can do what is there."""
        if self._closing:
            worker.retire(self._close_at)
            self._changed = True
            return
        if self._stands_in_the_way(worker):
            worker.retire(time.monotonic() + _RETIRE_WITHIN)
            self._wake()
            return
        queue = self._queues.get(worker.cpu)
        if queue:
            self._give(worker, queue.popleft())
            if queue:
                self._give_ahead(worker.cpu)
            return
        for other in self._workers.values():
            ahead = other.ahead
            if ahead is not None and other.cpu == worker.cpu and other.take_back(ahead):
                other.ahead = None
                self._give(worker, ahead.batch)
                return
        if worker.ready:
            self._idle.setdefault(worker.cpu, []).append(worker)

    def _stands_in_the_way(self, worker: PoolWorker) -> bool:
        """Tell whether a worker of another kind is needed, and there is no room for it."""
        if len(self._workers) < self._limit:
            return False
        mine = bool(self._queues.get(worker.cpu))
        for cpu, queue in self._queues.items():
            if queue and cpu != worker.cpu:
                others = sum(1 for other in self._workers.values() if other.cpu == cpu and not other.retired)
                coming = sum(1 for other in self._workers.values() if other.retired)
                if not coming and (others == 0 or (not mine and others < len(queue))):
                    return True
        return False

    def _wants_worker(self) -> bool:
        if self._closing or self._broken is not None:
            return False
        return any(self._lacking(cpu) > 0 for cpu in self._queues)

    def _lacking(self, cpu: int) -> int:
        """Count the batches of a kind that a further worker could begin at once."""
        workers = [worker for worker in self._workers.values() if worker.cpu == cpu]
        waiting = len(self._queues.get(cpu, ())) + sum(worker.ahead is not None for worker in workers)
        starting = sum(not worker.ready for worker in workers)
        return waiting - starting

    def _cancel_running(self, worker: PoolWorker, grace: float) -> None:
        assert worker.running is not None
        worker.board.cancel(worker.running.batch.number)
        worker.kill_at = min(time.monotonic() + grace, worker.kill_at or float("inf"))

    # The thread that listens.

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        registered: dict[int, PoolWorker] = {}
        due: float | None = None
        try:
            while True:
                with self._lock:
                    if self._changed:
                        self._changed = False
                        if self._closing and not self._workers:
                            return
                        self._start_workers(poll)
                        self._watch(poll, registered)
                        due = self._next_due()
                patience = None if due is None else max(0, int((due - time.monotonic()) * 1000) + 1)
                events = poll.poll(patience)
                with self._lock:
                    for fd, event in events:
                        self._handle(fd, event, registered, poll)
                    if due is not None and time.monotonic() >= due:
                        self._changed = True
                        self._kill_due()
                        self._relieve()
        except Exception as error:  # noqa: BLE001 - a batch that nobody ends would hang the run
            _log.exception("the processes executor can't go on")
            with self._lock:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """End every batch: without this thread nobody would."""
        self._break(Failure(type(error).__name__, f"the processes executor failed: {error}", "", "", False))
        for worker in self._workers.values():
            for hand in (worker.running, worker.ahead):
                if hand is not None:
                    self._deliver(Lost(hand.batch.number, worker.number, f"the processes executor failed: {error}"))
        self._workers.clear()

    def _handle(self, fd: int, event: int, registered: dict[int, PoolWorker], poll: select.poll) -> None:
        if fd == self._wake_out:
            self._woken = False
            os.read(fd, 4096)
            return
        if self._supervision is not None and fd == self._supervision.fd:
            self._changed = True
            self._read_reports(registered, poll)
            return
        worker = registered.get(fd)
        if worker is None:
            return  # buried by an event before this one
        if event & select.POLLOUT:
            worker.flush()
            self._changed = True
        if event & ~select.POLLOUT and not self._read(worker):
            # Its end of the socket is closed; why will be told by the supervisor.
            poll.unregister(fd)
            worker.deaf = True

    def _watch(self, poll: select.poll, registered: dict[int, PoolWorker]) -> None:
        for worker in self._workers.values():
            new = worker.fd not in registered
            if not worker.deaf and (new or worker.writes != worker.waiting_to_send):
                registered[worker.fd] = worker
                worker.writes = worker.waiting_to_send
                poll.register(worker.fd, select.POLLIN | (select.POLLOUT if worker.writes else 0))

    def _next_due(self) -> float | None:
        """Tell when this thread has to act although nothing was said to it."""
        workers = self._workers.values()
        dues = [due for worker in workers if (due := _due(worker)) is not None]
        if self._run.capture and any(worker.running is not None for worker in workers):
            dues.append(self._relief_at)
        return min(dues, default=None)

    def _relieve(self) -> None:
        now = time.monotonic()
        if now < self._relief_at:
            return
        self._relief_at = now + _RELIEF_AFTER
        for worker in self._workers.values():
            if worker.running is not None:
                worker.relieve()

    def _wake(self) -> None:
        """Let the listening thread look at what has changed beside the messages of workers."""
        self._changed = True
        if not self._woken and self._wake_in >= 0:
            self._woken = True
            os.write(self._wake_in, b"\0")

    def _read(self, worker: PoolWorker, *, to_the_end: bool = False) -> bool:
        """Take what a worker says; false at the end."""
        while True:
            try:
                if not worker.inbox.receive():
                    return False
            except BlockingIOError:
                return True
            for message in worker.inbox.messages():
                self._take(worker, message)
            if worker.inbox.drained and not to_the_end:
                return True

    def _take(self, worker: PoolWorker, message: tuple[Any, ...]) -> None:
        kind = message[0]
        if kind == OUTCOMES:
            self._take_outcomes(worker, *message[1:])
        elif kind == READY:
            worker.ready = self._changed = True
            self._failed_starts = 0
            if not worker.doom and worker.kill_at is None:
                self._find_work(worker)
        elif kind == BROKEN:
            self._break(message[1])

    def _take_outcomes(self, worker: PoolWorker, number: int, rows: list[Any], done: bool) -> None:
        hand = worker.running
        if hand is None or hand.batch.number != number:
            return
        outcomes = [Outcome._make(row) for row in rows]
        hand.done += len(outcomes)
        self._deliver(Finished(number, worker.number, outcomes, done))
        if not done:
            hand.begin()
            return
        worker.running = None
        if not worker.doom:
            worker.kill_at = None
            self._go_on(worker)

    def _go_on(self, worker: PoolWorker) -> None:
        """Let a worker go on with what it has ahead, or find it something."""
        hand, worker.ahead = worker.ahead, None
        if hand is None:
            self._find_work(worker)
            return
        worker.running = hand
        hand.begin()
        self._deliver(Started(hand.batch.number, worker.number))
        if hand.cancel_after is not None:
            self._cancel_running(worker, hand.cancel_after)
        elif self._queues.get(worker.cpu):
            self._give_ahead(worker.cpu)

    # Starts and ends of processes.

    def _start_workers(self, poll: select.poll) -> None:
        if self._closing or self._broken is not None:
            return
        for cpu in list(self._queues):
            while len(self._workers) < self._limit and self._lacking(cpu) > 0:
                try:
                    if self._supervision is None:
                        self._supervision = Supervision()
                        poll.register(self._supervision.fd, select.POLLIN)
                    self._start_worker(cpu)
                except OSError as error:
                    self._do_with_fewer(error)
                    return
        if len(self._workers) >= self._limit:
            for cpu, queue in self._queues.items():
                if queue:
                    self._make_room(cpu)

    def _do_with_fewer(self, error: OSError) -> None:
        """Go on with the workers that are there when the system refuses another."""
        if self._workers:
            _log.warning("no further worker process can be started: %s", error)
            self._limit = len(self._workers)
        else:
            self._break(
                Failure("hookline.errors.HooklineError", f"no worker process can be started: {error}", "", "", False)
            )

    def _make_room(self, cpu: int) -> None:
        """Let an idle worker of another kind go."""
        for kind, idle in self._idle.items():
            if kind != cpu and idle and self._stands_in_the_way(idle[-1]):
                idle.pop().retire(time.monotonic() + _RETIRE_WITHIN)
                return

    def _start_worker(self, cpu: int) -> None:
        assert self._supervision is not None
        taken = {worker.number for worker in self._workers.values()}
        number = next(number for number in range(self._limit) if number not in taken)
        self._serial += 1
        worker = self._workers[self._serial] = PoolWorker(self._serial, number, cpu, self._run)
        try:
            self._supervision.spawn(
                self._serial,
                worker_command(4 if self._run.capture else 3),
                worker_environment(cpu),
                self._run.cwd,
                worker.descriptors,
            )
        except BrokenPipeError:
            pass  # the supervisor's end is noticed, and accounted for, by the one who listens to it
        finally:
            worker.given()

    def _read_reports(self, registered: dict[int, PoolWorker], poll: select.poll) -> None:
        assert self._supervision is not None
        reports = self._supervision.reports()
        if reports is None:
            self._lose_supervisor(registered, poll)
            return
        for report in reports:
            worker = self._workers.get(report[1])
            if worker is None:
                continue
            if report[0] == "started":
                worker.pid = report[2]
            else:
                self._bury(worker, report[3], registered, poll)

    def _bury(self, worker: PoolWorker, status: int, registered: dict[int, PoolWorker], poll: select.poll) -> None:
        """Account for a process that ended."""
        self._read(worker, to_the_end=True)
        if registered.pop(worker.fd, None) is not None and not worker.deaf:
            poll.unregister(worker.fd)
        del self._workers[worker.serial]
        for idle in self._idle.values():
            if worker in idle:
                idle.remove(worker)
        queue = self._queues.setdefault(worker.cpu, deque())
        ahead, running = worker.ahead, worker.running
        if ahead is not None:
            self._requeue(queue, ahead.batch)
        if running is not None:
            if not worker.board.has_begun(running.batch.number) and self._spare(running.batch):
                self._requeue(queue, running.batch)
            else:
                self._lose(worker, running, status, queue)
        if not worker.ready and not worker.doom and worker.kill_at is None:
            self._count_failed_start(worker, status)
        worker.close()

    def _spare(self, batch: Batch) -> bool:
        """Tell whether a batch that its worker died before beginning may go back; not for ever."""
        count = self._spared[batch.number] = self._spared.get(batch.number, 0) + 1
        return count < _STARTS

    def _requeue(self, queue: deque[Batch], batch: Batch) -> None:
        if self._closing:
            self._deliver(Lost(batch.number, -1, "the executor was closed", cancelled=True))
        else:
            queue.appendleft(batch)

    def _lose(self, worker: PoolWorker, hand: Hand, status: int, queue: deque[Batch]) -> None:
        """Account for the batch that a process had begun."""
        batch, output = hand.batch, worker.output()
        if worker.doom == "timeout":
            # Where the attempt ended while its time ran out, only the rest of the batch is left.
            overdue = hand.done == worker.doomed_item
            if overdue:
                rest = hand.rest(1)
                outcome = _timed_out(hand, output)
                self._deliver(Finished(batch.number, worker.number, [outcome], rest is None))
            else:
                rest = hand.rest()
            if rest is not None:
                self._requeue(queue, rest)
            return
        cancelled = bool(worker.doom)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9
        starved = killed and not cancelled and self._memory.killed()
        reason = "cancelled" if cancelled else describe_exit(status)
        self._deliver(Lost(batch.number, worker.number, reason, starved, cancelled, output))

    def _count_failed_start(self, worker: PoolWorker, status: int) -> None:
        self._failed_starts += 1
        if self._failed_starts < _STARTS:
            return
        said = worker.output()
        text = said.text.decode("utf-8", "replace").strip() if said else ""
        message = f"worker processes end before they begin: {describe_exit(status)}"
        self._break(
            Failure("hookline.errors.HooklineError", message, text, text.splitlines()[-1] if text else "", False)
        )

    def _break(self, failure: Failure) -> None:
        """Fail everything: no worker can make attempts."""
        if self._broken is None:
            self._broken = failure
        for queue in self._queues.values():
            while queue:
                self._fail(queue.popleft(), failure)

    def _fail(self, batch: Batch, failure: Failure) -> None:
        now = time.time_ns() // 1000
        outcomes = [Outcome(item, Kind.FAILED, None, now, 0, failure) for item in batch.items]
        self._deliver(Finished(batch.number, -1, outcomes, True))

    def _lose_supervisor(self, registered: dict[int, PoolWorker], poll: select.poll) -> None:
        """Account for a supervisor that was killed: end its workers, and begin anew with another."""
        assert self._supervision is not None
        poll.unregister(self._supervision.fd)
        self._supervision.close()
        self._supervision = None
        for worker in list(self._workers.values()):
            if worker.pid:
                with contextlib.suppress(OSError):
                    os.killpg(worker.pid, 9)
            self._bury(worker, 9, registered, poll)

    def _kill_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            due = _due(worker)
            if due is None or due > now or self._supervision is None:
                continue
            worker.doom = "cancelled" if worker.kill_at is not None and worker.kill_at <= now else "timeout"
            worker.doomed_item = worker.running.done if worker.running is not None else 0
            worker.board.doom()
            self._supervision.kill(worker.serial, _TERM_GRACE if worker.ready else 0)


def _due(worker: PoolWorker) -> float | None:
    """When a worker is to be killed, as far as is known now."""
    if worker.doom:
        return None
    due = worker.kill_at
    hand = worker.running
    if hand is not None and hand.batch.timeout is not None:
        end = hand.since + hand.batch.timeout
        due = end if due is None else min(due, end)
    return due


def _timed_out(hand: Hand, output: Output | None) -> Outcome:
    batch = hand.batch
    failure = Failure("TimeoutError", f"took longer than {batch.timeout:g} s", "", "", True)
    took = int((time.monotonic() - hand.since) * 1e6)
    return Outcome(batch.items[hand.done], Kind.TIMED_OUT, None, hand.since_us, took, failure, (), output)


def _cpu(batch: Batch) -> int:
    return max(1, int(batch.work.cpu))
