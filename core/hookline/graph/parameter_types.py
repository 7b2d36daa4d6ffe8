"""Types of parameters: which one is expected, and how it reads in a sentence."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import pathlib
import types
import typing
import uuid
from typing import Any

from hookline.graph.annotations import type_text
from hookline.model.outputs import bare_type
from hookline.model.parameter import Parameter
from hookline.model.secret import Secret, secret_places
from hookline.model.seed import is_seed

__all__ = [
    "LISTS",
    "expected_type",
    "holds_secret",
    "is_structure",
    "members",
    "reads_text",
    "secret_in_the_open",
    "type_words",
]

LISTS: tuple[Any, ...] = (
    list,
    tuple,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
    collections.abc.Set,
    collections.abc.MutableSet,
)
"""Types that are written with commas or by repetition."""

_MAPPINGS: tuple[Any, ...] = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def expected_type(parameter: Parameter) -> Any:
    """Give the type that a parameter's values must have.

    Args:
        parameter: The parameter.

    Returns:
        Its annotation; without one the type of its default, Any where that is None or no common kind of value.
    """
    if parameter.annotation is not Any:
        return int if is_seed(parameter.annotation) else parameter.annotation
    return Any if parameter.required else _type_of(parameter.default)


def members(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union; of another type just that."""
    bare = bare_type(annotation)
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        return tuple(inner for member in typing.get_args(bare) for inner in members(member))
    return (bare,)


def is_structure(bare: Any) -> bool:
    """Tell whether a type is written as JSON: a mapping, dataclass, TypedDict or pydantic model."""
    kind = typing.get_origin(bare) or bare
    return (
        kind in _MAPPINGS
        or typing.is_typeddict(kind)
        or (isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "model_fields")))
    )


def reads_text(kind: Any) -> bool:
    """Tell whether a class with fields says itself to pydantic what it takes: that may be a text, such as a name."""
    return "__get_pydantic_core_schema__" in vars(kind)


def holds_secret(annotation: Any) -> bool:
    """Tell whether values of a type may hold a secret, so that they are not to be shown."""
    pending, seen = [annotation], set()
    while pending:
        bare = bare_type(pending.pop())
        kind = typing.get_origin(bare) or bare
        if isinstance(kind, type) and issubclass(kind, Secret):
            return True
        pending.extend(part for part in typing.get_args(bare) if not isinstance(part, (str, int)))
        if isinstance(kind, type) and kind not in seen and _has_fields(kind):
            seen.add(kind)
            try:
                pending.extend(typing.get_type_hints(kind).values())
            except Exception:  # noqa: BLE001 - evaluating annotations may raise anything; then better hide too much
                return True
    return False


def secret_in_the_open(value: object, annotation: Any) -> bool:
    """Tell whether a text stands where only a secret's place may: it would be stored as it is.

    Args:
        value: What is passed; looked into as far as it consists of lists, tuples, sets, dicts and classes with declared
            fields.
        annotation: The type that is wanted.
    """
    pending: list[tuple[object, Any]] = [(value, annotation)]
    seen: set[tuple[int, Any]] = set()
    while pending:
        value, annotation = pending.pop()
        wanted = members(annotation)
        for part in wanted:
            kind = typing.get_origin(part) or part
            if isinstance(value, str) and isinstance(kind, type) and issubclass(kind, Secret):
                if str not in wanted:
                    return True
            elif not isinstance(value, (str, bytes)):
                if _has_fields(kind):
                    if (id(value), kind) in seen:
                        continue  # what has fields may hold itself
                    seen.add((id(value), kind))
                pending.extend(_inside(value, part, kind))
    return False


def _inside(value: object, wanted: Any, kind: Any) -> list[tuple[object, Any]]:
    """Give what a value holds, each with the type that is wanted there."""
    arguments = typing.get_args(wanted)
    if kind in _MAPPINGS and isinstance(value, dict) and len(arguments) == 2:
        return [(one, arguments[1]) for one in value.values()]
    if kind is tuple and isinstance(value, tuple) and Ellipsis not in arguments:
        return list(zip(value, arguments, strict=False))
    if kind in LISTS and isinstance(value, (list, tuple, set, frozenset)) and arguments:
        return [(one, arguments[0]) for one in value]
    if typing.is_typeddict(kind) and isinstance(value, dict):
        return [(value.get(name), field) for name, field in _fields(kind).items()]
    if isinstance(kind, type) and _has_fields(kind) and isinstance(value, kind):
        own: Any = type(value)  # which may have more fields than what is wanted
        return [(getattr(value, name, None), field) for name, field in _fields(own).items()]
    return []


def _has_fields(kind: Any) -> bool:
    return kind not in _MAPPINGS and (
        is_structure(kind) or (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


@functools.lru_cache(maxsize=1024)
def _fields(kind: Any) -> dict[str, Any]:
    """Give the declared types of a class's fields; none where they can't be evaluated."""
    try:
        return typing.get_type_hints(kind)
    except Exception:  # noqa: BLE001 - evaluating annotations may raise anything
        return {}


def type_words(annotation: Any, *, many: bool = False) -> str:
    """Say what a type takes, as it reads after "takes": ``a whole number``, ``a list of paths``.

    Args:
        annotation: The type.
        many: Whether to say it in the plural.

    Returns:
        The words.
    """
    parts = members(annotation)
    if len(parts) > 1:
        return " or ".join("none" if part in (None, type(None)) else type_words(part, many=many) for part in parts)
    bare = parts[0]
    kind = typing.get_origin(bare) or bare
    if kind is typing.Literal:
        return _one_of([str(_plain(option)) for option in typing.get_args(bare)], many)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _one_of([member.name for member in kind], many)
    if isinstance(kind, type) and issubclass(kind, Secret):
        return "places of secrets" if many else f"a secret's place ({secret_places()})"
    for known, (one, several) in _WORDS.items():
        if kind is known:
            return several if many else one
    if kind in LISTS:
        return _list_words(kind, typing.get_args(bare), many)
    if is_structure(bare) and not reads_text(kind):
        name = "" if kind in _MAPPINGS else f" of '{type_text(kind)}'"
        return f"JSON objects{name}" if many else f"a JSON object{name}"
    return f"'{type_text(bare)}' values" if many else f"a value of type '{type_text(bare)}'"


_WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    complex: ("a complex number", "complex numbers"),
    decimal.Decimal: ("a decimal number", "decimal numbers"),
    str: ("text", "texts"),
    bytes: ("bytes", "bytes"),
    bool: ("true or false", "true or false"),
    pathlib.Path: ("a path", "paths"),
    pathlib.PurePath: ("a path", "paths"),
    uuid.UUID: ("a UUID", "UUIDs"),
    dt.datetime: ("a date and time (2026-01-31T12:00)", "dates with times"),
    dt.date: ("a date (2026-01-31)", "dates"),
    dt.time: ("a time (12:00)", "times"),
    dt.timedelta: ("a duration (01:30:00)", "durations"),
    Any: ("anything", "anything"),
}


def _list_words(kind: Any, arguments: tuple[Any, ...], many: bool) -> str:
    if kind is tuple and arguments and Ellipsis not in arguments:
        inside = ", ".join(type_words(part) for part in arguments)
        return f"{len(arguments)} values each" if many else f"{len(arguments)} values ({inside})"
    word = "set" if kind in (set, frozenset, collections.abc.Set, collections.abc.MutableSet) else "list"
    of = f" of {type_words(arguments[0], many=True)}" if arguments and arguments[0] is not Any else ""
    return f"{word}s{of}" if many else f"a {word}{of}"


def _one_of(options: list[str], many: bool) -> str:
    quoted = ", ".join(f"'{option}'" for option in options)
    return f"any of {quoted}" if many else f"one of {quoted}"


def _plain(option: object) -> object:
    return option.name if isinstance(option, enum.Enum) else option


def _type_of(default: object) -> Any:
    """Guess the type that a default stands for."""
    kind = type(default)
    if isinstance(default, pathlib.Path):
        return pathlib.Path
    if isinstance(default, Secret):
        return Secret
    if kind in (list, tuple, set, frozenset):
        parts: Any = default
        inside = {_type_of(part) if type(part) in _WORDS or isinstance(part, pathlib.Path) else Any for part in parts}
        if len(inside) != 1:
            return kind
        element = inside.pop()
        return types.GenericAlias(kind, (element, Ellipsis) if kind is tuple else (element,))
    if kind in _WORDS or kind is dict or isinstance(default, enum.Enum) or is_structure(kind):
        return kind
    return Any
