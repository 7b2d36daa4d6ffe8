"""The graph as networkx sees it, and as text."""

# ruff: noqa: E501 - messages stand as they are shown, on one line
# ruff: noqa: RUF001 - the multiplication sign is meant
from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.check import check_graph
from hookline.graph.items import known_counts
from hookline.graph.network import ancestors, descendants, find_cycle, network
from hookline.graph.render import render_dot, render_mermaid, render_tree
from hookline.model.graph import Constant, Task, TaskGraph, TaskOutput
from hookline.model.reference import completed
from hookline.model.step import step
from hookline.model.workflow import workflow


@step
def load() -> list[int]:
    return []


@step
def train(rows: Any, depth: int = 1) -> float:
    return 0.0


@step
def pick(models: Any) -> Any:
    return 0.0


@workflow
def prep() -> Any:
    return pick(load())


@workflow
def churn(depths: list[int] = [1, 2, 3]) -> Any:
    rows = prep()
    models = train.partial(rows).map(depth=depths)
    more = train.partial(rows).map(depth=rows)
    best = pick(models)
    return pick.options(name="publish").when(pick.options(name="good")(best))(best), more


TREE = """\
churn
publish
├╌╌ good
│  └── pick
│     └── train ×3
│        └── prep/pick
│           └── prep/load
└── pick …
train-2 ×?
└── prep/pick …
"""

MERMAID = """\
flowchart TD
    subgraph in_20_prep["prep"]
        t0["prep/load"]
        t1["prep/pick"]
    end
    t2[["train ×3"]]
    t3[["train-2 ×?"]]
    t4["pick"]
    t5["good"]
    t6["publish"]
    t0 --> t1
    t1 --> t2
    t1 --> t3
    t2 --> t4
    t4 --> t5
    t5 -.-> t6
    t4 --> t6
"""

DOT = """\
digraph "churn" {
    node [shape=box, style=rounded];
    subgraph "cluster_prep" {
        label="prep";
        t0 [label="prep/load"];
        t1 [label="prep/pick"];
    }
    t2 [label="train ×3", shape=box3d, style=solid];
    t3 [label="train-2 ×?", shape=box3d, style=solid];
    t4 [label="pick"];
    t5 [label="good"];
    t6 [label="publish"];
    t0 -> t1;
    t1 -> t2;
    t1 -> t3;
    t2 -> t4;
    t4 -> t5;
    t5 -> t6 [style=dashed];
    t4 -> t6;
}
"""


def test_a_graph_is_drawn_the_same_each_time() -> None:
    """Items are counted, conditions broken or dashed, workflows inside boxed, shared parts drawn once."""
    for _ in range(2):
        graph = build_graph(churn, {})
        assert render_tree(graph) == TREE
        assert render_mermaid(graph) == MERMAID
        assert render_dot(graph) == DOT


def test_workflows_in_workflows_are_boxes_in_boxes() -> None:
    """Also when their tasks do not stand side by side."""

    @workflow
    def outer() -> None:
        rows = prep()
        train(rows)
        prep()

    @workflow
    def top() -> None:
        outer()

    text = render_mermaid(build_graph(top, {}))
    opened = [line.strip() for line in text.splitlines() if "subgraph" in line]
    assert opened == [
        'subgraph in_20_outer["outer"]',
        'subgraph in_20_outer_2f_prep["prep"]',
        'subgraph in_20_outer_2f_prep_2d_2["prep-2"]',
    ]
    assert text.count("end\n") == 3


@workflow
def chain(length: int = 10_000) -> Any:
    value = pick(0)
    for _ in range(length - 1):
        value = pick(value)
    return value


def test_a_long_chain_is_drawn_without_recursion() -> None:
    """All tasks appear, and the tree goes on further left where it gets too deep."""
    graph = build_graph(chain, {})
    tree = render_tree(graph)
    assert len(tree) < 100 * len(graph.tasks)
    assert tree.count("↓") == pytest.approx(len(graph.tasks) / 24, abs=2)
    assert {line.split(" ")[-1] for line in tree.splitlines() if "↓" not in line} >= {"pick", "pick-2", "pick-10000"}
    assert render_dot(graph).count("->") == render_mermaid(graph).count("-->") == 9_999
    assert len(ancestors(graph, [9_999])) == len(descendants(graph, [0])) == 9_999


def test_the_network_tells_tasks_and_kinds_of_edges() -> None:
    """A value, an item of a map, or a condition; the strongest where it is several."""
    built = network(build_graph(churn, {}))
    assert built.nodes[2] == {"id": "train", "step": "train", "mapped": True}
    assert {(source, target): kind for source, target, kind in built.edges(data="kind")} == {
        (0, 1): "value",
        (1, 2): "value",
        (1, 3): "value",
        (2, 4): "value",
        (4, 5): "value",
        (4, 6): "value",
        (5, 6): "condition",
    }


def test_items_of_a_map_are_edges_of_their_own_kind() -> None:
    """A mapped reference that is mapped over goes item by item."""

    @workflow
    def wiring() -> None:
        pick.map(models=pick.map(models=load()))

    assert list(network(build_graph(wiring, {})).edges(data="kind")) == [(0, 1, "item"), (1, 2, "item")]


def test_selection_follows_edges_both_ways() -> None:
    """What a task needs and what needs it, the task itself not among them."""
    graph = build_graph(churn, {})
    assert ancestors(graph, [4]) == {0, 1, 2}
    assert descendants(graph, [4]) == {5, 6}
    assert ancestors(graph, [4, 2]) == {0, 1}
    assert descendants(graph, []) == set()


def test_counts_are_known_where_the_graph_tells() -> None:
    """Through maps of maps and products; unknown where a step decides, or failed items are left out."""

    @workflow
    def wiring() -> None:
        known = train.product(rows=[1, 2], depth=[3, 4, 5])
        again = pick.map(models=known)
        pick.map(models=load())
        pick.map(models=completed(again))
        train.product(rows=load(), depth=[])
        train.map(rows=load(), depth=[1, 2])

    assert known_counts(build_graph(wiring, {})) == [6, 6, 1, None, None, 1, 0, 1, 2]


def patched(graph: TaskGraph, index: int, changes: dict[str, Any]) -> TaskGraph:
    tasks = list(graph.tasks)
    old = tasks[index]
    fields = {name: getattr(old, name) for name in Task.__slots__}
    tasks[index] = Task(**{**fields, **changes})
    return TaskGraph(graph.workflow, tuple(tasks), graph.returns, graph.params)


@pytest.mark.parametrize(
    ("index", "changes", "said"),
    [
        (1, {"bindings": {"models": TaskOutput(6)}}, r"task 'prep/pick' \(.*\) waits for itself: prep/pick → .* → prep/pick"),
        (0, {"condition": TaskOutput(99)}, r"task 'prep/load' \(.*\) waits for task number 99, which does not exist"),
        (4, {"bindings": {}}, r"task 'pick' \(.*\) lacks the argument 'models'"),
        (4, {"bindings": {"modles": Constant(1)}}, "has no parameter 'modles'; did you mean 'models'"),
        (4, {"bindings": {"models": Constant(1)}, "mapped": ("x",)}, "is mapped over 'x', but given no list for it"),
        (4, {"id": "good"}, r"task 'good' \(.*\) has the id of another task"),
        (4, {"index": 5}, "task 'pick' stands at 4, but says that its index is 5"),
        (2, {"bindings": {"rows": Constant(1), "depth": Constant(["x"])}}, r"item 0 of its list is 'x' \(str\)"),
    ],
)  # fmt: skip
def test_a_changed_graph_is_checked_from_the_ground_up(index: int, changes: dict[str, Any], said: str) -> None:
    """A graph that a plugin rewrote may be wrong in ways that a workflow cannot be."""
    graph = build_graph(churn, {})
    check_graph(graph)
    with pytest.raises(WorkflowError, match=said):
        check_graph(patched(graph, index, changes))


def test_a_graph_without_cycles_has_none() -> None:
    """Nothing is found where nothing is."""
    assert find_cycle(build_graph(churn, {})) == []


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=1, max_size=15))
def test_every_task_and_edge_is_drawn(needs: list[list[int]]) -> None:
    """Whatever the shape: each task has a line in the tree, and each edge an arrow."""

    @workflow
    def wiring() -> None:
        made: list[Any] = []
        for sources in needs:
            made.append(pick([made[source % len(made)] for source in sources] if made else 0))

    graph = build_graph(wiring, {})
    edges = network(graph).number_of_edges()
    tree = render_tree(graph)
    assert {line.strip("│├└─╌ …↓") for line in tree.splitlines()[1:]} == {task.id for task in graph.tasks}
    assert render_mermaid(graph).count("-->") == render_dot(graph).count("->") == edges
    assert sum(len(task.depends()) for task in graph.tasks) == edges


def test_building_and_drawing_need_no_networkx() -> None:
    """Its import costs more than a small run, so only selection and cycles pay for it."""
    program = """
import sys
import hookline.graph.build, hookline.graph.render, hookline.graph.network
from hookline.model.workflow import workflow
from hookline.model.step import step
f = step(name="f")(lambda: 0)
w = workflow(name="w")(lambda: [f(), f.map()] and None)
try:
    hookline.graph.build.build_graph(w, {})
except hookline.graph.build.WorkflowError:
    pass
hookline.graph.render.render_tree(hookline.graph.build.build_graph(workflow(name="w")(lambda: f()), {}))
assert "networkx" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
