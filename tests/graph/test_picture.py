"""Task graphs as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from hookline import step, workflow
from hookline.graph.picture import render_svg
from hookline.model.graph import TaskGraph
from hookline.model.workflow import Workflow

NAMESPACE = "{http://www.w3.org/2000/svg}"


@step
def load(n: int = 1) -> list[int]:
    return [n]


@step
def train(row: int, depth: int = 1) -> int:
    return row


@step
def good(models: list[int]) -> bool:
    return True


@step
def publish(models: list[int]) -> str:
    return ""


@workflow
def churn():
    models = train.map(row=load(5))
    return publish.when(good(models))(models)


@workflow
def twice():
    return [churn(), churn()]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{NAMESPACE}text")]


def paths(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(f"{NAMESPACE}path"))


def graph_of(made: Workflow[..., object]) -> TaskGraph:
    return made.graph()


def test_a_small_graph_is_drawn_task_by_task() -> None:
    """Each task is a box, each value a line; a condition's line is dashed, and the picture is the same each time."""
    svg = render_svg(graph_of(churn))
    assert texts(svg) == ["load", "train \N{MULTIPLICATION SIGN}?", "good", "publish"]
    assert len(paths(svg)) == 4
    assert [bool(path.get("stroke-dasharray")) for path in paths(svg)].count(True) == 1
    assert svg == render_svg(graph_of(churn))


def test_tasks_of_workflows_inside_carry_their_path() -> None:
    """A box says which of two equal parts it belongs to."""
    assert {"churn/load", "churn-2/load"} <= set(texts(render_svg(graph_of(twice))))


def test_tasks_of_one_step_are_one_box_where_there_are_many() -> None:
    """A thousand tasks give a small picture with counts; what a step passes on to itself is a sign, not a line."""

    @workflow
    def many():
        return good([train(train(train(index))) for index in range(400)])

    svg = render_svg(graph_of(many))
    assert texts(svg) == ["train \N{MULTIPLICATION SIGN}1,200 ↻", "good"]
    assert len(paths(svg)) == 1
    assert len(svg) < 4000


def test_what_is_too_much_is_not_drawn() -> None:
    """Sixty steps that are all different give no picture."""
    steps = [step(name=f"step-{index}")(train.fn) for index in range(60)]

    @workflow
    def wide():
        return [each(1) for each in steps]

    assert render_svg(graph_of(wide)) == ""


def test_a_workflow_without_tasks_is_an_empty_picture() -> None:
    """Nothing to draw is no error."""

    @workflow
    def nothing():
        return 1

    assert texts(render_svg(graph_of(nothing))) == []


@pytest.mark.parametrize("name", ["</svg><script>alert(1)</script>", 'a" onload="alert(1)', "a\u202eb\x00&<"])
def test_names_are_text_in_a_picture(name: str) -> None:
    """Whatever the workflow is called, the picture stays well-formed, and has no element or attribute of the name's."""
    svg = render_svg(TaskGraph(name, (), None))
    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(NAMESPACE) for element in root.iter()} <= {"svg", "title", "g"}
    assert "onload" not in root.attrib
    assert "\u202e" not in svg
