"""An executor for tests of what stands around attempts: schedulers, retries, hooks, observers.

Attempts are really made, in the driver's own thread; what goes wrong is what a test asked for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hookline.executors.protocol import Traits
from hookline.model.batch import Batch, Deliver, Failure, Finished, Lost, Message, Outcome, RunFacts, Started
from hookline.model.states import Kind
from hookline.worker.local import LocalWorkers

__all__ = ["RecordingExecutor"]


@dataclass(slots=True)
class _Fault:
    """What is to go wrong with the next attempts of a task."""

    task: str
    times: int
    failure: Failure | None
    reason: str
    out_of_memory: bool
    timed_out: bool = False


class RecordingExecutor:
    """Makes each attempt while it is submitted, notes all, loses, fails and holds back what it is told to.

    Give it to a run: ``hookline.run(flow, executor=RecordingExecutor())``. One object serves one run.

    Args:
        workers: How many batches it takes at once; those that are held back count.

    Attributes:
        batches: The batches, in the order in which they were submitted.
        messages: What it delivered, in order.
        cancelled: The numbers of the batches that it was asked to end.
        facts: What the engine said about the run; None before it began.
        closed: Whether the run gave it back.
    """

    traits = Traits(kills=False, remote=False, shares_memory=True, blocks=True)

    def __init__(self, workers: int = 4) -> None:
        self.batches: list[Batch] = []
        self.messages: list[Message] = []
        self.cancelled: list[int] = []
        self.facts: RunFacts | None = None
        self.closed = False
        self._capacity = workers
        self._faults: list[_Fault] = []
        self._holds: dict[str, str] = {}
        self._held: deque[tuple[str, Message]] = deque()
        self._worker: LocalWorkers | None = None
        self._deliver: Deliver | None = None
        self._lock = threading.RLock()

    @property
    def attempted(self) -> list[str]:
        """Ids of the attempts, in the order in which they were submitted: ``load``, ``train[3]``."""
        return [_id(batch, at) for batch in self.batches for at in range(len(batch.items))]

    def lose(
        self,
        task: str,
        times: int = 1,
        *,
        reason: str = "killed by signal 9 (SIGKILL)",
        out_of_memory: bool = False,
        timed_out: bool = False,
    ) -> None:
        """Lose the worker of the next batches that hold attempts of a task; nothing of them is made.

        Args:
            task: The task's id, or an item's: ``train[3]``.
            times: How many batches.
            reason: How the worker died, in words.
            out_of_memory: Whether the system tells that memory ran out.
            timed_out: Whether it was killed because its attempt took too long.
        """
        self._faults.append(_Fault(task, times, None, reason, out_of_memory, timed_out))

    def fail(self, task: str, times: int = 1, *, error: Exception | None = None, retryable: bool = True) -> None:
        """Let the next attempts of a task fail without being made.

        Args:
            task: The task's id, or an item's.
            times: How many attempts.
            error: What they fail with.
            retryable: Whether the step's ``retry_on`` is said to cover it.
        """
        raised = error or RuntimeError("asked to fail")
        failure = Failure(type(raised).__name__, str(raised), "", "", retryable)
        self._faults.append(_Fault(task, times, failure, "", False))

    def hold(self, task: str, until: str) -> None:
        """Keep back how a task's attempts ended until an attempt of another has ended.

        Args:
            task: The task's id.
            until: The other's; :meth:`release` ends it, too.
        """
        self._holds[task] = until

    def release(self, task: str) -> None:
        """Tell what was held back of a task; from any thread."""
        with self._lock:
            self._holds.pop(task, None)
            told = [message for held, message in self._held if held == task]
            self._held = deque(entry for entry in self._held if entry[0] != task)
            for message in told:
                self._tell(message)

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`."""
        self.facts, self._deliver = run, deliver
        self._worker = LocalWorkers(run)

    def capacity(self) -> int:
        """See :meth:`Executor.capacity`."""
        return self._capacity

    def submit(self, batch: Batch) -> None:
        """Make the batch's attempts now, or what was asked for instead; calls that could follow come in turn."""
        batch = replace(batch, links=(), taken=None)
        with self._lock:
            self.batches.append(batch)
            task = batch.work.task_id
            self._tell(Started(batch.number, 0))
            places = range(len(batch.items))
            losses = ((at, self._take(batch, at, lost=True)) for at in places)
            end, loss = next(((at, fault) for at, fault in losses if fault is not None), (len(places), None))
            # What comes before the one at fault has ended by then, as with a worker that dies.
            self._make(batch, end, loss is None)
            if loss is not None:
                lost = Lost(batch.number, 0, loss.reason, loss.out_of_memory, timed_out=loss.timed_out)
                self._message(task, lost)
        for waiting, awaited in list(self._holds.items()):
            if any(_is_of(batch, at, awaited) for at in range(len(batch.items))):
                self.release(waiting)

    def cancel(self, batches: Iterable[int], grace: float) -> None:  # noqa: ARG002 - nothing is running
        """Note it; what was held back is told, since no more is to come."""
        self.cancelled += batches
        for task in [*self._holds]:
            self.release(task)

    def close(self, grace: float) -> None:  # noqa: ARG002 - nothing is running
        """Give files back."""
        self.closed = True
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _make(self, batch: Batch, end: int, whole: bool) -> None:
        """Make a batch's attempts up to a place; some fail because they were asked to."""
        worker, task = self._worker, batch.work.task_id
        assert worker is not None
        asked = {at: fault for at in range(end) if (fault := self._take(batch, at, lost=False))}
        rest = [at for at in range(end) if at not in asked]
        if asked:
            outcomes = [Outcome(batch.items[at], Kind.FAILED, None, 0, 0, fault.failure) for at, fault in asked.items()]
            self._message(task, Finished(batch.number, 0, outcomes, whole and not rest, [*asked]))
        if not rest:
            return
        part = replace(
            batch,
            items=[batch.items[at] for at in rest],
            inputs=[batch.inputs[at] for at in rest],
            keys=[batch.keys[at] for at in rest],
        )
        following = iter(rest)

        def emit(outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
            places = [next(following) for _ in outcomes] if positions is None else [rest[at] for at in positions]
            self._message(task, Finished(batch.number, 0, outcomes, done and whole, places))

        worker.run(part, emit, 0)

    def _take(self, batch: Batch, at: int, *, lost: bool) -> _Fault | None:
        for fault in self._faults:
            if fault.times and (fault.failure is None) is lost and _is_of(batch, at, fault.task):
                fault.times -= 1
                return fault
        return None

    def _message(self, task: str, message: Message) -> None:
        if task in self._holds:
            self._held.append((task, message))
        else:
            self._tell(message)

    def _tell(self, message: Message) -> None:
        self.messages.append(message)
        if self._deliver is not None:
            self._deliver(message)


def _task_of(batch: Batch, at: int) -> str:
    call = batch.work.call_input
    return batch.work.task_id if call < 0 else str(batch.inputs[at][call][1])


def _id(batch: Batch, at: int) -> str:
    task = _task_of(batch, at)
    return f"{task}[{batch.items[at]}]" if batch.work.mapped else task


def _is_of(batch: Batch, at: int, wanted: str) -> bool:
    return wanted in (_task_of(batch, at), _id(batch, at))
