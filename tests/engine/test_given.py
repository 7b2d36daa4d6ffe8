"""Runs of tasks that a rewrite gave arguments: the keys and results of calls with these, also where a step grew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.project import Project
from hookline.engine import api
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.rewrite import Rewriter
from hookline.model.states import Verdict

Make = Callable[[str], Project]

STEPS = """
@step
def load(name: str, files: list[Path] = (), contract: dict | None = None, day: str = "") -> str:
    note(f"load {name} {day}")
    return "".join([name, day, *[file.read_text() for file in files], *(contract or {})])
"""
LEFT = f"""{STEPS}
@workflow
def flow():
    return load("s"), load.partial("t").map(day=["mon", "tue"])
"""
CALLED = f"""{STEPS}
@workflow
def flow():
    contract = {{"c": 1}}
    files = [[HERE / "mon.csv"], [HERE / "tue.csv", HERE / "mon.csv"]]
    many = load.partial("t", contract=contract).map(day=["mon", "tue"], files=files)
    return load("s", contract=contract, files=files[1]), many
"""


def giving(folder: Path) -> Rewriter:
    """Give what :data:`CALLED` gives."""

    def give(graph: GraphEditor) -> None:
        files = [[folder / "mon.csv"], [folder / "tue.csv", folder / "mon.csv"]]
        for task in graph.tasks("load"):
            graph.give(task, contract={"c": 1})
            if task.mapped:
                graph.give_each(task, files=files)
            else:
                graph.give(task, files=files[1])

    return Rewriter("data", give)


def with_files(project: Make, code: str) -> Project:
    """Make a project with two files of data."""
    flow = project(code)
    (flow.folder / "mon.csv").write_text("1")
    (flow.folder / "tue.csv").write_text("2")
    return flow


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_is_given_counts_as_if_the_call_had_given_it(project: Make, executor: str) -> None:
    """The same results and the same keys: what ran one way is reused the other way."""
    flow = with_files(project, CALLED)
    called = flow.run(executor)
    assert called.result == ("s21c", ["tmon1c", "ttue21c"])
    flow.write(LEFT)
    rewriters = [giving(flow.folder)]
    given = flow.run(executor, rewriters=rewriters)
    assert (given.result, given.counts["completed"]) == (called.result, 0)
    flow.executions()
    (flow.folder / "tue.csv").write_text("3")
    assert flow.run(executor, rewriters=rewriters).result == ("s31c", ["tmon1c", "ttue31c"])
    assert sorted(flow.executions()) == ["load s ", "load t tue"]  # one changed file is one item


def test_what_is_not_to_be_reused_runs_each_time(project: Make) -> None:
    """Options go with what was given; the reason is that of any such task."""
    flow = with_files(project, LEFT)

    def never(graph: GraphEditor) -> None:
        giving(flow.folder).rewrite(graph)
        for task in graph.tasks("load"):
            graph.set_options(task, cache=False)

    rewriters = [Rewriter("data", never)]
    flow.run("inline", rewriters=rewriters)
    again = flow.run("inline", rewriters=rewriters)
    assert again.counts["completed"] == 3
    assert "cache=False" in again.why("load")


def test_a_part_that_grew_shows_what_its_step_gave(project: Make) -> None:
    """Small values, large ones that lie apart, files; in a run, in one that reuses what grew, and in a plan."""
    flow = with_files(
        project,
        STEPS
        + """
@step
def grown(name: str) -> str:
    big = "x" * 5000
    return pair(inner.partial(name, big, file=HERE / "mon.csv").map(n=[1, 2]), load(name))

@step
def inner(name: str, big: str, n: int, file: Path) -> str:
    return name

@step
def pair(one: list[str], other: str) -> str:
    return other

@workflow
def flow():
    return grown("g")
""",
    )
    seen: list[dict[str, Any]] = []

    def look(graph: GraphEditor) -> None:
        found = [task.constants for task in graph.tasks("inner")]
        seen.extend([{**constants, "file": constants["file"].read_text()} for constants in found])
        for task in graph.tasks("load"):
            graph.give(task, contract={task.constants["name"]: 1})
        for task in graph.tasks("pair"):
            assert list(task.constants) == []

    rewriters = [Rewriter("data", look)]
    assert flow.run("inline", rewriters=rewriters).result == "gg"
    again = flow.run("inline", rewriters=rewriters)
    assert (again.result, again.counts["completed"]) == ("gg", 0)
    plan = api.plan(flow.target.workflow, target=flow.target, rewriters=rewriters)
    assert {task.verdict for task in plan} == {Verdict.REUSE}
    assert seen == [{"name": "g", "big": "x" * 5000, "n": [1, 2], "file": "1"}] * 3


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_items_of_a_part_that_grew_are_given_their_own(project: Make, executor: str) -> None:
    """As in the workflow's own graph: the same keys as where the step gives them itself."""
    code = """
@step
def grown() -> list[str]:
    return load.partial("t").map(day=["mon", "tue"])

@workflow
def flow():
    return grown()
"""
    flow = with_files(project, STEPS + code)
    rewriters = [giving(flow.folder)]
    run = flow.run(executor, rewriters=rewriters)
    assert run.result == ["tmon1c", "ttue21c"]
    flow.executions()
    (flow.folder / "tue.csv").write_text("3")
    assert flow.run(executor, rewriters=rewriters).result == ["tmon1c", "ttue31c"]
    assert flow.executions() == ["load t tue"]
