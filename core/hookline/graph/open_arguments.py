"""What settings give to arguments of steps that calls leave open; bound to tasks like what the calls give."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError, UsageError, close_match
from hookline.graph.bind import shape_of
from hookline.graph.parameter_types import expected_type
from hookline.graph.parameters import parsed, wrong_value
from hookline.graph.reachable import steps_of
from hookline.model.graph import Binding, Constant, Task
from hookline.model.step import Step
from hookline.model.workflow import Workflow

__all__ = ["NO_ARGUMENTS", "OpenArgument", "OpenArguments", "rooted"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenArgument:
    """What is set for one argument of a step.

    Attributes:
        value: As it was written.
        where: Tells where: ``pyproject.toml:12``, or how a call says it.
        text: Whether it is text of a command line.
        folder: Where relative paths start; None for the working directory.
        strict: Whether a step that the workflow does not have is an error. In the file it is none, for a project has
            many workflows.
    """

    value: object
    where: Callable[[], str]
    text: bool = False
    folder: Path | None = None
    strict: bool = False


class OpenArguments:
    """What settings give to arguments, by step and argument.

    Args:
        given: The values as they were written.

    Attributes:
        doubts: What looks like a mistake in the file, and may be none.
    """

    def __init__(self, given: Mapping[str, Mapping[str, OpenArgument]]) -> None:
        self.doubts: list[str] = []
        self._given = given
        self._constants: dict[tuple[str, Callable[..., Any]], dict[str, Constant]] = {}
        self._problems: list[tuple[str, str]] = []
        self._absent: dict[str, tuple[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._given)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the arguments by step."""
        return {step: tuple(arguments) for step, arguments in self._given.items()}

    def check(self, workflow: Workflow[..., Any], called: Iterable[Step[Any, Any]]) -> None:
        """Validate what is set for the steps of a workflow.

        Args:
            workflow: The workflow.
            called: The steps that it called while its graph was built; those that these can call are found.

        Raises:
            UsageError: Values, arguments or steps are wrong; all of them are named.
        """
        roots: list[Any] = [workflow.origin.fn, *{id(step): step for step in called}.values()]
        steps = {id(step): step for root in roots for step in steps_of(root)}
        for step in steps.values():
            self._of(step)
        known = {step.name for step in steps.values()}
        self.doubts = []
        self._absent = {}
        for name, arguments in self._given.items():
            if name not in known:
                self._unknown(workflow.name, name, arguments, known)
        problems, self._problems = self._problems, []
        if problems:
            problems += self._absent.values()
            # What was found wrong is to be found again by whoever tries again.
            self._constants.clear()
            raise _error(problems)

    def check_absent(self, tasks: Iterable[Task]) -> None:
        """Refuse what a call sets for steps that the workflow lacks, once plugins have had their say.

        Args:
            tasks: The tasks of the rewritten graph.

        Raises:
            UsageError: There is no such step; all of them are named.
        """
        if self._absent:
            names = {task.step.name for task in tasks}
            problems = [problem for name, problem in self._absent.items() if name not in names]
            if problems:
                raise _error(problems)

    def add(self, step: Step[Any, Any], bindings: dict[str, Binding]) -> None:
        """Bind what a call leaves open."""
        if step.name in self._given:
            for name, constant in self._of(step).items():
                bindings.setdefault(name, constant)

    def warn_of_overruled(self, tasks: Iterable[Task]) -> None:
        """Tell of what a call sets in vain, because the workflow gives it in each of its calls of the step."""
        wanted = {(step, name) for step, given in self._given.items() for name, one in given.items() if one.strict}
        if not wanted:
            return
        tasks_of: dict[str, list[Task]] = {}
        for task in tasks:
            tasks_of.setdefault(task.step.name, []).append(task)
        for step, name in sorted(wanted):
            calls = tasks_of.get(step, [])
            if calls and all(task.bindings.get(name) is not self._of(task.step)[name] for task in calls):
                where = self._given[step][name].where()
                _log.warning("%s: the workflow itself gives '%s' in its calls of '%s'", where, name, step)

    def give(self, step: Step[Any, Any], bindings: dict[str, Binding]) -> None:
        """Bind what is left open by whoever was not there when :meth:`check` looked.

        Raises:
            HooklineError: What is set is wrong.
        """
        self.add(step, bindings)
        if self._problems:
            problems, self._problems = self._problems, []
            self._constants.clear()
            raise _error(problems)

    def complete(self, step: Step[Any, Any], bindings: dict[str, Binding], task: str) -> None:
        """Bind what a call in an attempt left open, which nobody has checked in the driver.

        Args:
            step: The step that was called.
            bindings: What the call gives.
            task: What the task is called.

        Raises:
            HooklineError: What is set is wrong, or something required is not set any more.
        """
        self.give(step, bindings)
        shape = shape_of(step.fn)
        lacking = [name for name in shape.signature.parameters if name in shape.required - bindings.keys()]
        if lacking:
            raise HooklineError(
                f"task '{task}' lacks '{lacking[0]}', which the attempt that called '{step.name}' left to settings",
                help=f'set it: {lacking[0]} = … in [tool.hookline.step."{step.name}"]',
            )
        shape.add_files(bindings)

    def _of(self, step: Step[Any, Any]) -> dict[str, Constant]:
        given = self._given.get(step.name)
        if given is None:
            return {}
        key = (step.name, step.fn)
        constants = self._constants.get(key)
        if constants is None:
            constants = self._constants[key] = dict(self._read(step, given))
        return constants

    def _read(self, step: Step[Any, Any], given: Mapping[str, OpenArgument]) -> Iterator[tuple[str, Constant]]:
        shape, parameters = shape_of(step.fn), step.signature.parameters
        for name, argument in given.items():
            if name not in shape.keywords:
                self._problems.append(_no_argument(step, name, argument, shape.keywords, name in shape.positional))
                continue
            parameter = parameters[name]
            annotation = expected_type(parameter)
            if argument.value is None and parameter.default is None:
                yield name, Constant(None)
                continue
            try:
                value = parsed(annotation, argument.value, argument.text)
            except ValueError as error:
                shown = argument.value
                text = wrong_value(f"{step.name}.{name}", annotation, shown, str(error))
                self._problems.append((f"{argument.where()}: {text}", _SHOW))
                continue
            yield name, Constant(value if argument.folder is None else rooted(value, argument.folder))

    def _unknown(self, workflow: str, name: str, arguments: Mapping[str, OpenArgument], known: set[str]) -> None:
        near = close_match(name, known)
        for argument, given in arguments.items():
            text = f"workflow '{workflow}' has no step '{name}';{near}".rstrip(";")
            if isinstance(given.value, dict) and f"{name}.{argument}" in known:
                text = f"this is the argument '{argument}' of the step '{name}', not the step '{name}.{argument}'"
                remedy = f'write [tool.hookline.step."{name}.{argument}"]'
                self._problems.append((f"{given.where()}: {text}", remedy))
            elif given.strict:
                remedy = f"its steps are {', '.join(sorted(known))}" if known else "it calls no steps"
                # A plugin may bring it yet.
                self._absent[name] = (f"{given.where()}: {text}", remedy)
                return
            elif near:
                self.doubts.append(f"{given.where()}: {text}")
                return


NO_ARGUMENTS = OpenArguments({})
"""Nothing is set."""

_SHOW = "hookline config show --origin tells what settings give to steps"


def _no_argument(
    step: Step[Any, Any], name: str, argument: OpenArgument, known: Iterable[str], positional: bool
) -> tuple[str, str]:
    if positional:
        text = f"the step '{step.name}' takes '{name}' by position only"
        return f"{argument.where()}: {text}", "give it in the workflow, or let the step take it by name"
    text = f"the step '{step.name}' has no argument '{name}';{close_match(name, known)}".rstrip(";")
    names = ", ".join(parameter for parameter in step.signature.parameters if parameter in set(known))
    return f"{argument.where()}: {text}", f"its arguments are {names}" if names else "it takes no arguments"


def _error(problems: list[tuple[str, str]]) -> UsageError:
    if len(problems) == 1:
        return UsageError(problems[0][0], help=problems[0][1])
    texts = "".join(f"\n  - {text}" for text, _ in problems)
    return UsageError(f"{len(problems)} arguments of steps are set wrongly{texts}", help=_SHOW)


def rooted(value: Any, folder: Path) -> Any:
    """Let relative paths start at a folder, also those in lists and dicts."""
    kind = type(value)
    if isinstance(value, Path):
        return folder / value.expanduser()
    if kind in (list, tuple, set, frozenset):
        return kind([rooted(part, folder) for part in value])
    if kind is dict:
        return {key: rooted(part, folder) for key, part in value.items()}
    return value
