"""Binds and checks the calls that a step made while it ran, and finds the task whose value is the step's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from hookline.errors import WorkflowError
from hookline.graph.annotations import ListOf, can_meet, type_text
from hookline.graph.bind import Binder, UnusableError
from hookline.graph.check import edge_problems
from hookline.graph.problem import Problem
from hookline.model.graph import Binding, Task, TaskGraph, TaskOutput, task_outputs
from hookline.model.outputs import Outputs
from hookline.model.recording import Form, Recording
from hookline.model.reference import WHOLE

__all__ = ["bind_part", "result_of"]


def bind_part(
    recording: Recording,
    returned: object,
    step: str,
    outputs: Outputs,
    left_open: Mapping[str, Collection[str]],
) -> TaskGraph:
    """Bind and check what one attempt called.

    Args:
        recording: The attempt's calls.
        returned: What the step returned, with references in it.
        step: The step's name.
        outputs: The slots that it declares.
        left_open: Names of arguments, by step, that settings give: they are bound when the calls become tasks, so that
            what is stored of an attempt does not depend on settings.

    Returns:
        The calls as a graph of their own.

    Raises:
        WorkflowError: Something is wrong with the calls, or the returned value does not need all of them; all problems
            are named.
    """
    binder = Binder(recording.calls, left_open=left_open)
    tasks = tuple([binder.task(call) for call in recording.calls])
    problems = binder.problems
    returns: Binding | None = None
    try:
        returns = binder.value(returned)
    except UnusableError as error:
        problems.append(Problem(len(tasks), f"step '{step}' returns a value that {error}"))
    if returns is None:
        raise _wrong(step, problems)
    graph = TaskGraph(step, tasks, returns)
    problems.extend(_unused(tasks, returns))
    problems.extend(edge_problems(graph, {problem.task for problem in problems}))
    problems.extend(_wrong_returns(graph, returns, step, outputs))
    if problems:
        raise _wrong(step, problems)
    return graph


def result_of(graph: TaskGraph, outputs: Outputs) -> int | None:
    """Find the task whose stored outcome can stand for the step's own as it is.

    Args:
        graph: What :func:`bind_part` gave.
        outputs: The slots that the step declares.

    Returns:
        The task's index; None where the value has to be put together, or its type to be looked at.
    """
    returns = graph.returns
    if type(returns) is not TaskOutput or returns.slot != WHOLE or graph.tasks[returns.task].form is not Form.CALL:
        return None
    made = graph.tasks[returns.task].outputs
    untyped = outputs.form == made.form == "one" and not outputs.check
    return returns.task if untyped or outputs == made else None


def _unused(tasks: tuple[Task, ...], returns: Binding) -> Iterator[Problem]:
    needed = set(_sources([returns]))
    for task in reversed(tasks):
        if task.index in needed:
            needed.update(task.depends())
    for task in tasks:
        if task.index not in needed:
            yield Problem(
                task.index,
                f"task '{task.id}' ({task.place}) is not needed by what the step returned; return what it gives, or "
                f"call {task.step.name}.fn(…) for the plain function",
            )


def _wrong_returns(graph: TaskGraph, returns: Binding, step: str, outputs: Outputs) -> Iterator[Problem]:
    if type(returns) is not TaskOutput or result_of(graph, outputs) is not None:
        return
    source = graph.tasks[returns.task]
    made: Any = source.outputs.returns if returns.slot == WHOLE else source.outputs.types[returns.slot]
    if source.form is not Form.CALL:
        made = ListOf(made)
    if not can_meet(made, outputs.returns):
        text = f"step '{step}' returns task '{source.id}' ({source.place}), which is {type_text(made)}"
        yield Problem(len(graph.tasks), f"{text} where {type_text(outputs.returns)} is declared")


def _sources(bindings: Iterable[Binding]) -> Iterator[int]:
    for binding in bindings:
        for output in task_outputs(binding):
            yield output.task


def _wrong(step: str, problems: list[Problem]) -> WorkflowError:
    texts = [problem.text for problem in sorted(problems, key=lambda problem: problem.task)]
    many = f"{len(texts)} problems" if len(texts) > 1 else "a problem"
    return WorkflowError(f"the steps that '{step}' called can't become tasks: {many}", problems=texts)
