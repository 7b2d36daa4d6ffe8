"""A workflow's parameters: validated from their annotations, wherever the values come from."""

from __future__ import annotations

import enum
import numbers
import reprlib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hookline.errors import UsageError, WorkflowError, close_match
from hookline.graph.annotations import constant_fits
from hookline.graph.parameter_docs import ParameterDoc, describe_parameters
from hookline.graph.parameter_text import from_text
from hookline.graph.parameter_types import expected_type, holds_secret, members, secret_in_the_open, type_words
from hookline.model.outputs import bare_type
from hookline.model.provider import providers_in
from hookline.model.recording import snapshot
from hookline.model.secret import IN_THE_OPEN
from hookline.model.workflow import Workflow

__all__ = ["ParameterDoc", "describe_parameters", "parse_parameters", "parsed", "validated", "wrong_value"]


def parse_parameters(
    workflow: Workflow[..., Any],
    given: Mapping[str, object],
    *,
    text: bool,
    typed: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Validate a workflow's parameters.

    Values are converted where nothing is lost: ``"3"`` for an int, a text for a path, a list for a tuple. In text, a
    list is written with commas (``3,5,8``), by repetition or as JSON, a structure as JSON, an Enum member by its name
    or value, and ``none`` stands for None where the type is optional and no ``str``.

    Args:
        workflow: The workflow.
        given: Values by name.
        text: Whether strings among them, and lists of strings (for a repeated option), are text from a command line.
        typed: Further values that are never text, such as those of a parameter file; ``given`` goes before them.

    Returns:
        All parameters by name: what was given, or a copy of the default.

    Raises:
        UsageError: Parameters are unknown, missing or of the wrong type; all of them are named.
        WorkflowError: The workflow takes ``*args`` or ``**kwargs``, or something that a provider opens.
    """
    parameters = workflow.signature.parameters
    _refuse_open_ended(workflow)
    _refuse_provided(workflow)
    every: dict[str, object] = {**(typed or {}), **given}
    values: dict[str, object] = {}
    problems: list[str] = []
    misspelt: set[str] = set()
    for name in every:
        if name not in parameters:
            match = close_match(name, parameters.keys() - every.keys()) or close_match(name, parameters)
            problems.append(f"there is no parameter '{name}';{match}".rstrip(";"))
            misspelt.update(other for other in parameters if f"'{other}'" in match)
    for name, parameter in parameters.items():
        if name not in every:
            annotation = expected_type(parameter)
            if not parameter.required and secret_in_the_open(parameter.default, annotation):
                try:
                    values[name] = validated(annotation, parameter.default)
                except ValueError as error:
                    problems.append(f"the default of {wrong_value(name, annotation, '', str(error))}")
            elif not parameter.required:
                values[name] = snapshot(parameter.default)
            elif name not in misspelt:
                problems.append(f"'{name}' is missing; it takes {type_words(expected_type(parameter))}")
            continue
        annotation = expected_type(parameter)
        if every[name] is None and parameter.default is None:
            values[name] = None
            continue
        try:
            values[name] = parsed(annotation, every[name], text and name in given)
        except ValueError as error:
            problems.append(wrong_value(name, annotation, every[name], str(error)))
    if problems:
        _raise(workflow, problems)
    return values


def _refuse_open_ended(workflow: Workflow[..., Any]) -> None:
    signature = workflow.signature
    star = f"*{signature.var_positional}" if signature.var_positional else f"**{signature.var_keyword}"
    if signature.var_positional or signature.var_keyword:
        raise WorkflowError(
            f"the workflow '{workflow.name}' takes '{star}'",
            help="give each of its parameters a name; take a list or a dict for many values",
        )


def _refuse_provided(workflow: Workflow[..., Any]) -> None:
    for name, provider in providers_in(workflow.signature).items():
        raise WorkflowError(
            f"the workflow '{workflow.name}' takes '{name}' from the provider '{provider.name}'",
            help="only steps get what providers open: move the parameter to the step that uses it",
        )


def _raise(workflow: Workflow[..., Any], problems: list[str]) -> None:
    names = ", ".join(workflow.signature.parameters)
    remedy = f"its parameters are {names}" if names else "it takes no parameters"
    if len(problems) == 1:
        raise UsageError(f"workflow '{workflow.name}': {problems[0]}", help=remedy)
    lines = "".join(f"\n  - {problem}" for problem in problems)
    raise UsageError(f"workflow '{workflow.name}': {len(problems)} parameters are wrong{lines}", help=remedy)


def wrong_value(name: str, annotation: Any, value: object, reason: str) -> str:
    """Say that a value does not fit; what may be a secret's is not repeated."""
    shown = "what was given" if holds_secret(annotation) else _shown(value)
    return f"'{name}' takes {type_words(annotation)}, not {shown}{f' ({reason})' if reason else ''}"


def _shown(value: object) -> str:
    # What was given once for a list is a list of one text on the command line.
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    return _LIMITED.repr(value)


_LIMITED = reprlib.Repr()
_LIMITED.maxstring = _LIMITED.maxother = 80


def parsed(annotation: Any, value: object, text: bool) -> object:
    """Convert and validate one value.

    Raises:
        ValueError: It does not fit; the text is the reason, or empty where the expected type says it all.
    """
    if text and (isinstance(value, str) or _is_texts(value)):
        value = from_text(annotation, [value] if isinstance(value, str) else typing.cast("list[str]", value), validated)
    return validated(annotation, value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, str) for part in value)


def validated(annotation: Any, value: object) -> object:
    """Validate a Python value, converting it where nothing is lost.

    Raises:
        ValueError: It does not fit; the text is the reason, or empty where the expected type says it all.
    """
    found = _validated(annotation, value)
    # An instance of a class with fields is taken as it is.
    if holds_secret(annotation) and secret_in_the_open(found, annotation):
        raise ValueError(IN_THE_OPEN)
    return found


def _validated(annotation: Any, value: object) -> object:
    bare = bare_type(annotation)
    if annotation is Any or bare is Any:
        return snapshot(value)
    # The everyday cases, without importing pydantic.
    if annotation is type(value) and annotation in (int, float, str, bool):
        return value
    if annotation is Path and isinstance(value, (str, Path)):
        return Path(value)
    if isinstance(value, str) and isinstance(bare, type) and issubclass(bare, enum.Enum):
        by_value = [member for member in bare if member.value == value]
        return by_value[0] if by_value else _member(bare, value)
    if type(value).__module__ == "numpy" and isinstance(value, numbers.Number) and hasattr(value, "item"):
        value = value.item()
    return _by_pydantic(annotation, value)


def _member(kind: type[enum.Enum], name: str) -> enum.Enum:
    if name not in kind.__members__:
        raise ValueError(close_match(name, kind.__members__).strip())
    return kind[name]


def _by_pydantic(annotation: Any, value: object) -> object:
    import pydantic

    adapter = _adapter(annotation)
    if adapter is None:
        if not constant_fits(value, annotation):
            raise ValueError
        return value
    try:
        return adapter.validate_python(value)
    except pydantic.ValidationError as error:
        several = len([kind for kind in members(annotation) if kind is not type(None)]) > 1
        reason = "" if several else _reason(error.errors(include_url=False, include_input=False)[0])
        # Without the cause, which repeats the value: it may be a secret's.
        raise ValueError(reason) from None


def _adapter(annotation: Any) -> Any:
    """Make pydantic's validator of a type; None where it knows none."""
    import pydantic

    try:
        return pydantic.TypeAdapter(annotation)
    except pydantic.PydanticUserError:
        pass
    try:
        return pydantic.TypeAdapter(annotation, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    except pydantic.PydanticUserError:
        return None


_PLAIN = ("enum", "literal_error", "is_instance_of")


def _reason(error: Any) -> str:
    """Word what pydantic says beyond that the type is wrong: the place inside, or a constraint."""
    place = ", ".join(f"item {part + 1}" if isinstance(part, int) else f"'{part}'" for part in error["loc"])
    if error["type"].endswith(("_type", "_parsing", "_from_float")) or error["type"] in _PLAIN:
        return place
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{place}: {message}" if place else message
