"""What a declared workflow gives to steps: plain values, references, and lists and mappings of both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hookline.errors import close_match
from hookline.graph.declared.nodes import BROKEN, Items, Node, Scalar
from hookline.graph.declared.problems import Problems

__all__ = ["Broken", "FromParam", "FromStep", "Parts", "Plain", "Value", "is_reference", "read_value", "references_in"]

_WHOLE = re.compile(r"\$\{\{(.*)\}\}", re.DOTALL)
_PARAM = re.compile(r"params\.(\w+)")
_STEP = re.compile(r"steps\.([\w-]+)(?:\.(\w+))?")
_FORMS = "write ${{ params.NAME }}, ${{ steps.NAME }} or ${{ steps.NAME.FIELD }}; nothing else is evaluated"


@dataclass(frozen=True, slots=True)
class Plain:
    """A value without references."""

    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class FromParam:
    """A parameter of the workflow.

    Attributes:
        line: Where it is written.
        name: Its name.
        wanted: The type that is taken there.
        optional: Whether None is taken there whatever the type says.
    """

    line: int
    name: str
    wanted: Any = Any
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FromStep:
    """What another step makes, or a field of that; ``completed`` of a mapped one: the items that completed."""

    line: int
    step: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """A list, tuple or dict with references somewhere inside."""

    line: int
    kind: str
    items: tuple[Value, ...]
    keys: tuple[object, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Broken:
    """What was refused already."""

    line: int


Value = Plain | FromParam | FromStep | Parts | Broken


def read_value(node: Node, problems: Problems) -> Value:
    """Read a value; depth is bounded by what nodes may have.

    Args:
        node: Where it is written.
        problems: Takes what is wrong with references.
    """
    if isinstance(node, Scalar):
        return _scalar(node, problems)
    if isinstance(node, Items):
        items = tuple([read_value(one, problems) for one in node.nodes])
        if all(isinstance(item, Plain) for item in items):
            return Plain(node.line, [item.value for item in items if isinstance(item, Plain)])
        return Parts(node.line, "list", items)
    keys = tuple([key.value for key in node.entries])
    for key in node.entries:
        if is_reference(key.value):
            problems.note(key.line, f"'{key.value}' is a key, which can't be a reference; build the mapping in a step")
    items = tuple([read_value(one, problems) for one in node.entries.values()])
    if all(isinstance(item, Plain) for item in items):
        plain = [item.value for item in items if isinstance(item, Plain)]
        return Plain(node.line, dict(zip(keys, plain, strict=True)))
    return Parts(node.line, "dict", items, keys)


def references_in(value: Value) -> Iterator[FromParam | FromStep]:
    """Give the references in a value, at any depth."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, Parts):
            pending.extend(reversed(one.items))
        elif isinstance(one, (FromParam, FromStep)):
            yield one


def is_reference(value: object) -> bool:
    """Tell whether a scalar is meant as a reference."""
    return isinstance(value, str) and "${{" in value


def _scalar(node: Scalar, problems: Problems) -> Value:
    text = node.value
    if text is BROKEN:
        return Broken(node.line)
    if not isinstance(text, str) or not is_reference(text):
        return Plain(node.line, text)
    whole = _WHOLE.fullmatch(text.strip())
    if whole is None or text.count("${{") > 1:
        problems.note(
            node.line,
            f"'{_short(text)}' has text around a reference; a reference stands alone: put texts together in a step",
        )
        return Broken(node.line)
    inside = whole[1].strip()
    if found := _PARAM.fullmatch(inside):
        return FromParam(node.line, found[1])
    if found := _STEP.fullmatch(inside):
        return FromStep(node.line, found[1], found[2] or "")
    near = (
        close_match(inside.partition(".")[0], ["params", "steps"])
        if not inside.startswith(("params.", "steps."))
        else ""
    )
    problems.note(node.line, f"'{_short(text)}' is no reference;{near or ' ' + _FORMS}")
    return Broken(node.line)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
