"""Runs of rewritten graphs: on every executor, reused, grown, resumed, selected, and as the journal tells of them."""

# ruff: noqa: E501 - messages stand as they are shown
# ruff: noqa: RUF001 - the multiplication sign is meant
from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import hookline
from engine.project import Project
from hookline import Run, step
from hookline.cli.run_page import run_document, run_page
from hookline.cli.run_rows import listed_runs
from hookline.engine import api
from hookline.errors import PluginError, WorkflowError
from hookline.graph.render import render_dot, render_mermaid, render_tree
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.rewrite import Rewriter

Make = Callable[[str], Project]
EXECUTORS = ["inline", "threads", "processes"]

STEPS = """
@step
def load(n: int) -> list[int]:
    note("load")
    return list(range(n))

@step
def train(x: int) -> int:
    note(f"train {x}")
    return 10 * x

@step
def total(xs: list[int]) -> int:
    note(f"total {xs}")
    return sum(xs)

@step
def even(x: int) -> bool:
    return x % 2 == 0

@step
def part(n: int) -> int:
    note(f"part {n}")
    return total(train.map(x=load(n)))

@step
async def later(x: int) -> int:
    return x

FACTOR = 2

def twice(call, /, **arguments):
    # a comment
    return FACTOR * call(**arguments)

async def soon(call, /, **arguments):
    return 1 + await call(**{"x": arguments["x"] + 1})
"""

FLOW = (
    STEPS
    + """
@workflow
def flow(n: int = 3):
    score = total(train.map(x=load(n)))
    return score, total.when(even(score))([score]), part(2), later(1)
"""
)


@step
def check(rows: list[int], least: int = 0) -> list[int]:
    """Drop what is small."""
    return [row for row in rows if row >= least]


@step
def bump(x: int) -> int:
    """Add one."""
    return x + 1


def rewriting(flow: Project, closure: int = 0) -> list[Rewriter]:
    """What two plugins do: one inserts, one wraps in functions of the project's file, or in one that closes over a number."""

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks("load"):
            graph.insert_after(match, check, least=1)
        for match in graph.tasks("train"):
            graph.insert_after(match, bump)
        for match in graph.tasks("even"):
            graph.insert_before(match, "x", bump)

    def added(call: Any, /, **arguments: Any) -> Any:
        return call(**arguments) + closure

    def wrap(graph: GraphEditor) -> None:
        code = flow.target.workflow.fn.__globals__
        for match in graph.tasks("total"):
            graph.wrap(match, added if closure else code["twice"])
        for match in graph.tasks("later"):
            graph.wrap(match, code["soon"])

    return [Rewriter("data", insert), Rewriter("more", wrap)]


@pytest.mark.parametrize("closure", [0, 1000])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_rewritten_graph_runs_the_same_on_every_executor(project: Make, executor: str, closure: int) -> None:
    """Insertions in maps and conditions, wrappers by name and by value, async ones, and in what grows."""
    flow = project(FLOW)
    run = flow.run(executor, rewriters=rewriting(flow, closure))
    score, grown = (2 * (11 + 21), 2 * 11) if not closure else (32 + closure, 11 + closure)
    # bump before even: the score plus one is odd, so the second total is skipped
    assert run.result == (score, None, grown, 3)
    assert list(run.tasks) == [
        "load",
        "data:check@load",
        "train",
        "data:bump@train",
        "total",
        "data:bump@even",
        "even",
        "total-2",
        "part",
        "later",
        "part/load",
        "part/data:check@load",
        "part/train",
        "part/data:bump@train",
        "part/total",
    ]
    assert run.load("data:bump@train") == [11, 21]
    assert run.load("data:bump@train[1]") == run.load("data:bump@train:1") == 21
    assert run.load("part/data:check@load") == [1]
    assert run.why("data:check@load") == "ran: first run of this workflow"


def test_a_second_run_reuses_everything_and_one_without_the_plugin_what_it_can(project: Make) -> None:
    """Keys follow the changed graph: what a rewrite does not touch is reused with it and without it."""
    flow = project(FLOW)
    plain = flow.run()
    assert plain.status == "completed"
    flow.executions()
    changed = flow.run(rewriters=rewriting(flow))
    # What is inserted, wrapped, or given other inputs runs; the recipe of part is reused, and rewritten by today's plugins.
    assert Counter(flow.executions()) == Counter(["total [11, 21]", "total [11]"])
    states = {name: record.state for name, record in changed.tasks.items()}
    assert states.pop("part/data:bump@train") in ("completed", "reused")  # whoever is first makes what both need
    assert states == {
        "load": "reused",
        "data:check@load": "completed",
        "train": "reused",
        "data:bump@train": "completed",
        "total": "completed",
        "data:bump@even": "completed",
        "even": "completed",
        "total-2": "skipped",
        "part": "reused",
        "later": "completed",
        "part/load": "reused",
        "part/data:check@load": "completed",
        "part/train": "reused",
        "part/total": "completed",
    }
    again = flow.run(rewriters=rewriting(flow))
    assert again.counts["completed"] == 0
    assert again.result == changed.result
    without = flow.run()
    assert without.counts["completed"] == 0
    assert without.result == plain.result
    assert flow.executions() == []


def test_a_wrapper_s_code_counts_like_the_step_s_own(project: Make) -> None:
    """Its body, and a constant that it reaches; a comment does not."""
    flow = project(FLOW)
    flow.run(rewriters=rewriting(flow))
    flow.edit("# a comment", "# another comment")
    assert flow.run(rewriters=rewriting(flow)).counts["completed"] == 0
    flow.edit("FACTOR = 2", "FACTOR = 3")
    run = flow.run(rewriters=rewriting(flow))
    assert run.result == (96, None, 33, 3)
    assert "FACTOR" in run.why("total")
    flow.edit("FACTOR * call", "FACTOR + call")
    run = flow.run(rewriters=rewriting(flow))
    assert run.result == (35, 38, 14, 3)
    assert "twice" in run.why("total")
    assert flow.run(rewriters=rewriting(flow)[:1]).result == (32, None, 11, 1)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_wrapper_that_closes_over_a_value_counts_with_that_value(project: Make, executor: str) -> None:
    """Made anew for each graph it is the same wrapper; over another value another one."""
    flow = project(FLOW)
    assert flow.run(executor, rewriters=rewriting(flow, 5)).status == "completed"
    assert flow.run(executor, rewriters=rewriting(flow, 5)).counts["completed"] == 0
    assert Counter(flow.executions())["total [11, 21]"] == 1
    run = flow.run(executor, rewriters=rewriting(flow, 6))
    assert flow.executions().count("total [11, 21]") == 1
    assert run.load("total") == 38


def test_a_plan_says_what_the_run_will_do_and_who_changed_what(project: Make) -> None:
    """Verdicts of the rewritten graph; changes on it, and on each task; those in what grew follow."""
    flow = project(FLOW)

    def planned() -> Any:
        return api.plan(flow.target.workflow, target=flow.target, rewriters=rewriting(flow))

    made = planned()
    assert [task.id for task in made][:5] == ["load", "data:check@load", "train", "data:bump@train", "total"]
    assert [str(change) for change in made.changes] == [
        "data: inserted 'data:check@load' after 'load'",
        "data: inserted 'data:bump@train' after 'train'",
        "data: inserted 'data:bump@even' before 'x' of 'even'",
        "more: wrapped 'total' in 'twice'",
        "more: wrapped 'total-2' in 'twice'",
        "more: wrapped 'later' in 'soon'",
    ]
    assert [str(change) for change in made.task("total").changes] == ["more: wrapped 'total' in 'twice'"]
    flow.run()  # records the recipe of part
    made = planned()
    assert [str(change) for change in made.changes][6:] == [
        "data: inserted 'part/data:check@load' after 'part/load'",
        "data: inserted 'part/data:bump@train' after 'part/train'",
        "more: wrapped 'part/total' in 'twice'",
    ]
    assert made.task("part/data:check@load").verdict.word == "run"
    assert made.task("part/load").verdict.word == "reuse"
    flow.run(rewriters=rewriting(flow))
    assert {task.verdict.word for task in planned()} == {"reuse", "skip"}


LOOP = (
    STEPS
    + """
@step
def loop(x: int, n: int) -> int:
    note(f"loop {n}")
    return loop(later(x), n - 1) if n else x

@workflow
def flow(n: int = 3):
    return total([loop(0, n), 100])
"""
)


def test_a_wrapped_loop_is_still_a_loop(project: Make) -> None:
    """Its turns are wrapped each, and numbered as before; the wrapper sees what a call grew as a reference."""
    flow = project(LOOP)
    seen: list[str | None] = []

    def through(call: Any, /, **arguments: Any) -> Any:
        return call(**arguments)

    def rewriter(graph: GraphEditor) -> None:
        seen.append(graph.grown)
        for match in graph.tasks("loop"):
            graph.wrap(match, through)
        for match in graph.tasks("later"):
            graph.insert_after(match, bump)

    run = flow.run("inline", rewriters=[Rewriter("data", rewriter)])
    assert run.result == 103
    assert list(run.tasks)[2:] == [
        "loop/later",
        "loop/data:bump@later",
        "loop/2",
        "loop/2/later",
        "loop/2/data:bump@later",
        "loop/3",
        "loop/3/later",
        "loop/3/data:bump@later",
        "loop/4",
    ]
    assert seen == [None, "loop", "loop/2", "loop/3"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_behind_each_turn_of_a_loop_takes_each_turn_s_value(project: Make, executor: str) -> None:
    """Then a turn is no longer the last thing that the one before it does, and stands below that."""
    flow = project(LOOP)

    def rewriter(graph: GraphEditor) -> None:
        for match in graph.tasks("loop"):
            graph.insert_after(match, bump)

    run = flow.run(executor, n=30, rewriters=[Rewriter("data", rewriter)])
    assert run.result == 31 + 100
    assert "loop/data:bump@loop" in run.tasks
    assert "loop/loop/data:bump@loop" in run.tasks
    again = flow.run(executor, n=30, rewriters=[Rewriter("data", rewriter)])
    assert (again.result, again.counts["completed"]) == (131, 0)
    assert flow.run(executor, n=30).result == 100


def test_a_value_of_another_type_behind_what_grew_is_put_together_anew(project: Make) -> None:
    """What stands behind the last call of a part need not declare what the step that grew does."""

    @step
    def loose(x: Any) -> Any:
        return x + 1

    flow = project(FLOW)

    def rewriter(graph: GraphEditor) -> None:
        if graph.grown:
            graph.insert_after(graph.tasks("total")[0], loose)

    run = flow.run("inline", rewriters=[Rewriter("data", rewriter)])
    assert run.load("part") == 11
    assert list(run.tasks)[-2:] == ["part/data:loose@total", "part/return"]


def test_a_plugin_does_not_rewrite_what_its_own_steps_grow(project: Make) -> None:
    """Else a step that grows, inserted behind everything, would grow without end; other plugins do see it."""

    @step
    def doubled(x: int) -> int:
        return bump(bump(x))

    flow = project(STEPS + "\n@workflow\ndef flow(): return train(1)\n")
    seen: dict[str, list[str]] = {"data": [], "more": []}

    def data(graph: GraphEditor) -> None:
        seen["data"].append(str(graph.grown))
        for match in graph.tasks(returns=int):
            graph.insert_after(match, doubled)

    def more(graph: GraphEditor) -> None:
        seen["more"].append(str(graph.grown))

    run = flow.run("inline", rewriters=[Rewriter("data", data), Rewriter("more", more)])
    assert run.result == 12
    assert list(run.tasks) == [
        "train",
        "data:doubled@train",
        "data:doubled@train/bump",
        "data:doubled@train/bump-2",
    ]
    assert seen == {"data": ["None"], "more": ["None", "data:doubled@train"]}


def test_the_items_of_a_mapped_task_grow_parts_of_their_own(project: Make) -> None:
    """Each is rewritten with the id of its item."""
    flow = project(STEPS + "\n@workflow\ndef flow(): return part.map(n=[1, 2, 3])\n")
    seen: set[str | None] = set()

    def rewriter(graph: GraphEditor) -> None:
        seen.add(graph.grown)
        for match in graph.tasks("train"):
            graph.insert_after(match, bump)

    run = flow.run(rewriters=[Rewriter("data", rewriter)])
    assert run.result == [1, 12, 33]
    assert seen == {None, "part[0]", "part[1]", "part[2]"}
    assert run.load("part[2]/data:bump@train[1]") == 11

    made = api.plan(flow.target.workflow, target=flow.target, rewriters=[Rewriter("data", rewriter)])
    planned = {task.id: task for task in made}
    assert planned["part/bump"].reused == 6
    assert [change.plugin for change in planned["part/bump"].changes] == ["data"]
    assert planned["part/train"].changes == ()


def test_a_fault_in_what_grew_fails_the_task_that_grew_it(project: Make) -> None:
    """With the plugin's name; so does an argument that can't be stored. The plan says that it would run."""
    flow = project(FLOW)

    def circle(graph: GraphEditor) -> None:
        if graph.grown:
            graph.connect(graph.tasks("total")[0], graph.tasks("load")[0], "n")

    run = flow.run(rewriters=[Rewriter("data", circle)])
    assert run.status == "failed"
    assert run.tasks["part"].error == (
        "PluginError: the plugin 'data' makes tasks of what task 'part' grew wait for each other: load → train → total → load\n"
        "help: mend its rewrite_graph, or leave the plugin out: --without data"
    )
    flow.run()
    made = api.plan(flow.target.workflow, target=flow.target, rewriters=[Rewriter("data", circle)])
    assert made.task("part").verdict.word == "run"

    @step
    def loose(rows: list[int], given: Any) -> Any:
        return rows

    connection = sqlite3.connect(":memory:")

    def connected(graph: GraphEditor) -> None:
        for match in graph.tasks("load") if graph.grown else ():
            graph.insert_after(match, loose, given=connection)

    run = flow.run(rewriters=[Rewriter("data", connected)])
    assert run.status == "failed"
    assert "argument 'given' of task 'data:loose@load'" in run.tasks["part"].error


def test_a_fault_is_told_before_anything_runs(project: Make) -> None:
    """In a run, a plan and a graph alike; no run is recorded."""
    flow = project(FLOW)

    def broken(graph: GraphEditor) -> None:
        graph.remove(graph.tasks("load")[0])

    target = flow.target
    for ask in (api.run, api.plan):
        with pytest.raises(PluginError, match="can't remove task 'load', which is needed by task 'train'"):
            ask(target.workflow, target=target, rewriters=[Rewriter("data", broken)])  # type: ignore[operator]
    with pytest.raises(PluginError):
        api.graph(target.workflow, rewriters=[Rewriter("data", broken)])
    assert flow.executions() == []
    assert not (flow.folder / ".hookline").exists() or flow.store().runs() == []


def test_a_run_is_resumed_with_the_rewritten_graph(project: Make) -> None:
    """What it recorded stands, also of inserted and grown tasks."""
    flow = project(
        FLOW.replace('note(f"total {xs}")', 'note(f"total {xs}")\n    if there("broken"): raise ValueError("no")')
    )
    flow.touch("broken")
    run = flow.run(rewriters=rewriting(flow))
    assert run.status == "failed"
    flow.remove("broken")
    flow.executions()
    resumed = hookline.resume(run.id, store=flow.folder / ".hookline", rewriters=rewriting(flow))
    assert resumed.result == (64, None, 22, 3)
    assert Counter(flow.executions()) == Counter(["total [11, 21]", "total [11]"])
    assert list(resumed.tasks)[:5] == ["load", "data:check@load", "train", "data:bump@train", "total"]


def test_tasks_are_selected_in_the_rewritten_graph(project: Make) -> None:
    """An inserted task by its id, or by its step's name."""
    flow = project(FLOW)
    run = flow.run(to=["data:check@load"], rewriters=rewriting(flow))
    assert list(run.tasks) == ["load", "data:check@load"]
    assert run.result == [1, 2]
    run = flow.run(to=["check"], rewriters=rewriting(flow))
    assert list(run.tasks) == ["load", "data:check@load"]


def test_the_journal_tells_who_did_what(project: Make) -> None:
    """On the run's page and in its document: all changes, and those of each task."""
    flow = project(FLOW)
    run = flow.run(rewriters=rewriting(flow))
    with flow.store() as store:
        [listed] = listed_runs(store, [store.run(run.id)])
        document: Any = run_document(run, listed, store)
        page = list(run_page(run, listed, store))
        extras = {node.name: node.extra for node in store.nodes(run.id, own=True)}
    assert extras["train"] is None
    assert json.loads(extras["total"] or "") == {
        "rewrites": [{"plugin": "more", "kind": "wrapped", "text": "wrapped 'total' in 'twice'"}]
    }
    told = {task["task"]: task.get("rewrites") for task in document["tasks"]}
    assert told["load"] is None
    assert told["part/data:check@load"] == [
        {"plugin": "data", "kind": "inserted", "text": "inserted 'part/data:check@load' after 'part/load'"}
    ]
    assert [each["text"] for each in document["rewrites"]][-3:] == [
        "inserted 'part/data:check@load' after 'part/load'",
        "inserted 'part/data:bump@train' after 'part/train'",
        "wrapped 'part/total' in 'twice'",
    ]
    assert "  rewrites    data: inserted 'data:check@load' after 'load'" in page
    assert "              more: wrapped 'part/total' in 'twice'" in page


def test_a_drawing_marks_what_plugins_did(project: Make) -> None:
    """Each task with the plugins that had a hand in it; all changes stand beside the drawing."""
    flow = project(STEPS + "\n@workflow\ndef flow(n: int = 3): return total(train.map(x=load(n)))\n")
    made = api.graph(flow.target.workflow, rewriters=rewriting(flow))
    assert render_tree(made) == (
        "flow\n"
        "total [more]\n"
        "└── data:bump@train ×? [data]\n"
        "   └── train ×?\n"
        "      └── data:check@load [data]\n"
        "         └── load\n"
        "\n"
        "data: inserted 'data:check@load' after 'load'\n"
        "data: inserted 'data:bump@train' after 'train'\n"
        "more: wrapped 'total' in 'twice'\n"
    )
    assert '    t4["total [more]"]' in render_mermaid(made)
    assert "    %% more: wrapped 'total' in 'twice'" in render_mermaid(made)
    assert "    // more: wrapped 'total' in 'twice'" in render_dot(made)


def test_a_wrapper_that_can_not_travel_is_told_before_the_run(project: Make) -> None:
    """As a step that can't; on threads it need not."""
    flow = project(STEPS + "\n@workflow\ndef flow(): return train(1)\n")
    connection = sqlite3.connect(":memory:")

    def noting(call: Any, /, **arguments: Any) -> Any:
        connection.execute("select 1")
        return call(**arguments)

    rewriters = [Rewriter("data", lambda graph: graph.wrap(graph.tasks("train")[0], noting))]
    with pytest.raises(WorkflowError, match=r"closure variable 'connection' of .*noting .* holds a sqlite3.Connection"):
        flow.run("processes", rewriters=rewriters)
    connection.close()


def test_a_failure_inside_a_wrapper_shows_its_line(project: Make) -> None:
    """Lines of hookline's between the wrapper and the step are left out where the traceback begins."""
    flow = project(STEPS + "\n@workflow\ndef flow(): return train(1)\n")

    def failing(call: Any, /, **arguments: Any) -> Any:
        raise ValueError("not today")

    run: Run = flow.run(rewriters=[Rewriter("data", lambda graph: graph.wrap(graph.tasks("train")[0], failing))])
    assert run.tasks["train"].error == "ValueError: not today"
    with flow.store() as store:
        [failure] = store.failures(run.id)
    assert "in failing" in failure.traceback
    assert "wrapping.py" not in failure.traceback


def test_what_a_provider_opens_is_neither_given_nor_taken(project: Make) -> None:
    """An inserted step has its connection opened where it runs; a wrapper gets it with the other arguments."""
    flow = project(
        """
        from collections.abc import Iterator
        from typing import Annotated
        from hookline import provider

        @provider(scope="worker")
        def table() -> Iterator[dict[int, int]]:
            yield {1: 10, 2: 20}

        @step
        def load(n: int) -> int:
            return n

        @step
        def look(x: int, rows: Annotated[dict[int, int], table]) -> int:
            return rows[x]

        def doubled(call, /, **arguments):
            return 2 * call(**{**arguments, "x": len(arguments["rows"])})

        @workflow
        def flow(n: int = 1):
            return load(n)
        """
    )

    def rewriter(graph: GraphEditor) -> None:
        code = flow.target.workflow.fn.__globals__
        found = graph.insert_after(graph.tasks("load")[0], code["look"])
        graph.wrap(found, code["doubled"])

    for executor in EXECUTORS:
        assert flow.run(executor, fresh=True, rewriters=[Rewriter("data", rewriter)]).result == 40

    def wrong(graph: GraphEditor) -> None:
        code = flow.target.workflow.fn.__globals__
        found = graph.insert_after(graph.tasks("load")[0], code["look"])
        graph.insert_before(found, "rows", bump)

    with pytest.raises(PluginError, match="before 'rows' of task 'data:look@load', which the provider 'table' opens"):
        flow.run(rewriters=[Rewriter("data", wrong)])
