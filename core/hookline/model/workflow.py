"""Workflows: functions that wire steps together."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from hookline.errors import UsageError, WorkflowError, close_match
from hookline.model.names import check_name
from hookline.model.parameter import MISSING, Signature, raw_signature, read_signature
from hookline.model.partitions import partitions
from hookline.model.place import calling_place
from hookline.model.recording import recording_in_force, snapshot
from hookline.model.step import Step

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.model.graph import TaskGraph
    from hookline.model.partitions import Partition
    from hookline.model.plan import Plan
    from hookline.model.run import Run

__all__ = ["Backfill", "Workflow", "workflow"]

P = ParamSpec("P")
R = TypeVar("R")

# The engine stands above the model; a workflow reaches it by name, and only when it is run.
_ENGINE = "hookline.engine.api"
_PARTITIONS = "hookline.engine.partitions"


class Workflow(Generic[P, R]):
    """A function that wires steps together. Made by :func:`workflow`.

    Attributes:
        fn: The plain function.
        name: What its runs are called.
        on_failure: The step that runs as one more task when a run has failed, or None.
        file: The file that declares it, where that is not Python's; else None.
        mapped_over: Names of the parameters over whose values it is mapped; see :meth:`over`.
    """

    file: Path | None = None
    mapped_over: tuple[str, ...] = ()

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

    def over(self, /, *names: str) -> Backfill[R]:
        """Map the workflow over values of some of its parameters.

        What this gives takes a list where the workflow takes one value: ``daily.over("day").run(day=days)``.

        Args:
            *names: Names of the parameters; with several, all combinations of their values.

        Returns:
            A workflow that calls this one once for each value, and returns a dict of what these calls return.

        Raises:
            UsageError: There is no such parameter, or none was named.
        """
        return Backfill(self, names)

    @property
    def signature(self) -> Signature:
        """The workflow's parameters."""
        return read_signature(self.fn)

    @property
    def origin(self) -> Workflow[Any, Any]:
        """The workflow that the user wrote: this one, or the one that is mapped."""
        return self

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


class Backfill(Workflow[..., dict[str, R]]):
    """A workflow that is mapped over values of some of its parameters. Made by :meth:`Workflow.over`.

    The ids of the tasks begin with the name of their partition, which follows from the value: ``2026-01-31/load``.

    Args:
        mapped: The workflow.
        names: Names of the parameters.
    """

    def __init__(self, mapped: Workflow[..., R], names: tuple[str, ...]) -> None:
        self._mapped = mapped
        self._signature = _over(mapped, names)

        @functools.wraps(mapped.fn)
        def call_each(**values: Any) -> dict[str, R]:
            return self._call_each(values)

        super().__init__(call_each, mapped.name, mapped.on_failure)
        self.file = mapped.file
        self.mapped_over = names

    def partitions(self, /, **params: Any) -> tuple[Partition, ...]:
        """Tell which partitions are recorded, which are missing, and which are stale and why; nothing is run.

        Args:
            **params: The workflow's parameters.

        Returns:
            All partitions, in order.
        """
        return cast("tuple[Partition, ...]", importlib.import_module(_PARTITIONS).partitions(self, params))

    def over(self, /, *names: str) -> Backfill[Any]:
        """Refuse to be mapped once more.

        Raises:
            UsageError: Always.
        """
        every = dict.fromkeys((*self.mapped_over, *names))
        raise UsageError(
            f"the workflow '{self.name}' is mapped over {', '.join(map(repr, self.mapped_over))} already",
            help=f"name all parameters at once: .over({', '.join(map(repr, every))})",
        )

    @property
    def signature(self) -> Signature:
        """The workflow's parameters, with lists where it is mapped."""
        return self._signature

    @property
    def origin(self) -> Workflow[Any, Any]:
        """The workflow that is mapped."""
        return self._mapped

    def _call_each(self, values: dict[str, Any]) -> dict[str, R]:
        """Make the calls of each partition, under its name."""
        recording = recording_in_force()
        assert recording is not None  # a workflow that is called outside of another one was refused
        own = self._mapped.signature
        only = own.positional[: own.positional_only]
        found: dict[str, R] = {}
        for name, chosen in partitions(self.mapped_over, values).items():
            # No partition is to see what the workflow's function did to another one's parameters.
            given = {key: snapshot(value) for key, value in {**values, **chosen}.items()}
            with recording.inside(self._mapped, name):
                try:
                    found[name] = self._mapped.fn(*[given.pop(key) for key in only], **given)
                except Exception as error:
                    error.add_note(f"in the partition '{name}'")
                    raise
        return found

    def __repr__(self) -> str:
        return f"<workflow {self.name} over {', '.join(self.mapped_over)}>"


def _over(mapped: Workflow[Any, Any], names: tuple[str, ...]) -> Signature:
    """Give a workflow's signature with lists where it is mapped; all that is given to it is given by name."""
    own = mapped.signature
    if not names:
        raise UsageError(f"no parameter of '{mapped.name}' was named to map over", help="name at least one")
    for name in names:
        if name not in own.parameters or names.count(name) > 1:
            known = ", ".join(own.parameters)
            fault = "is named twice" if name in own.parameters else f"is not there;{close_match(name, own.parameters)}"
            raise UsageError(
                f"workflow '{mapped.name}': the parameter '{name}' to map over {fault}".rstrip(";"),
                help=f"its parameters are {known}" if known else "it takes no parameters",
            )
    parameters = {
        name: replace(parameter, annotation=list[parameter.annotation], default=MISSING)  # type: ignore[name-defined]
        if name in names
        else parameter
        for name, parameter in own.parameters.items()
    }
    return replace(own, parameters=parameters, positional=(), positional_only=0)


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
