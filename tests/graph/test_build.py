"""How calls become tasks and bindings."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import UsageError, WorkflowError
from hookline.graph.build import build_graph
from hookline.model.graph import Binding, Constant, FirstOf, Nested, Task, TaskGraph, TaskOutput
from hookline.model.recording import Form
from hookline.model.reference import WHOLE, completed, first
from hookline.model.seed import Seed
from hookline.model.step import step
from hookline.model.workflow import workflow


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@step
def make(x: Any = 0) -> Any:
    return x


@step
def split(rows: Any = None) -> Split:
    return Split([], [])


@step
def many(*parts: Any, **named: Any) -> Any:
    return parts


@step
def shuffled(rows: Any, seed: Seed, times: int = 1) -> Any:
    return rows


@step
def both(left: Any, right: Any) -> Any:
    return left


def build(fn: Callable[..., Any], **params: Any) -> TaskGraph:
    return build_graph(workflow(fn), params)


def test_references_become_outputs_of_tasks() -> None:
    """Whole, by slot, completed items only, and the first of several."""

    def wiring() -> Any:
        one, parts = make(1), split()
        mapped = make.map(x=[1, 2])
        make(one)
        make(parts.test)
        make(completed(mapped))
        return make(first(one, parts.train))

    graph = build(wiring)
    found = [task.bindings.get("x") for task in graph.tasks if task.id not in ("make", "split", "make-2")]
    assert found == [
        TaskOutput(0),
        TaskOutput(1, 1),
        TaskOutput(2, WHOLE, completed=True),
        FirstOf((TaskOutput(0), TaskOutput(1, 0))),
    ]
    assert graph.returns == TaskOutput(6)
    assert [task.depends() for task in graph.tasks[3:]] == [[0], [1], [2], [0, 1]]


def test_structures_are_taken_apart_only_where_references_are_in_them() -> None:
    """A list without references is a constant, whatever it holds."""

    def wiring() -> None:
        make([1, [2, {"a": 3}]])
        make([1, {"a": (make(), 2)}])

    graph = build(wiring)
    assert graph.tasks[0].bindings["x"] == Constant([1, [2, {"a": 3}]])
    inner = Nested("tuple", (), (TaskOutput(1), Constant(2)))
    assert graph.tasks[2].bindings["x"] == Nested("list", (), (Constant(1), Nested("dict", ("a",), (inner,))))


def test_open_ended_arguments_are_bound_under_their_own_names() -> None:
    """``*parts`` to a tuple and ``**named`` to a dict; both are absent when empty."""

    def wiring() -> None:
        many(1, make(), size=3)
        many()

    graph = build(wiring)
    assert graph.tasks[1].bindings == {
        "parts": Nested("tuple", (), (Constant(1), TaskOutput(0))),
        "named": Nested("dict", ("size",), (Constant(3),)),
    }
    assert graph.tasks[2].bindings == {}


def test_defaults_and_seeds_need_no_argument() -> None:
    """They stay absent: the function and the engine fill them in."""

    def wiring() -> None:
        shuffled([1])
        shuffled([1], times=2)
        shuffled([1], Seed(3))

    graph = build(wiring)
    assert [sorted(task.bindings) for task in graph.tasks] == [["rows"], ["rows", "times"], ["rows", "seed"]]


def test_a_mapped_call_is_one_task_with_collections() -> None:
    """Mapped names in the order of the call; a collection known now is a list."""

    def wiring() -> None:
        rows = make()
        both.map(right=range(2), left=(3, 4))
        both.partial(rows).product(right=make.map(x=[1]))
        both.partial(right=1).partial(2)()

    graph = build(wiring)
    assert graph.tasks[1].mapped == ("right", "left")
    assert graph.tasks[1].bindings == {"right": Constant([0, 1]), "left": Constant([3, 4])}
    assert (graph.tasks[3].form, graph.tasks[3].mapped) == (Form.PRODUCT, ("right",))
    assert graph.tasks[3].bindings == {"left": TaskOutput(0), "right": TaskOutput(2)}
    assert graph.tasks[4].bindings == {"left": Constant(2), "right": Constant(1)}


def test_conditions_are_bound_like_arguments() -> None:
    """A reference, a plain value, or the first of several."""

    def wiring() -> None:
        good = make()
        make.when(good)(1)
        make.when(False)(1)
        make.when(good).map(x=[1])
        make.when(first(good, good)).partial(3)()

    conditions = [task.condition for task in build(wiring).tasks]
    assert conditions == [
        None,
        TaskOutput(0),
        Constant(False),
        TaskOutput(0),
        FirstOf((TaskOutput(0), TaskOutput(0))),
    ]


def test_a_workflow_inside_is_put_under_its_name() -> None:
    """Its tasks are prefixed, a second call's too, and its return value is passed on."""

    @workflow
    def prep(x: int = 1) -> Any:
        return make(make(x))

    def wiring() -> Any:
        return [prep(), prep(2)]

    graph = build(wiring)
    assert [task.id for task in graph.tasks] == ["prep/make", "prep/make-2", "prep-2/make", "prep-2/make-2"]
    assert graph.returns == Nested("list", (), (TaskOutput(1), TaskOutput(3)))


@pytest.mark.parametrize("value", [None, 3, [], {"a": ()}])
def test_a_workflow_may_return_no_reference(value: Any) -> None:
    """Nothing, or plain values, such as the empty list of a loop that never ran."""

    def wiring() -> Any:
        return value

    assert build(wiring).returns == (None if value is None else Constant(value))


def test_parameters_reach_the_workflow_validated() -> None:
    """They are converted, defaults are copied, positional-only ones work, and the graph keeps them."""
    seen: list[Any] = []

    @workflow
    def wiring(count: int, /, depths: list[int] = [3, 5]) -> None:
        depths.append(count)
        seen.append((count, depths))

    for _ in range(2):
        graph = build_graph(wiring, {"count": "7"})
    assert seen == [(7, [3, 5, 7])] * 2
    assert graph.params["count"] == 7
    with pytest.raises(UsageError, match="'count' is missing"):
        build_graph(wiring, {})


def test_a_workflow_inside_gets_copies_of_its_defaults() -> None:
    """As the outermost one does; what is given goes before them."""
    seen: list[list[int]] = []

    @workflow
    def inner(count: int, depths: list[int] = [3]) -> None:
        depths.append(count)
        seen.append(depths)

    def wiring() -> None:
        inner(1)
        inner(2)
        inner(3, [])
        inner(4, depths=[])

    build(wiring)
    assert seen == [[3, 1], [3, 2], [3], [4]]


def test_open_ended_workflows_are_refused() -> None:
    """A parameter without a name could not be given on a command line, nor be validated."""

    def wiring(**more: Any) -> None: ...

    with pytest.raises(WorkflowError, match=r"the workflow 'wiring' takes '\*\*more'"):
        build(wiring)


def test_building_leaves_garbage_collection_as_it_was() -> None:
    """It is paused meanwhile, also when building fails, and stays off where it was off."""

    def failing() -> None:
        raise KeyError

    assert gc.isenabled()
    with pytest.raises(WorkflowError):
        build(failing)
    assert gc.isenabled()
    gc.disable()
    try:
        build(lambda_named())
        assert not gc.isenabled()
    finally:
        gc.enable()


def lambda_named() -> Callable[[], None]:
    def empty() -> None: ...

    return empty


def test_errors_of_hookline_come_out_as_they_are() -> None:
    """What the user raises on purpose with hookline's own errors is not wrapped."""

    def picky() -> None:
        raise UsageError("no such customer", help="look it up")

    with pytest.raises(UsageError, match="no such customer"):
        build(picky)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
SHAPES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.just(make),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(SHAPES)
def test_any_structure_round_trips_through_its_binding(shape: Any) -> None:
    """With each reference replaced by its task, a binding gives back exactly what was passed, types included."""

    def wiring() -> Any:
        passed, _ = fill(shape, iter(range(10_000)), call=True)
        return make.options(name="sink")(passed)

    graph = build(wiring)
    expected, count = fill(shape, iter(range(10_000)), call=False)
    sink = graph.tasks[-1]
    assert len(graph.tasks) == count + 1
    back = unbind(sink.bindings["x"])
    assert back == expected
    assert repr(back) == repr(expected)
    assert sink.depends() == list(range(count))


def fill(shape: Any, numbers: Any, *, call: bool) -> tuple[Any, int]:
    """Replace each step in a structure by a call of it, or by the name of the task that this call becomes."""
    if shape is make:
        number = next(numbers)
        return (make(number) if call else f"task {number}"), 1
    if isinstance(shape, (list, tuple)):
        parts = [fill(part, numbers, call=call) for part in shape]
        return type(shape)([part for part, _ in parts]), sum(count for _, count in parts)
    if isinstance(shape, dict):
        filled = {key: fill(part, numbers, call=call) for key, part in shape.items()}
        return {key: part for key, (part, _) in filled.items()}, sum(count for _, count in filled.values())
    return shape, 0


def unbind(binding: Binding) -> Any:
    if isinstance(binding, Constant):
        return binding.value
    if isinstance(binding, TaskOutput):
        return f"task {binding.task}"
    assert isinstance(binding, Nested)
    parts = [unbind(item) for item in binding.items]
    if binding.kind == "dict":
        return dict(zip(binding.keys, parts, strict=True))
    return parts if binding.kind == "list" else tuple(parts)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=20))
def test_tasks_always_stand_after_what_they_wait_for(edges: list[tuple[int, int]]) -> None:
    """Whatever refers to whatever, the order of the tasks is one in which they can run."""

    def wiring() -> None:
        made = [make(0)]
        for left, right in edges:
            made.append(both(made[left % len(made)], [made[right % len(made)]]))

    graph = build(wiring)
    assert all(other < task.index for task in graph.tasks for other in task.depends())
    assert [task.index for task in graph.tasks] == list(range(len(graph.tasks)))


def test_a_task_is_found_by_its_id() -> None:
    """An id that no task has is a KeyError."""

    def wiring() -> None:
        make(make())

    graph = build(wiring)
    found: Task = graph.task("make-2")
    assert found.index == 1
    with pytest.raises(KeyError):
        graph.task("make-3")
