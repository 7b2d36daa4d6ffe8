"""Ctrl-C and SIGTERM at the command line, once and twice, on each executor of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.project import Project
from hookline import Run
from hookline.engine.api import cancel
from hookline.engine.past.recorded import open_run
from thorough import THOROUGH

pytestmark = pytest.mark.integration

EXECUTORS = ["inline", "threads", "processes"]
ENDED = [("inline", "cancelled"), ("threads", "abandoned"), ("processes", "cancelled")]
"""How a task ends on each executor that does not end within the grace period."""
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
PAIRS = [
    (executor, *each) for at, executor in enumerate(EXECUTORS) for each in (SIGNALS if THOROUGH else [SIGNALS[at % 2]])
]
"""Executors and signals: by default one signal on each, since what a signal means is not up to the executor."""
AT_LAST = 60.0
"""Seconds for what is awaited."""
AT_ONCE = 2.0 + 3.0
"""Seconds in which the second signal ends everything, and some for a busy machine."""

FLOW = """
@step
def before(x: int) -> int:
    note("before")
    return x

@step
def wait(x: int) -> int:
    note(f"wait {os.getpid()}")
    while not (there("go") or there("heed") and attempt().cancelled()):
        time.sleep(0.005)
    note("waited")
    return x

@step
def after(x: int) -> int:
    note("after")
    return x

@workflow
def flow():
    return after(wait(before(1)))
"""


class Driver:
    """``hookline run`` in a process of its own, with all that it says on standard error."""

    def __init__(self, flow: Project, executor: str, grace: str, *options: str) -> None:
        command = [sys.executable, "-m", "hookline", "run", str(flow.file), "-x", executor, "--grace", grace, *options]
        self._process = subprocess.Popen(
            command,
            cwd=flow.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        noted = flow.folder / "executions"
        self.until(lambda: noted.exists() and "wait" in noted.read_text())
        self.worker = int(noted.read_text().partition("wait ")[2])

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self.said += line

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that happens while the driver lives."""
        end = time.monotonic() + AT_LAST
        while not condition():
            assert self._process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            threading.Event().wait(0.005)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the group, as a terminal does."""
        os.killpg(self._process.pid, number)

    def stop(self, number: signal.Signals) -> None:
        """Ask it to stop, and see that it heard."""
        self.send(number)
        self.until(lambda: "stopping" in self.said)

    def stop_again(self, number: signal.Signals) -> float:
        """Send the signal until it counts as another request than the first; tells when that was."""
        sent = 0.0
        while "ending at once" not in self.said and self._process.poll() is None:
            sent = time.monotonic()
            self.send(number)
            threading.Event().wait(0.05)
        return sent

    def code(self) -> int:
        """Wait for its end."""
        code = self._process.wait(AT_LAST)
        self._reader.join(AT_LAST)
        return code

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()


@pytest.fixture
def flow(tmp_path: Path) -> Project:
    return Project(tmp_path, FLOW)


@pytest.fixture
def start(flow: Project) -> Iterator[Callable[..., Driver]]:
    """Start drivers whose task waits, and end them."""
    drivers: list[Driver] = []

    def make(executor: str, grace: str = "60s", *options: str) -> Driver:
        drivers.append(Driver(flow, executor, grace, *options))
        return drivers[-1]

    yield make
    flow.touch("go")
    for driver in drivers:
        driver.close()


def recorded(flow: Project) -> Run:
    return open_run("last", store=flow.folder / ".hookline")


def states(flow: Project) -> list[str]:
    tasks = recorded(flow).tasks
    return [tasks[name].state for name in ("before", "wait", "after")]


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(("executor", "number", "code"), PAIRS)
def test_the_first_signal_lets_what_runs_end_and_starts_nothing_more(
    flow: Project, start: Callable[..., Driver], executor: str, number: signal.Signals, code: int
) -> None:
    """What ends within the grace period is recorded; the rest waits for a resume, which repeats nothing."""
    driver = start(executor)
    driver.stop(number)
    flow.touch("go")
    assert driver.code() == code, driver.said
    assert "hookline resume last" in driver.said
    assert recorded(flow).status == "interrupted"
    assert states(flow) == ["completed", "completed", "pending"]
    assert flow.executions() == ["before", f"wait {driver.worker}", "waited"]
    assert not lives(driver.worker)
    assert flow.resume().result == 1
    assert flow.executions() == ["after"]


@pytest.mark.parametrize(("executor", "number", "code"), PAIRS)
def test_the_first_signal_reaches_a_step_that_asks(
    flow: Project, start: Callable[..., Driver], executor: str, number: signal.Signals, code: int
) -> None:
    """A step that looks at attempt().cancelled() may end by itself, long before the grace period does."""
    flow.touch("heed")
    driver = start(executor)
    driver.stop(number)
    assert driver.code() == code, driver.said
    assert recorded(flow).status == "interrupted"
    assert flow.executions() == ["before", f"wait {driver.worker}", "waited"]
    assert states(flow)[0] == "completed"
    assert states(flow)[2] == "pending"


@pytest.mark.parametrize(("executor", "number", "code"), PAIRS)
def test_what_does_not_end_within_the_grace_period_is_ended_or_left_behind(
    flow: Project, start: Callable[..., Driver], executor: str, number: signal.Signals, code: int
) -> None:
    """A process is killed, a thread is abandoned, the driver's own is interrupted; the command ends by itself."""
    driver = start(executor, grace="0.2s")
    driver.stop(number)
    assert driver.code() == code, driver.said
    assert "ending at once" not in driver.said
    assert not lives(driver.worker)
    assert recorded(flow).status == "interrupted"
    assert states(flow) == ["completed", dict(ENDED)[executor], "pending"]
    flow.executions()
    flow.touch("go")
    assert flow.resume().result == 1
    assert flow.executions()[1:] == ["waited", "after"]


def test_the_command_that_goes_on_names_a_store_of_another_place(flow: Project, start: Callable[..., Driver]) -> None:
    """What is said at the second signal can be pasted, as all else that the command suggests."""
    store = str(flow.folder / "elsewhere")
    driver = start("threads", "60s", "--store", store)
    driver.stop(signal.SIGINT)
    driver.stop_again(signal.SIGINT)
    assert driver.code() == 130
    assert f"`hookline resume last --store {store}` goes on from what is recorded" in driver.said


@pytest.mark.parametrize(("executor", "state"), ENDED)
def test_a_run_that_is_cancelled_from_elsewhere_ends_after_the_grace_period(
    flow: Project, start: Callable[..., Driver], executor: str, state: str
) -> None:
    """The wish comes through the store, and ends a task that does not end by itself just as a signal does."""
    driver = start(executor, grace="0.2s")
    found = cancel("last", store=flow.folder / ".hookline", wait=AT_LAST)
    assert driver.code() == 6, driver.said
    assert found.status == "cancelled"
    assert states(flow) == ["completed", state, "cancelled"]


@pytest.mark.parametrize(("executor", "number", "code"), PAIRS)
def test_the_second_signal_ends_everything_at_once(
    flow: Project, start: Callable[..., Driver], executor: str, number: signal.Signals, code: int
) -> None:
    """Within two seconds no process is left; what was recorded stays, and what ran is run again, as after a crash."""
    driver = start(executor)
    driver.stop(number)
    sent = driver.stop_again(number)
    assert driver.code() == code, driver.said
    assert time.monotonic() - sent < AT_ONCE
    assert not lives(driver.worker)
    assert recorded(flow).status == "interrupted"
    assert flow.executions() == ["before", f"wait {driver.worker}"]
    flow.touch("go")
    assert flow.resume().result == 1
    assert flow.executions()[1:] == ["waited", "after"]


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_has_ended_is_recorded_while_the_next_attempt_goes_on(
    flow: Project, start: Callable[..., Driver], executor: str
) -> None:
    """Also where the driver's own thread makes the attempts: killed in the second task, a run keeps the first."""
    driver = start(executor)
    driver.until(lambda: recorded(flow).counts.get("completed") == 1)
    driver.send(signal.SIGKILL)
    driver.code()
    flow.executions()
    flow.touch("go")
    assert flow.resume().result == 1
    assert flow.executions()[1:] == ["waited", "after"]
