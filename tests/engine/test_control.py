"""Runs under control: cancelled from elsewhere, taken over, and tasks set aside that were there at every crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.project import Project
from hookline.engine import api
from hookline.engine.stop import Stop
from hookline.errors import OwnershipError, UsageError
from hookline.model.states import Kind
from hookline.store.locks import StoreLock
from hookline.store.schema import LOCK

Make = Callable[[str], Project]

WAITING = """
@step
def quick(x: int) -> int:
    note(f"quick {x}")
    return x

@step
def wait(x: int) -> int:
    note(f"wait {os.getpid()}")
    while there("closed") and not attempt().cancelled():
        time.sleep(0.01)
    return x

@step
def after(x: int) -> int:
    return x

@workflow
def flow():
    return after(wait(quick(1))), quick(2)
"""


def start(flow: Project, *options: str) -> subprocess.Popen[str]:
    """Start a driver, and wait until it waits."""
    command = [sys.executable, "-m", "hookline", "run", str(flow.file), *options]
    driver = subprocess.Popen(command, cwd=flow.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    await_line(flow, "wait ")
    return driver


def await_line(flow: Project, text: str, within: float = 30.0) -> None:
    end = time.monotonic() + within
    path = flow.folder / "executions"
    while time.monotonic() < end:
        if path.exists() and text in path.read_text():
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"nothing noted {text!r}")


@pytest.fixture
def waiting(project: Make) -> Iterator[Project]:
    flow = project(WAITING)
    flow.touch("closed")
    yield flow
    (flow.folder / "closed").unlink(missing_ok=True)


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_is_cancelled_from_another_process(waiting: Project, executor: str) -> None:
    """Its driver notices, records, exits with 6, and says why; what is done stays done."""
    driver = start(waiting, "-x", executor)
    run = api.cancel(store=waiting.folder / ".hookline", why="no longer needed")
    _, said = driver.communicate(timeout=30)
    assert run.status == "cancelled"
    assert driver.returncode == 6, said
    with waiting.store() as store:
        assert store.run(run.id).error == "no longer needed"
    assert run.tasks["quick"].state == "completed"
    with pytest.raises(UsageError, match=f"run {run.id} has ended: it is cancelled"):
        api.cancel(run.id, store=waiting.folder / ".hookline")
    waiting.remove("closed")
    assert waiting.resume(run.id).status == "completed"


@pytest.mark.chaos
def test_a_run_whose_driver_is_dead_is_cancelled_at_once(waiting: Project) -> None:
    """There is nobody who would see the wish."""
    driver = start(waiting)
    driver.kill()
    driver.communicate()
    run = api.cancel(store=waiting.folder / ".hookline", why="given up", wait=0)
    assert run.status == "cancelled"
    with waiting.store() as store:
        assert store.run(run.id).error == "given up"


@pytest.mark.integration
def test_a_second_driver_is_refused_with_who_has_the_run(waiting: Project) -> None:
    """Host, process and last heartbeat, at once; the first driver goes on."""
    driver = start(waiting)
    began = time.monotonic()
    with pytest.raises(OwnershipError, match=f"is being driven by another process: .*process {driver.pid}, "):
        waiting.resume("last")
    assert time.monotonic() - began < 5
    waiting.remove("closed")
    driver.communicate(timeout=30)
    assert driver.returncode == 0


@pytest.mark.chaos
@pytest.mark.parametrize("_", range(int(os.environ.get("HOOKLINE_TAKEOVERS", "3"))))
def test_a_driver_that_slept_through_a_takeover_records_nothing_more(waiting: Project, _: int) -> None:
    """Stopped, taken over and woken, it exits with 75, its workers are gone, and no row of its epoch comes after."""
    driver = start(waiting, "-x", "processes")
    # Not in the middle of a commit: see the next test.
    lock = StoreLock(waiting.folder / ".hookline" / LOCK)
    with lock:
        os.kill(driver.pid, signal.SIGSTOP)
        stat = Path(f"/proc/{driver.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            threading.Event().wait(0.01)
    lock.close()
    (worker,) = [int(line.split()[1]) for line in waiting.executions() if line.startswith("wait ")]
    waiting.remove("closed")
    run = waiting.resume("last", takeover=True)
    assert run.status == "completed"
    with waiting.store() as store:
        newest = max(commit.sequence for commit in store.events(0, 100_000))
    os.kill(driver.pid, signal.SIGCONT)
    _out, said = driver.communicate(timeout=30)
    assert driver.returncode == 75, said
    assert "belongs to another driver" in said
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{worker}") and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert not os.path.exists(f"/proc/{worker}")
    with waiting.store() as store:
        assert [commit for commit in store.events(newest) if commit.epoch < 2] == []
        assert store.run(run.id).epoch == 2
    assert run.status == "completed"


HOLDER = """
import os, signal, sys
from pathlib import Path
from hookline.store.locks import StoreLock
with StoreLock(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def stopped_holder(flow: Project) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that was stopped while it held the store's lock, as in a commit."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(flow.folder / ".hookline" / LOCK)]) as holder:
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield holder
        finally:
            holder.kill()


@pytest.mark.chaos
def test_a_takeover_does_not_wait_for_ever_for_whoever_was_stopped_in_a_commit(
    waiting: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says who holds the store's lock, which need not be the run's driver; once that has ended, it works."""
    monkeypatch.setattr("hookline.store.ownership.LOCK_WITHIN", 0.3)
    driver = start(waiting)
    with stopped_holder(waiting) as holder:
        with pytest.raises(OwnershipError, match=rf"process {holder.pid} on .* \(stopped\) holds it") as caught:
            waiting.resume("last", takeover=True)
        assert f"kill -9 {holder.pid}" in str(caught.value)
    driver.kill()
    driver.communicate()
    waiting.remove("closed")
    assert waiting.resume("last", takeover=True).status == "completed"


@pytest.mark.chaos
def test_a_command_that_waits_for_a_stopped_process_names_it_and_then_goes_on(waiting: Project) -> None:
    """A warning says whom it waits for; once that process goes on, the command does what it was asked to."""
    driver = start(waiting)
    code = "import sys; from hookline.store import locks; locks.TELL_AFTER = 0.2; from hookline.cli.app import main; "
    command = [sys.executable, "-c", code + "sys.exit(main(['runs', 'list']))"]
    with stopped_holder(waiting) as holder:
        listing = subprocess.Popen(
            command, cwd=waiting.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert listing.stderr is not None
        said = listing.stderr.readline()
        os.kill(holder.pid, signal.SIGCONT)
        out, _ = listing.communicate(timeout=30)
    assert f"process {holder.pid} on " in said
    assert "(stopped)" in said
    assert f"kill -CONT {holder.pid}" in said
    assert listing.returncode == 0
    assert "running" in out
    waiting.remove("closed")
    driver.communicate(timeout=30)
    assert driver.returncode == 0


POISON = """
@step
def fine(x: int) -> int:
    note(f"fine {x}")
    return x

@step
def deadly(x: int) -> int:
    if x == 1 and there("poison"):
        os.kill(os.getpid(), 9)
    return x

@step
def after(xs: list[int]) -> int:
    return sum(xs)

@workflow
def flow():
    return after(deadly.map(x=[0, 1, 2])), fine(5)
"""


@pytest.mark.chaos
def test_a_task_that_was_running_at_three_crashes_in_a_row_is_set_aside(project: Make) -> None:
    """The rest goes on; the message names it and the way to try it again, which works."""
    flow = project(POISON)
    flow.touch("poison")
    for command in (["run", str(flow.file)], ["resume", "last"], ["resume", "last"]):
        done = subprocess.run([sys.executable, "-m", "hookline", *command, "-x", "inline"], cwd=flow.folder)
        assert done.returncode == -signal.SIGKILL
    run = flow.resume("last", executor="inline")
    assert run.status == "failed"
    assert [row.kind for row in flow.attempts(run) if row.item == 1] == [Kind.ORPHANED] * 3
    assert run.tasks["deadly[1]"].state == "failed"
    assert "'deadly[1]' was running when the driver died, 3 times in a row" in run.tasks["deadly[1]"].error
    assert "resume with --rerun deadly" in run.why("deadly[1]")
    assert run.tasks["deadly"].counts == {"completed": 2, "failed": 1}
    assert run.tasks["fine"].state == "completed"
    assert run.tasks["after"].state == "skipped"
    flow.remove("poison")
    assert flow.resume("last", executor="inline").status == "failed"
    assert flow.resume("last", executor="inline", rerun=["deadly"]).result == (3, 5)


STUCK = """
@step
def stuck(x: int) -> int:
    note(f"stuck {x}")
    while not there("released"):
        time.sleep(0.01)
    return x

@workflow
def flow():
    return stuck.map(x=[0, 1, 2])
"""


@pytest.mark.parametrize("level", ["soft", "hard"])
def test_what_a_thread_was_handed_ahead_and_never_began_is_not_abandoned(
    project: Make, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """Only an attempt that was being made is recorded; the next one is left for a resume."""
    monkeypatch.setattr("hookline.engine.run.dispatcher._ENDING", 0.2)
    flow, stop = project(STUCK), Stop()

    def ask() -> None:
        await_line(flow, "stuck 0")
        getattr(stop, level)()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        target = flow.target
        run = api.run(target.workflow, {}, executor="threads", workers=1, target=target, stop=stop, grace=0.2)
        asking.join()
        assert run.tasks["stuck"].counts == {"abandoned": 1, "pending": 2}
        assert [(row.item, row.kind) for row in flow.attempts(run)] == [(0, Kind.ABANDONED)]
    finally:
        flow.touch("released")


FAILING = """
@step(executor="processes", retries=1)
def tell(run_id: str, failed: list[str]) -> str:
    print("telling")
    note(f"tell {failed} {os.getpid()}")
    if there("untellable") or attempt().number < 2:
        raise ValueError("can't tell")
    return run_id

@step
def bad(x: int) -> int:
    raise ValueError("bad")

@workflow(on_failure=tell)
def flow():
    return bad(1)
"""


def test_a_workflows_step_for_failures_is_a_task_like_any_other(project: Make) -> None:
    """It runs on its executor, is retried, its output and attempts are recorded; the run stays failed in any case."""
    flow = project(FAILING)
    run = flow.run("threads")
    assert run.status == "failed"
    assert run.tasks["tell"].attempts == 2
    assert run.load("tell") == run.id
    assert all(line.startswith("tell ['bad'] ") for line in flow.executions())
    with flow.store() as store:
        assert len(store.logs(run.id)) == 2
    flow.touch("untellable")
    again = flow.run("threads", fresh=True)
    assert again.status == "failed"
    assert again.tasks["tell"].error == "ValueError: can't tell"
