"""Killing drivers at random points: nothing recorded is lost or made again, and nobody has to clean up."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from chaos import killed_flow
from hookline.model.states import Kind, RunState
from hookline.store import open_store, unpack_outputs
from hookline.values.encode import decode
from thorough import THOROUGH

# A warm server forks the drivers: what is tested is their death, not their start.
DRIVERS = multiprocessing.get_context("forkserver")
DRIVERS.set_forkserver_preload(["hookline.engine.api", "hookline.worker.target", "hookline.executors.processes"])
FEWER = [("threads", 20), ("processes", 12)]
Task = tuple[int, int]


class Ordeal:
    """One store whose drivers are killed again and again."""

    def __init__(self, folder: Path, executor: str, seed: int) -> None:
        self.folder = folder
        self.executor = executor
        self.chance = random.Random(seed)
        self.salt = seed * 1000
        self.kills = 0
        self.finished = 0
        self.recorded: set[Task] = set()
        self.lines_before = 0

    def round(self) -> None:
        """Let a driver go on for a while, kill it, and look at what it left."""
        resumed = bool(self.recorded) or self.lines_before > 0
        driver = self.start(None if resumed else self.salt)
        target = self.lines_before + self.chance.randint(1, 60)
        while driver.is_alive() and len(self.lines()) < target:
            driver.join(0.0005)
        if driver.is_alive():
            # Anywhere within the next tasks, or within a commit.
            driver.join(self.chance.random() * 0.02)
        driver.kill()
        driver.join()
        if driver.exitcode == -signal.SIGKILL:
            self.kills += 1
        else:
            assert driver.exitcode == 0
        self.check_executions()
        self.check_workers()
        self.check_store(driver.exitcode == 0)

    def start(self, salt: int | None) -> BaseProcess:
        driver = DRIVERS.Process(target=killed_flow.drive, args=(str(self.folder), self.executor, salt), daemon=False)
        driver.start()
        return driver

    def lines(self) -> list[list[str]]:
        log = self.folder / killed_flow.LOG
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def has_recorded(self) -> bool:
        """Whether the driver has committed attempts; how soon it does is up to the machine."""
        if len(self.lines()) <= 20:
            return False
        with open_store(self.folder / ".hookline") as store:
            return any("attempts" in commit.ranges for commit in store.events())

    def check_executions(self) -> None:
        """Nothing that was recorded when this driver started was made again."""
        made = {line[1] for line in self.lines()[self.lines_before :]}
        known = {self.task_id(task) for task in self.recorded}
        assert not made & known

    def check_workers(self) -> None:
        """All processes that made attempts for this driver are gone within two seconds, or some on a busy machine."""
        pids = {int(line[3]) for line in self.lines()[self.lines_before :]}
        end = time.monotonic() + 6.0
        while alive := [pid for pid in pids if is_alive(pid)]:
            assert time.monotonic() < end, f"still there long after the driver's death: {alive}"
            time.sleep(0.01)

    def check_store(self, ended: bool) -> None:
        """What was recorded is still there, once and whole; a run that ended gave the right result."""
        self.lines_before = len(self.lines())
        if not (self.folder / ".hookline" / "journal.sqlite3").exists():
            return
        with open_store(self.folder / ".hookline") as store:
            runs = store.runs()
            if not runs:
                return
            state = store.state_of(store.run("last"))
            self.names = {node.node: (node.name, node.shape) for node in store.nodes("last")}
            good = [row for row in store.attempts("last") if Kind(row.kind).succeeded]
            tasks = {(row.node, row.item) for row in good}
            assert len(tasks) == len(good)
            assert self.recorded <= tasks
            for row in good:
                assert row.outputs is not None
                for slot in unpack_outputs(row.outputs):
                    decode(bytes(store.artifacts.read(slot)) if slot.data is None else slot.data)
            self.recorded = tasks
            if not ended:
                assert state in (RunState.INTERRUPTED, RunState.COMPLETED)
        if ended or state is RunState.COMPLETED:
            self.finish()

    def finish(self) -> None:
        """A run has come to its end in spite of all: look at its result and begin another."""
        import hookline

        run = hookline.open_store(self.folder / ".hookline").run("last")
        assert run.status == "completed"
        assert run.result == killed_flow.expected(self.salt)
        made = [line[1] for line in self.lines() if line[0] == run.id]
        assert set(made) == {self.task_id(task) for task in self.recorded}
        self.finished += 1
        self.salt += 1
        self.recorded = set()
        self.lines_before = 0
        (self.folder / killed_flow.LOG).unlink()

    def task_id(self, task: Task) -> str:
        name, shape = self.names[task[0]]
        return f"{name}[{task[1]}]" if shape else name


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.chaos
@pytest.mark.parametrize(("executor", "kills"), [("threads", 40), ("processes", 25)] if THOROUGH else FEWER)
def test_a_killed_driver_loses_nothing_recorded_and_repeats_nothing(tmp_path: Path, executor: str, kills: int) -> None:
    """Over many kills at random points every resume goes on where the journal ends, at once and on its own."""
    ordeal = Ordeal(tmp_path, executor, seed=kills)
    while ordeal.kills < kills:
        ordeal.round()
    while ordeal.lines_before:
        driver = ordeal.start(None)
        driver.join()
        assert driver.exitcode == 0
        ordeal.check_executions()
        ordeal.check_store(ended=True)
    assert ordeal.finished >= (3 if THOROUGH else 1)


@pytest.mark.chaos
def test_a_child_that_outlives_its_driver_holds_no_lock(tmp_path: Path) -> None:
    """A process that a step forked keeps the run's lock from nobody: the next driver starts at once."""
    ordeal = Ordeal(tmp_path, "threads", seed=3)
    pid = tmp_path / killed_flow.CHILD
    driver = separate(tmp_path, 3)
    try:
        while driver.poll() is None and not (pid.exists() and pid.read_text() and ordeal.has_recorded()):
            time.sleep(0.001)
        driver.kill()
        assert driver.wait() == -signal.SIGKILL
        assert is_alive(int(pid.read_text()))
        ordeal.salt = 3
        ordeal.check_store(ended=False)
        assert ordeal.recorded
        assert separate(tmp_path, None).wait() == 0
        assert is_alive(int(pid.read_text()))
        ordeal.check_executions()
        ordeal.check_store(ended=True)
    finally:
        driver.kill()
        driver.wait()
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)


def separate(folder: Path, salt: int | None) -> subprocess.Popen[bytes]:
    """Start a driver whose steps leave a child behind, in a process of its own."""
    script = f"from chaos.killed_flow import drive; drive({str(folder)!r}, 'threads', {salt}, True)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", script], env=environment)
