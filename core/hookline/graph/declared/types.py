"""The names of parameters' types in YAML: a closed list, read without evaluating anything."""

from __future__ import annotations

import datetime as dt
import decimal
import types
import typing
from pathlib import Path
from typing import Any

from hookline.errors import close_match
from hookline.model.secret import Secret

__all__ = ["TYPE_NAMES", "UnknownTypeError", "is_named", "read_type"]

_NAMED: dict[str, Any] = {
    "text": str,
    "int": int,
    "float": float,
    "bool": bool,
    "path": Path,
    "date": dt.date,
    "datetime": dt.datetime,
    "time": dt.time,
    "duration": dt.timedelta,
    "decimal": decimal.Decimal,
    "secret": Secret[str],
    "any": Any,
    # As Python says it.
    "str": str,
}

TYPE_NAMES: tuple[str, ...] = tuple(name for name in _NAMED if name != "str")
"""The plain names, for messages and the schema; ``list[…]`` and ``dict[text, …]`` are made of them."""

_DEEPEST = 5


class UnknownTypeError(Exception):
    """A type that has no such name; the text says which there are."""


def read_type(text: str, depth: int = 0) -> Any:
    """Read a type.

    Args:
        text: ``int``, ``list[path]``, ``dict[text, float]`` …
        depth: How deep inside another one it stands.

    Returns:
        The annotation that a Python function would have.

    Raises:
        UnknownTypeError: There is none of that name.
    """
    name = text.strip()
    if name in _NAMED:
        return _NAMED[name]
    outer, bracket, rest = name.partition("[")
    outer = outer.strip()
    if bracket and rest.endswith("]") and depth < _DEEPEST:
        inside = rest[:-1]
        if outer == "list":
            return types.GenericAlias(list, (read_type(inside, depth + 1),))
        key, comma, value = inside.partition(",")
        if outer == "dict" and comma and key.strip() in ("text", "str"):
            return types.GenericAlias(dict, (str, read_type(value, depth + 1)))
    if name in ("list", "dict"):
        return list if name == "list" else dict
    near = close_match(name, TYPE_NAMES) if not bracket else ""
    every = f" types are {', '.join(TYPE_NAMES)}, list[…] and dict[text, …]"
    raise UnknownTypeError(f"there is no type '{name[:60]}';{near or every}")


def is_named(annotation: Any) -> bool:
    """Tell whether a parameter of a workflow can have a type: whether there is a name for it here."""
    if typing.get_origin(annotation) is list:
        return all(map(is_named, typing.get_args(annotation)))
    if typing.get_origin(annotation) is dict:
        key, value = typing.get_args(annotation)
        return key is str and is_named(value)
    return annotation is not Any and any(annotation == known for known in (*_NAMED.values(), list, dict))
