"""Makes a workflow of a YAML file: one like any other, whose function makes the calls that the file declares."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hookline.errors import WorkflowError
from hookline.graph.declared.document import Document, ParamEntry
from hookline.graph.declared.fitting import MisfitError, convert, fill
from hookline.graph.declared.nodes import BROKEN, read_nodes
from hookline.graph.declared.problems import Problems, worded
from hookline.graph.declared.reading import read_document
from hookline.graph.declared.values import FromParam, FromStep, Value, references_in
from hookline.graph.declared.wiring import FindStep, WiredStep, wire
from hookline.graph.parameter_types import expected_type
from hookline.model.parameter import MISSING, Parameter
from hookline.model.place import Place
from hookline.model.recording import Recording, recording_in_force
from hookline.model.reference import Reference
from hookline.model.workflow import Workflow, workflow

__all__ = ["declared_workflow"]


def declared_workflow(text: str, file: Path, find: FindStep) -> Workflow[..., Any]:
    """Read a workflow.

    Args:
        text: What stands in its file.
        file: The file.
        find: Gives steps by what ``uses`` says.

    Returns:
        The workflow.

    Raises:
        UsageError: The file is no YAML, or empty.
        WorkflowError: Something in it is wrong; all problems are named, with their lines.
    """
    problems = Problems(str(file))
    document = read_document(read_nodes(text, problems), file.stem, problems)
    parameters = [_parameter(name, entry, problems) for name, entry in document.params.items()]
    steps, on_failure = wire(document, find, problems)
    made: Workflow[..., Any] | None = None
    if not problems:
        function = _function(document, steps, parameters, problems)
        try:
            made = workflow(name=document.name, on_failure=on_failure)(function)
        except WorkflowError as error:
            line = document.on_failure.line if document.on_failure is not None else document.line
            problems.note(line, worded(error))
    problems.raise_if_any()
    assert made is not None
    made.file = file
    return made


def _parameter(name: str, entry: ParamEntry, problems: Problems) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    if entry.default is BROKEN or not name.isidentifier():
        return inspect.Parameter("broken", kind)
    annotation = entry.annotation
    if annotation is None:
        annotation = expected_type(Parameter(name, Any, entry.default, kind))
    default = entry.default
    if default is not MISSING and default is not None:
        try:
            default = convert(default, annotation, name)
        except MisfitError as error:
            problems.note(entry.default_line, f"the default of {error}")
    try:
        return inspect.Parameter(name, kind, default=default, annotation=annotation)
    except ValueError:  # a keyword of Python's, which was noted
        return inspect.Parameter("broken", kind)


def _function(
    document: Document, steps: list[WiredStep], parameters: list[inspect.Parameter], problems: Problems
) -> Callable[..., Any]:
    """Make the workflow's function, which has a signature and a place as if it had been written in Python."""

    def build(**params: Any) -> object:
        recording = recording_in_force()
        if recording is None:
            raise WorkflowError(
                f"the workflow '{document.name}' was called outside a workflow",
                help=f"run it: hookline run {Path(problems.file).name}",
            )
        return _Calls(recording, params, Problems(problems.file)).make(steps, document.returns)

    helps = "".join(f"    {name}: {' '.join(entry.help.split())}\n" for name, entry in document.params.items())
    function: Any = types.FunctionType(
        build.__code__.replace(co_filename=problems.file, co_firstlineno=document.line, co_name=document.name),
        build.__globals__,
        document.name,
        closure=build.__closure__,
    )
    function.__qualname__ = document.name
    function.__doc__ = f"{document.description.strip()}\n\nArgs:\n{helps}" if helps else document.description.strip()
    function.__signature__ = inspect.Signature(parameters)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function  # type: ignore[no-any-return]


class _Calls:
    """Makes the calls of one workflow, in order."""

    def __init__(self, recording: Recording, params: Mapping[str, object], problems: Problems) -> None:
        self._recording = recording
        self._params = params
        self._problems = problems
        self._converted: dict[int, object] = {}
        self._made: dict[str, Reference] = {}

    def make(self, steps: list[WiredStep], returns: Value | None) -> object:
        """Make them.

        Returns:
            What the workflow returns.

        Raises:
            WorkflowError: Parameters don't fit where they are used; all of them are named.
        """
        for one in steps:
            for value in one.values():
                for reference in references_in(value):
                    if isinstance(reference, FromParam):
                        self._convert(one.name, reference)
        self._problems.raise_if_any()
        for one in steps:
            self._made[one.name] = self._call(one)
        return None if returns is None else fill(returns, self._resolve)

    def _convert(self, step: str, wanted: FromParam) -> None:
        """Convert a parameter to what is taken where it is used."""
        given = self._params[wanted.name]
        if given is None and wanted.optional:
            return
        try:
            self._converted[id(wanted)] = convert(given, wanted.wanted, wanted.name)
        except MisfitError as error:
            self._problems.note(wanted.line, f"step '{step}': {error}")

    def _call(self, one: WiredStep) -> Reference:
        given = {name: fill(value, self._resolve) for name, value in one.given.items()}
        items = {name: fill(value, self._resolve) for name, value in one.items.items()}
        condition = () if one.condition is None else (fill(one.condition, self._resolve),)
        signature = one.step.signature
        only = [name for name in signature.positional[: signature.positional_only] if name in given]
        return self._recording.add(
            one.step,
            one.form,
            tuple([given.pop(name) for name in only]),
            given,
            items,
            condition,
            name=one.name,
            place=Place(self._problems.file, one.line),
        )

    def _resolve(self, wanted: FromParam | FromStep) -> object:
        if isinstance(wanted, FromParam):
            return self._converted.get(id(wanted), self._params[wanted.name])
        whole = self._made[wanted.step]
        if not wanted.part:
            return whole
        call = whole._call
        return (
            Reference(call, completed=True) if call.mapped else Reference(call, call.outputs.names.index(wanted.part))
        )
