"""Every problem that a graph can have, as a table of workflows and what is said about them.

Where a workflow's line ends in a comment "here" (or "there"), the expected text may name it as {here} (or {there}).
"""

# ruff: noqa: E501 - messages stand as they are shown, on one line
from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from hookline.errors import WorkflowError
from hookline.graph.build import build_graph
from hookline.model.reference import first
from hookline.model.step import step
from hookline.model.workflow import Workflow, workflow


class Split(NamedTuple):
    train: list[int]
    name: str


@dataclasses.dataclass
class Settings:
    depth: Any


@step
def load(path: Path) -> list[dict[str, int]]:
    return []


@step
def numbers(count: int = 3) -> list[int]:
    return []


@step
def train(rows: list[dict[str, int]], depth: int) -> float:
    return 0.0


@step
def half(rows: list[int], depth: int = 1) -> Split:
    return Split([], "")


@step
def pick(models: list[float]) -> float:
    return 0.0


@step
def word() -> str:
    return ""


@step
def silent() -> None: ...


@step
def anything(value: object) -> object:
    return value


@step
def spread(*parts: int, **named: float) -> None: ...


@step
def only(value: int, /) -> int:
    return value


@step
def nothing() -> int:
    return 0


@step
def solver(kind: Literal["lbfgs", "saga"]) -> int:
    return 0


@step
def add(left: int, right: int) -> int:
    return left + right


@step(name="fit")
def fit_trees(depth: int) -> float:
    return 0.0


@step(name="fit")
def fit_lines(depth: int) -> float:
    return 0.0


CASES: list[Any] = []


def bad(*expected: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def note(fn: Callable[..., Any]) -> Callable[..., Any]:
        CASES.append(pytest.param(fn, expected, id=fn.__name__))
        return fn

    return note


def problems(fn: Callable[..., Any]) -> tuple[str, ...]:
    with pytest.raises(WorkflowError) as caught:
        build_graph(fn if isinstance(fn, Workflow) else workflow(fn), {})
    many = len(caught.value.problems)
    assert many, caught.value
    how_many = "a problem" if many == 1 else f"{many} problems"
    assert caught.value.message == f"the workflow '{fn.__name__}' has {how_many}"
    return caught.value.problems


def marked_lines(fn: Callable[..., Any]) -> dict[str, str]:
    lines, start = inspect.getsourcelines(inspect.unwrap(fn))
    file = os.path.relpath(__file__)
    found = [(re.search(r"# (here|there)$", line), number) for number, line in enumerate(lines, start)]
    places = {match[1]: f"{file}:{number}" for match, number in found if match}
    return {"top": f"{file}:{start}", **places}


@bad(
    "task 'train' ({here}) has no parameter 'dept'; did you mean 'depth'?",
    "task 'half' ({there}) has no parameter 'zzz'; it takes rows, depth",
)
def unknown_arguments() -> None:
    rows = load(Path("x"))
    train(rows, dept=3)  # type: ignore[call-arg]  # here
    half([1], zzz=3)  # type: ignore[call-arg]  # there


@bad("task 'nothing' ({here}) has no parameter 'x'; it takes none")
def an_argument_for_a_step_without_any() -> None:
    nothing(x=1)  # type: ignore[call-arg]  # here


@bad("task 'train' ({here}) lacks the arguments 'rows', 'depth'", "task 'train-2' ({there}) lacks the argument 'depth'")
def missing_arguments() -> None:
    train()  # type: ignore[call-arg]  # here
    train([])  # type: ignore[call-arg]  # there


@bad("task 'train' ({here}) is given 3 arguments by position, but takes at most 2")
def too_many_by_position() -> None:
    train([], 1, 2)  # type: ignore[call-arg]  # here


@bad("task 'nothing' ({here}) is given 1 arguments by position, but takes none")
def any_by_position() -> None:
    nothing(1)  # type: ignore[call-arg]  # here


@bad("task 'train' ({here}) is given 'rows' twice, by position and by name")
def an_argument_twice() -> None:
    train([], rows=[], depth=1)  # type: ignore[misc]  # here


@bad("task 'only' ({here}) takes 'value' by position only")
def by_name_what_goes_by_position() -> None:
    only(value=1)  # type: ignore[call-arg]  # here


@bad("task 'train' ({here}) has 'depth' both fixed and mapped; leave one of them out")
def fixed_and_mapped() -> None:
    train.partial([], depth=1).map(depth=[1, 2])  # here


@bad("task 'train' ({here}) is mapped over nothing; write .map(name=list)")
def a_map_without_a_collection() -> None:
    train.partial([], 1).map()  # here


@bad("task 'spread' ({here}) can't be mapped over 'x', which '**named' would take")
def a_map_over_open_names() -> None:
    spread.map(x=[1.0])  # here


@bad("task 'train' ({here}) has no parameter 'depths'; did you mean 'depth'?")
def a_map_over_an_unknown_parameter() -> None:
    train.partial([]).map(depths=[1])  # here


@bad(
    "task 'anything' ({here}) is mapped over 'value', which is text and no list; write a list with the text in it, or split it first"
)
def a_map_over_text() -> None:
    anything.map(value="abc")  # here


@bad(
    "task 'anything' ({here}) is mapped over 'value', which is a dict and no list; write list(….items()) or list(….values())"
)
def a_map_over_a_dict() -> None:
    anything.map(value={"a": 1})  # here


@bad(
    "task 'anything' ({here}) is mapped over 'value', which is a set and no list; write sorted(…), so that the order is the same in each run"
)
def a_map_over_a_set() -> None:
    anything.map(value={1})  # here


@bad("task 'anything' ({here}) is mapped over 'value', which is an int and no list; write a list")
def a_map_over_a_number() -> None:
    anything.map(value=5)  # here


@bad("task 'anything' ({here}) is mapped over 'value', which is a generator and no list; write list(…)")
def a_map_over_a_generator() -> None:
    anything.map(value=(i for i in range(3)))  # here


@bad("task 'anything' ({here}) is mapped over 'value', which is a Split and no list; write list(…)")
def a_map_over_a_named_tuple() -> None:
    anything.map(value=Split([], ""))  # here


@bad(
    "task 'anything' ({here}) is mapped over 'value', but what task 'word' ({there}) returns is str and no list",
    "task 'anything-2' ({here}) is mapped over 'value', but 'name' of task 'half' ({there}) is str and no list",
)
def a_map_over_a_task_that_makes_no_list() -> None:
    text, parts = word(), half([1])  # there
    anything.map(value=text), anything.map(value=parts.name)  # here


@bad(
    "task 'add' ({here}) is mapped over lists of different lengths: 'left' has 2, 'right' has 3; use .product(…) for all combinations"
)
def zipped_lists_of_different_lengths() -> None:
    add.map(left=[1, 2], right=[1, 2, 3])  # here


@bad(
    "task 'add-2' ({here}) is mapped over lists of different lengths: 'left' has 4, 'right' has 3; use .product(…) for all combinations"
)
def a_mapped_task_zipped_with_a_list_of_another_length() -> None:
    four = add.product(left=[1, 2], right=[3, 4])
    add.map(left=four, right=[1, 2, 3])  # here


@bad(
    "task 'anything' ({here}) can't take 'value', which is a reference to task 'word' ({there}) of another workflow; call the step in this one"
)
def a_reference_of_another_workflow() -> None:
    anything(leaked())  # here


def leaked() -> Any:
    """Give a reference out of a workflow that was built before."""
    kept: list[Any] = []
    with pytest.raises(WorkflowError):
        build_graph(workflow(lambda_of(kept), name="other"), {})
    return kept[0]


def lambda_of(kept: list[Any]) -> Callable[[], None]:
    def other() -> None:
        kept.append(word())
        raise KeyError("on purpose")

    return other


@bad(
    "task 'anything' ({here}) can't take 'value', which has <reference to task 'word'> as a dict's key, whose value does not exist yet; build the dict in a step",
    "task 'anything-2' ({there}) can't take 'value', which has <reference to task 'word-2'> as a dict's key, whose value does not exist yet; build the dict in a step",
)
def references_as_keys() -> None:
    anything({word(): 1})  # here
    anything([{(1, word()): 1}])  # there


@bad(
    "task 'anything' ({here}) can't take 'value', which is a set that holds <reference to task 'word'>; use a list, tuple or dict, or pass it alone",
    "task 'anything-2' ({there}) can't take 'value', which is a Settings that holds <reference to task 'word'>; use a list, tuple or dict, or pass it alone",
)
def references_where_none_is_looked_for() -> None:
    text = word()
    anything({text})  # here
    anything([Settings(text)])  # there


@bad(
    "task 'pick' ({here}) can't take 'models', which is a generator, which is gone once it was read; write a list: [… for … in …]"
)
def a_generator_of_calls() -> None:
    pick(train([], depth) for depth in (1, 2))  # type: ignore[arg-type]  # here


@bad(
    "task 'anything' ({here}) can't take 'value', which is <step word> itself; call it, or pass word.fn for the function",
    "task 'anything-2' ({there}) can't take 'value', which is a step that was not called; put its remaining arguments in brackets behind it",
)
def steps_as_values() -> None:
    anything(word)  # here
    anything(train.partial([]))  # there


@bad(
    "task 'train' ({here}) takes list[dict[str, int]] as 'rows', but what task 'word' ({here}) returns is str",
    "task 'train-2' ({there}) takes int as 'depth', not '3' (str)",
)
def types_that_cannot_meet() -> None:
    train(word(), 1)  # type: ignore[arg-type]  # here
    train([], "3")  # type: ignore[arg-type]  # there


@bad("task 'train' ({here}) takes int as 'depth', not None")
def none_for_a_number() -> None:
    train([], None)  # type: ignore[arg-type]  # here


@bad("task 'load' ({here}) takes Path as 'path', not 'customers.csv' (str)")
def text_for_a_path() -> None:
    load("customers.csv")  # type: ignore[arg-type]  # here


@bad("task 'train' ({here}) takes int as 'depth', not a list")
def a_list_of_references_for_a_number() -> None:
    train([], [nothing()])  # type: ignore[arg-type]  # here


@bad("task 'train' ({here}) takes int as 'depth', but what task 'add' ({there}) returns is list[int]")
def a_mapped_task_for_a_number() -> None:
    sums = add.map(left=[1], right=[2])  # there
    train([], sums)  # type: ignore[arg-type]  # here


@bad("task 'train' ({here}) takes int as 'depth', but 'name' of task 'half' ({there}) is str")
def a_slot_of_the_wrong_type() -> None:
    parts = half([1])  # there
    train([], parts.name)  # type: ignore[arg-type]  # here


@bad("task 'add-2' ({here}) takes int as 'left', but the items of what task 'fit' ({there}) returns are float")
def items_of_the_wrong_type() -> None:
    add(1, 2)
    fits = fit_trees.map(depth=[1, 2])  # there
    add.partial(right=1).map(left=fits)  # here


@bad("task 'train' ({here}) takes int as 'depth', but item 2 of its list is 'x' (str)")
def an_item_of_the_wrong_type() -> None:
    train.partial([]).map(depth=[1, 2, "x", "y"])  # here


@bad(
    "task 'spread' ({here}) takes int as 'parts', not 'b' (str)",
    "task 'spread' ({here}) takes float as 'rate', not 'c' (str)",
)
def open_ended_arguments_of_the_wrong_type() -> None:
    spread(1, "b", rate="c")  # type: ignore[arg-type]  # here


@bad("task 'solver-2' ({here}) takes 'lbfgs' | 'saga' as 'kind', not 'sgd' (str)")
def a_value_that_is_no_choice_after_one_that_is() -> None:
    solver("saga")
    solver("sgd")  # type: ignore[arg-type]  # here


@bad(
    "task 'word' ({here}) has the results of the mapped task 'fit' as its condition; reduce them to one value in a step"
)
def a_mapped_condition() -> None:
    fits = fit_trees.map(depth=[1, 2])
    word.when(fits)()  # here


@bad("task 'word' ({here}) has a list as its condition, which holds always; reduce it to one value in a step")
def a_list_as_a_condition() -> None:
    word.when([nothing()])()  # here


@bad("task 'word' ({here}) has what task 'silent' ({there}) returns as its condition, which is None and never holds")
def a_condition_that_never_holds() -> None:
    done = silent()  # type: ignore[func-returns-value]  # there
    word.when(done)()  # here


@bad(
    "task 'word' ({here}) can't take its condition, which is <step nothing> itself; call it, or pass nothing.fn for the function"
)
def a_step_as_a_condition() -> None:
    word.when(nothing)()  # here


@bad(
    "task 'fit-2' ({here}) has the name of another step: 'fit' is fit_trees (FILE) and fit_lines (FILE); give one of them another name"
)
def one_name_for_two_functions() -> None:
    fit_trees(1)
    fit_lines(1)  # here
    fit_lines(2)


@bad(
    "workflow 'a_step_returned' ({top}) returns a value that is <step word> itself; call it, or pass word.fn for the function"
)
def a_step_returned() -> object:
    return word


@bad(
    "task 'train' ({here}) lacks the argument 'depth'",
    "task 'word' ({there}) is given 1 arguments by position, but takes none",
    "the reference to task 'word' can't be tested ({there})\nhelp: use step.when(reference)(…) to run a step on a condition",
)
def problems_before_a_mistake_that_ends_the_workflow() -> None:
    train([])  # type: ignore[call-arg]  # here
    if word(1):  # type: ignore[call-arg]  # there
        nothing()


@pytest.mark.parametrize(("fn", "expected"), CASES)
def test_each_problem_is_told_with_its_place(fn: Callable[..., Any], expected: tuple[str, ...]) -> None:
    """All problems of a workflow come at once, in the order of its tasks, each naming the task, file and line."""
    places = marked_lines(fn)
    if fn.__name__ == "a_reference_of_another_workflow":
        places["there"] = f"{os.path.relpath(__file__)}:{inspect.getsourcelines(lambda_of)[1] + 2}"
    found = [re.sub(r"\b(fit_\w+) \([^)]*\)", r"\1 (FILE)", problem) for problem in problems(fn)]
    assert found == [text.format(**places) for text in expected]


def test_the_error_reads_as_a_list() -> None:
    """One error names the workflow and how many problems it has, then each on a line of its own."""
    with pytest.raises(WorkflowError) as caught:
        build_graph(workflow(missing_arguments), {})
    lines = str(caught.value).splitlines()
    assert lines[0] == "the workflow 'missing_arguments' has 2 problems"
    assert [line[:10] for line in lines[1:]] == ["  - task '"] * 2


def test_a_workflow_that_calls_itself_shows_the_whole_path() -> None:
    """A workflow inside itself, at any depth, is an error that names the workflows in between."""
    with pytest.raises(WorkflowError, match="the workflow 'outer' calls itself: outer → inner → outer"):
        build_graph(outer, {})


@workflow
def outer() -> None:
    inner()


@workflow
def inner() -> None:
    outer()


def test_an_error_in_the_workflow_shows_the_users_own_line() -> None:
    """What the workflow's code raises comes with the innermost line of the user's, and as the cause."""
    with pytest.raises(WorkflowError) as caught:
        build_graph(failing, {})
    line = inspect.getsourcelines(parse)[1] + 1
    assert str(caught.value) == (
        "the workflow 'failing' raised ValueError: Unknown isoformat"
        * 0
        + "the workflow 'failing' raised json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"
        f'  {os.path.relpath(__file__)}:{line}, in parse\n    return __import__("json").loads(text)'
    )
    assert isinstance(caught.value.__cause__, ValueError)


def parse(text: str) -> object:
    return __import__("json").loads(text)


@workflow
def failing() -> None:
    parse("no json")


def test_leaving_the_interpreter_in_a_workflow_is_an_error() -> None:
    """A workflow that exits ends neither the driver nor silently."""
    with pytest.raises(WorkflowError, match="the workflow 'leaving' raised SystemExit: 0"):
        build_graph(leaving, {})


@workflow
def leaving() -> None:
    raise SystemExit(0)


def test_wrong_arguments_of_an_inner_workflow_show_the_call() -> None:
    """A call of a workflow that Python itself refuses is told with the line of that call."""
    with pytest.raises(WorkflowError, match=r"(?s)got an unexpected keyword argument 'x'.*inner\(x=1\)"):
        build_graph(calling_wrongly, {})


@workflow
def calling_wrongly() -> None:
    inner(x=1)  # type: ignore[call-arg]


def test_an_argument_that_holds_itself_is_refused() -> None:
    """A list inside itself is told apart from a long computation."""
    with pytest.raises(WorkflowError, match="an argument of 'anything' is nested too deeply, or holds itself"):
        build_graph(endless, {})


@workflow
def endless() -> None:
    loop: list[Any] = []
    loop.append(loop)
    anything(loop)


def numbers_where_others_fit() -> None:
    fit_trees(nothing())
    anything(silent())  # type: ignore[func-returns-value]
    add(left=True, right=nothing())


def lists_of_all_kinds() -> None:
    anything.map(value=(1, 2))
    anything.map(value=range(3))
    anything.map(value=numbers())
    anything.map(value=half([1]).train)
    anything.map(value=[nothing(), word()])
    anything.map(value=first(numbers(), numbers()))


def nothing_to_combine() -> None:
    add.product(left=[], right=[1, 2])
    add.map(left=[], right=[])


def mapped_results() -> None:
    models = fit_trees.map(depth=[1, 2])
    pick(models)
    fit_trees.map(depth=numbers())
    add.map(left=[1, 2], right=numbers())


def functions_of_one_factory() -> None:
    for number in (1, 2):
        made(number)()


def an_optional_argument() -> None:
    maybe()
    maybe(None)


def made(number: int) -> Any:
    @step(name="made")
    def inside() -> int:
        return number

    return inside


@step
def maybe(depth: int = None) -> int:  # type: ignore[assignment]  # noqa: RUF013
    return depth


@pytest.mark.parametrize(
    "fn",
    [
        numbers_where_others_fit,
        lists_of_all_kinds,
        nothing_to_combine,
        mapped_results,
        functions_of_one_factory,
        an_optional_argument,
    ],
)
def test_what_may_be_right_is_not_refused(fn: Callable[..., Any]) -> None:
    """The check is conservative: only what certainly fails is a problem."""
    build_graph(workflow(fn), {})
