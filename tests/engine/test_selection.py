"""Parts of a workflow: up to some tasks, from some on, or only these."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project import Project
from hookline import step, workflow
from hookline.engine import api
from hookline.errors import UsageError
from hookline.graph.select import Selection, select
from thorough import tries

Make = Callable[[str], Project]

FLOW = """
@step
def load(n: int) -> list[int]:
    note("load")
    return list(range(n))

@step(tags=["heavy"])
def train(x: int) -> int:
    note(f"train {x}")
    if there("broken"):
        raise ValueError("no")
    return 10 * x

@step
def best(xs: list[int]) -> int:
    note("best")
    return max(xs)

@step(tags=["heavy"])
def report(x: int) -> str:
    note("report")
    return f"best: {x}"

@step
def other(n: int) -> int:
    note("other")
    return n

@workflow
def flow(n: int = 3):
    chosen = best(train.map(x=load(n)))
    return report(chosen), other(n), best([n, 1])
"""


def run(flow: Project, **options: object):  # type: ignore[no-untyped-def]
    target = flow.target
    return api.run(target.workflow, executor="inline", target=target, **options)  # type: ignore[arg-type]


def test_to_runs_a_task_and_what_it_needs(project: Make) -> None:
    """Nothing else is part of the run; its result is the task's value."""
    flow = project(FLOW)
    done = run(flow, to=["best"])
    assert sorted(flow.executions()) == ["best", "best", "load", "train 0", "train 1", "train 2"]
    assert done.result == {"best": 20, "best-2": 3}
    assert list(done.tasks) == ["load", "train", "best", "best-2"]
    assert run(flow, to="train").result == [0, 10, 20]


def test_from_takes_what_is_needed_from_the_record(project: Make) -> None:
    """What the selected tasks need is reused; where it is not recorded, the run is refused before it starts."""
    flow = project(FLOW)
    with pytest.raises(UsageError, match="needs results that are not recorded: 'load' \\(first run") as caught:
        run(flow, from_=["best"])
    assert "run these first: --to load,train" in str(caught.value)
    assert not (flow.folder / ".hookline").exists()
    run(flow, to=["train"])
    flow.executions()
    flow.edit("return max(xs)", "return max(xs) + 1")
    done = run(flow, from_=["best"])
    assert flow.executions() == ["best", "best", "report"]
    assert done.load("report") == "best: 21"
    assert done.counts == {"completed": 3, "reused": 4, "failed": 0, "skipped": 0}


def test_only_runs_just_that(project: Make) -> None:
    """Of several tasks of one step all; tags name tasks too."""
    flow = project(FLOW)
    run(flow)
    flow.executions()
    flow.edit('return f"best: {x}"', 'return f"the best: {x}"')
    done = run(flow, only=["report"])
    assert flow.executions() == ["report"]
    assert done.result == "the best: 20"
    assert run(flow, only=["heavy"]).result == {"train": [0, 10, 20], "report": "the best: 20"}


def test_what_both_ends_want_is_what_lies_between(project: Make) -> None:
    """--from and --to together are a stretch of the workflow."""
    flow = project(FLOW)
    run(flow)
    flow.edit("return 10 * x", "return 11 * x")
    flow.executions()
    done = run(flow, from_=["train"], to=["best"])
    assert flow.executions() == ["train 0", "train 1", "train 2", "best"]
    assert done.load("best") == 22
    with pytest.raises(UsageError, match="no task is both --to and --from"):
        run(flow, from_=["report"], to=["other"])


def test_words_that_name_nothing_are_told_all_at_once(project: Make) -> None:
    """With the nearest names; items can't be selected."""
    flow = project(FLOW)
    with pytest.raises(UsageError) as caught:
        run(flow, to=["trian", "zzz"], only=["train[1]"])
    assert "no task, step or tag 'trian' (did you mean 'train'?), 'zzz', 'train[1]'" in str(caught.value)
    assert "name whole tasks, not items" in str(caught.value)


def test_a_plan_can_be_of_a_part(project: Make) -> None:
    """It shows the part as it would run."""
    flow = project(FLOW)
    target = flow.target
    plan = api.plan(target.workflow, to=["train"], target=target)
    assert [task.id for task in plan] == ["load", "train"]


def test_a_resume_goes_on_with_the_same_part(project: Make) -> None:
    """What was selected is recorded with the run."""
    flow = project(FLOW)
    flow.touch("broken")
    failed = run(flow, to=["train"])
    assert failed.status == "failed"
    flow.remove("broken")
    flow.executions()
    assert flow.resume(failed.id).result == [0, 10, 20]
    assert flow.executions() == ["train 0", "train 1", "train 2"]


@step
def join(parts: list) -> int:
    return len(parts)


@workflow
def woven(edges: list[list[int]]):
    made: list[int] = []
    for sources in edges:
        made.append(join([made[source] for source in sources]))
    return made


@settings(max_examples=tries(100), deadline=None)
@given(data=st.data())
def test_a_part_is_closed_and_holds_what_was_wanted(data: st.DataObject) -> None:
    """In any graph: a part has all that its tasks need, in an order in which they can run."""
    count = data.draw(st.integers(1, 12))
    edges = [sorted(data.draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else [] for at in range(count)]
    graph = woven.graph(edges=edges)
    ids = [task.id for task in graph.tasks]
    chosen = data.draw(st.lists(st.sampled_from(ids[1:] or ids), min_size=1, max_size=3, unique=True))
    kind = data.draw(st.sampled_from(["to", "from_", "only"]))
    part = select(graph, Selection(**{kind: tuple(chosen)}))
    names = [task.id for task in part.graph.tasks]
    assert set(chosen) <= set(names) - set(part.given) or "join" in chosen
    needs = {ids[at]: {ids[source] for source in sources} for at, sources in enumerate(edges)}
    for task in part.graph.tasks:
        assert {part.graph.tasks[source].id for source in task.depends()} == needs[task.id]
        assert all(source < task.index for source in task.depends())
