"""Rewrites that see what tasks are given and give other things: as if the workflow's call had given them."""

# ruff: noqa: E501 - messages stand as they are shown
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NewType, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.errors import PluginError, WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.match import TaskMatch
from hookline.graph.rewriting.rewrite import Rewriter, rewrite
from hookline.model.graph import Constant, Nested, TaskGraph, TaskOutput
from hookline.model.provider import provider
from hookline.model.seed import Seed
from hookline.model.step import step
from hookline.model.workflow import workflow

Edit = Callable[[GraphEditor], object]
MEND = "mend its rewrite_graph, or leave the plugin out: --without data"


@provider
def connection() -> Any:
    """Open what stands for a database."""
    yield None


@step
def load(name: str, files: list[Path] | None = None, contract: Any = None, day: str = "") -> list[str]:
    return [name, day]


@step
def days() -> list[str]:
    return ["a", "b"]


@step
def fit(rows: Any, seed: Seed, depth: int = 1, *more: Any, db: Annotated[Any, connection] = None) -> Any:
    return rows


@step
def keep(rows: Any) -> Any:
    return rows


def edited(built: Any, edit: Edit) -> TaskGraph:
    """Rewrite a workflow's graph by a plugin that is called data."""
    return rewrite(build_graph(built, {}), [Rewriter("data", edit)])


def refused(built: Any, edit: Edit) -> tuple[str, str]:
    """Give message and help of the error that an edit raises, without the line of this file in the message."""
    with pytest.raises(PluginError) as caught:
        edited(built, edit)
    return caught.value.message.partition(" (/")[0].partition(" (tests/")[0], caught.value.help


def one(graph: GraphEditor, name: str) -> TaskMatch:
    [found] = graph.tasks(name)
    return found


def seen(built: Any, look: Callable[[TaskMatch], Any], name: str = "load") -> Any:
    """Tell what a task of a workflow shows to a plugin."""
    found: list[Any] = []
    edited(built, lambda graph: found.append(look(one(graph, name))))
    return found[0]


def bindings(graph: TaskGraph) -> list[Any]:
    """Say what all tasks are given, and how they are called."""
    return [(task.id, dict(task.bindings), task.form, set(task.mapped)) for task in graph.tasks]


@step
def shown(rows: Any, width: int = 80) -> Any:
    return rows


@workflow
def plain() -> Any:
    return load("t")


@workflow
def mapped() -> Any:
    return load.partial("t").map(day=["mon", "tue", "wed"])


@workflow
def late() -> Any:
    return load.partial("t").map(day=days())


@workflow
def product() -> Any:
    return load.product(name=["s", "t"], day=["mon", "tue", "wed"])


@workflow
def fitted() -> Any:
    return fit(load("t"))


# -- what a task is given --------------------------------------------------------------------------------------------


def test_constants_are_what_the_call_gives_without_any_task_in_it() -> None:
    """Neither defaults, nor what other tasks make; of a mapped parameter all items."""

    @workflow
    def some() -> Any:
        return load.partial(files=[Path("x")], contract={"rows": [days(), 1]}).map(name=["s", "t"])

    assert seen(some, lambda match: dict(match.constants)) == {"name": ["s", "t"], "files": [Path("x")]}
    assert seen(late, lambda match: (list(match.constants), "day" in match.constants)) == (["name"], False)

    @workflow
    def more() -> Any:
        return fit(days(), Seed(1), 2, "x", [3])

    assert seen(more, lambda match: dict(match.constants), "fit") == {"seed": 1, "depth": 2, "more": ("x", [3])}


def test_constants_are_read_only_copies() -> None:
    """Whoever changes what it was shown does not change the graph."""

    @workflow
    def some() -> Any:
        return load("t", contract={"columns": ["a"]})

    def look(graph: GraphEditor) -> None:
        match = one(graph, "load")
        match.constants["contract"]["columns"].append("b")
        assert match.constants["contract"] == {"columns": ["a"]}
        constants: Any = match.constants
        with pytest.raises(TypeError):
            constants["name"] = "s"
        assert repr(constants) == "<constants name, contract>"

    before = build_graph(some, {})
    assert rewrite(before, [Rewriter("data", look)]) is before


def test_constants_follow_what_was_given() -> None:
    """A match tells what the task is by now."""

    def look(graph: GraphEditor) -> None:
        match = one(graph, "load")
        graph.give(match, name="other", contract=(1, 2))
        assert dict(match.constants) == {"name": "other", "contract": (1, 2)}
        graph.connect(graph.insert_before(match, "name", keep), match, "contract")
        assert list(match.constants) == []

    edited(plain, look)


# -- what annotations say ------------------------------------------------------------------------------------------


class Parts(NamedTuple):
    good: Annotated[list[int], "schema", 3]
    bad: list[int]


@dataclass(frozen=True)
class Fields:
    good: Annotated[list[int], "schema"]
    bad: int = 0


class Keys(TypedDict):
    good: Annotated[list[int], "schema"]
    bad: int


Rows = NewType("Rows", Annotated[list[int], "inner"])  # type: ignore[valid-newtype]


@step
def in_parts() -> Annotated[Parts, "both"]:
    return Parts([], [])


@step
def in_fields() -> Fields:
    return Fields([])


@step
def by_key() -> Keys:
    return {"good": [], "bad": 1}


@step
def as_tuple() -> tuple[Annotated[int, "n"], str]:
    return 1, ""


@step
async def renamed() -> Annotated[Rows, "outer"]:
    return Rows([])


@workflow
def all_forms() -> Any:
    return in_parts(), in_fields(), by_key(), as_tuple(), renamed(), days()


@pytest.mark.parametrize(
    ("name", "metadata", "parts"),
    [
        ("in_parts", ("both",), {"good": ("schema", 3), "bad": ()}),
        ("in_fields", (), {"good": ("schema",), "bad": ()}),
        ("by_key", (), {"good": ("schema",), "bad": ()}),
        ("as_tuple", (), {"0": ("n",), "1": ()}),
        ("renamed", ("inner", "outer"), {}),
        ("days", (), {}),
    ],
)
def test_what_annotated_says_is_seen_of_a_value_and_of_its_parts(name: str, metadata: Any, parts: Any) -> None:
    """Also through other names of a type; parts without a word have none, and a value of one piece has no parts."""
    found = seen(all_forms, lambda match: (match.metadata, dict(match.part_metadata), match.parts), name)
    assert found == (metadata, parts, tuple(parts))


def test_a_wrapped_task_says_what_its_step_says() -> None:
    """A wrapper changes no annotation."""

    def around(call: Any, /, **arguments: Any) -> Any:
        return call(**arguments)

    def look(graph: GraphEditor) -> None:
        match = one(graph, "in_parts")
        graph.wrap(match, around)
        assert (match.metadata, match.parts) == (("both",), ("good", "bad"))

    edited(all_forms, look)


def test_an_annotation_that_can_not_be_evaluated_is_seen_as_text() -> None:
    """What type checkers alone import is not there when the program runs; a step that says nothing has no text."""

    @step
    def unread() -> Annotated[NotHere, "schema"]:  # type: ignore[name-defined]  # noqa: F821 - that is the point
        raise NotImplementedError

    @step
    def silent():  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @workflow
    def flow() -> Any:
        return unread(), silent()

    found = {name: seen(flow, lambda match: (match.unread, match.metadata), name) for name in ("unread", "silent")}
    assert found == {"unread": ("Annotated[NotHere, 'schema']", ()), "silent": ("", ())}


# -- giving ----------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(Path("some.csv")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(contract=VALUES, day=st.text(max_size=3))
def test_giving_is_calling_with_it(contract: Any, day: str) -> None:
    """Whatever the value: what is left to its default, and what the call gave, is replaced alike."""

    @workflow
    def called() -> Any:
        return load("t", contract=contract, day=day)

    @workflow
    def left() -> Any:
        return load("t", contract="other")

    made = edited(left, lambda graph: graph.give(one(graph, "load"), contract=contract, day=day))
    assert bindings(made) == bindings(build_graph(called, {}))


@settings(max_examples=60, deadline=None)
@given(items=st.lists(st.tuples(VALUES, st.text(max_size=3)), min_size=1, max_size=5))
def test_giving_each_item_its_own_is_mapping_over_it(items: list[tuple[Any, str]]) -> None:
    """Side by side with what the task is mapped over; these lists can be replaced as well."""
    contracts, some_days = [contract for contract, _ in items], [day for _, day in items]

    @workflow
    def called() -> Any:
        return load.partial("t").map(day=some_days, contract=contracts)

    @workflow
    def left() -> Any:
        return load.partial("t", contract=3).map(day=["x"] * len(items))

    def edit(graph: GraphEditor) -> None:
        graph.give_each(one(graph, "load"), contract=contracts)
        graph.give(one(graph, "load"), day=some_days)

    assert bindings(edited(left, edit)) == bindings(build_graph(called, {}))


def test_tasks_can_be_given_inside_of_lists_and_to_single_items() -> None:
    """They are what the task waits for from then on, though they stood behind it; a step behind them counts."""

    @workflow
    def some() -> Any:
        return load.partial("t").map(day=["mon", "tue"]), days()

    def edit(graph: GraphEditor) -> None:
        task, other = one(graph, "load"), one(graph, "days")
        graph.give(task, files=[Path("x"), {"more": other}])
        graph.give_each(task, contract=[other, 3])
        graph.insert_after(other, keep)

    made = edited(some, edit)
    assert [task.id for task in made.tasks] == ["days", "data:keep@days", "load"]
    assert made.tasks[2].bindings["contract"] == Nested("list", (), (TaskOutput(1), Constant(3)))
    assert made.tasks[2].depends() == [1]


def test_the_number_of_items_is_known_where_the_graph_tells_it() -> None:
    """Of a map over a map, and of one that is mapped over a known list beside what a step returns."""

    @workflow
    def some() -> Any:
        first = load.partial("t").map(day=("mon", "tue"))
        return shown.map(rows=keep.map(rows=first)), fit.map(rows=days(), seed=[Seed(1), Seed(2)])

    def edit(graph: GraphEditor) -> None:
        graph.give_each(one(graph, "shown"), width=[1, 2])
        graph.give_each(one(graph, "fit"), depth=(1, 2))
        graph.give(one(graph, "shown"), rows=range(2))
        graph.give(one(graph, "fit"), rows=[[], []])

    made = edited(some, edit)
    assert made.task("shown").bindings == {"rows": Constant([0, 1]), "width": Constant([1, 2])}
    assert made.task("fit").depends() == []


def test_a_seed_may_be_given_as_a_call_may_give_it() -> None:
    """Otherwise it is the run's."""
    made = edited(fitted, lambda graph: graph.give(one(graph, "fit"), seed=Seed(7)))
    assert made.task("fit").bindings["seed"] == Constant(Seed(7))


def test_what_was_given_is_noted_by_the_names_of_parameters() -> None:
    """Values may be long, or nobody's business; nothing given is nothing changed."""

    def edit(graph: GraphEditor) -> None:
        graph.give(one(graph, "load"), files=[], contract={"password": "x"})
        graph.give_each(one(graph, "load"), name=["a", "b", "c"])
        graph.give(one(graph, "load"))
        graph.give_each(one(graph, "load"))

    made = edited(mapped, edit)
    assert list(map(str, made.changes)) == [
        "data: gave files, contract to 'load'",
        "data: gave name to each item of 'load'",
    ]
    assert [change.kind for change in made.task("load").changes] == ["given", "given"]
    assert made.task("load").mapped == ("day", "name")


def test_a_task_that_was_given_something_takes_other_changes_too() -> None:
    """Options, steps behind it, and what settings leave as it was."""

    def edit(graph: GraphEditor) -> None:
        task = one(graph, "load")
        graph.give(task, contract=1)
        graph.set_options(task, cache=False)
        graph.insert_after(task, keep)
        graph.give(task, day="mon")

    made = edited(plain, edit)
    task = made.task("load")
    assert task.options.cache is False
    assert {name: binding.value for name, binding in task.bindings.items() if isinstance(binding, Constant)} == {
        "name": "t",
        "contract": 1,
        "day": "mon",
    }


def test_lists_of_a_hundred_thousand_take_time_in_proportion() -> None:
    """Each is looked at once, also with a list of paths for each item."""
    count = 100_000

    @workflow
    def wide() -> Any:
        return load.partial("t").map(day=["x"] * count)

    def edit(graph: GraphEditor) -> None:
        task = one(graph, "load")
        graph.give_each(task, files=[[Path("x")]] * count, contract=list(range(count)))
        graph.give(task, day=["y"] * count)
        assert len(task.constants["files"]) == count

    begun = time.process_time()
    assert len(edited(wide, edit).changes) == 2
    assert time.process_time() - begun < 10


# -- what is refused -------------------------------------------------------------------------------------------------


def test_what_does_not_fit_the_parameter_is_found_by_the_check() -> None:
    """As where a call gives it, with the plugin's name."""
    message, _ = refused(plain, lambda graph: graph.give(one(graph, "load"), name=3))
    assert message == "the plugin 'data' leaves the workflow 'plain' wrong: task 'load'"
    with pytest.raises(PluginError, match="takes str as 'name', not 3"):
        edited(plain, lambda graph: graph.give(one(graph, "load"), name=3))
    with pytest.raises(PluginError, match="takes str as 'day', but item 1 of its list is 2"):
        edited(mapped, lambda graph: graph.give(one(graph, "load"), day=["a", 2, "b"]))


@pytest.mark.parametrize(
    ("built", "name", "values", "message", "cure"),
    [
        (plain, "load", {"file": 1}, "'file' to task 'load': step 'load' has no such parameter", "did you mean 'files'?"),
        (fitted, "fit", {"more": 1}, "'more' to task 'fit', which takes any number of arguments", "name a parameter that takes one"),
        (fitted, "fit", {"db": 1}, "'db' to task 'fit', which the provider 'connection' opens", "leave it as it is"),
        (plain, "load", {"contract": keep}, "'contract' to task 'load': it can't take 'contract', which is <step keep> itself; call it, or pass keep.fn for the function", "give plain values, and tasks of the graph"),
        (plain, "load", {"contract": GraphEditor.value}, "'contract' to task 'load': no value is at hand for 'contract'", "graph.value is for steps that are inserted; give a value"),
        (mapped, "load", {"day": "mon"}, "'day' to task 'load': each item takes its own 'day', and str is no list", "give one value for each item: day=[…]"),
        (mapped, "load", {"day": ["mon"]}, "'day' to task 'load': the task has 3 items, but the list for 'day' 1", "give one value for each item"),
        (product, "load", {"name": ["a", "b", "c"]}, "'name' to task 'load': the task has 2 items, but the list for 'name' 3", "give one value for each item"),
        (late, "load", {"day": ["a", "b"]}, "'day' to task 'load': only the run tells how many items take their own 'day'", "give what is one for all items, or let a step make the list: graph.connect(…), graph.insert_before(…)"),
    ],
)  # fmt: skip
def test_what_can_not_be_given_is_refused(built: Any, name: str, values: Any, message: str, cure: str) -> None:
    """Before anything runs, with the plugin's name and the remedy."""
    found = refused(built, lambda graph: graph.give(one(graph, name), **values))
    assert found == (f"the plugin 'data' can't give {message}", cure)


@pytest.mark.parametrize(
    ("built", "values", "message", "cure"),
    [
        (plain, {"day": ["a"]}, ", which has none", "give one value: graph.give(…)"),
        (product, {"contract": [1, 2]}, ", which is a product: a list more would be one of combinations", "give one value: graph.give(…)"),
        (mapped, {"day": ["a", "b", "c"]}, ", which is mapped over it", "give another list: graph.give(…)"),
        (mapped, {"contract": [1, 2]}, ": the task has 3 items, but the list for 'contract' 2", "give one value for each item"),
        (mapped, {"contract": {1, 2, 3}}, ": each item takes its own 'contract', and set is no list", "give one value for each item: contract=[…]"),
        (late, {"contract": [1, 2]}, ": only the run tells how many items take their own 'contract'", "give what is one for all items, or let a step make the list: graph.connect(…), graph.insert_before(…)"),
        (mapped, {"kontract": [1, 2, 3]}, ": step 'load' has no such parameter", "did you mean 'contract'?"),
    ],
)  # fmt: skip
def test_what_items_can_not_be_given_each_is_refused(built: Any, values: Any, message: str, cure: str) -> None:
    """The message says why there is no item-by-item."""
    found = refused(built, lambda graph: graph.give_each(one(graph, "load"), **values))
    [name] = values
    assert found == (f"the plugin 'data' can't give '{name}' to each item of task 'load'{message}", cure)


def test_tasks_where_their_values_could_not_be_put_are_refused() -> None:
    """As a key, and in a set; else the step would be given the plugin's own object."""

    def edit(make: Callable[[TaskMatch], Any]) -> Edit:
        return lambda graph: graph.give(one(graph, "fit"), depth=[make(one(graph, "load"))])

    said = "the plugin 'data' can't give 'depth' to task 'fit': it can't take 'depth', which has <task load>"
    rest = "whose value does not exist yet; build that in a step"
    cure = "give plain values, and tasks of the graph"
    assert refused(fitted, edit(lambda task: {task: 1})) == (f"{said} as a dict's key, {rest}", cure)
    assert refused(fitted, edit(lambda task: frozenset([task]))) == (f"{said} in a set, {rest}", cure)


def test_a_task_can_not_be_given_its_own_value() -> None:
    """That is a circle, which is told as any other."""
    assert refused(plain, lambda graph: graph.give(one(graph, "load"), contract=[one(graph, "load")])) == (
        "the plugin 'data' makes tasks of the workflow 'plain' wait for each other: load → load",
        MEND,
    )


@dataclass(frozen=True)
class Named:
    """Stands for a list that is only named, until a plugin puts it in its place."""

    name: str

    __hookline_stands_in__ = True


@dataclass(frozen=True)
class Other:
    """Stands for nothing."""

    name: str


@step
def opened(named: Any) -> list[str]:
    return [named.name]


@step
def count(rows: list[str]) -> int:
    return len(rows)


def test_what_stands_in_for_a_value_may_be_passed_where_that_value_is_taken() -> None:
    """A workflow is checked before plugins rewrite it; what a plugin replaces is not of the type yet."""

    @workflow
    def flow():
        return count(Named("customers")), count.map(rows=[Named("a"), Named("b")])

    def open_all(graph: GraphEditor) -> None:
        for task in graph.tasks(count):
            graph.insert_before(task, "rows", opened)

    assert [task.step.name for task in edited(flow, open_all).tasks] == ["opened", "count", "opened", "count"]

    @workflow
    def wrong():
        return count(Other("customers"))

    with pytest.raises(WorkflowError, match="takes list"):
        build_graph(wrong, {})


def test_a_match_tells_what_its_step_takes() -> None:
    """As the parameters are annotated."""
    found: list[Any] = []

    @workflow
    def flow():
        return count(["a"])

    edited(flow, lambda graph: found.append(dict(graph.tasks(count)[0].takes)))
    assert found == [{"rows": list[str]}]
