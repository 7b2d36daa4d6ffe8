"""Workflows: functions that wire steps together."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from hookline.errors import WorkflowError
from hookline.model.names import check_name
from hookline.model.parameter import Signature, raw_signature, read_signature
from hookline.model.place import calling_place
from hookline.model.recording import recording_in_force, snapshot
from hookline.model.step import Step

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.model.graph import TaskGraph
    from hookline.model.plan import Plan
    from hookline.model.run import Run

__all__ = ["Workflow", "workflow"]

P = ParamSpec("P")
R = TypeVar("R")

# The engine stands above the model; a workflow reaches it by name, and only when it is run.
_ENGINE = "hookline.engine.api"


class Workflow(Generic[P, R]):
    """A function that wires steps together. Made by :func:`workflow`.

    Attributes:
        fn: The plain function.
        name: What its runs are called.
        on_failure: The step that runs as one more task when a run has failed, or None.
        file: The file that declares it, where that is not Python's; else None.
    """

    file: Path | None = None

    def __init__(self, fn: Callable[P, R], name: str, on_failure: Step[..., Any] | None) -> None:
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name
        self.on_failure = on_failure

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Inside another workflow, put its tasks under this workflow's name.

        Raises:
            WorkflowError: It is called outside of a workflow.
        """
        recording = recording_in_force()
        if recording is None:
            raise WorkflowError(
                f"the workflow '{self.name}' was called outside a workflow",
                help=f"run it with {self.name}.run(…), or from the shell: hookline run FILE",
            )
        with recording.inside(self, self.name):
            return self.fn(*args, **{**self._copied_defaults(len(args)), **kwargs})

    def _copied_defaults(self, given: int) -> dict[str, Any]:
        """Copy defaults that can be changed, so that one call does not see what another did to them."""
        signature = self.signature
        return {
            name: snapshot(parameter.default)
            for name, parameter in signature.parameters.items()
            if isinstance(parameter.default, (list, dict, set))
            and name not in signature.positional[: max(given, signature.positional_only)]
        }

    def run(self, /, **params: Any) -> Run:
        """Run the workflow with default engine options and wait for the end.

        Args:
            **params: The workflow's parameters.

        Returns:
            The run, whatever its outcome.
        """
        return cast("Run", importlib.import_module(_ENGINE).run(self, params))

    def graph(self, /, **params: Any) -> TaskGraph:
        """Build and check the task graph without running anything.

        Args:
            **params: The workflow's parameters.

        Returns:
            The graph.
        """
        return cast("TaskGraph", importlib.import_module(_ENGINE).graph(self, params))

    def plan(self, /, **params: Any) -> Plan:
        """Tell what a run would do now, and why.

        Args:
            **params: The workflow's parameters.

        Returns:
            The plan.
        """
        return cast("Plan", importlib.import_module(_ENGINE).plan(self, params))

    @property
    def signature(self) -> Signature:
        """The workflow's parameters."""
        return read_signature(self.fn)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


@overload
def workflow(fn: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *, name: str = ..., on_failure: Step[..., Any] | None = ...
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...


def workflow(
    fn: Callable[..., Any] | None = None, /, *, name: str = "", on_failure: Step[..., Any] | None = None
) -> Any:
    """Make a function a workflow.

    Args:
        fn: The function, when the decorator is used without arguments.
        name: What its runs are called; the function's name by default.
        on_failure: A step that takes ``(run_id: str, failed: list[str])``; it runs as one more task of a failed run.

    Returns:
        The workflow, or a decorator that makes one.

    Raises:
        WorkflowError: What is decorated is no function, or ``on_failure`` is no step.
    """

    def decorate(function: Callable[..., Any]) -> Workflow[Any, Any]:
        given: object = function
        if not isinstance(given, types.FunctionType):
            raise WorkflowError(
                f"@workflow can't decorate {given!r}; it takes a function ({calling_place()})",
                help=f"write @workflow(name={given!r})" if isinstance(given, str) else "decorate a plain function",
            )
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            what = "async" if inspect.iscoroutinefunction(function) else "a generator"
            raise WorkflowError(
                f"the workflow '{function.__name__}' is {what}",
                help="make it a plain function: it only wires steps together, and returns at once",
            )
        chosen = name or function.__name__
        check_name(chosen, "workflow")
        if on_failure is not None and not isinstance(on_failure, Step):
            raise WorkflowError(
                f"on_failure of workflow '{chosen}' is {on_failure!r}",
                help="give a function that is decorated with @step",
            )
        if on_failure is not None:
            _check_on_failure(on_failure, chosen)
        return Workflow(function, chosen, on_failure)

    return decorate if fn is None else decorate(fn)


def _check_on_failure(step: Step[..., Any], name: str) -> None:
    # Not step.signature, which would resolve annotations before the rest of the module exists, and remember that.
    parameters = raw_signature(step.fn).parameters.values()
    given = {"run_id", "failed"}
    named = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    opened = any(each.kind is each.VAR_KEYWORD for each in parameters)
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = {each.name for each in parameters if each.default is each.empty and each.kind not in stars}
    if not (opened or named >= given) or not required <= given:
        raise WorkflowError(
            f"on_failure of workflow '{name}' is the step '{step.name}', which takes "
            f"{', '.join(each.name for each in parameters) or 'nothing'}",
            help="it is called with run_id (text) and failed (a list of task ids), and nothing else",
        )
