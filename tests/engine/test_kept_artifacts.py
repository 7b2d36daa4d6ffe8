"""What ``run.artifacts`` gives: what attempts kept beside their values, also where a run reused these."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import hookline
from engine.project import Project
from hookline import Run, UsageError
from hookline.store.deletion import delete_runs

Make = Callable[[str], Project]

FLOW = """
@step
def fit(x: int) -> int:
    log_artifact("plot", f"plot of {x}")
    log_artifact("table", [x])
    if x == 3 and not there("mended"):
        raise ValueError("bad")
    if x == 3:
        log_artifact("only when mended", 1)
    return x

@step
def quiet() -> int:
    return 1

@workflow
def flow(xs: list[int] = [1, 2], one: int = 1):
    return fit.map(x=xs), fit(one), fit(one), quiet()
"""


def plots(project: Project, run: Run, task: str = "") -> dict[str, str]:
    """Load what is kept under one of the names, by task."""
    with hookline.open_store(project.folder / ".hookline") as store:
        records = store.records("test")
        found = store.run(run.id).artifacts(task)
        assert all(ref.name == name for kept in found.values() for name, ref in kept.items())
        return {name: records.load(kept["plot"]) for name, kept in found.items()}


def test_artifacts_come_by_task_and_name(project: Make) -> None:
    """Items by their own ids, in the order of the graph; what was shared is there, what kept nothing is not."""
    flow = project(FLOW)
    run = flow.run("inline")
    assert list(plots(flow, run).items()) == [
        ("fit[0]", "plot of 1"),
        ("fit[1]", "plot of 2"),
        ("fit-2", "plot of 1"),
        ("fit-3", "plot of 1"),
    ]
    assert plots(flow, run, "fit") == {"fit[0]": "plot of 1", "fit[1]": "plot of 2"}
    assert plots(flow, run, "fit:1") == {"fit[1]": "plot of 2"}
    assert list(run.artifacts("fit-2")["fit-2"]) == ["plot", "table"]
    assert run.artifacts("quiet") == {}
    with pytest.raises(UsageError, match=r"has no task 'quite'; did you mean 'quiet'"):
        run.artifacts("quite")


def test_what_was_reused_has_what_its_attempt_kept(project: Make) -> None:
    """Item by item, from as many runs as it came from; until these are deleted."""
    flow = project(FLOW)
    flow.run("inline", xs=[5, 1])
    flow.run("inline", xs=[2])
    run = flow.run("inline", xs=[2, 7, 5, 1])
    assert run.tasks["fit"].counts == {"completed": 1, "reused": 3}
    assert plots(flow, run, "fit") == {f"fit[{at}]": f"plot of {x}" for at, x in enumerate([2, 7, 5, 1])}
    with flow.store() as journal:
        delete_runs(journal, [journal.run("last~2")])
    assert list(run.artifacts("fit")) == ["fit[0]", "fit[1]"]


def test_the_last_attempt_counts(project: Make) -> None:
    """A failed one keeps what it found; a resumed run has what the attempt kept that mended it."""
    flow = project(FLOW)
    run = flow.run("inline", one=3, xs=[1])
    assert run.status == "failed"
    assert set(run.artifacts("fit-2")["fit-2"]) == {"plot", "table"}
    flow.touch("mended")
    resumed = flow.resume(executor="inline")
    assert set(resumed.artifacts("fit-2")["fit-2"]) == {"plot", "table", "only when mended"}
    assert plots(flow, resumed, "fit") == {"fit[0]": "plot of 1"}
    again = flow.run("inline", one=3, xs=[1])
    assert set(again.artifacts("fit-2")["fit-2"]) == {"plot", "table", "only when mended"}
