"""An executor under test, with what the engine would give it: a file of steps, a folder for results, batches."""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from hookline.executors.protocol import Executor
from hookline.model.batch import Batch, Finished, Gone, Lost, Message, Outcome, Places, RunFacts, Started
from hookline.model.stretch import Link, Taken
from hookline.model.work import Argument, FunctionRef, Hole, StoredArgument, Work
from hookline.store.artifacts import Artifacts
from hookline.store.flight import Flight
from hookline.store.outputs import pack_one, unpack_outputs
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode, encode
from hookline.worker.target import import_target

__all__ = ["STEPS", "Rig", "value_of"]

STEPS = """
import logging, os, signal, sys, time
from pathlib import Path
from hookline import attempt

class Thing: pass

def same(x): return x
def twice(x): return x + x
def add(x, y): return x + y
def fail(x): raise ValueError(f"no {x}")
def fail_if(x, y):
    if x == y: raise ValueError(f"no {x}")
    return x
def leave(x): sys.exit(0)
def leave_hard(x): os._exit(0)
def folder(x): return os.getcwd()
def chatter(x):
    print("out", x); sys.stderr.write("err\\n"); logging.getLogger("mine").warning("logged"); return x
def nap(x): time.sleep(x); return x
def killed(x): os.kill(os.getpid(), signal.SIGKILL)
def until_there(x):
    while not Path(x).exists(): time.sleep(0.001)
    return x
def write(x, text):
    part = Path(x + ".part"); part.write_text(text); part.replace(x)
def until_cancelled(x):
    write(x, "begun")
    while not attempt().cancelled(): time.sleep(0.001)
    return "tidied"
def sleep_noted(x): write(x, str(os.getpid())); time.sleep(600)
def is_class(x): return type(x) is Thing
"""
"""The file whose functions the attempts call."""

_WAIT = 60.0
_NAME = "steps_under_test"


class Rig:
    """Starts an executor, gives it batches and keeps what it delivers. Use it in a ``with`` block.

    Args:
        executor: The executor, not started.
        folder: An empty folder.
        source: The code of the functions that attempts call.
        **facts: What differs in what the engine says about the run.

    Attributes:
        executor: The executor.
        folder: The folder.
        run: What the executor is told about the run.
        file: The file with the functions.
        flight: The file that says what is in flight.
        messages: What it delivered, in order.
        times: When it did.
        ends: The batches that have ended.
    """

    def __init__(self, executor: Executor, folder: Path, *, source: str = STEPS, **facts: Any) -> None:
        self.executor = executor
        self.folder = folder
        self.file = folder / f"{_NAME}.py"
        self.file.write_text(source)
        (folder / "artifacts").mkdir()
        (folder / "attempts").mkdir()
        self.flight = Flight(folder / "flight", create=True)
        self.messages: list[Message] = []
        self.times: list[float] = []
        self.ends: set[int] = set()
        self._changed = threading.Condition()
        self._numbers = iter(range(1, 1 << 30))
        self._tasks: dict[Any, Work] = {}
        self.run = RunFacts(
            **{
                "run_id": "test",
                "store": str(folder),
                "artifacts": str(folder / "artifacts"),
                "folder": str(folder / "attempts"),
                "flight": str(folder / "flight"),
                "cwd": str(folder),
                "root": str(folder),
                "target_module": _NAME,
                "target_file": str(self.file),
                **facts,
            }
        )
        self._begun = False
        self._main = sys.modules["__main__"]

    def begin(self) -> None:
        """Start the executor: in the test itself, since pytest changes the streams between its phases."""
        if not self._begun:
            self._begun = True
            if self.executor.traits.shares_memory:
                self.target()
            self.executor.start(self.run, self._deliver)

    def target(self) -> ModuleType:
        """Import the file in this process."""
        module = import_target(self.run.target_module, self.run.target_file, ())
        assert module is not None
        return module

    def work(self, name: str, *constants: Any, cpu: float = 1.0, function: FunctionRef | None = None) -> Work:
        """Describe the attempts of one function.

        Args:
            name: The function's name.
            *constants: Its second argument, if it has one.
            cpu: How many processors an attempt may use.
            function: The function, where it is not in the file.
        """
        key = (name, repr(constants), cpu, function)
        work = self._tasks.get(key)
        if work is None:
            stored = [StoredArgument(encode(constant).data()) for constant in constants]
            arguments: list[tuple[str, Argument]] = [("x", Hole(0)), *(("y", argument) for argument in stored)]
            work = self._tasks[key] = Work(
                len(self._tasks),
                name,
                True,
                function or FunctionRef(_NAME, name),
                tuple(arguments),
                pickle.dumps((Exception,)),
                cpu=cpu,
            )
        return work

    def batch(
        self, name: str, *items: Any, also: Sequence[Any] = (), timeout: float | None = None, cpu: float = 1.0
    ) -> Batch:
        """Make a batch with one attempt per item."""
        return self.batch_of(self.work(name, *also, cpu=cpu), *items, timeout=timeout)

    def batch_of(self, work: Work, *items: Any, timeout: float | None = None) -> Batch:
        """Make a batch of some work, and start the executor if need be."""
        self.begin()
        inputs = []
        for item in items:
            data = encode(item).data()
            inputs.append((pack_one(digest_bytes(data), data),))
        keys = [bytes(16)] * len(items)
        return Batch(next(self._numbers), work, range(len(items)), 1, inputs, keys, timeout)

    def stretch(self, item: Any, *names: str, taken: Taken | None = None) -> Batch:
        """Make a batch of one attempt, on which calls of other functions follow.

        Args:
            item: The first argument of the first function.
            *names: The functions; each takes what the one before gives.
            taken: The keys that calls must not have; by default none.
        """
        batch = self.batch(names[0], item)
        batch.links = [Link(self.work(name), (None,), (0,), (name.encode(), 0)) for name in names[1:]]
        batch.taken = Taken() if taken is None else taken
        return batch

    def submit(self, name: str, *items: Any, **options: Any) -> int:
        """Submit a batch with one attempt per item; give its number.

        Args:
            name: The function to call.
            *items: Its first argument, per attempt.
            **options: As for :meth:`batch`.
        """
        batch = self.batch(name, *items, **options)
        self.executor.submit(batch)
        return batch.number

    def until(self, condition: Callable[[], bool], wait: float = _WAIT) -> None:
        """Wait for something that deliveries bring about."""
        with self._changed:
            assert self._changed.wait_for(condition, wait), self.messages[-20:]

    def until_there(self, path: Path) -> str:
        """Wait for a file that an attempt writes; give its text."""
        end = time.monotonic() + _WAIT
        while not path.exists() or not path.read_text():
            assert time.monotonic() < end, f"{path} never came; delivered: {self.messages[-20:]}"
            time.sleep(0.002)
        return path.read_text()

    def ended(self, number: int) -> bool:
        """Tell whether a batch has ended."""
        return number in self.ends

    def wait(self, *numbers: int, wait: float = _WAIT) -> None:
        """Wait until batches have ended."""
        self.until(lambda: all(map(self.ended, numbers)), wait)

    def of(self, number: int) -> list[Message]:
        """List what was delivered of a batch so far."""
        return [each for each in self.messages if not isinstance(each, (Gone, Places)) and each.batch == number]

    def outcomes(self, number: int) -> list[Outcome]:
        """Wait for a batch, and list its outcomes."""
        self.wait(number)
        return [outcome for message in self.of(number) if isinstance(message, Finished) for outcome in message.outcomes]

    def values(self, number: int) -> list[Any]:
        """Wait for a batch, and load its values."""
        return [value_of(outcome, self.folder) for outcome in self.outcomes(number)]

    def values_of(self, work: Work, *items: Any) -> list[Any]:
        """Have a batch of some work made, and load its values."""
        batch = self.batch_of(work, *items)
        self.executor.submit(batch)
        return self.values(batch.number)

    def lost(self, number: int) -> Lost:
        """Wait for a batch whose worker was lost."""
        self.wait(number)
        (lost,) = [message for message in self.of(number) if isinstance(message, Lost)]
        return lost

    def started(self, number: int) -> bool:
        """Tell whether a worker began to work on a batch."""
        return any(isinstance(message, Started) for message in self.of(number))

    def close(self, grace: float = 1.0) -> None:
        """Close the executor, and leave this process as it was before."""
        self.executor.close(grace)
        self.flight.close()
        sys.modules["__main__"] = self._main
        sys.modules.pop(_NAME, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _deliver(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            if isinstance(message, Lost) or (isinstance(message, Finished) and message.done):
                self.ends.add(message.batch)
            self.times.append(time.monotonic())
            self._changed.notify_all()


def value_of(outcome: Outcome, folder: Path) -> Any:
    """Load the value of a completed attempt.

    Args:
        outcome: Its outcome.
        folder: The rig's folder.
    """
    assert outcome.outputs is not None, outcome
    (stored,) = unpack_outputs(outcome.outputs)
    return decode(Artifacts(folder / "artifacts").read(stored) if stored.data is None else stored.data)
