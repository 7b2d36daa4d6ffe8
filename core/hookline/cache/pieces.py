"""Takes apart what Python and its standard library put together: containers, partials, methods, descriptors."""

from __future__ import annotations

import collections
import contextvars
import functools
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Pieces", "pieces"]

Pieces = tuple[str, list[tuple[str, object]]]
"""A word for the kind, and labelled parts."""


def pieces(value: Any) -> Pieces | None:
    """Take a value apart; None if it is nothing that this module knows.

    Args:
        value: Any object.
    """
    kind = type(value)
    apart = _EXACT.get(kind)
    if apart is not None:
        return apart(value)
    for known, apart in _KINDS:
        if isinstance(value, known):
            word, parts = apart(value)
            return word, parts if kind is known else [*parts, ("class", kind)]
    if kind.__module__ == "pydantic._internal._decorators" and kind.__name__ == "Decorator":
        # its other fields hold the identity of the class, which differs between processes
        return "decorator", _read(value, "cls_var_name", "func", "shim", "info")
    return None


def _read(value: object, *names: str) -> list[tuple[str, object]]:
    return [(name, getattr(value, name)) for name in names]


def _sequence(value: list[object] | tuple[object, ...]) -> Pieces:
    return type(value).__name__, [(str(at), item) for at, item in enumerate(value)]


def _mapping(value: Mapping[object, object]) -> Pieces:
    parts = [part for at, (key, item) in enumerate(value.items()) for part in _entry(at, key, item)]
    return type(value).__name__, parts


def _entry(at: int, key: object, item: object) -> list[tuple[str, object]]:
    return [(repr(key), item)] if type(key) is str else [(f"key {at}", key), (f"value {at}", item)]


def _context_variable(value: contextvars.ContextVar[object]) -> Pieces:
    """What it is set to belongs to a run; its default belongs to the code."""
    try:
        return "context variable", [("default", contextvars.Context().run(value.get))]
    except LookupError:
        return "context variable", []


_EXACT: dict[type, Callable[[Any], Pieces]] = {
    list: _sequence,
    tuple: _sequence,
    dict: _mapping,
    types.MappingProxyType: _mapping,
    collections.OrderedDict: _mapping,
    collections.Counter: _mapping,
    collections.defaultdict: lambda value: (
        "defaultdict",
        [("factory", value.default_factory), ("entries", dict(value))],
    ),
    weakref.WeakKeyDictionary: lambda value: ("weak keys", [("entries", dict(value))]),
    weakref.WeakValueDictionary: lambda value: ("weak values", [("entries", dict(value))]),
    weakref.WeakSet: lambda value: ("weak set", [("members", set(value))]),
    functools.partial: lambda value: ("partial", _read(value, "func", "args", "keywords")),
    functools.singledispatchmethod: lambda value: ("dispatcher", _read(value, "dispatcher", "func")),
    functools._lru_cache_wrapper: lambda value: ("cached", _read(value, "__wrapped__")),
    contextvars.ContextVar: _context_variable,
    typing.NewType: lambda value: ("new type", _read(value, "__supertype__")),
}
_KINDS: tuple[tuple[type, Callable[[Any], Pieces]], ...] = (
    (types.MethodType, lambda value: ("method", _read(value, "__func__", "__self__"))),
    (staticmethod, lambda value: ("staticmethod", _read(value, "__func__"))),
    (classmethod, lambda value: ("classmethod", _read(value, "__func__"))),
    (property, lambda value: ("property", _read(value, "fget", "fset", "fdel"))),
    (functools.cached_property, lambda value: ("cached_property", _read(value, "func", "attrname"))),
)
