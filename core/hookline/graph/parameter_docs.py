"""Describes a workflow's parameters, for its ``--help``."""

from __future__ import annotations

import enum
import json
import typing
from dataclasses import dataclass
from typing import Any

from hookline.graph.annotations import type_text
from hookline.graph.docstrings import docstring_parameters
from hookline.graph.parameter_types import LISTS, expected_type, members, secret_in_the_open
from hookline.model.parameter import Parameter
from hookline.model.provider import providers_in
from hookline.model.workflow import Workflow

__all__ = ["ParameterDoc", "describe_parameters"]


@dataclass(frozen=True, slots=True)
class ParameterDoc:
    """What there is to say about a parameter.

    Attributes:
        name: Its name.
        type_text: Its type, as a user would write it.
        default_text: Its default, as it would be written on a command line; empty where it has none.
        help: Its line of the docstring; empty where there is none.
        required: Whether it must be given.
        flag: Whether it is true or false, so that a switch will do.
        many: Whether it takes several values, by repetition or with commas.
    """

    name: str
    type_text: str
    default_text: str
    help: str
    required: bool
    flag: bool = False
    many: bool = False


def describe_parameters(workflow: Workflow[..., Any]) -> list[ParameterDoc]:
    """Describe a workflow's parameters, in order.

    Args:
        workflow: The workflow; the help comes from its docstring, in Google, NumPy or Sphinx style.

    Returns:
        One entry per parameter.
    """
    helps = docstring_parameters(workflow.fn.__doc__ or "")
    docs: list[ParameterDoc] = []
    # A run refuses what a provider would have to open: only steps get that.
    provided = providers_in(workflow.signature)
    for name, parameter in workflow.signature.parameters.items():
        if name in provided:
            continue
        annotation = expected_type(parameter)
        kinds = [typing.get_origin(kind) or kind for kind in members(annotation) if kind is not type(None)]
        docs.append(
            ParameterDoc(
                name,
                "text" if annotation is Any else type_text(annotation),
                _shown_default(parameter),
                helps.get(name, ""),
                parameter.required,
                flag=kinds == [bool],
                many=len(kinds) == 1 and kinds[0] in LISTS,
            )
        )
    return docs


def _shown_default(parameter: Parameter) -> str:
    if parameter.required:
        return ""
    # One that was written in the open is refused when the workflow is called; it is not shown before.
    return "***" if secret_in_the_open(parameter.default, parameter.annotation) else _default_text(parameter.default)


def _default_text(default: object) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, enum.Enum):
        return default.name
    if isinstance(default, str):
        return default or "''"
    if isinstance(default, (list, tuple, set, frozenset)):
        return ",".join(_default_text(part) for part in default) or "[]"
    if isinstance(default, dict):
        try:
            return json.dumps(default, ensure_ascii=False)
        except (TypeError, ValueError):
            return repr(default)
    return getattr(default, "reference", None) or str(default)
