"""Workflows declared in YAML: what their text means, and that no text does anything but make one or be refused."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import math
import random
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline.errors import HooklineError, UsageError, WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.declared.nodes import Items, Node, Scalar, Table, read_nodes
from hookline.graph.declared.order import cycles, in_order
from hookline.graph.declared.problems import Problems
from hookline.graph.declared.types import TYPE_NAMES, UnknownTypeError, read_type
from hookline.graph.declared.workflow import declared_workflow
from hookline.model.graph import Constant, FirstOf, Nested, Task, TaskOutput
from hookline.model.place import Place
from hookline.model.secret import Secret
from hookline.model.seed import Seed
from hookline.model.step import Step, step
from hookline.model.workflow import Workflow, workflow
from thorough import tries

NO_SEED = Seed(0)


class Split(NamedTuple):
    rows: list[int]
    rest: list[int]


@step
def load(path: Path, day: dt.date | None = None, share: Decimal = Decimal("0.5")) -> list[int]:
    return []


@step
def split(rows: list[int], seed: Seed = NO_SEED) -> Split:
    return Split([], [])


@step
def train(rows: list[int], depth: int, rate: float = 0.1) -> float:
    return 0.0


@step
def pick(scores: list[float], names: dict[str, list[Path]] | None = None) -> bool:
    return True


@step
def anything(value: Any = None, pair: tuple[Path, float] | None = None, *more: int) -> Any:
    return value


@step
def only(value: int, /, name: str = "") -> tuple[int, str]:
    return value, name


@dataclasses.dataclass
class Picky:
    depth: int

    def __post_init__(self) -> None:
        raise LookupError("this one takes nothing")


@step
def picky(settings: Picky) -> int:
    return 0


@step
def spread(**values: float) -> float:
    return 0.0


STEPS: dict[str, Step[..., Any]] = {one.name: one for one in (load, split, train, pick, anything, only, picky, spread)}
FILE = Path("flow.yaml").absolute()


def find(uses: str) -> Step[..., Any]:
    if uses not in STEPS:
        raise UsageError(f"there is no step '{uses}'")
    return STEPS[uses]


def declared(text: str) -> Workflow[..., Any]:
    return declared_workflow(dedent(text), FILE, find)


def tasks(text: str, params: Mapping[str, object] | None = None) -> dict[str, Task]:
    return {task.id: task for task in build_graph(declared(text), params or {}).tasks}


def plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(one) for one in node.nodes]
    assert isinstance(node, Table)
    return {key.value: plain(one) for key, one in node.entries.items()}


WHOLE = """
    workflow: churn
    params:
      path: {type: path, default: customers.csv}
      depths: [3, 5]
    steps:
      publish:
        uses: anything
        with: {value: ["${{ steps.fit }}", {best: "${{ steps.good }}"}]}
        when: ${{ steps.good }}
      good: {uses: pick, with: {scores: "${{ steps.fit }}"}}
      fit:
        uses: train
        with: {rows: "${{ steps.parts.rows }}"}
        product: {depth: "${{ params.depths }}", rate: [0.1, 1]}
        options: {retries: 2, tags: [slow]}
      parts: {uses: split, with: {rows: "${{ steps.load }}"}}
      load: {uses: load, with: {path: "${{ params.path }}"}}
    returns: {published: "${{ steps.publish }}", rest: "${{ steps.parts.rest }}"}
"""


@workflow
def churn(path: Path = Path("customers.csv"), depths: list[int] = [3, 5]):
    rows = load(path)
    parts = split(rows)
    fit = train.options(retries=2, tags=["slow"]).partial(parts.rows).product(depth=depths, rate=[0.1, 1.0])
    good = pick(fit)
    publish = anything.when(good)([fit, {"best": good}])
    return {"published": publish, "rest": parts.rest}


def test_a_declared_workflow_has_the_graph_of_its_python_form() -> None:
    """Bindings, options, conditions and the result are the same; tasks go by their keys, and stand where they may."""
    made, wanted = build_graph(declared(WHOLE), {}), build_graph(churn, {})
    position = {task.id: task.index for task in made.tasks}
    names = {"train": "fit", "split": "parts", "pick": "good", "anything": "publish", "load": "load"}

    assert sorted(position) == sorted(names.values())
    for task in wanted.tasks:
        other = made.tasks[position[names[task.id]]]
        assert (other.step.fn, other.step.name, other.form) == (task.step.fn, task.step.name, task.form)
        assert (other.options, other.mapped) == (task.options, task.mapped)
        assert named(other.bindings, made.tasks) == named(task.bindings, wanted.tasks)
        assert named(other.condition, made.tasks) == named(task.condition, wanted.tasks)
    assert named(made.returns, made.tasks) == named(wanted.returns, wanted.tasks)
    assert made.workflow == "churn"
    assert made.params == wanted.params


def named(binding: Any, among: Any) -> Any:
    """Write a binding with functions instead of numbers of tasks."""
    if isinstance(binding, Mapping):
        return {name: named(one, among) for name, one in binding.items()}
    if isinstance(binding, TaskOutput):
        return (among[binding.task].step.fn, binding.slot, binding.completed)
    if isinstance(binding, Nested):
        return (binding.kind, binding.keys, [named(one, among) for one in binding.items])
    assert binding is None or isinstance(binding, (Constant, FirstOf))
    return binding


def test_each_task_stands_at_its_line() -> None:
    """Messages of the checks that follow name the file's line, not one of hookline's."""
    found = tasks("steps:\n  a:\n    uses: anything\n\n  b: {uses: anything}\n")

    assert [task.place for task in found.values()] == [Place(str(FILE), 2), Place(str(FILE), 5)]
    assert found["a"].step is anything


def test_plain_values_become_what_the_step_takes() -> None:
    """Paths, dates, numbers, at any depth, beside references, too."""
    found = tasks(
        """
        params: {path: a.csv, day: {type: text, default: '2026-01-31'}}
        steps:
          load: {uses: load, with: {path: "${{ params.path }}", day: "${{ params.day }}", share: 1}}
          pick: {uses: pick, with: {scores: [1, "${{ steps.train }}"], names: {a: [x, "${{ params.path }}"]}}}
          train: {uses: train, with: {rows: [], depth: "3", rate: 1}}
          pair: {uses: anything, with: {pair: ["${{ params.path }}", 1]}}
          only: {uses: only, with: {value: 3, name: x}}
          spread: {uses: spread, with: {a: 1, b: 0.5}}
          none: {uses: load, with: {path: x, day: null}}
        """
    )

    assert found["load"].bindings == {
        "path": Constant(Path("a.csv")),
        "day": Constant(dt.date(2026, 1, 31)),
        "share": Constant(Decimal(1)),
    }
    assert found["pick"].bindings["scores"] == Nested("list", (), (Constant(1.0), TaskOutput(found["train"].index)))
    assert found["pick"].bindings["names"] == Constant({"a": [Path("x"), Path("a.csv")]})
    assert found["train"].bindings == {"rows": Constant([]), "depth": Constant(3), "rate": Constant(1.0)}
    assert found["pair"].bindings["pair"] == Constant((Path("a.csv"), 1.0))
    assert found["only"].bindings == {"value": Constant(3), "name": Constant("x")}
    assert found["none"].bindings["day"] == Constant(None)


def test_a_mapped_step_may_be_asked_for_the_items_that_completed() -> None:
    """As ``completed(…)`` does in Python."""
    found = tasks(
        """
        steps:
          fit: {uses: train, with: {rows: []}, map: {depth: [1, 2]}}
          pick: {uses: pick, with: {scores: "${{ steps.fit.completed }}"}}
        """
    )

    assert found["pick"].bindings["scores"] == TaskOutput(0, completed=True)


def test_elements_of_a_tuple_are_fields_by_number() -> None:
    """``${{ steps.only.1 }}`` is its second element."""
    found = tasks(
        "steps:\n  o: {uses: only, with: {value: 1}}\n  a: {uses: anything, with: {value: '${{ steps.o.1 }}'}}\n"
    )

    assert found["a"].bindings["value"] == TaskOutput(0, 1)


def test_a_condition_may_be_a_parameter() -> None:
    """A step that is wanted only sometimes."""
    found = tasks("params: {on: true}\nsteps: {a: {uses: anything, when: '${{ params.on }}'}}", {"on": False})

    assert found["a"].condition == Constant(False)


def test_a_declared_workflow_may_be_called_in_another() -> None:
    """Its tasks come under its name, as those of a Python workflow do."""
    inner = declared("workflow: inner\nparams: {x: 1}\nsteps: {a: {uses: anything, with: {value: '${{ params.x }}'}}}")

    @workflow
    def outer() -> Any:
        return anything(inner(x=2))

    # What an inner workflow returns is what its file says: nothing here.
    assert [task.id for task in build_graph(outer, {}).tasks] == ["inner/a", "anything"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-31", "2026-01-31"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("''", ""),
        ("9" * 2000, "9" * 2000),
        ("٣", "٣"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    """But a number with a leading zero stays text, because it may be a code, and so does one that is far too long."""
    found = plain(read_nodes(f"[{text}]", Problems("flow.yaml")))[0]

    assert (found, type(found)) == (value, type(value))


def test_nan_is_a_number() -> None:
    """Which equals nothing, so that it has a test of its own."""
    assert math.isnan(plain(read_nodes("[.nan]", Problems("flow.yaml")))[0])


def test_a_file_may_begin_with_a_byte_order_mark_and_have_any_line_ends() -> None:
    """As editors elsewhere write them."""
    found = declared("# first\r\nsteps:\r\n  a: {uses: anything}\r\n")

    assert build_graph(found, {}).tasks[0].place.line == 3


@pytest.mark.parametrize("name", TYPE_NAMES)
def test_each_type_may_stand_alone_in_a_list_and_in_a_mapping(name: str) -> None:
    """They are made of one another."""
    kind = read_type(name)

    assert read_type(f" list[ {name} ]") == list[kind]  # type: ignore[valid-type]
    assert read_type(f"dict[text, list[{name}]]") == dict[str, list[kind]]  # type: ignore[valid-type]


@pytest.mark.parametrize(
    "text", ["__import__('os')", "list[", "list[]", "dict[int, int]", "Path", "list[int]x", "[" * 99]
)
def test_a_type_that_has_no_such_name_is_refused(text: str) -> None:
    """Nothing is evaluated to find out."""
    with pytest.raises(UnknownTypeError):
        read_type(text)


def test_a_type_is_not_nested_without_end() -> None:
    """Its depth is bounded as that of the file is."""
    with pytest.raises(UnknownTypeError):
        read_type("list[" * 2000 + "int" + "]" * 2000)


def test_a_secret_parameter_is_a_place_and_its_value_is_not_shown() -> None:
    """Neither in a default nor in the message about one in the open."""
    found = declared("params: {token: {type: secret, default: 'env:TOKEN'}}\nsteps: {a: {uses: anything}}")
    with pytest.raises(WorkflowError) as caught:
        declared("params: {token: {type: secret, default: hunter2}}\nsteps: {a: {uses: anything}}")

    assert found.signature.parameters["token"].default == Secret("env:TOKEN")
    assert "hunter2" not in str(caught.value)


def test_a_type_with_a_check_of_its_own_may_raise_anything() -> None:
    """It is told as a value that does not fit."""
    with pytest.raises(WorkflowError) as caught:
        declared("steps: {a: {uses: picky, with: {settings: {depth: 1}}}}")

    (problem,) = caught.value.problems
    assert problem.endswith(
        "step 'a': 'settings' takes a JSON object of 'Picky', not {'depth': 1} (LookupError: this one takes nothing)"
    )


def test_the_function_of_a_declared_workflow_makes_tasks_only() -> None:
    """Called by itself it says how the workflow is run."""
    with pytest.raises(WorkflowError, match="was called outside a workflow"):
        declared("steps: {a: {uses: anything}}").fn()


def test_a_long_chain_is_read_quickly_and_without_recursion() -> None:
    """2,000 steps, in the order that is worst."""
    lines = ["steps:"]
    for number in reversed(range(2000)):
        value = f"'${{{{ steps.s{number - 1} }}}}'" if number else "0"
        lines.append(f"  s{number}: {{uses: anything, with: {{value: {value}}}}}")
    began = time.monotonic()
    found = tasks("\n".join(lines))

    assert len(found) == 2000
    assert [task.index for task in found.values()] == list(range(2000))
    assert time.monotonic() - began < 20


def test_a_file_that_is_too_long_is_refused() -> None:
    """Before it is parsed."""
    with pytest.raises(UsageError, match="more than 1,048,576 characters"):
        declared("#" * (1 << 20) + "\nsteps: {}")


def test_a_repeated_part_is_refused_as_a_key_too() -> None:
    """And nothing is said about what it would have been."""
    with pytest.raises(WorkflowError) as caught:
        declared("steps:\n  *a : 1\n  *b : 2\n")

    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "'*a' repeats another part, which can't be done here; write it out",
        "'*b' repeats another part, which can't be done here; write it out",
    ]


def test_a_workflow_without_steps_is_refused() -> None:
    """It would do nothing."""
    with pytest.raises(WorkflowError, match="'steps' is empty"):
        declared("steps: {}")


def test_many_problems_are_told_up_to_a_point() -> None:
    """A file of another kind is not repeated line by line."""
    with pytest.raises(WorkflowError) as caught:
        declared("\n".join(f"key{number}: 1" for number in range(200)))

    assert caught.value.message.endswith("has 201 problems")
    assert len(caught.value.problems) == 51
    assert caught.value.problems[-1] == "… and 151 more"


graphs = st.dictionaries(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=4), max_size=30).map(
    lambda found: {f"s{name}": [f"s{other}" for other in others if other in found] for name, others in found.items()}
)


@given(graphs)
def test_an_order_has_each_task_after_those_it_waits_for(waits: dict[str, list[str]]) -> None:
    """Who is missing waits for a circle, and each circle that is told is one."""
    ordered = in_order(waits)
    found = cycles(waits)
    place = {name: at for at, name in enumerate(ordered)}

    assert all(place[other] < place[name] for name in ordered for other in waits[name])
    assert bool(found) == (len(ordered) < len(waits))
    for circle in found:
        assert all(other in waits[name] for name, other in zip(circle, circle[1:] + circle[:1], strict=True))
    names = [name for circle in found for name in circle]
    assert len(names) == len(set(names))


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_the_order_of_the_file_does_not_matter(chance: random.Random, count: int) -> None:
    """The same steps in another order make the same tasks."""
    entries = {}
    for number in range(count):
        others = [f"${{{{ steps.s{other} }}}}" for other in range(number) if chance.random() < 0.4]
        entries[f"s{number}"] = {"uses": "anything", "with": {"value": [*others, number]}}
    names = list(entries)
    chance.shuffle(names)
    one = tasks(yaml.safe_dump({"steps": entries}, sort_keys=False))
    other = tasks(yaml.safe_dump({"steps": {name: entries[name] for name in names}}, sort_keys=False))

    assert set(one) == set(other)
    for name, task in one.items():
        assert waits_of(task, one) == waits_of(other[name], other)


def waits_of(task: Task, among: dict[str, Task]) -> list[str]:
    by_index = {one.index: one.id for one in among.values()}
    return [by_index[index] for index in task.depends()]


WORDS = """
workflow description params steps returns on_failure uses with map product when options type default help load split
train pick anything only spread rows depth rate path value name a b c retries timeout tags cache env limit int text
secret list[int] dict[text,int] ${{params.a}} ${{steps.a}} ${{steps.b.rows}} ${{steps.c.completed}} ${{ ${{x}}
x${{steps.a}} & * ! << --- ... | > '
"""
words = st.sampled_from(WORDS.split())
scalars = words | st.text(max_size=5) | st.integers() | st.floats() | st.booleans() | st.none()
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)
entries = st.fixed_dictionaries(
    {"uses": st.sampled_from(sorted(STEPS))},
    optional={
        "with": st.dictionaries(words, documents, max_size=3),
        "map": st.dictionaries(words, documents, max_size=2),
        "product": st.dictionaries(words, documents, max_size=2),
        "when": documents,
        "options": st.dictionaries(words, documents, max_size=2),
    },
)
nearly = st.fixed_dictionaries(
    {"steps": st.dictionaries(words | st.sampled_from("abc"), entries, max_size=4)},
    optional={
        "workflow": scalars,
        "description": scalars,
        "params": st.dictionaries(words, documents, max_size=3),
        "returns": documents,
    },
)


def survives(text: str) -> None:
    """Make a workflow of a text, and its graph; or get an error of hookline's."""
    with contextlib.suppress(HooklineError):
        build_graph(declared_workflow(text, FILE, find), {})


@settings(deadline=None)
@given(st.text())
@example("\x00")
@example("\ud800")
@example("a: &a [*a]")
@example("? a\n: b")
@example("%YAML 9.9\n---\n")
@example("%TAG ! x\n---\n!x y")
@example("!!binary x")
@example("- " * 5000)
@example("{" * 5000)
@example("a: " + "x " * 5000)
@example("? " * 3000)
@example("steps: {a: {uses: anything, with: {value: 0x" + "f" * 900 + "}}}")
def test_any_text_makes_a_workflow_or_one_clear_error(text: str) -> None:
    """Never another exception, and never without end."""
    survives(text)


@settings(deadline=None, max_examples=tries(300))
@given(
    st.lists(words | st.sampled_from(["\n", "\n  ", "\n    ", ": ", "- ", "{", "}", "[", "]", ", ", " "]), max_size=60)
)
def test_any_words_of_the_form_make_a_workflow_or_one_clear_error(parts: list[str]) -> None:
    """As above, with text that is nearer to being right."""
    survives("".join(parts))


@settings(deadline=None, max_examples=tries(300))
@given(nearly | documents)
def test_any_document_makes_a_workflow_or_one_clear_error(document: object) -> None:
    """As above, with text that is YAML."""
    survives(yaml.safe_dump(document, allow_unicode=True))
