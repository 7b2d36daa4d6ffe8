"""Rewriting a graph: what each edit does, what is refused, and that the result is whatever plain Python makes of it."""

# ruff: noqa: E501 - messages and arrows stand as they are shown
from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from hookline.errors import HooklineError, PluginError, StoreMissingError, UsageError, WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.match import TaskMatch
from hookline.graph.rewriting.rewrite import Rewriter, rewrite
from hookline.model.graph import Binding, Constant, FirstOf, Nested, Task, TaskGraph, TaskOutput
from hookline.model.reference import WHOLE, completed, first
from hookline.model.seed import Seed
from hookline.model.step import step
from hookline.model.workflow import workflow
from hookline.model.wrapping import unwrapped, wrapping

Edit = Callable[[GraphEditor], object]


class Split(NamedTuple):
    train: list[int]
    test: list[int]


class Turned(NamedTuple):
    test: list[int]
    train: list[int]


@step
def turn(rows: list[int]) -> Turned:
    return Turned([], [])


@step
def load(n: int = 3) -> list[int]:
    return list(range(n))


@step(tags=["heavy", "model"])
def train(x: int, depth: int = 1) -> float:
    return x * depth


@step
def total(parts: Any) -> float:
    return sum(parts)


@step
def largest(parts: Any) -> float:
    return max(parts)


@step
def split(rows: list[int]) -> Split:
    return Split(rows[1:], rows[:1])


@step
def swap(parts: Split) -> Split:
    return Split(parts.test, parts.train)


@step
def check(rows: list[int], least: int = 1) -> list[int]:
    return rows


@step
def bump(x: Any) -> Any:
    return x


@step
def good(value: Any) -> bool:
    return True


@step
def both(left: Any, right: Any) -> Any:
    return left, right


@step
def many(*parts: Any, **named: Any) -> Any:
    return parts


@step
def shuffled(rows: Any, seed: Seed) -> Any:
    return rows


@step
async def fetch(x: int) -> int:
    return x


@workflow
def flow(n: int = 3) -> Any:
    return total(train.map(x=load(n)))


@workflow
def parts() -> Any:
    train_rows, test_rows = split(load())
    return both(train_rows, test_rows)


def edited(built: Any, *edits: Edit, **params: Any) -> TaskGraph:
    """Rewrite a workflow's graph by plugins that are called data, more, …"""
    names = ["data", "more", "third"]
    rewriters = [Rewriter(name, edit) for name, edit in zip(names, edits, strict=False)]
    return rewrite(build_graph(built, params), rewriters)


def outline(graph: TaskGraph) -> dict[str, str]:
    """Say of each task, in order, what it is given; then what is returned."""
    told = {task.id: _call(graph, task) for task in graph.tasks}
    return told | {"return": "" if graph.returns is None else _text(graph, graph.returns)}


def _call(graph: TaskGraph, task: Task) -> str:
    given = [f"{name}{'*' if name in task.mapped else ''}={_text(graph, item)}" for name, item in task.bindings.items()]
    when = "" if task.condition is None else f" if {_text(graph, task.condition)}"
    return f"{task.step.name}({', '.join(given)}){when}"


def _text(graph: TaskGraph, binding: Binding) -> str:
    if isinstance(binding, TaskOutput):
        slot = "" if binding.slot == WHOLE else f".{binding.slot}"
        return f"{graph.tasks[binding.task].id}{slot}{'!' if binding.completed else ''}"
    if isinstance(binding, FirstOf):
        return " or ".join(_text(graph, option) for option in binding.options)
    if isinstance(binding, Nested):
        return f"[{', '.join(_text(graph, item) for item in binding.items)}]"
    assert isinstance(binding, Constant)
    return repr(binding.value)


def refused(built: Any, edit: Edit) -> tuple[str, str]:
    """Give message and help of the error that an edit raises, without the line of this file in the message."""
    with pytest.raises(PluginError) as caught:
        edited(built, edit)
    message = caught.value.message.partition(f" ({__file__}")[0].partition(" (tests/")[0]
    return message, caught.value.help


def one(graph: GraphEditor, name: str) -> TaskMatch:
    [found] = graph.tasks(name)
    return found


# -- finding -------------------------------------------------------------------------------------------------------


def test_tasks_are_found_by_step_tag_and_what_they_return() -> None:
    """All that is given has to be true; a mapped task is one match."""
    seen: dict[str, Any] = {}

    def look(graph: GraphEditor) -> None:
        seen["all"] = [match.id for match in graph.tasks()]
        seen["step"] = [match.id for match in graph.tasks(train)]
        seen["tag"] = [match.id for match in graph.tasks(tag="model")]
        seen["list"] = [match.id for match in graph.tasks(returns=list)]
        seen["ints"] = [match.id for match in graph.tasks(returns=list[int])]
        seen["texts"] = [match.id for match in graph.tasks(returns=list[str])]
        seen["float"] = [match.id for match in graph.tasks(returns=float)]
        seen["both"] = [match.id for match in graph.tasks("total", returns=float)]
        seen["none"] = graph.tasks("total", tag="model")
        [found] = graph.tasks("train")
        seen["match"] = (found.step, found.tags, found.returns, found.mapped, found.bindings, found.place.line > 0)
        seen["text"] = repr(found)
        seen["graph"] = (graph.workflow, graph.params, graph.grown)

    before = build_graph(flow, {})
    assert rewrite(before, [Rewriter("data", look)]) is before
    assert seen == {
        "all": ["load", "train", "total"],
        "step": ["train"],
        "tag": ["train"],
        "list": ["load"],
        "ints": ["load"],
        "texts": [],
        "float": ["train", "total"],
        "both": ["total"],
        "none": [],
        "match": ("train", ("heavy", "model"), float, ("x",), ("x",), True),
        "text": "<task train>",
        "graph": ("flow", {"n": 3}, None),
    }


def test_what_may_be_none_counts_as_what_it_is_otherwise() -> None:
    """An optional value is matched by its type; what has no annotation by none."""

    @step
    def perhaps() -> list[int] | None:
        return None

    @workflow
    def some() -> Any:
        return perhaps(), bump(1)

    found: list[str] = []
    edited(some, lambda graph: found.extend(match.id for match in graph.tasks(returns=list)))
    assert found == ["perhaps"]


def test_a_plugin_does_not_see_what_it_inserted_but_others_do() -> None:
    """Own insertions are not matched again; the next plugin finds them among all others."""
    seen: list[list[str]] = []

    def insert(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), check)
        seen.append([match.id for match in graph.tasks(returns=list)])

    def look(graph: GraphEditor) -> None:
        seen.append([match.id for match in graph.tasks(returns=list)])
        seen.append([match.inserted_by for match in graph.tasks("check")])

    edited(flow, insert, look)
    assert seen == [["load"], ["load", "data:check@load"], ["data"]]


# -- inserting after -----------------------------------------------------------------------------------------------


def test_a_step_after_a_task_takes_over_all_that_took_its_value() -> None:
    """Arguments, references inside structures, conditions, choices and the workflow's return; the rest is as it was."""

    @workflow
    def wide() -> Any:
        rows = load()
        fine = good(rows)
        perhaps = total.when(fine)({"a": [rows, 1]})
        other = total.when(good(perhaps))(first(perhaps, rows))
        return {"rows": rows, "other": other}

    made = edited(wide, lambda graph: graph.insert_after(one(graph, "load"), check, least=2))
    assert outline(made) == {
        "load": "load()",
        "data:check@load": "check(least=2, rows=load)",
        "good": "good(value=data:check@load)",
        "total": "total(parts=[[data:check@load, 1]]) if good",
        "good-2": "good(value=total)",
        "total-2": "total(parts=total or data:check@load) if good-2",
        "return": "[data:check@load, total-2]",
    }
    assert [task.index for task in made.tasks] == list(range(6))
    on_condition = edited(wide, lambda graph: graph.insert_after(graph.tasks("good")[0], bump))
    assert outline(on_condition)["total"] == "total(parts=[[load, 1]]) if data:bump@good"


def test_a_step_after_a_mapped_task_is_mapped_item_by_item() -> None:
    """The order is that of before, and the insertion stands behind its task; completed() stays what it is."""

    @workflow
    def wide() -> Any:
        models = train.product(x=[1, 2], depth=[3, 4])
        return total(models), total(completed(models)), bump.map(x=models)

    made = edited(wide, lambda graph: graph.insert_after(one(graph, "train"), bump))
    assert outline(made) == {
        "train": "train(x*=[1, 2], depth*=[3, 4])",
        "data:bump@train": "bump(x*=train)",
        "total": "total(parts=data:bump@train)",
        "total-2": "total(parts=data:bump@train!)",
        "bump": "bump(x*=data:bump@train)",
        "return": "[total, total-2, bump]",
    }


def test_the_value_is_taken_by_the_one_parameter_that_is_left() -> None:
    """One that needs a value comes before those that don't; else graph.value says which; seeds don't count."""

    def insert(graph: GraphEditor) -> None:
        rows = one(graph, "load")
        graph.insert_after(rows, check)
        graph.insert_after(rows, both, right=1)
        graph.insert_after(rows, both, left=[rows, {"deep": rows}], right=graph.value)
        graph.insert_after(rows, shuffled)

    told = outline(edited(flow, insert))
    assert told["data:check@load"] == "check(rows=data:both@load)"
    assert told["data:both@load"] == "both(right=1, left=data:both-2@load)"
    assert told["data:both-2@load"] == "both(left=[data:shuffled@load, [data:shuffled@load]], right=data:shuffled@load)"
    assert told["data:shuffled@load"] == "shuffled(rows=load)"


def test_insertions_after_one_task_form_a_chain_with_the_newest_first() -> None:
    """Each takes over all that took the value so far; what an insertion returned can be inserted after in turn."""

    def chain(graph: GraphEditor) -> None:
        checked = graph.insert_after(one(graph, "load"), check)
        graph.insert_after(checked, bump)

    def other(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), check)
        graph.insert_after(one(graph, "check"), bump)

    with pytest.raises(PluginError, match="ValueError: not enough values to unpack"):
        edited(flow, other)  # its own insertion is not found
    made = edited(flow, chain, lambda graph: graph.insert_after(one(graph, "load"), bump))
    assert list(outline(made)) == [
        "load",
        "more:bump@load",
        "data:check@load",
        "data:bump@data:check@load",
        "train",
        "total",
        "return",
    ]


def test_parts_of_a_value_go_on_as_the_parts_of_that_name() -> None:
    """A step that returns the same parts can stand behind one whose parts are taken."""
    made = edited(parts, lambda graph: graph.insert_after(one(graph, "split"), swap))
    assert outline(made)["both"] == "both(left=data:swap@split.0, right=data:swap@split.1)"


def test_an_id_says_the_plugin_once() -> None:
    """Also where the step is called as it is registered, with the plugin's name before its own."""
    named = check.options(name="data.check")

    def insert(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), named)

    assert sorted(task.id for task in edited(flow, insert, insert).tasks if task.inserted_by) == [
        "data:check@load",
        "more:data.check@load",
    ]


def test_an_id_keeps_the_name_of_the_workflow_inside() -> None:
    """What is inserted beside a task of an inner workflow is a task of that one, and a taken id gets a number."""

    @workflow
    def outer() -> Any:
        return flow(), flow()

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks("load"):
            graph.insert_after(match, check)
            graph.insert_before(match, "n", bump)

    assert [task.id for task in edited(outer, insert).tasks if task.inserted_by] == [
        "flow/data:bump@load",
        "flow/data:check@load",
        "flow-2/data:bump@load",
        "flow-2/data:check@load",
    ]


# -- the other edits -----------------------------------------------------------------------------------------------


def test_a_step_before_an_argument_takes_what_the_task_was_given() -> None:
    """Before a mapped argument it is mapped; it runs on the task's condition; a default counts as given."""

    @workflow
    def some() -> Any:
        rows = load()
        models = train.when(good(rows)).map(x=rows)
        return total([models, 1])

    def insert(graph: GraphEditor) -> None:
        graph.insert_before(one(graph, "train"), "x", bump)
        graph.insert_before(one(graph, "train"), "depth", both, right=2)
        graph.insert_before(one(graph, "total"), "parts", bump)
        graph.insert_before(one(graph, "load"), "n", bump)

    assert outline(edited(some, insert)) == {
        "data:bump@load": "bump(x=3)",
        "load": "load(n=data:bump@load)",
        "good": "good(value=load)",
        "data:bump@train": "bump(x*=load) if good",
        "data:both@train": "both(right=2, left=1) if good",
        "train": "train(x*=data:bump@train, depth=data:both@train) if good",
        "data:bump@total": "bump(x=[train, 1])",
        "total": "total(parts=data:bump@total)",
        "return": "total",
    }


def test_a_wrapper_stands_around_the_function_and_can_be_wrapped_itself() -> None:
    """Name, slots, signature and options are those of the step; the same two functions give the same function."""

    def twice(call: Any, /, **arguments: Any) -> Any:
        return 2 * call(**arguments)

    def more(call: Any, /, **arguments: Any) -> Any:
        return call(**{**arguments, "x": arguments["x"] + 1})

    made = edited(flow, lambda graph: graph.wrap(one(graph, "train"), twice))
    again = edited(flow, lambda graph: graph.wrap(one(graph, "train"), twice))
    wrapped = made.task("train").step
    assert wrapped.fn is again.task("train").step.fn
    assert wrapped.fn(x=3, depth=2) == 12
    assert (wrapped.name, wrapped.declared, wrapped.outputs) == (train.name, train.declared, train.outputs)
    assert wrapped.signature == train.signature
    assert wrapping(wrapped.fn) == (train.fn, twice)
    nested = edited(
        flow,
        lambda graph: graph.wrap(one(graph, "train"), twice),
        lambda graph: graph.wrap(one(graph, "train"), more),
    )
    assert nested.task("train").step.fn(x=3) == 8
    assert unwrapped(nested.task("train").step.fn) is train.fn


def test_a_wrapper_gets_all_arguments_by_name() -> None:
    """Those that go by position only, too, and any number of them as a tuple or dict."""
    seen: list[dict[str, Any]] = []

    @step
    def mixed(a: int, /, b: int, *rest: int, **named: int) -> Any:
        return a, b, rest, named

    def look(call: Any, /, **arguments: Any) -> Any:
        seen.append(arguments)
        return call(**arguments)

    @workflow
    def some() -> Any:
        return mixed(1, 2, 3, c=4)

    made = edited(some, lambda graph: graph.wrap(one(graph, "mixed"), look))
    arguments = {"a": 1, "b": 2, "rest": (3,), "named": {"c": 4}}
    assert made.task("mixed").step.fn(**arguments) == (1, 2, (3,), {"c": 4})
    assert seen == [arguments]


def test_a_step_that_does_a_task_s_work_gets_its_arguments_and_id() -> None:
    """Parts of its value are taken by name."""

    made = edited(parts, lambda graph: graph.replace(one(graph, "split"), turn))
    assert outline(made)["split"] == "turn(rows=load)"
    assert outline(made)["both"] == "both(left=split.1, right=split.0)"


def test_a_condition_and_the_return_take_parts_by_name_too() -> None:
    """Whatever used a part of the value uses the part of that name, wherever it stands in the new one."""

    @workflow
    def some() -> Any:
        divided = split(load())
        return bump.when(divided.test)(1), divided.train

    made = edited(some, lambda graph: graph.replace(one(graph, "split"), turn))
    assert outline(made)["bump"] == "bump(x=1) if split.0"
    assert outline(made)["return"] == "[bump, split.1]"


def test_tasks_are_connected_and_stand_in_a_new_order() -> None:
    """A task that now waits for a later one stands behind that; the others keep their order."""

    @workflow
    def some() -> Any:
        early = bump(1)
        late = load()
        return early, both(late, 2)

    made = edited(some, lambda graph: graph.connect(one(graph, "load"), one(graph, "bump"), "x"))
    assert outline(made) == {
        "load": "load()",
        "bump": "bump(x=load)",
        "both": "both(left=load, right=2)",
        "return": "[bump, both]",
    }


def test_a_task_is_removed_where_nothing_needs_it_or_another_stands_for_it() -> None:
    """What took its value takes the other's."""

    @workflow
    def some() -> Any:
        bump(1)
        rows = check(load())
        return total(rows), rows

    def remove(graph: GraphEditor) -> None:
        graph.remove(one(graph, "bump"))
        graph.remove(one(graph, "check"), use=one(graph, "load"))

    assert outline(edited(some, remove)) == {
        "load": "load()",
        "total": "total(parts=load)",
        "return": "[total, load]",
    }


def test_options_are_set_as_a_user_sets_them() -> None:
    """Durations and the like are read as in @step; other tasks of the step keep theirs."""

    @workflow
    def some() -> Any:
        return bump(1), bump(2)

    def slow(graph: GraphEditor) -> None:
        graph.set_options(graph.tasks("bump")[1], timeout="10m", retries=2)

    made = edited(some, slow)
    assert made.task("bump-2").options.timeout == 600.0
    assert made.task("bump").options.timeout is None
    assert made.task("bump").step is bump


# -- the whole -----------------------------------------------------------------------------------------------------


def test_every_change_is_noted_with_its_plugin() -> None:
    """On the graph in order, and on the task that it made or changed; the graph of before stays as it was."""

    def twice(call: Any, /, **arguments: Any) -> Any:
        return 2 * call(**arguments)

    def first_plugin(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), check)
        graph.insert_before(one(graph, "total"), "parts", bump)
        graph.wrap(one(graph, "train"), twice)

    def second_plugin(graph: GraphEditor) -> None:
        graph.set_options(one(graph, "train"), retries=1, timeout="1s")
        graph.replace(one(graph, "total"), largest)
        graph.remove(one(graph, "check"), use=one(graph, "load"))
        graph.connect(one(graph, "load"), one(graph, "largest"), "parts")

    before = build_graph(flow, {})
    told = outline(before)
    made = rewrite(before, [Rewriter("data", first_plugin), Rewriter("more", second_plugin)])
    assert [str(change) for change in made.changes] == [
        "data: inserted 'data:check@load' after 'load'",
        "data: inserted 'data:bump@total' before 'parts' of 'total'",
        "data: wrapped 'train' in 'twice'",
        "more: set retries=1, timeout='1s' of 'train'",
        "more: replaced 'total' by 'largest' in 'total'",
        "more: removed 'data:check@load', using 'load' for it",
        "more: connected 'load' to 'parts' of 'total'",
    ]
    assert [change.kind for change in made.task("train").changes] == ["wrapped", "options"]
    assert made.task("train").inserted_by == ""
    assert made.task("data:bump@total").inserted_by == "data"
    assert made.task("load").changes == ()
    assert outline(before) == told
    assert before.changes == ()


def test_a_rewrite_is_a_pure_function() -> None:
    """Two calls over one graph come to the same; what a plugin does later to a value that it gave has no effect."""
    given = [1, 2]

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks(returns=list):
            graph.insert_after(match, both, right=given)
        given.append(3)
        given.pop()

    def set_some(graph: GraphEditor) -> None:
        for match in graph.tasks(tag="heavy"):
            graph.set_options(match, retries=1)

    before = build_graph(flow, {})
    rewriters = [Rewriter("data", insert), Rewriter("more", set_some)]
    one_way, other_way = rewrite(before, rewriters), rewrite(before, rewriters)
    assert outline(one_way) == outline(other_way)
    assert one_way.changes == other_way.changes
    assert [task.options for task in one_way.tasks] == [task.options for task in other_way.tasks]


def test_tasks_that_nobody_touched_are_the_same_objects() -> None:
    """What stands where it stood is not copied."""
    before = build_graph(flow, {})
    made = rewrite(before, [Rewriter("data", lambda graph: graph.set_options(one(graph, "total"), retries=1))])
    assert [new is old for new, old in zip(made.tasks, before.tasks, strict=True)] == [True, True, False]


def test_a_chain_of_thousands_is_rewritten_without_recursion() -> None:
    """An insertion after each of 3,000 tasks, and a circle through all of them, which is told whole."""

    @workflow
    def chain(length: int = 3000) -> Any:
        value: Any = 0
        for _ in range(length):
            value = bump(value)
        return value

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks():
            graph.insert_after(match, good)

    made = edited(chain, insert)
    assert [task.id for task in made.tasks[:4]] == ["bump", "data:good@bump", "bump-2", "data:good@bump-2"]
    assert len(made.tasks) == 6000
    every = edited(chain)
    circle = functools.partial(_connect_ends)
    with pytest.raises(PluginError) as caught:
        rewrite(every, [Rewriter("data", circle)])
    assert caught.value.message.count("→") == 3000


def test_insertions_before_a_wide_gather_take_time_in_proportion() -> None:
    """Twenty thousand insertions behind what one list takes; looking at the list for each would take minutes."""

    @workflow
    def wide(width: int = 20_000) -> Any:
        return total([bump(0) for _ in range(width)])

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks("bump"):
            graph.insert_after(match, good)

    made = edited(wide, insert)
    binding = made.task("total").bindings["parts"]
    assert isinstance(binding, Nested)
    assert {made.tasks[output.task].step.name for output in binding.items if isinstance(output, TaskOutput)} == {"good"}


def _connect_ends(graph: GraphEditor) -> None:
    every = graph.tasks()
    graph.connect(every[-1], every[0], "x")


# -- what is refused -----------------------------------------------------------------------------------------------


def test_a_circle_is_told_with_its_whole_path() -> None:
    """The path names each task with the one that waits for it, and the plugin that made it."""
    assert refused(flow, lambda graph: graph.connect(one(graph, "total"), one(graph, "load"), "n")) == (
        "the plugin 'data' makes tasks of the workflow 'flow' wait for each other: load → train → total → load",
        "mend its rewrite_graph, or leave the plugin out: --without data",
    )
    message, _ = refused(flow, lambda graph: graph.connect(one(graph, "load"), one(graph, "load"), "n"))
    assert message.endswith("wait for each other: load → load")


def test_types_that_can_not_meet_are_told_with_the_plugin_that_left_them_so() -> None:
    """After each plugin the graph is checked as after it was built; a later one can't mend it."""

    @step
    def words(rows: list[int]) -> str:
        return ""

    def insert(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), words)

    with pytest.raises(PluginError) as caught:
        edited(flow, lambda graph: None, insert)
    places = {task.id: task.place for task in build_graph(flow, {}).tasks}
    inserted = dataclasses.replace(places["load"], line=insert.__code__.co_firstlineno + 1)
    assert caught.value.message == (
        "the plugin 'more' leaves the workflow 'flow' wrong: "
        f"task 'train' ({places['train']}) is mapped over 'x', but what task 'more:words@load' ({inserted}) returns is str and no list"
    )
    assert caught.value.help == "mend its rewrite_graph, or leave the plugin out: --without more"

    def replace(graph: GraphEditor) -> None:
        graph.replace(one(graph, "total"), check)

    with pytest.raises(PluginError) as caught:
        edited(flow, replace)
    assert caught.value.message == (
        "the plugin 'data' leaves the workflow 'flow' wrong:\n"
        f"  - task 'total' ({places['total']}) has no parameter 'parts'; it takes rows, least\n"
        f"  - task 'total' ({places['total']}) lacks the argument 'rows'"
    )
    assert caught.value.exit_code == 4


def test_what_a_plugin_raises_is_told_with_its_name_and_line() -> None:
    """So is what ends a program, and an error of hookline's."""

    def broken(graph: GraphEditor) -> None:
        raise ValueError("no")

    with pytest.raises(PluginError) as caught:
        edited(flow, broken)
    place = dataclasses.replace(build_graph(flow, {}).tasks[0].place, line=broken.__code__.co_firstlineno + 1)
    assert caught.value.message == f"the plugin 'data' failed in 'rewrite_graph' ({place}): ValueError: no"
    assert caught.value.help == "mend its rewrite_graph, or leave the plugin out: --without data"

    def own(graph: GraphEditor) -> None:
        raise PluginError("no licence", help="buy one")

    with pytest.raises(PluginError) as caught:
        edited(flow, own)
    assert caught.value.message == "the plugin 'data' can't rewrite the workflow 'flow': no licence"
    assert caught.value.help == "buy one"

    def leaving(graph: GraphEditor) -> None:
        raise SystemExit(3)

    with pytest.raises(PluginError, match=r"the plugin 'data' failed in 'rewrite_graph' .*: SystemExit: 3"):
        edited(flow, leaving)


@pytest.mark.parametrize("kind", [UsageError, WorkflowError, StoreMissingError])
def test_what_a_plugin_says_is_the_user_s_fault_passes_as_what_it_is(kind: type[HooklineError]) -> None:
    """A name that is misspelt is no fault of the plugin's: the words, the remedy and the exit code are the error's."""

    def picky(graph: GraphEditor) -> None:
        raise kind("there is no source 'sails'", help="did you mean 'sales'?")

    with pytest.raises(kind) as caught:
        edited(flow, picky)
    assert (caught.value.message, caught.value.help) == ("there is no source 'sails'", "did you mean 'sales'?")
    assert caught.value.exit_code == kind.exit_code


def test_what_is_no_task_is_refused() -> None:
    """A text, a task of another graph, one that was removed."""
    cure = "give what graph.tasks(…) or graph.insert_after(…) returned"
    given: Any = "load"
    assert refused(flow, lambda graph: graph.insert_after(given, check)) == (
        "the plugin 'data' gives 'load' where a task is meant",
        cure,
    )
    kept: list[TaskMatch] = []
    edited(flow, lambda graph: kept.extend(graph.tasks("load")))
    assert refused(flow, lambda graph: graph.remove(kept[0])) == (
        "the plugin 'data' gives a task of another graph where a task is meant",
        cure,
    )

    @workflow
    def alone() -> Any:
        bump(1)

    def twice(graph: GraphEditor) -> None:
        found = one(graph, "bump")
        graph.remove(found)
        assert repr(found) == "<task removed>"
        graph.remove(found)

    assert refused(alone, twice) == (
        "the plugin 'data' names a task that it removed",
        "change a task before it is removed",
    )


def test_what_is_no_step_is_refused() -> None:
    """Its plain function, for instance."""
    given: Any = None
    assert refused(flow, lambda graph: graph.insert_after(one(graph, "load"), given)) == (
        "the plugin 'data' gives None where a step is meant",
        "give a function decorated with @step",
    )
    assert refused(flow, lambda graph: graph.replace(one(graph, "load"), given))[0] == (
        "the plugin 'data' gives None where a step is meant"
    )


@step
def nothing() -> int:
    return 1


@pytest.mark.parametrize(
    ("edit", "message", "cure"),
    [
        (
            lambda graph: graph.insert_after(one(graph, "load"), both),
            "can't insert 'both' after task 'load': the value could be taken by 'left', 'right'",
            "say by which: left=graph.value, and give the others",
        ),
        (
            lambda graph: graph.insert_after(one(graph, "load"), nothing),
            "can't insert 'nothing' after task 'load': no parameter is left to take the value",
            "insert a step that takes it",
        ),
        (
            lambda graph: graph.insert_after(one(graph, "load"), check, leest=2),
            "can't insert 'check' after task 'load': the step has no parameter 'leest'",
            "did you mean 'least'?",
        ),
        (
            lambda graph: graph.insert_after(one(graph, "load"), check, least=iter([1])),
            "can't insert 'check' after task 'load': it can't take 'least', which is a list_iterator, which is gone once it was read; write a list: [… for … in …]",
            "give plain values, and tasks of the graph",
        ),
        (
            lambda graph: graph.insert_before(one(graph, "load"), "m", bump),
            "can't insert 'bump' before 'm' of task 'load': step 'load' has no such parameter",
            "it takes n",
        ),
        (
            lambda graph: graph.insert_before(one(graph, "train"), "deph", bump),
            "can't insert 'bump' before 'deph' of task 'train': step 'train' has no such parameter",
            "did you mean 'depth'?",
        ),
        (
            lambda graph: graph.connect(one(graph, "load"), one(graph, "total"), "part"),
            "can't connect task 'load' to 'part' of task 'total': step 'total' has no such parameter",
            "did you mean 'parts'?",
        ),
        (
            lambda graph: graph.remove(one(graph, "load")),
            "can't remove task 'load', which is needed by task 'train'",
            "give a task whose value stands for its own: graph.remove(task, use=other)",
        ),
        (
            lambda graph: graph.remove(one(graph, "total")),
            "can't remove task 'total', which is needed by the workflow's return",
            "give a task whose value stands for its own: graph.remove(task, use=other)",
        ),
        (
            lambda graph: graph.remove(one(graph, "load"), use=one(graph, "train")),
            "can't use task 'train' for task 'load': one of them is mapped",
            "give a task that is mapped where this one is",
        ),
        (
            lambda graph: graph.remove(one(graph, "load"), use=one(graph, "load")),
            "can't use task 'load' for task 'load'",
            "give another task",
        ),
        (
            lambda graph: graph.set_options(one(graph, "load"), retrys=2),
            "can't set options of task 'load': the step 'load' is given an option 'retrys' that does not exist; did you mean 'retries'?",
            "options are name, retries, retry_delay, retry_on, timeout, cache, env, resources, executor, limit, version, tags",
        ),
        (
            lambda graph: graph.set_options(one(graph, "load"), name="other"),
            "can't set options of task 'load': a task keeps the name of its step",
            "leave name= out",
        ),
        (
            lambda graph: graph.wrap(one(graph, "load"), check),
            "can't wrap task 'load' in <step check>",
            "give a plain function: def wrapper(call, /, **arguments)",
        ),
        (
            lambda graph: graph.wrap(one(graph, "load"), fetch.fn),
            "can't wrap task 'load' in 'fetch', which is async",
            "its step 'load' is not async, and so must the wrapper be",
        ),
    ],
)
def test_an_edit_that_can_not_be_made_says_why(edit: Edit, message: str, cure: str) -> None:
    """Each names the plugin, what it tried, and the repair."""
    assert refused(flow, edit) == (f"the plugin 'data' {message}", cure)


def test_the_line_of_the_plugin_stands_in_the_message() -> None:
    """It is the innermost one outside hookline."""

    def edit(graph: GraphEditor) -> None:
        graph.remove(one(graph, "load"))

    with pytest.raises(PluginError) as caught:
        edited(flow, edit)
    assert caught.value.message.endswith(f"test_rewrite.py:{edit.__code__.co_firstlineno + 1})")


def test_parts_that_a_step_does_not_return_are_refused() -> None:
    """Whoever takes a part of a value can't take it from a step without that part."""
    cure = "let '{0}' return the same parts, or insert it before the argument that takes them"
    assert refused(parts, lambda graph: graph.insert_after(one(graph, "split"), bump)) == (
        "the plugin 'data' can't insert 'bump' after task 'split': task 'both' takes its part 'train', which 'bump' does not return",
        cure.format("bump"),
    )
    assert refused(parts, lambda graph: graph.replace(one(graph, "split"), check)) == (
        "the plugin 'data' can't replace task 'split' by 'check': task 'both' takes its part 'train', which 'check' does not return",
        cure.format("check"),
    )
    assert refused(parts, lambda graph: graph.remove(one(graph, "split"), use=one(graph, "load"))) == (
        "the plugin 'data' can't use task 'load' for task 'split': task 'both' takes its part 'train', which 'load' does not return",
        cure.format("load"),
    )


def test_arguments_that_are_not_one_value_are_refused() -> None:
    """Any number of arguments, seeds, and what is given nothing."""

    @step
    def picky(a: int, b: int) -> int:
        return a

    @workflow
    def some() -> Any:
        return many(1, 2), shuffled([1])

    assert refused(some, lambda graph: graph.insert_before(one(graph, "many"), "parts", bump)) == (
        "the plugin 'data' can't insert 'bump' before 'parts' of task 'many', which takes any number of arguments",
        "name a parameter that takes one",
    )
    assert refused(some, lambda graph: graph.insert_before(one(graph, "shuffled"), "seed", bump)) == (
        "the plugin 'data' can't insert 'bump' before 'seed' of task 'shuffled', which is a seed that the run gives",
        "leave it as it is",
    )

    def lacking(graph: GraphEditor) -> None:
        graph.replace(one(graph, "shuffled"), both)
        [task] = graph.tasks("both")
        graph.insert_before(task, "left", bump)

    assert refused(some, lacking) == (
        "the plugin 'data' can't insert 'bump' before 'left' of task 'shuffled', which is given nothing",
        "connect it to a task first: graph.connect(…)",
    )


def test_async_steps_take_async_wrappers() -> None:
    """The wrapped step is async, too."""

    @workflow
    def some() -> Any:
        return fetch(1)

    async def around(call: Any, /, **arguments: Any) -> Any:
        return 1 + await call(**arguments)

    assert edited(some, lambda graph: graph.wrap(one(graph, "fetch"), around)).task("fetch").step.concurrent
    assert refused(some, lambda graph: graph.wrap(one(graph, "fetch"), bump.fn)) == (
        "the plugin 'data' can't wrap task 'fetch' in 'bump', which is not async",
        "its step 'fetch' is async, and so must the wrapper be",
    )


def test_a_plugin_s_step_may_have_the_name_of_a_user_s_step() -> None:
    """Its tasks' ids tell them apart, and a wrapped step is still the step."""

    @step(name="check")
    def own(x: Any) -> Any:
        return x

    @workflow
    def some() -> Any:
        return own(load()), own(1)

    def insert(graph: GraphEditor) -> None:
        graph.insert_after(one(graph, "load"), check)
        graph.wrap(graph.tasks("check")[0], lambda call, **arguments: call(**arguments))

    assert [task.id for task in edited(some, insert).tasks] == ["load", "data:check@load", "check", "check-2"]
