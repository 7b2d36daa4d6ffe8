"""Reads parameters from a command line's text, as far as their types say how it is meant."""

from __future__ import annotations

import enum
import json
import re
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hookline.errors import UsageError, close_match
from hookline.graph.parameter_types import LISTS, is_structure, members, reads_text
from hookline.model.secret import Secret

__all__ = ["from_text"]

Validate = Callable[[Any, object], object]

_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "f"})
_WHOLE = re.compile(r"[+-]?[0-9]+")


def from_text(annotation: Any, texts: Sequence[str], validate: Validate) -> object:
    """Read a value.

    Args:
        annotation: Its type.
        texts: What was written; several texts where an option was repeated.
        validate: Validates a value against a type, to find out which member of a union is meant.

    Returns:
        The value; still to be validated.

    Raises:
        ValueError: The text can't be meant so; the message is the reason, or empty.
    """
    options = members(annotation)
    if len(options) > 1:
        return _of_union(options, texts, validate)
    bare = options[0]
    kind = typing.get_origin(bare) or bare
    if kind in LISTS:
        return _listed(kind, typing.get_args(bare), texts, validate)
    if len(texts) > 1:
        raise ValueError("it is given more than once")
    text = texts[0]
    if is_structure(bare):
        return text if reads_text(kind) and not text.lstrip().startswith("{") else _json(text)
    if kind is typing.Literal:
        return _choice({str(_plain(option)): option for option in typing.get_args(bare)}, text)
    if isinstance(kind, type):
        if issubclass(kind, enum.Enum):
            by_value = {str(member.value): member for member in kind}
            return _choice({**by_value, **kind.__members__}, text)
        if issubclass(kind, Secret):
            return _secret(text)
    return _scalar(kind, text)


def _of_union(options: tuple[Any, ...], texts: Sequence[str], validate: Validate) -> object:
    """Take the first member that the text fits; ``str``, which fits always, last."""
    optional = type(None) in options
    if optional and str not in options and len(texts) == 1 and texts[0].lower() in ("none", "null"):
        return None
    reason = ""
    for option in sorted(options, key=lambda option: option is str):
        if option is type(None):
            continue
        try:
            return validate(option, from_text(option, texts, validate))
        except ValueError as error:
            reason = reason or str(error)
    raise ValueError(reason)


def _listed(kind: Any, arguments: tuple[Any, ...], texts: Sequence[str], validate: Validate) -> list[object]:
    parts: list[object] = []
    for text in texts:
        if text.lstrip().startswith("["):
            read = _json(text)
            parts.extend(typing.cast("list[object]", read))
        elif text.strip():
            parts.extend(part.strip() for part in text.split(","))
    fixed = kind is tuple and bool(arguments) and Ellipsis not in arguments
    if fixed and len(parts) != len(arguments):
        raise ValueError(f"{len(parts)} given")
    element = arguments[0] if arguments else Any
    wanted = arguments if fixed else [element] * len(parts)
    return [
        from_text(want, [part], validate) if isinstance(part, str) else part
        for want, part in zip(wanted, parts, strict=True)
    ]


def _json(text: str) -> object:
    try:
        read: object = json.loads(text)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    return read


def _choice(options: dict[str, Any], text: str) -> object:
    if text in options:
        return options[text]
    match = close_match(text, options)
    raise ValueError(match.strip())


def _secret(text: str) -> Secret[Any]:
    try:
        return Secret(text)
    except UsageError as error:
        raise ValueError(error.message) from None


def _scalar(kind: Any, text: str) -> object:
    """Convert the everyday types here, which spares importing pydantic; leave the others to it."""
    if kind is bool:
        word = text.lower()
        return True if word in _TRUE else False if word in _FALSE else text
    if kind is int and _WHOLE.fullmatch(text.strip()):
        return int(text)
    if kind is float:
        try:
            return float(text)
        except ValueError:
            return text
    return Path(text) if kind is Path else text


def _plain(option: object) -> object:
    return option.name if isinstance(option, enum.Enum) else option
