"""The processes executor: attempts happen in processes that can be killed one by one, children included."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hookline.executors.allotment import Allotment
from hookline.executors.death import MemoryWatch, describe_exit
from hookline.executors.listener import Listener
from hookline.executors.pool_worker import Hand, PoolWorker
from hookline.executors.protocol import CUT_SHORT, Traits
from hookline.executors.supervision import Supervision
from hookline.executors.wire import BROKEN, OUTCOMES, READY
from hookline.executors.worker_start import processors, worker_command, worker_environment
from hookline.model.batch import Batch, Deliver, Failure, Finished, Lost, Outcome, Output, RunFacts, outcome_of
from hookline.model.states import Kind

__all__ = ["ProcessesExecutor"]

_log = logging.getLogger("hookline.executors.processes")

_TERM_GRACE = 0.25
_RELIEF_AFTER = 1.0
_CLOSE_WITHIN = 10.0
"""Seconds, beyond the grace period, in which workers must have been reported to have ended."""
_STARTS = 3


class ProcessesExecutor:
    """Makes attempts in processes of its own.

    Args:
        workers: How many processes at most; by default as many as there are processors for this process.
        first: The number of the first worker; the others' follow.
        broken: Called once where it is found that no worker can make attempts, before batches fail for it.
    """

    traits = Traits(kills=True, remote=False, shares_memory=False)

    def __init__(
        self, workers: int | None = None, *, first: int = 0, broken: Callable[[Failure], None] = lambda _: None
    ) -> None:
        self._limit = workers or processors()
        self._first = first
        self._tell_broken = broken
        self._lock = threading.RLock()
        self._started = False
        self._supervision: Supervision | None = None
        self._broken: Failure | None = None
        self._serial = 0
        self._failed_starts = 0
        self._spared: dict[int, int] = {}
        self._relief_at = 0.0
        self._cut_short = 0

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`; processes are started when there is work for them."""
        self._started = True
        self._run, self._deliver = run, deliver
        self._memory = MemoryWatch()
        self._listener = Listener(self._lock, self._look_around, self._act, self._is_done, self._give_up)
        self._allotment = Allotment(self._limit, deliver, self._listener.wake)
        self._workers = self._allotment.workers

    def capacity(self) -> int:
        """One batch per process."""
        return self._limit

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        with self._lock:
            if self._broken is not None:
                self._fail(batch, self._broken)
                return
            self._allotment.add(batch)
            self._listener.start()

    def recall(self, number: int) -> bool:
        """Take a batch back that has not begun: nothing more is told of it.

        Args:
            number: The batch's number.

        Returns:
            Whether it is the caller's again.
        """
        with self._lock:
            return self._allotment.recall(number)

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """See :meth:`Executor.cancel`."""
        with self._lock:
            self._allotment.cancel(set(batches), grace)
            self._listener.wake()

    def close(self, grace: float) -> None:
        """See :meth:`Executor.close`."""
        if not self._started:
            return
        with self._lock:
            self._allotment.close(grace)
            self._listener.wake()
        if not self._listener.close(grace + _CLOSE_WITHIN):
            _log.warning("worker processes were not reported to have ended, and are ended with their supervisor")
        if grace and self._cut_short:
            _log.warning(CUT_SHORT, self._cut_short, grace)
        if self._supervision is not None:
            self._supervision.close()
            self._supervision = None

    # What the listening thread calls; it holds the lock.

    def _is_done(self) -> bool:
        return self._allotment.close_at is not None and not self._workers

    def _look_around(self) -> float | None:
        """Do what is to be done beside messages, and tell when something is due though nobody says a word."""
        self._start_workers()
        workers = self._workers.values()
        for worker in workers:
            if worker.writes != worker.waiting_to_send and not worker.deaf:
                self._listen(worker)
        dues = [due for worker in workers if (due := worker.due) is not None]
        if self._run.capture and any(worker.running is not None for worker in workers):
            dues.append(self._relief_at)
        return min(dues, default=None)

    def _act(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            due = worker.due
            if due is not None and due <= now:
                # One that had nothing to do yet may still be starting, on a machine that is busy.
                self._cut_short += worker.has_worked and worker.running is None and not worker.doom
                self._kill(worker, "cancelled" if worker.kill_at is not None and worker.kill_at <= now else "timeout")
        if now >= self._relief_at:
            self._relief_at = now + _RELIEF_AFTER
            for worker in self._workers.values():
                if worker.running is not None:
                    worker.relieve()

    def _kill(self, worker: PoolWorker, doom: str) -> None:
        if self._supervision is None:
            return
        worker.doom = doom
        worker.doomed_item = worker.running.done if worker.running is not None else 0
        worker.board.doom()
        self._supervision.kill(worker.serial, _TERM_GRACE if worker.ready else 0)

    def _give_up(self, error: Exception) -> None:
        """End every batch: without the listening thread nobody would."""
        reason = f"the processes executor failed: {error}"
        self._break(Failure(type(error).__name__, reason, "", "", False))
        for worker in self._workers.values():
            for hand in (worker.running, worker.ahead):
                if hand is not None:
                    self._deliver(Lost(hand.batch.number, worker.number, reason))
        self._workers.clear()

    # What workers say.

    def _listen(self, worker: PoolWorker) -> None:
        worker.writes = worker.waiting_to_send
        self._listener.listen(worker.fd, lambda event: self._hear(worker, event), room=worker.writes)

    def _hear(self, worker: PoolWorker, event: int) -> None:
        if event & select.POLLOUT:
            worker.flush()
            self._listener.change()
        if event & ~select.POLLOUT and not self._read(worker):
            # Its end of the socket is closed; why will be told by the supervisor.
            self._listener.ignore(worker.fd)
            worker.deaf = True

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
            worker.ready = True
            self._failed_starts = 0
            self._listener.change()
            if not worker.doom and worker.kill_at is None:
                self._allotment.find_work(worker)
        elif kind == BROKEN:
            self._break(message[1])

    def _take_outcomes(
        self, worker: PoolWorker, number: int, rows: list[Any], done: bool, positions: Sequence[int] | None
    ) -> None:
        hand = worker.running
        if hand is None or hand.batch.number != number:
            return
        outcomes = [outcome_of(row) for row in rows]
        hand.done += len(outcomes)
        self._deliver(Finished(number, worker.number, outcomes, done, positions))
        if not done:
            hand.begin()
            return
        worker.running = None
        if not worker.doom:
            worker.kill_at = None
            self._allotment.go_on(worker)

    # Starts and ends of processes.

    def _start_workers(self) -> None:
        if self._allotment.close_at is not None or self._broken is not None:
            return
        for cpu in self._allotment.kinds:
            while len(self._workers) < self._allotment.limit and self._allotment.lacking(cpu) > 0:
                try:
                    self._start_worker(cpu)
                except OSError as error:
                    self._do_with_fewer(error)
                    return
        self._allotment.make_room()

    def _do_with_fewer(self, error: OSError) -> None:
        """Go on with the workers that are there when the system refuses another."""
        if self._workers:
            _log.warning("no further worker process can be started: %s", error)
            self._allotment.limit = len(self._workers)
        else:
            self._break(_failure(f"no worker process can be started: {error}"))

    def _start_worker(self, cpu: int) -> None:
        if self._supervision is None:
            self._supervision = Supervision()
            self._listener.listen(self._supervision.fd, self._hear_supervisor)
        taken = {worker.number for worker in self._workers.values()}
        number = next(number for number in itertools.count(self._first) if number not in taken)
        self._serial += 1
        worker = PoolWorker(self._serial, number, cpu, self._run)
        try:
            self._supervision.spawn(
                self._serial,
                worker_command(4 if self._run.capture else 3),
                worker_environment(cpu),
                self._run.cwd,
                worker.descriptors,
            )
        except (BrokenPipeError, ConnectionResetError):
            pass  # the supervisor's end is noticed, and accounted for, by the one who listens to it
        except OSError:
            worker.close()
            raise
        finally:
            worker.given()
        self._workers[self._serial] = worker
        self._listen(worker)

    def _hear_supervisor(self, _: int) -> None:
        assert self._supervision is not None
        self._listener.change()
        reports = self._supervision.reports()
        if reports is None:
            self._lose_supervisor()
            return
        for report in reports:
            worker = self._workers.get(report[1])
            if worker is None:
                continue
            if report[0] == "started":
                worker.pid = report[2]
            else:
                self._bury(worker, report[3])

    def _lose_supervisor(self) -> None:
        """Account for a supervisor that was killed: end its workers, and begin anew with another."""
        assert self._supervision is not None
        self._listener.ignore(self._supervision.fd)
        self._supervision.close()
        self._supervision = None
        for worker in list(self._workers.values()):
            if worker.pid:
                with contextlib.suppress(OSError):
                    os.killpg(worker.pid, 9)
            self._bury(worker, 9)

    def _bury(self, worker: PoolWorker, status: int) -> None:
        """Account for a process that ended."""
        self._read(worker, to_the_end=True)
        self._listener.ignore(worker.fd)
        self._allotment.forget(worker)
        ahead, running = worker.ahead, worker.running
        if ahead is not None:
            self._allotment.put_back(ahead.batch)
        if running is not None:
            if not worker.board.has_begun(running.batch.number) and self._spare(running.batch):
                self._allotment.put_back(running.batch)
            else:
                self._lose(worker, running, status)
        if not worker.ready and not worker.doom and worker.kill_at is None:
            self._count_failed_start(worker, status)
        worker.close()

    def _spare(self, batch: Batch) -> bool:
        """Tell whether a batch that its worker died before beginning may go back; not for ever."""
        count = self._spared[batch.number] = self._spared.get(batch.number, 0) + 1
        return count < _STARTS

    def _lose(self, worker: PoolWorker, hand: Hand, status: int) -> None:
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
                self._allotment.put_back(rest)
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
        self._break(_failure(message, text))

    def _break(self, failure: Failure) -> None:
        """Fail everything: no worker can make attempts."""
        if self._broken is None:
            self._broken = failure
            self._tell_broken(failure)
        for batch in self._allotment.take_waiting():
            self._fail(batch, failure)

    def _fail(self, batch: Batch, failure: Failure) -> None:
        self._deliver(Finished.failed(batch, failure))


def _failure(message: str, said: str = "") -> Failure:
    return Failure("hookline.errors.HooklineError", message, said, said.splitlines()[-1] if said else "", False)


def _timed_out(hand: Hand, output: Output | None) -> Outcome:
    batch = hand.batch
    failure = Failure("TimeoutError", f"took longer than {batch.timeout:g} s", "", "", True)
    took = int((time.monotonic() - hand.since) * 1e6)
    return Outcome(batch.items[hand.done], Kind.TIMED_OUT, None, hand.since_us, took, failure, (), output)
