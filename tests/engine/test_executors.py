"""Several executors serve one run: values cross, each has its own capacity, what befalls one spares the others."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline.engine.stop import Stop
from hookline.errors import UsageError, WorkflowError
from hookline.executors.protocol import Traits
from hookline.executors.threads import ThreadsExecutor
from hookline.model.batch import Batch, Deliver, RunFacts
from hookline.model.states import Kind

Make = Callable[[str], Project]

MIXED = """
@step(executor="inline")
def here(x: int) -> dict[str, object]:
    return {"x": [x], "where": (os.getpid(), threading.get_ident())}

@step(executor="threads")
def beside(found: dict[str, object]) -> dict[str, object]:
    found["x"].append(1)
    return found | {"thread": (os.getpid(), threading.get_ident())}

@step(executor="processes")
def away(found: dict[str, object]) -> dict[str, object]:
    found["x"].append(2)
    return found | {"process": os.getpid()}

@step
def together(found: list[dict[str, object]]) -> list[dict[str, object]]:
    return found

@workflow
def flow():
    first = here.map(x=range(4))
    return together(away.map(found=beside.map(found=first))), first
"""


@pytest.mark.parametrize("default", ["inline", "threads", "processes"])
def test_values_cross_between_three_executors(project: Make, default: str) -> None:
    """A chain over inline, threads and processes comes to the same in a run on any of them; no value is shared."""
    flow = project("import threading\n" + MIXED)
    run = flow.run(default)
    ended, first = run.result
    assert [item["x"] for item in ended] == [[x, 1, 2] for x in range(4)]
    assert [item["x"] for item in first] == [[x] for x in range(4)]
    me = (os.getpid(), threading.get_ident())
    assert all(item["where"] == me and item["thread"][0] == me[0] != item["process"] for item in ended)
    assert all(item["thread"][1] != me[1] for item in ended)
    assert flow.run("processes" if default == "inline" else "inline").counts["completed"] == 0
    assert sys.stdout.__class__.__name__ != "_Router"


def test_each_executor_keeps_its_own_capacity(project: Make) -> None:
    """With two workers, two threads and two processes are at work at once, and never a third of either."""
    code = """
    import contextlib, fcntl
    HELD = 0.15

    def enter(kind):
        with open(HERE / f"{kind}.lock", "a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            now = lock.read().split()
            lock.write(f" {len(now) and int(now[-1]) + 1 or 1}")
    def leave(kind):
        with open(HERE / f"{kind}.lock", "a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            lock.write(f" {int(lock.read().split()[-1]) - 1}")

    def both_there():
        deadline = time.monotonic() + 20
        while not all((HERE / f"{kind}.lock").exists() and "2" in (HERE / f"{kind}.lock").read_text().split()
                      for kind in ("thread", "process")):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    @step(executor="threads")
    def thread(x: int) -> int:
        enter("thread"); both_there(); leave("thread"); return x

    @step(executor="processes")
    def process(x: int) -> int:
        enter("process"); both_there(); leave("process"); return x

    @workflow
    def flow():
        return thread.map(x=range(6)), process.map(x=range(6))
    """
    flow = project(code)
    assert flow.run().status == "completed"
    for kind in ("thread", "process"):
        levels = [int(word) for word in (flow.folder / f"{kind}.lock").read_text().split()]
        assert max(levels) == 2
        assert levels[-1] == 0


def test_a_dying_process_is_not_taken_for_a_thread_of_the_same_number(project: Make) -> None:
    """What was running when a process died is told by that process, whatever threads with its number do meanwhile."""
    code = """
    import signal

    @step(executor="processes")
    def fragile(x: int) -> int:
        if x == 700:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    @step
    def busy(x: int) -> int:
        time.sleep(0.001)
        return x

    @workflow
    def flow():
        return fragile.map(x=range(1000)), busy.map(x=range(300))
    """
    flow = project(code)
    run = flow.run()
    node = next(node.node for node in flow.store().nodes(run.id) if node.name == "fragile")
    crashed = {row.item for row in flow.attempts(run) if row.node == node and row.kind == Kind.CRASHED}
    assert crashed == {700}
    assert run.counts["crashed"] == 1
    assert run.counts["completed"] == 1299


def test_a_limit_holds_on_each_executor(project: Make) -> None:
    """A step's limit bounds it although other executors of the run have room."""
    code = """
    @step(executor="processes", limit=1)
    def one(x: int) -> int:
        os.mkdir(HERE / "inside")
        time.sleep(0.02)
        os.rmdir(HERE / "inside")
        return x

    @step
    def other(x: int) -> int:
        return x

    @workflow
    def flow():
        return one.map(x=range(5)), other.map(x=range(50))
    """
    assert project(code).run(workers=3).result == (list(range(5)), list(range(50)))


def test_a_stop_reaches_every_executor_of_a_run(project: Make) -> None:
    """Running attempts on threads and processes are asked to end; what they then return is recorded."""
    code = """
    def wait(name):
        (HERE / name).touch()
        while not attempt().cancelled():
            time.sleep(0.002)
        return name

    @step(executor="threads")
    def thread() -> str:
        return wait("thread")

    @step(executor="processes")
    def process() -> str:
        return wait("process")

    @step
    def last(names: list[str]) -> str:
        return " ".join(names)

    @workflow
    def flow():
        return last([thread(), process()])
    """
    flow = project(code)
    stop = Stop()

    def stop_when_both_run() -> None:
        while not all((flow.folder / name).exists() for name in ("thread", "process")):
            done.wait(0.005)
        stop.soft()

    done = threading.Event()
    watcher = threading.Thread(target=stop_when_both_run)
    watcher.start()
    run = flow.run(stop=stop)
    watcher.join()
    assert run.status == "interrupted"
    assert {name: run.tasks[name].state for name in ("thread", "process")} == {
        "thread": "completed",
        "process": "completed",
    }
    assert flow.resume().result == "thread process"


class Unstartable:
    """An executor that can't start."""

    traits = Traits(kills=False, remote=False, shares_memory=True)
    closed = False

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        raise RuntimeError("no cluster there")

    def capacity(self) -> int:
        return 1

    def submit(self, batch: Batch) -> None:
        raise AssertionError

    def cancel(self, batches: Iterable[int], grace: float) -> None: ...

    def close(self, grace: float) -> None:
        self.closed = True


def test_an_executor_that_cannot_start_fails_its_own_tasks_only(project: Make) -> None:
    """The tasks of other executors run; those of the broken one fail at once with its reason, without retries."""
    code = """
    @step(retries=3)
    def away(x: int) -> int:
        return x

    @step(executor="threads")
    def beside(x: int) -> int:
        note(x)
        return x

    @workflow
    def flow():
        return away.map(x=range(30)), beside.map(x=range(3))
    """
    flow = project(code)
    given = Unstartable()
    run = flow.run(given)
    assert given.closed
    assert run.status == "failed"
    assert (run.counts["failed"], run.counts["completed"]) == (30, 3)
    assert run.tasks["away"].error == "RuntimeError: the executor 'given' can't start: RuntimeError: no cluster there"
    assert flow.resume(executor="threads").status == "completed"
    assert sorted(flow.executions()) == ["0", "1", "2"]


def test_unknown_executors_of_steps_are_all_told_before_anything_runs(project: Make) -> None:
    """Each step with a name that nothing has is listed with its place and what is near; no run is recorded."""
    code = """
    @step(executor="thread")
    def a() -> int:
        return 1

    @step(executor="process")
    def b() -> int:
        return 1

    @step(executor="processes")
    def c() -> int:
        return 1

    @workflow
    def flow():
        return a(), b(), c()
    """
    flow = project(code)
    with pytest.raises(WorkflowError) as caught:
        flow.run()
    text = str(caught.value)
    assert "steps name executors that there are not" in text
    assert "there is no executor 'thread'; did you mean 'threads'?" in text
    assert "there is no executor 'process'; did you mean 'processes'?" in text
    assert "step 'a' (" in text
    assert "help: use one of inline, processes, ray, threads" in text
    assert not hookline.open_store(flow.folder / ".hookline").runs()


def test_an_executor_that_lacks_what_it_needs_is_refused_before_anything_runs(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the run or a step names it; the remedy is what to install, and no run is recorded."""
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not there
    flow = project("""
    @step(executor="ray")
    def far() -> int:
        return 1

    @workflow
    def flow():
        return far()
    """)
    for executor, place in (("ray", ""), ("threads", "step 'far' (")):
        with pytest.raises(UsageError) as caught:
            flow.run(executor)
        assert str(caught.value).startswith(place)
        assert str(caught.value).endswith(
            "the executor 'ray' needs Ray, which is not installed\nhelp: pip install 'hookline[ray]'"
        )
    assert not hookline.open_store(flow.folder / ".hookline").runs()


def test_what_waited_when_the_run_failed_fast_does_not_run_with_its_handler(project: Make) -> None:
    """After a failure with fail_fast, the on_failure task is all that still starts, though tasks had been ready."""
    code = """
    @step
    def tell(run_id: str, failed: list[str]) -> None:
        note(f"told {failed}")

    @step
    def work(x: int) -> int:
        note(f"work {x}")
        if x == 0:
            raise ValueError("no")
        return x

    @workflow(on_failure=tell)
    def flow():
        return [work(x) for x in range(40)]
    """
    flow = project(code)
    run = flow.run("inline", fail_fast=True)
    assert run.status == "failed"
    assert flow.executions() == ["work 0", "told ['work']"]
    assert run.counts["cancelled"] == 39
    assert [task.state for task in run.tasks.values()].count("cancelled") == 39


class OneThread(ThreadsExecutor):
    """A thread that leaves a file for each batch it is handed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(1)
        self.folder = folder
        self.handed = 0

    def submit(self, batch: Batch) -> None:
        self.handed += 1
        (self.folder / f"handed-{self.handed}").touch()
        super().submit(batch)


AHEAD = """
@step
def work(x: int) -> int:
    deadline = time.monotonic() + 20
    while x == 0 and not there(f"handed-{WANTED}"):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    if x == 0:
        raise ValueError("no")
    return x

@workflow
def flow():
    return [work(x) for x in range(5)]
"""


def test_a_worker_has_its_next_batch_before_it_ends_the_one_at_hand(project: Make) -> None:
    """The first task ends once the second is with its executor, of which nobody knows yet how long it takes."""
    flow = project("WANTED = 2\n" + AHEAD)
    run = flow.run(OneThread(flow.folder))
    assert (run.counts["failed"], run.counts["completed"]) == (1, 4)


def test_nothing_is_handed_over_that_the_end_of_a_run_that_fails_fast_would_have_to_stop(project: Make) -> None:
    """With fail_fast the executor gets the next task only after it is known how the one before ended."""
    flow = project("WANTED = 1\n" + AHEAD)
    thread = OneThread(flow.folder)
    run = flow.run(thread, fail_fast=True)
    assert (run.counts["failed"], run.counts["cancelled"]) == (1, 4)
    assert thread.handed == 1
