"""What the engine and its executors exchange: batches of attempts one way, messages the other.

Everything here travels between processes as it is.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hookline.model.plugin_ref import PluginRef
from hookline.model.states import Kind
from hookline.model.stretch import Link, Taken
from hookline.model.work import Work

__all__ = [
    "AT_ONCE",
    "Batch",
    "Failure",
    "Finished",
    "Gone",
    "Lost",
    "Message",
    "Outcome",
    "Output",
    "Places",
    "RunFacts",
    "Started",
    "outcome_of",
    "python_minor",
]


AT_ONCE = 100
"""How many attempts of async steps go on at once in one worker."""

Inputs = tuple[Any, ...]
"""Per hole: an outputs blob, or a list of outputs blobs for ``Hole.many``; then what :class:`Work` says."""


@dataclass(slots=True, eq=False)
class Batch:
    """Attempts of one work that are made by one worker, one after the other or side by side.

    Attributes:
        number: Unique in the run.
        work: What they have in common.
        items: The items' numbers.
        attempt: The attempts' number, from 1.
        inputs: Per item, what fills the holes.
        keys: Per item, the key under which its result is recorded.
        timeout: Seconds that each attempt may take; None for no limit.
        links: Calls that follow one after the other on the only item, as far as the worker need not ask.
        taken: The keys of which these must have none; None where there are no links.
    """

    number: int
    work: Work
    items: Sequence[int]
    attempt: int
    inputs: Sequence[Inputs]
    keys: Sequence[bytes]
    timeout: float | None = None
    links: Sequence[Link] = ()
    taken: Taken | None = None

    @property
    def time_limit(self) -> float | None:
        """Seconds after which an executor that kills ends the batch: ``Lost(timed_out=True)``; None for no limit.

        Attempts of async steps have none here, for the worker that makes them looks at the time.
        """
        return None if self.timeout is None or self.work.concurrent else self.timeout * len(self.items)


class Failure(NamedTuple):
    """Why an attempt failed, as data.

    Attributes:
        type: The exception's qualified type name.
        message: Its text.
        traceback: The formatted traceback, from the user's first frame on.
        frame: The user's innermost line: ``"churn.py:14 in train: raise ValueError(…)"``; empty where there is none.
        retryable: Whether the step's ``retry_on`` covers it.
    """

    type: str
    message: str
    traceback: str
    frame: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What an attempt printed and logged.

    Attributes:
        text: Head and tail of the output, with a line that tells how much is missing between.
        dropped: How many bytes are missing.
    """

    text: bytes
    dropped: int = 0


class Outcome(NamedTuple):
    """How an attempt ended.

    Attributes:
        item: The item's number.
        kind: A value of :class:`hookline.model.states.Kind`.
        outputs: The packed outputs of a value; None otherwise.
        started_us: Unix time in microseconds at the function's start.
        duration_us: How long loading, running and storing took.
        failure: Why it failed.
        notes: Noted facts; artifact values are packed outputs by then.
        output: What it printed.
        key: Of a link's attempt, the key under which its result is recorded.
    """

    item: int
    kind: int
    outputs: bytes | None
    started_us: int
    duration_us: int
    failure: Failure | None = None
    notes: tuple[Any, ...] = ()
    output: Output | None = None
    key: bytes = b""


outcome_of: Callable[[tuple[Any, ...]], Outcome] = functools.partial(tuple.__new__, Outcome)
"""Makes an outcome of all its fields. There are many: what a named tuple does by itself takes three times as long."""


class Started(NamedTuple):
    """A worker began to work on a batch."""

    batch: int
    worker: int


class Finished(NamedTuple):
    """Some attempts of a batch ended.

    Attributes:
        batch: The batch's number.
        worker: Who made them.
        outcomes: Those that ended since the last message.
        done: Whether the batch has no more.
        positions: Which of the batch's attempts these are; None for those that are next in the order of its items, and
            then of its links.
    """

    batch: int
    worker: int
    outcomes: list[Outcome]
    done: bool
    positions: Sequence[int] | None = None

    @classmethod
    def failed(cls, batch: Batch, failure: Failure | str, worker: int = -1) -> Finished:
        """Let all attempts of a batch fail that nobody can make.

        Args:
            batch: The batch, of which nothing was told yet.
            failure: Why, in words that say what to do about it.
            worker: The worker's number; -1 where there is none.

        Returns:
            The message that ends the batch.
        """
        if isinstance(failure, str):
            failure = Failure("HooklineError", failure, "", "", retryable=False)
        now = time.time_ns() // 1000
        return cls(
            batch.number, worker, [Outcome(item, Kind.FAILED, None, now, 0, failure) for item in batch.items], True
        )


class Lost(NamedTuple):
    """A worker died or was killed with a batch in its hands.

    Attributes:
        batch: The batch's number.
        worker: Which worker.
        reason: In words: ``"killed by signal 9 (SIGKILL)"``, ``"exited with status 0"``.
        out_of_memory: Whether the system tells that memory ran out.
        cancelled: Whether it was killed because the engine asked.
        output: What the running attempt printed, as far as known.
        timed_out: Whether it was killed because its attempt took longer than :attr:`Batch.time_limit`.
        last: The node, item and number of the attempt that the worker was making when it was last heard of; None where
            the run's in-flight file says that.
    """

    batch: int
    worker: int
    reason: str
    out_of_memory: bool = False
    cancelled: bool = False
    output: Output | None = None
    timed_out: bool = False
    last: tuple[int, int, int] | None = None


class Gone(NamedTuple):
    """The executor can make no more attempts, and no attempt is at fault: its cluster was lost, or can't be joined.

    The run ends as interrupted. Batches that the executor still has are answered as after ``cancel``, which follows.

    Attributes:
        reason: What happened, in words.
        help: What to do about it; empty where that is not known.
    """

    reason: str
    help: str = ""


class Places(NamedTuple):
    """Where the executor can make attempts now; its capacity may have changed with that, and is asked for again.

    Attributes:
        executor: Its name.
        nodes: On how many machines.
        slots: How many batches can be worked on there at once.
        busy: How many of these places are taken.
    """

    executor: str
    nodes: int
    slots: int
    busy: int


Message = Started | Finished | Lost | Gone | Places
Deliver = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What every worker of a run has to know; small, sent once.

    Attributes:
        run_id: The run's id.
        store: The path of the store's folder, or its URL; empty where that folder is not seen.
        artifacts: The artifacts' folder.
        folder: Where attempts have their folders.
        flight: The in-flight file.
        cwd: The driver's working directory, which relative paths mean.
        root: The project root.
        target_module: Stable name of the target file's module; empty where there is no file.
        target_file: Its path.
        search_path: What the driver's ``sys.path`` begins with beyond the interpreter's own.
        capture: Whether output of attempts is captured.
        output_limit: Bytes of output kept per attempt.
        plugins: The plugins that have something to do in workers, as the driver resolved them.
        executor: The name of the executor.
        load_policy: Which stored formats may become values.
        open_arguments: Names of arguments, by step, that settings give where a call leaves them open.
        python: The driver's version of Python, as ``"3.11"``: keys hold it, so workers have to have the same.
        homes: Where the driver has the project whose files are at :attr:`root` here, with links and without.
        files: The folder for files that arguments name, where workers do not see those of the driver; else empty.
    """

    run_id: str
    store: str
    artifacts: str
    folder: str
    flight: str
    cwd: str
    root: str
    target_module: str = ""
    target_file: str = ""
    search_path: tuple[str, ...] = ()
    capture: bool = True
    output_limit: int = 65536
    plugins: tuple[PluginRef, ...] = ()
    executor: str = ""
    load_policy: str = "any"
    open_arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    python: str = ""
    homes: tuple[str, ...] = ()
    files: str = ""


def python_minor() -> str:
    """Give the version of this Python as far as it counts for keys: ``"3.11"``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
