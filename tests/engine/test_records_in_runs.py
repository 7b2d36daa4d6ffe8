"""Plugins remember things from inside of steps, on every executor, and keep what runs made when these are deleted."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline.errors import HooklineError, UsageError
from hookline.model.attempt import Attempt
from hookline.model.run import TaskInput
from hookline.store.collect import collect
from hookline.store.deletion import delete_runs

Make = Callable[[str], Project]

REMEMBER = """
@step(cache=False)
def remember(x: int) -> int:
    records = attempt().records("counting")
    records.update("seen", "numbers", lambda seen: [*(seen or []), x])
    ref = records.keep(b"weights" * 1000)
    assert records.load(ref) == b"weights" * 1000
    path = attempt().folder / "plot.txt"
    path.write_text("plot" * 2000)
    plot = records.keep(path)
    assert records.load(plot).read_text() == "plot" * 2000
    records.put("weights", str(x), {"weights": ref, "plot": plot})
    return x

@workflow
def flow(n: int = 4):
    return remember.map(x=list(range(n)))
"""


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_a_step_remembers_on_every_executor(project: Make, executor: str) -> None:
    """Whatever steps write at the same time is there, and names run and task; artifacts outlive the run."""
    flow = project(REMEMBER)
    run = flow.run(executor)
    assert run.status == "completed"
    with flow.store() as store:
        delete_runs(store, [store.run("last")])
        collect(store, dry_run=False)
    with hookline.open_store(flow.folder / ".hookline") as store:
        records = store.records("counting")
        newest = records.get("seen", "numbers")
        assert newest is not None
        assert sorted(newest.value) == [0, 1, 2, 3]
        history = records.history("seen", "numbers")
        assert [one.version for one in history] == [1, 2, 3, 4]
        assert {(one.run_id, one.task_id) for one in history} == {(run.id, f"remember[{x}]") for x in range(4)}
        for one in records.list("weights"):
            assert records.load(one.value["weights"]) == b"weights" * 1000
            assert records.load(one.value["plot"]).read_text() == "plot" * 2000


def test_async_steps_remember_as_well(project: Make) -> None:
    """Those that go on side by side have records that name their own task."""
    flow = project(
        """
        @step
        async def remember(x: int) -> int:
            attempt().records("counting").put("seen", str(x), x)
            return x

        @workflow
        def flow():
            return remember.map(x=[1, 2, 3])
        """
    )
    assert flow.run().status == "completed"
    with hookline.open_store(flow.folder / ".hookline") as store:
        found = store.records("counting").list("seen")
    assert [(one.value, one.task_id) for one in found] == [(1, "remember[0]"), (2, "remember[1]"), (3, "remember[2]")]


FIT = """
@step
def fit(x: int) -> tuple[int, bytes]:
    return x, bytes([x]) * 5000

@step
def bad() -> int:
    raise ValueError("bad")

@workflow
def flow():
    return fit(1), fit.map(x=[2, 3]), bad()
"""


def test_a_record_keeps_what_a_task_of_a_deleted_run_came_to(project: Make) -> None:
    """References come from a run's tasks and from events alike."""
    flow = project(FIT)
    run = flow.run()
    with hookline.open_store(flow.folder / ".hookline") as store:
        number, weights = run.outputs("fit")
        assert [ref.size > 5000 for ref in run.outputs("fit-2")] == [False, True, False, True]
        assert run.outputs("fit-2[1]") == run.outputs("fit-2")[2:]
        events = {event.task_id: event for event in store.events() if event.hook == "task_finished"}  # type: ignore[union-attr]
        assert events["fit"].outputs == (number, weights)  # type: ignore[union-attr]
        records = store.records("models")
        records.put("model", "churn", {"weights": weights, "number": number})
    with flow.store() as journal:
        delete_runs(journal, [journal.run("last")])
        collect(journal, dry_run=False)
    with hookline.open_store(flow.folder / ".hookline") as store:
        records = store.records("models")
        found = records.get("model", "churn")
        assert found is not None
        assert records.load(found.value["weights"]) == b"\x01" * 5000
        assert records.load(found.value["number"]) == 1


def test_a_task_without_a_value_has_no_outputs(project: Make) -> None:
    """The message is that of loading it."""
    flow = project(FIT)
    run = flow.run()
    with pytest.raises(UsageError, match=f"task 'bad' of run {run.id} has no value"):
        run.outputs("bad")


ORIGINS = """
from hookline import attempt, step, workflow

@step(version="2")
def load(name: str, rows: int = 3) -> tuple[list[int], str]:
    return list(range(rows)), name

@step
def fit(rows: list[int], depth: int) -> int:
    return len(rows) * depth

@step
def best(models: list[int], name: str) -> int:
    return max(models)

@workflow
def flow():
    rows, name = load("customers")
    return best(fit.partial(rows).map(depth=[1, 2]), name)
"""


def test_a_run_tells_where_arguments_came_from(project: Make) -> None:
    """From which tasks, or which value; of an item as of its task; what is in the key beside arguments is not told."""
    run = project(ORIGINS).run()
    assert run.inputs("load") == {"name": TaskInput((), "'customers'")}
    assert run.inputs("fit") == {"rows": TaskInput(("load",)), "depth": TaskInput((), "[1, 2]")}
    assert run.inputs("fit[1]") == run.inputs("fit")
    assert run.inputs("best") == {"models": TaskInput(("fit",)), "name": TaskInput(("load",))}
    with pytest.raises(UsageError, match="no task 'fti'"):
        run.inputs("fti")


def test_a_written_record_names_the_row_of_its_run(project: Make) -> None:
    """For those who join tables; the id in the record stays when the run is deleted."""
    flow = project(REMEMBER)
    run = flow.run(n=1)
    with sqlite3.connect(flow.folder / ".hookline" / "journal.sqlite3") as connection:
        rows = connection.execute("SELECT DISTINCT r.id FROM records JOIN runs r USING (run)").fetchall()
    connection.close()
    assert rows == [(run.id,)]


def test_an_attempt_without_a_store_says_so(tmp_path: Path) -> None:
    """One that is made by hand, as in tests of steps."""
    with pytest.raises(HooklineError) as caught:
        Attempt("run", "task", 1, "key", tmp_path).records("counting")
    assert str(caught.value) == "task 'task' has no store that could remember anything"


def test_workers_that_remember_nothing_never_load_the_journal(project: Make) -> None:
    """What opens records is loaded on first use."""
    script = "import sys, hookline.worker.process; print('sqlite3' in sys.modules, 'hookline.ml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
