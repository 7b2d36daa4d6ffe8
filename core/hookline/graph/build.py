"""Builds the task graph: runs the workflow's function, binds its calls, checks the whole."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Mapping
from typing import Any

from hookline.errors import HooklineError, WorkflowError
from hookline.graph.bind import Binder, UnusableError
from hookline.graph.check import edge_problems, raise_problems
from hookline.graph.collector import collector_paused
from hookline.graph.open_arguments import NO_ARGUMENTS, OpenArguments
from hookline.graph.parameters import parse_parameters
from hookline.graph.problem import Problem
from hookline.model.graph import Binding, TaskGraph
from hookline.model.place import Place, is_foreign
from hookline.model.recording import Recording
from hookline.model.workflow import Workflow

__all__ = ["build_graph"]


def build_graph(
    workflow: Workflow[..., Any], params: Mapping[str, object], arguments: OpenArguments = NO_ARGUMENTS
) -> TaskGraph:
    """Build and check a workflow's task graph.

    Args:
        workflow: The workflow.
        params: Its parameters by name, as a Python caller gives them; those left out take their defaults.
        arguments: What settings give to arguments of steps that the workflow leaves open.

    Returns:
        The graph, whose tasks stand in an order in which they can run.

    Raises:
        UsageError: Parameters, or what settings give, are wrong; all of them are named.
        WorkflowError: The workflow's function raised, or the graph is wrong; all problems are named.
    """
    values = parse_parameters(workflow, params, text=False)
    with collector_paused():
        return _build(workflow, values, arguments)


def _build(workflow: Workflow[..., Any], values: dict[str, object], arguments: OpenArguments) -> TaskGraph:
    recording = Recording()
    failure: WorkflowError | None = None
    returned: object = None
    try:
        returned = _record(workflow, recording, values)
    except WorkflowError as error:
        failure = error
    if arguments:
        arguments.check(workflow, [call.step for call in recording.calls])
    binder = Binder(recording.calls, arguments.add if arguments else None)
    tasks = tuple([binder.task(call) for call in recording.calls])
    problems = binder.problems
    if failure is not None:
        if problems:
            problems.append(Problem(len(tasks), str(failure)))
            raise_problems(workflow.name, problems, failure)
        raise failure
    returns = _returns(workflow, binder, returned, len(tasks))
    graph = TaskGraph(workflow.name, tasks, returns, values, mapped_over=workflow.mapped_over)
    broken = {problem.task for problem in problems}
    problems.extend(edge_problems(graph, broken))
    if problems:
        raise_problems(workflow.name, problems)
    arguments.warn_of_overruled(tasks)
    return graph


def _record(workflow: Workflow[..., Any], recording: Recording, values: Mapping[str, object]) -> object:
    signature = workflow.signature
    only = signature.positional[: signature.positional_only]
    named = {name: value for name, value in values.items() if name not in only}
    try:
        with recording.in_force(), recording.inside(workflow, workflow.name):
            return workflow.fn(*[values[name] for name in only], **named)
    except HooklineError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(workflow, error) from error


def _returns(workflow: Workflow[..., Any], binder: Binder, returned: object, end: int) -> Binding | None:
    if returned is None:
        return None
    try:
        return binder.value(returned)
    except UnusableError as error:
        code = workflow.origin.fn.__code__
        place = Place(code.co_filename, code.co_firstlineno)
        binder.problems.append(Problem(end, f"workflow '{workflow.name}' ({place}) returns a value that {error}"))
        return None


def _failed(workflow: Workflow[..., Any], error: BaseException) -> WorkflowError:
    """Word what the workflow's own code raised, with the user's innermost line."""
    every = traceback.extract_tb(error.__traceback__)
    # A workflow of an installed package counts as its user's, too.
    home = workflow.origin.fn.__code__.co_filename
    frames = [frame for frame in every if frame.filename == home or not is_foreign(frame.filename)]
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    if not frames:
        return WorkflowError(f"the workflow '{workflow.name}' raised {what}")
    frame = frames[-1]
    line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    source = f"\n    {line}" if line else ""
    place = Place(frame.filename, frame.lineno or 0)
    return WorkflowError(f"the workflow '{workflow.name}' raised {what}\n  {place}, in {frame.name}{source}")
