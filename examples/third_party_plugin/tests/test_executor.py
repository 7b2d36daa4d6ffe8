"""The executor: it keeps what each executor keeps, and a few things that are its own."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline import HooklineError, Lost
from hookline.testing.contracts.executors import ExecutorContract
from hookline.testing.rig import STEPS, Rig
from hookline_outpost.executor import OutpostExecutor

MORE_STEPS = """
import subprocess
def pid(x): return os.getpid()
def echo(x): subprocess.run(["echo", x], check=True); return x
def start_child(x):
    child = subprocess.Popen(["sleep", "600"])
    write(x, str(child.pid))
    child.wait()
"""


class TestOutpostExecutor(ExecutorContract):
    """All that hookline asks of an executor."""

    def make_executor(self) -> OutpostExecutor:
        return OutpostExecutor(workers=2)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """The executor, with what the engine would give it, and a few steps more."""
    with Rig(OutpostExecutor(workers=2), tmp_path, source=STEPS + MORE_STEPS) as rig:
        yield rig


def test_what_took_too_long_is_told_with_the_time(rig: Rig) -> None:
    """Users read how long an attempt was given."""
    lost = rig.lost(rig.submit("nap", 600.0, timeout=0.2))
    assert lost.timed_out
    assert lost.reason == "took longer than 0.2 s"


def test_a_batch_may_be_cancelled_the_moment_it_is_submitted(rig: Rig) -> None:
    """Whether its interpreter has been started yet or not, it ends."""
    begun = time.monotonic()
    for _ in range(10):
        number = rig.submit("nap", 600.0)
        rig.executor.cancel([number], 0.0)
        assert rig.lost(number).cancelled
    assert time.monotonic() - begun < 300


def test_what_has_not_begun_is_cancelled_at_once(rig: Rig) -> None:
    """A batch that waits for a worker needs no grace."""
    gate = rig.folder / "gate"
    running = [rig.submit("until_there", str(gate)) for _ in range(2)]
    waiting = rig.submit("same", 1)
    rig.executor.cancel([waiting], 600.0)
    assert rig.lost(waiting) == Lost(waiting, -1, "cancelled", cancelled=True)
    gate.touch()
    rig.wait(*running)


def test_an_interpreter_that_died_while_idle_costs_no_attempt(rig: Rig) -> None:
    """The next batch finds a new one."""
    (pid,) = rig.values(rig.submit("pid", 0))
    os.kill(pid, signal.SIGKILL)
    until_gone(pid)
    assert rig.values(rig.submit("pid", 0)) != [pid]


def test_what_a_step_starts_is_killed_with_it(rig: Rig) -> None:
    """A cancelled attempt leaves no programs behind."""
    noted = rig.folder / "child"
    number = rig.submit("start_child", str(noted))
    pid = int(rig.until_there(noted))
    rig.executor.cancel([number], 0.0)
    assert rig.lost(number).cancelled
    until_gone(pid)


def test_output_of_programs_stays_out_of_the_messages(rig: Rig) -> None:
    """What a step's child process prints is output of its attempt."""
    (outcome,) = rig.outcomes(rig.submit("echo", "hello"))
    assert outcome.output.text == b"hello\n"


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The executor can't start; what to set is said."""
    executor = OutpostExecutor("/nowhere/python")
    with (
        Rig(executor, tmp_path) as rig,
        pytest.raises(HooklineError, match="no interpreter '/nowhere/python'") as raised,
    ):
        rig.begin()
    assert "[tool.hookline.plugin.outpost]" in raised.value.help


def test_an_interpreter_that_knows_nothing_of_hookline_says_so(tmp_path: Path) -> None:
    """Its last words are the reason."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'No module named hookline' >&2\nexit 3\n")
    program.chmod(0o755)
    (tmp_path / "rig").mkdir()
    with Rig(OutpostExecutor(str(program)), tmp_path / "rig") as rig:
        lost = rig.lost(rig.submit("same", 1))
    assert lost.reason == "exited with status 3: No module named hookline"


def test_another_version_of_python_is_refused(tmp_path: Path) -> None:
    """Results of one version must not be reused as those of the other."""
    with Rig(OutpostExecutor(), tmp_path, python="3.4") as rig:
        (outcome,) = rig.outcomes(rig.submit("same", 1))
    assert "the run was started with 3.4" in outcome.failure.message


def until_gone(pid: int) -> None:
    """Wait until there is no such process, or only what its parent has not collected."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (ProcessLookupError, FileNotFoundError):
            return
    raise AssertionError(f"process {pid} still lives")
