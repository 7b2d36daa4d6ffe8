"""Describes a workflow's parameters, for its ``--help``."""

from __future__ import annotations

import enum
import inspect
import json
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hookline.graph.annotations import type_text
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


def docstring_parameters(docstring: str) -> dict[str, str]:
    """Read what a docstring says about each parameter.

    Args:
        docstring: In Google style (``Args:``), NumPy style (``Parameters`` underlined) or Sphinx style (``:param x:``).

    Returns:
        Text by name, each on one line.
    """
    lines = inspect.cleandoc(docstring).splitlines()
    found: dict[str, list[str]] = {}
    for names, text in (*_google(lines), *_numpy(lines), *_sphinx(lines)):
        for name in names.split(","):
            found.setdefault(name.strip().lstrip("*"), text)
    return {name: " ".join(" ".join(text).split()) for name, text in found.items()}


_GOOGLE_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_SPHINX_ENTRY = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?(\*{0,2}\w+)\s*:\s*(.*)")

Entry = tuple[str, list[str]]


def _google(lines: list[str]) -> Iterator[Entry]:
    for start, line in enumerate(lines):
        if line.strip() in ("Args:", "Arguments:", "Parameters:"):
            yield from _entries(_section(lines, start + 1, _indent(line) + 1), _GOOGLE_ENTRY)


def _numpy(lines: list[str]) -> Iterator[Entry]:
    for start in range(len(lines) - 1):
        if lines[start].strip() == "Parameters" and set(lines[start + 1].strip()) == {"-"}:
            section = _section(lines, start + 2, _indent(lines[start]))
            ends = [index for index in range(1, len(section)) if set(section[index].strip()) == {"-"}]
            yield from _entries(section[: ends[0] - 1] if ends else section, _NUMPY_ENTRY)


def _sphinx(lines: list[str]) -> Iterator[Entry]:
    for start, line in enumerate(lines):
        match = _SPHINX_ENTRY.fullmatch(line.strip())
        if match:
            yield match[1], [match[2], *_paragraph(lines, start + 1, _indent(line) + 1)]


def _section(lines: list[str], start: int, least: int) -> list[str]:
    """Take the lines that follow, up to one that is indented less."""
    taken: list[str] = []
    for line in lines[start:]:
        if line.strip() and _indent(line) < least:
            break
        taken.append(line)
    return taken


def _paragraph(lines: list[str], start: int, least: int) -> Iterator[str]:
    for line in lines[start:]:
        if not line.strip() or _indent(line) < least:
            return
        yield line


def _entries(section: list[str], pattern: re.Pattern[str]) -> Iterator[Entry]:
    """Split a section at the lines that are indented least; what is indented more continues an entry."""
    filled = [line for line in section if line.strip()]
    least = min(map(_indent, filled), default=0)
    current: Entry | None = None
    for line in filled:
        if _indent(line) > least:
            if current is not None:
                current[1].append(line)
            continue
        if current is not None:
            yield current
        match = pattern.fullmatch(line.strip())
        current = (match[1], [match[2]] if pattern.groups > 1 else []) if match else None
    if current is not None:
        yield current


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


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
