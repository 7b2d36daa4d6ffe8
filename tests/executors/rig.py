"""An executor under test, with what the engine would give it."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hookline.executors.protocol import Executor
from hookline.model.batch import (
    Batch,
    Finished,
    FunctionRef,
    Hole,
    Lost,
    Message,
    Outcome,
    RunFacts,
    Started,
    StoredArgument,
    Work,
)
from hookline.store.artifacts import Artifacts
from hookline.store.flight import Flight
from hookline.store.outputs import pack_one, unpack_outputs
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode, encode
from hookline.worker.target import import_target

STEPS = """
import ctypes, logging, os, signal, subprocess, sys, time
from pathlib import Path
from hookline.model.attempt import attempt

def same(x): return x
def extent(x): return len(x) if isinstance(x, bytes) else x
def add(x, y): return x + y
def fail(x): raise ValueError(f"no {x}")
def leave(x): sys.exit(0)
def leave_hard(x): os._exit(0)
def pid(x): return os.getpid()
def folder(x): return os.getcwd()
def variable(x): return os.environ.get(x)
def path(x): return sys.path
def grow(x): return [0] * x
def chatter(x):
    print("out", x); sys.stderr.write("err\\n"); logging.getLogger("mine").warning("logged"); return x
def shout(x):
    print("python", flush=True); os.system("echo child"); os.write(1, b"raw\\n"); return x
def print_for_ever(x):
    while True: print("x" * 1000)
def child_prints_for_ever(x):
    print("begin", flush=True)
    subprocess.run(["yes"])
def write_with_interpreter_held(x):
    data = b"x" * x
    libc = ctypes.PyDLL(None)
    at = 0
    while at < x: at += libc.write(1, data[at:], x - at)
    return at
def nap(x): time.sleep(x); return x
def note_and_nap(x, y):
    Path(x).write_text(str(os.getpid())); time.sleep(y); return os.getpid()
def killed(x): os.kill(os.getpid(), signal.SIGKILL)
def killed_once(x):
    if not Path(x).exists():
        Path(x).write_text("");  os.kill(os.getpid(), signal.SIGKILL)
    return x
def killed_if(x, y):
    if x == y: os.kill(os.getpid(), signal.SIGKILL)
    return x
def segfault(x): ctypes.string_at(0)
def until_cancelled(x):
    Path(x).write_text("begun")
    while not attempt().cancelled(): time.sleep(0.001)
    return "tidied"
def spawn_and_nap(x):
    children = [subprocess.Popen(["sleep", "600"]), subprocess.Popen(["sleep", "600"], start_new_session=True)]
    script = "import os, subprocess as s; os.setsid(); print(s.Popen(['sleep', '600'], env={}, stdout=s.DEVNULL).pid)"
    command = [sys.executable, "-I", "-S", "-c", script]
    orphan = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip()
    pids = [os.getpid(), *(child.pid for child in children), int(orphan)]
    print("spawned", flush=True)
    temporary = Path(str(x) + ".part"); temporary.write_text(" ".join(map(str, pids))); temporary.replace(x)
    time.sleep(600)
def is_class(x): return type(x) is Thing
class Thing: pass
"""

WAIT = 30.0


class Rig:
    """Starts an executor, gives it batches and keeps what it delivers."""

    def __init__(self, executor: Executor, folder: Path, *, source: str = STEPS, **facts: Any) -> None:
        self.executor = executor
        self.folder = folder
        self.file = folder / "steps_under_test.py"
        self.file.write_text(source)
        (folder / "artifacts").mkdir()
        (folder / "attempts").mkdir()
        self.flight = Flight(folder / "flight", create=True)
        self.messages: list[Message] = []
        self.ends: set[int] = set()
        self.times: list[float] = []
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
                "target_module": "steps_under_test",
                "target_file": str(self.file),
                **facts,
            }
        )
        self._begun = False

    def begin(self) -> None:
        """Start the executor: in the test itself, since pytest changes the streams between its phases."""
        if not self._begun:
            self._begun = True
            if self.executor.traits.shares_memory:
                import_target(self.run.target_module, self.run.target_file, ())
            self.executor.start(self.run, self._deliver)

    def _deliver(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            if isinstance(message, Lost) or (isinstance(message, Finished) and message.done):
                self.ends.add(message.batch)
            self.times.append(time.monotonic())
            self._changed.notify_all()

    def work(self, name: str, *constants: Any, cpu: float = 1.0, function: FunctionRef | None = None) -> Work:
        key = (name, repr(constants), cpu, function)
        work = self._tasks.get(key)
        if work is None:
            stored = [StoredArgument(encode(constant).data()) for constant in constants]
            arguments = [("x", Hole(0)), *(("y", argument) for argument in stored)]
            work = self._tasks[key] = Work(
                len(self._tasks),
                name,
                True,
                function or FunctionRef("steps_under_test", name),
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
        self.begin()
        inputs = []
        for item in items:
            data = encode(item).data()
            inputs.append((pack_one(digest_bytes(data), data),))
        keys = [bytes(16)] * len(items)
        return Batch(next(self._numbers), work, range(len(items)), 1, inputs, keys, timeout)

    def submit(self, name: str, *items: Any, **options: Any) -> int:
        batch = self.batch(name, *items, **options)
        self.executor.submit(batch)
        return batch.number

    def until(self, condition: Any, wait: float = WAIT) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, wait), self.messages[-20:]

    def ended(self, number: int) -> bool:
        return number in self.ends

    def wait(self, *numbers: int, wait: float = WAIT) -> None:
        self.until(lambda: all(map(self.ended, numbers)), wait)

    def of(self, number: int) -> list[Message]:
        return [message for message in self.messages if message.batch == number]

    def outcomes(self, number: int) -> list[Outcome]:
        self.wait(number)
        return [outcome for message in self.of(number) if isinstance(message, Finished) for outcome in message.outcomes]

    def values(self, number: int) -> list[Any]:
        return [value_of(outcome, self.folder) for outcome in self.outcomes(number)]

    def values_of(self, work: Work, *items: Any) -> list[Any]:
        batch = self.batch_of(work, *items)
        self.executor.submit(batch)
        return self.values(batch.number)

    def lost(self, number: int) -> Lost:
        self.wait(number)
        (lost,) = [message for message in self.of(number) if isinstance(message, Lost)]
        return lost

    def started(self, number: int) -> bool:
        return any(isinstance(message, Started) for message in self.of(number))

    def close(self, grace: float = 1.0) -> None:
        self.executor.close(grace)
        self.flight.close()


def value_of(outcome: Outcome, folder: Path) -> Any:
    assert outcome.outputs is not None, outcome
    (stored,) = unpack_outputs(outcome.outputs)
    return decode(Artifacts(folder / "artifacts").read(stored) if stored.data is None else stored.data)
