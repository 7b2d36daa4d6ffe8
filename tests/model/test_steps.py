"""Steps and workflows: decorating, options, and how they travel."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from hookline.errors import HooklineError, WorkflowError
from hookline.model.options import Options
from hookline.model.step import step
from hookline.model.workflow import workflow


@step(retries=1, tags=["slow"])
def train(self: int, depth: int = 1) -> int:
    """Train a model."""
    return self * depth


class Shop:
    train = train


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"retris": 3}, "is given an option 'retris' that does not exist; did you mean 'retries'"),
    ({"retries": -1}, "retries of step 'f' must be a whole number from 0, not -1"),
    ({"retries": True}, "retries of step 'f' must be a whole number from 0, not True"),
    *(
        ({"limit": limit}, f"limit of step 'f' must be a whole number from 1, not {limit!r}.*leave it out for no limit")
        for limit in (0, -1, 1.5, True, "2")
    ),
    ({"cache": "no"}, "cache of step 'f' must be True or False, not 'no'"),
    ({"version": 2}, "version of step 'f' must be text, not 2"),
    ({"executor": 2}, "executor of step 'f' must be an executor's name, not 2"),
    ({"env": 3}, "env of step 'f' must be a list of texts, not 3"),
    ({"tags": [1]}, r"tags of step 'f' must be a list of texts, not \[1\]"),
    ({"retry_on": "x"}, "retry_on of step 'f' holds 'x', which is no exception type"),
    ({"retry_on": [ValueError, int]}, "retry_on of step 'f' holds <class 'int'>"),
    ({"timeout": 0}, "timeout of step 'f' must be more than 0"),
    ({"timeout": "soon"}, "timeout of step 'f'"),
    ({"timeout": []}, "timeout of step 'f' must be a length of time, not \\[\\]"),
    ({"timeout": True}, "timeout of step 'f' must be a length of time, not True"),
    ({"retry_delay": 10**400}, "retry_delay of step 'f' must be a length of time, not 1000"),
    ({"resources": ["cpu"]}, "resources must be amounts by name, not .'cpu'."),
    ({"resources": {"cpu": 10**400}}, "resource 'cpu' must be a number that is not negative, not 1000"),
    ({"name": "a/b"}, "the step name 'a/b' can't be used"),
    ({"name": 3}, "the step name '3' can't be used"),
]


@pytest.mark.parametrize(("options", "said"), BAD_OPTIONS)
def test_wrong_options_are_refused_where_they_are_written(options: dict[str, Any], said: str) -> None:
    """When the step is decorated, and when its options are changed."""

    def f() -> None: ...

    with pytest.raises(HooklineError, match=f"(?s){said}"):
        step(**options)(f)
    with pytest.raises(HooklineError, match=f"(?s){said}"):
        step(f).options(**options)


def test_options_are_kept_and_changed() -> None:
    """A changed step is a new one; the old one stays as it was."""
    changed = train.options(retries=5, timeout="10m", retry_on=ValueError, env="HOME", name="fit")
    assert train.declared == Options(retries=1, tags=("slow",))
    assert changed.declared == Options(retries=5, timeout=600.0, retry_on=(ValueError,), env=("HOME",), tags=("slow",))
    assert (changed.name, changed.fn) == ("fit", train.fn)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (len, "@step can't decorate <built-in function len>"),
        (int, "@step can't decorate <class 'int'>"),
        ("train", r"write @step\(name='train'\)"),
        ((lambda: (yield)), "is a generator"),
    ],
)
def test_only_plain_functions_become_steps(thing: Any, said: str) -> None:
    """Anything else is told what to do instead."""
    with pytest.raises(WorkflowError, match=said):
        step(thing)


def test_what_makes_no_step_or_no_workflow_is_refused() -> None:
    """A step returns one value, which may be awaited; a workflow returns at once."""

    async def later() -> None: ...

    def each() -> Any:
        yield

    async def each_later() -> Any:
        yield

    assert step(later).concurrent
    for function in (each, each_later):
        with pytest.raises(WorkflowError, match="is a generator"):
            step(function)
    with pytest.raises(WorkflowError, match="the workflow 'later' is async"):
        workflow(later)
    with pytest.raises(WorkflowError, match="the workflow 'each' is a generator"):
        workflow(each)
    with pytest.raises(WorkflowError, match=r"write @workflow\(name='churn'\)"):
        workflow("churn")  # type: ignore[call-overload]


def test_a_step_looks_like_its_function() -> None:
    """Name, docstring and module are the function's; a call is the function's call, whatever its parameters' names."""
    assert (train.__name__, train.__doc__, train.__module__) == ("train", "Train a model.", __name__)
    assert train(self=3, depth=2) == 6
    assert train.fn(3, 2) == 6


def test_a_step_is_no_method() -> None:
    """Taken from an instance it would miss its first argument; taken from the class it is the step."""
    assert Shop.train is train
    with pytest.raises(WorkflowError, match="the step 'train' is a method of 'Shop'"):
        _ = Shop().train


def test_a_step_of_a_module_travels_by_name() -> None:
    """It arrives as the other process's own step, with changed options where it had some."""
    assert pickle.loads(pickle.dumps(train)) is train
    changed = pickle.loads(pickle.dumps(train.options(retries=7)))
    assert (changed.fn, changed.declared.retries) == (train.fn, 7)


def test_a_step_without_a_place_in_a_module_travels_by_value() -> None:
    """A step in a function is not looked for by name; what carries functions by value carries it."""
    dill = pytest.importorskip("dill")

    def make(factor: int) -> Any:
        @step(retries=2)
        def scale(x: int) -> int:
            return x * factor

        return scale

    made = make(3)
    arrived = dill.loads(dill.dumps(made, recurse=True))
    assert arrived.fn(5) == 15
    assert (arrived.name, arrived.declared) == ("scale", made.declared)


@pytest.mark.parametrize("wrong", [3, lambda run_id, failed: None])
def test_on_failure_is_a_step(wrong: Any) -> None:
    """A plain function would not be recorded."""
    with pytest.raises(WorkflowError, match="on_failure of workflow 'w' is "):
        workflow(name="w", on_failure=wrong)(lambda: None)


def test_on_failure_takes_what_it_is_given() -> None:
    """The run's id and the failed tasks, by name; other parameters need defaults."""

    @step
    def good(failed: list[str], run_id: str, room: str = "ops") -> None: ...

    @step
    def lacking(run_id: str) -> None: ...

    @step
    def greedy(run_id: str, failed: list[str], room: str) -> None: ...

    assert workflow(on_failure=good)(lambda_named()).on_failure is good
    for wrong in (lacking, greedy):
        with pytest.raises(WorkflowError, match=f"is the step '{wrong.name}', which takes run_id"):
            workflow(name="w", on_failure=wrong)(lambda: None)


def lambda_named() -> Any:
    def w() -> None: ...

    return w
