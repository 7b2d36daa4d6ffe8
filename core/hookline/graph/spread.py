"""Finds out what a workflow is mapped over: each of its parameters that was given several values instead of one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hookline.errors import UsageError
from hookline.graph.parameter_ranges import MOST, RangeError, element_type, example_of, is_list, ranged, values_of
from hookline.graph.parameter_types import expected_type, holds_secret, is_structure, members
from hookline.graph.parameters import parse_parameters, parsed, wrong_value
from hookline.model.workflow import Workflow

__all__ = ["Spread", "may_vary", "spread"]


class Spread(NamedTuple):
    """A workflow with its parameters.

    Attributes:
        workflow: The workflow, mapped over what got several values; as it was where nothing did.
        params: All parameters, validated; none where none got several values.
        listed: Names of those that take a list and got it by a range.
    """

    workflow: Workflow[..., Any]
    params: dict[str, object]
    listed: tuple[str, ...]


def spread(workflow: Workflow[..., Any], texts: Mapping[str, Any], typed: Mapping[str, object]) -> Spread:
    """Map a workflow over the parameters that got a range or a list of values.

    Args:
        workflow: The workflow; where it is mapped already, ranges give its lists, and nothing more is mapped.
        texts: What was given as text, by name: texts, lists of texts where something was given repeatedly, bools.
        typed: What a file gives, with types of its own: lists there are lists of values, and texts may be ranges.

    Returns:
        The workflow and its parameters; what it is mapped over stands in the order of its parameters.

    Raises:
        UsageError: A range makes no sense, a value is of the wrong type, a parameter is unknown, or there are too many
            partitions.
    """
    values = _of_all(workflow, texts, typed)
    parameters = workflow.signature.parameters
    if not values and not workflow.mapped_over:
        if not parameters.keys() >= {*texts, *typed}:
            # Its name may be why a parameter got nothing: says so.
            parse_parameters(workflow, texts, text=True, typed=typed)
        return Spread(workflow, {}, ())
    listed = tuple(name for name in values if is_list(expected_type(parameters[name])))
    over = tuple(name for name in values if name not in listed)
    count = math.prod(len(values[name]) for name in over)
    if count > MOST:
        raise UsageError(
            f"that makes {count:,} partitions; {MOST:,} are the most that one run takes",
            help="give shorter ranges, or longer steps",
        )
    mapped = workflow.over(*over) if over else workflow
    rest = {name: value for name, value in texts.items() if name not in values}
    return Spread(mapped, parse_parameters(mapped, rest, text=True, typed={**typed, **values}), listed)


def may_vary(annotation: Any) -> bool:
    """Tell whether a workflow can be mapped over a parameter: neither over secrets nor over structures."""
    return not holds_secret(annotation) and not all(is_structure(kind) for kind in members(annotation))


def _of_all(
    workflow: Workflow[..., Any], texts: Mapping[str, Any], typed: Mapping[str, object]
) -> dict[str, list[object]]:
    """Give the values of all parameters that got several."""
    values: dict[str, list[object]] = {}
    problems: list[str] = []
    remedy = f"its parameters are {', '.join(workflow.signature.parameters)}"
    for name, parameter in workflow.signature.parameters.items():
        given = texts.get(name, typed.get(name))
        annotation = expected_type(parameter)
        if given is None or not may_vary(annotation):
            continue
        try:
            found = _values(annotation, given, name in texts)
        except RangeError as error:
            problems.append(f"'{name}' is given {given!r}: {error}")
            remedy = f"write a range as -p {name}={example_of(annotation)}"
        except _WrongError as error:
            problems.append(wrong_value(name, error.annotation, error.value, error.reason))
        else:
            values.update({} if found is None else {name: found})
    if problems:
        several = f"{len(problems)} parameters are wrong" + "".join(f"\n  - {one}" for one in problems)
        raise UsageError(f"workflow '{workflow.name}': {several if problems[1:] else problems[0]}", help=remedy)
    return values


class _WrongError(Exception):
    """One of several values is of the wrong type."""

    def __init__(self, annotation: Any, value: object, reason: str) -> None:
        super().__init__()
        self.annotation = annotation
        self.value = value
        self.reason = reason


def _values(annotation: Any, given: object, text: bool) -> list[object] | None:
    """Give several values; None where it is one, or where a parameter that takes a list got one as it is."""
    listed = is_list(annotation)
    parts: list[object] = given if isinstance(given, list) else [given]
    if not isinstance(given, (str, list)) or (annotation is Any and not text):
        return None
    if listed and not any(isinstance(part, str) and ".." in part for part in parts):
        return None
    one = element_type(annotation) if listed else annotation
    read = [_read(one, part, text) for part in parts]
    if all(found is None for found in read) and (listed or not isinstance(given, list)):
        return None
    every = zip(parts, read, strict=True)
    return list(_each(one, (value for part, found in every for value in ([part] if found is None else found)), text))


def _read(annotation: Any, part: object, text: bool) -> list[object] | None:
    if not isinstance(part, str):
        return None
    if not text:
        return ranged(annotation, part)
    if part.lstrip().startswith("["):
        try:
            read = json.loads(part)
        except ValueError:
            return values_of(annotation, part)
        return read if isinstance(read, list) else None
    return values_of(annotation, part)


def _each(annotation: Any, values: Iterator[object], text: bool) -> Iterator[object]:
    for value in values:
        try:
            yield parsed(annotation, value, text and isinstance(value, str))
        except ValueError as error:
            raise _WrongError(annotation, value, str(error)) from None
