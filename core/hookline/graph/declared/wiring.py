"""Looks up what a declared workflow names: steps, their parameters, other tasks; and puts its tasks in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hookline.errors import HooklineError, WorkflowError, close_match
from hookline.graph.bind import shape_of
from hookline.graph.declared.document import Document, StepEntry, Use
from hookline.graph.declared.fitting import fit
from hookline.graph.declared.order import cycles, in_order
from hookline.graph.declared.problems import Problems, suggestion, worded
from hookline.graph.declared.values import FromParam, FromStep, Value, references_in
from hookline.graph.parameter_types import expected_type
from hookline.model.parameter import Parameter
from hookline.model.recording import Form
from hookline.model.step import Step

__all__ = ["FindStep", "WiredStep", "wire"]

COMPLETED = "completed"
"""What a reference to a mapped task may ask for: the items that completed, whatever became of the others."""


class FindStep(Protocol):
    """Gives the step that ``uses`` names."""

    def __call__(self, uses: str, /) -> Step[..., Any]:
        """Find a step.

        Raises:
            HooklineError: There is none of that name, or it can't be imported.
        """
        ...


@dataclass(frozen=True, slots=True)
class WiredStep:
    """A task, ready to be called.

    Attributes:
        name: Its id.
        line: Where it is declared.
        step: Its step, with its options.
        form: How it is called.
        given: Arguments by name.
        items: Collections to map over, by name.
        condition: What decides whether it runs; None for always.
    """

    name: str
    line: int
    step: Step[..., Any]
    form: Form
    given: Mapping[str, Value]
    items: Mapping[str, Value]
    condition: Value | None

    def values(self) -> Iterator[Value]:
        """Give all that it is called with."""
        yield from self.given.values()
        yield from self.items.values()
        if self.condition is not None:
            yield self.condition


def wire(document: Document, find: FindStep, problems: Problems) -> tuple[list[WiredStep], Step[..., Any] | None]:
    """Look up everything that a workflow names.

    Args:
        document: The workflow.
        find: Gives steps by name.
        problems: Takes what is wrong.

    Returns:
        Its tasks, in an order in which they can run, and the step for failed runs. Incomplete where there are problems.
    """
    return _Wiring(document, find, problems).wired()


class _Wiring:
    def __init__(self, document: Document, find: FindStep, problems: Problems) -> None:
        self._document = document
        self._find = find
        self._note = problems.note
        self._steps = {
            name: self._found(entry.uses) for name, entry in document.steps.items() if entry.uses is not None
        }

    def wired(self) -> tuple[list[WiredStep], Step[..., Any] | None]:
        document = self._document
        self._check_references()
        wired = {name: self._wire(entry) for name, entry in document.steps.items()}
        waits = {
            name: [
                reference.step
                for value in entry.values()
                for reference in references_in(value)
                if isinstance(reference, FromStep) and reference.step in document.steps
            ]
            for name, entry in document.steps.items()
        }
        for circle in cycles(waits):
            path = " → ".join([*circle, circle[0]])
            self._note(document.steps[circle[0]].line, f"step '{circle[0]}' waits for itself: {path}")
        ordered = [wired[name] for name in in_order(waits)]
        on_failure = self._found(document.on_failure) if document.on_failure is not None else None
        return [one for one in ordered if one is not None], on_failure

    def _found(self, use: Use) -> Step[..., Any] | None:
        try:
            return self._find(use.name)
        except HooklineError as error:
            self._note(use.line, worded(error))
            return None

    def _check_references(self) -> None:
        document = self._document
        values = [value for entry in document.steps.values() for value in entry.values()]
        for value in [*values, *([document.returns] if document.returns is not None else [])]:
            for reference in references_in(value):
                if isinstance(reference, FromParam):
                    self._check_param(reference)
                else:
                    self._check_step(reference)

    def _check_param(self, reference: FromParam) -> None:
        if reference.name not in self._document.params:
            known = suggestion(reference.name, self._document.params, "parameters are")
            self._note(reference.line, f"there is no parameter '{reference.name}'{known}")

    def _check_step(self, reference: FromStep) -> None:
        entry = self._document.steps.get(reference.step)
        if entry is None:
            known = suggestion(reference.step, self._document.steps, "steps are")
            self._note(reference.line, f"there is no step '{reference.step}'{known}")
            return
        step = self._steps.get(reference.step)
        if not reference.part or step is None:
            return
        if entry.form is not Form.CALL:
            if reference.part != COMPLETED:
                self._note(
                    reference.line,
                    f"step '{entry.name}' is mapped, so it makes a list, which has no field '{reference.part}'; "
                    f"it has '{COMPLETED}', the items that completed",
                )
        elif step.outputs.form == "one":
            self._note(
                reference.line,
                f"what step '{entry.name}' makes has no fields, so no '{reference.part}'; fields come from a step "
                "that returns a fixed tuple, NamedTuple, dataclass or TypedDict",
            )
        elif reference.part not in step.outputs.names:
            known = suggestion(reference.part, step.outputs.names, "its fields are")
            self._note(reference.line, f"what step '{entry.name}' makes has no field '{reference.part}'{known}")

    def _wire(self, entry: StepEntry) -> WiredStep | None:
        step = self._steps.get(entry.name)
        if step is None:
            return None
        try:
            step = self._with_options(step, entry)
        except WorkflowError as error:
            self._note(entry.options_line, f"step '{entry.name}': {worded(error)}")
        self._check_names(entry, step)
        fitted = {name: self._fitted(entry, step, name, value) for name, value in entry.given.items()}
        items = {name: self._fitted(entry, step, name, value, each=True) for name, value in entry.items.items()}
        return WiredStep(entry.name, entry.line, step, entry.form, fitted, items, entry.condition)

    def _with_options(self, step: Step[..., Any], entry: StepEntry) -> Step[..., Any]:
        options = dict(entry.options)
        if "name" in options:
            raise WorkflowError("its name is no option", help="rename its key instead")
        if "retry_on" in options:
            raise WorkflowError(
                "retry_on takes exception types, which can't be written here",
                help="give it where the step is decorated",
            )
        return step.options(**options) if options else step

    def _check_names(self, entry: StepEntry, step: Step[..., Any]) -> None:
        """Note arguments that the step does not take; those that it lacks may come from settings."""
        shape = shape_of(step.fn)
        known = [name for name in shape.signature.parameters if name in shape.keywords or name in shape.positional]
        given = {**entry.given, **entry.items}
        missing = [name for name in known if name in shape.required and name not in given]
        for name in given:
            if name in known or (shape.var_keyword and name != shape.var_positional):
                continue
            near = close_match(name, missing) or close_match(name, known)
            every = f" it takes {', '.join(known)}" if known else " it takes nothing"
            self._note(
                entry.lines[name], f"step '{entry.name}' ({step.name}) has no parameter '{name}';{near or every}"
            )

    def _fitted(self, entry: StepEntry, step: Step[..., Any], name: str, value: Value, *, each: bool = False) -> Value:
        parameter = step.signature.parameters.get(name) or _open_parameter(step)
        if parameter is None:
            return value
        wanted = expected_type(parameter)
        label = f"step '{entry.name}': "
        return fit(
            value,
            list[wanted] if each else wanted,  # type: ignore[valid-type]
            name,
            lambda line, text: self._note(line, label + text),
            optional=parameter.default is None and not each,
        )


def _open_parameter(step: Step[..., Any]) -> Parameter | None:
    signature = step.signature
    return signature.parameters[signature.var_keyword] if signature.var_keyword else None
