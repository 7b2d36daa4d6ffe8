"""Ctrl-C while a plugin hangs: one ends the run, and what is recorded stands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

AT_LAST = 60.0
"""Seconds for what is awaited."""

FLOW = """
from hookline import step, workflow

@step
def same(x: int) -> int:
    return x

@workflow
def flow():
    return same(1)
"""

PLUGIN = """
import os, threading
from pathlib import Path
from hookline import hookimpl

def hang(here):
    if here == os.environ["HANGS"]:
        Path("hangs").touch()
        threading.Event().wait()

@hookimpl
def worker_started(worker):
    hang("worker_started")
    yield
    hang("the end of worker_started")

@hookimpl
def around_attempt(attempt):
    hang("around_attempt")
    yield
    hang("the end of around_attempt")

@hookimpl
def task_finished(task):
    hang("task_finished")

@hookimpl
def run_finished(run):
    hang("run_finished")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose plugin hangs where it is told to."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "hookline_plugins.py").write_text(PLUGIN)
    return tmp_path


@pytest.fixture
def drivers() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are not to be left behind."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupted(project: Path, drivers: list[subprocess.Popen[str]], hangs: str) -> tuple[int, str]:
    """Interrupt a run once when its plugin hangs; gives its exit code and what it said."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "hookline", "run", "flow.py", "-x", "inline", "--grace", "0.1s"],
        cwd=project,
        env={**os.environ, "HANGS": hangs},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    drivers.append(driver)
    end = time.monotonic() + AT_LAST
    while not (project / "hangs").exists():
        assert driver.poll() is None
        assert time.monotonic() < end
        threading.Event().wait(0.005)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=AT_LAST)
    return driver.returncode, said


@pytest.mark.parametrize("hook", ["task_finished", "run_finished"])
def test_a_run_that_is_interrupted_leaves_a_hanging_observer_behind(
    project: Path, drivers: list[subprocess.Popen[str]], hook: str
) -> None:
    """The run has ended, and says whom it does not wait for any more."""
    code, said = interrupted(project, drivers, hook)
    assert code in (0, 130)  # a signal may come before the last task is recorded
    assert f"the run does not wait for '{hook}' of plugin 'hookline_plugins' any more" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("hangs", "expected"),
    [
        ("worker_started", 130),
        ("around_attempt", 130),
        ("the end of around_attempt", 0),
        ("the end of worker_started", 0),
    ],
)
def test_a_hook_that_hangs_in_the_drivers_thread_ends_with_the_grace_period(
    project: Path, drivers: list[subprocess.Popen[str]], hangs: str, expected: int
) -> None:
    """As a step that hangs there does: one request to stop is enough."""
    code, said = interrupted(project, drivers, hangs)
    assert code == expected, said
    assert "Traceback" not in said
