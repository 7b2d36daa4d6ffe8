"""What annotations say: whether two types can meet on an edge, whether a constant fits, and how a type reads.

Everything is judged by the outermost type only, and only where that is certain: whatever can't be told passes.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import numbers
import types
import typing
from typing import Any

from hookline.model.outputs import bare_type, checkable

__all__ = ["ListOf", "by_value", "can_meet", "collection_element", "constant_fits", "type_text"]


class ListOf:
    """The type of a mapped task's results: a list that a consumer may also take as an iterator."""

    __slots__ = ("element",)

    def __init__(self, element: Any) -> None:
        self.element = element


def can_meet(produced: Any, wanted: Any) -> bool:
    """Tell whether some value of one type may be passed where another is wanted.

    Args:
        produced: What a task returns: an annotation, or :class:`ListOf`.
        wanted: The parameter's annotation.

    Returns:
        False only where it is certain that no value fits.
    """
    offered = (list,) if isinstance(produced, ListOf) else _classes(produced, widen=False)
    accepted = _classes(wanted)
    if not offered or not accepted:
        return True
    if isinstance(produced, ListOf) and any(kind in _LAZY for kind in accepted):
        return True
    return any(_meet(one, other) for one in offered for other in accepted)


def constant_fits(value: object, wanted: Any) -> bool:
    """Tell whether a constant may be passed where a type is wanted; False only where it certainly may not."""
    bare = bare_type(wanted)
    if typing.get_origin(bare) is typing.Literal:
        return any(type(value) is type(option) and value == option for option in typing.get_args(bare))
    accepted = _classes(bare)
    if not accepted:
        return True
    kind = type(value)
    if any(_is_instance(value, other) for other in accepted) or getattr(kind, "__hookline_stands_in__", False):
        return True
    # Classes of others may be registered late, or stand for a number of their own kind.
    return any(_uncertain(kind, other) or _numeric(kind, other) for other in accepted)


def collection_element(produced: Any) -> tuple[bool, Any]:
    """Tell whether a value can be mapped over, and what its elements are.

    Args:
        produced: What a task returns: an annotation, or :class:`ListOf`.

    Returns:
        False and Any where it certainly is no list; else True and the type of its elements.
    """
    if isinstance(produced, ListOf):
        return True, produced.element
    offered = _classes(produced)
    if offered and not any(_meet(kind, list) or _meet(kind, tuple) for kind in offered):
        return False, Any
    bare = bare_type(produced)
    arguments = typing.get_args(bare)
    if typing.get_origin(bare) in (list, collections.abc.Sequence) and len(arguments) == 1:
        return True, arguments[0]
    if typing.get_origin(bare) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return True, arguments[0]
    return True, Any


def by_value(annotation: Any) -> bool:
    """Tell whether a constant's type alone does not decide whether it fits."""
    return typing.get_origin(bare_type(annotation)) is typing.Literal


def type_text(annotation: Any) -> str:
    """Write an annotation as a user would: ``list[int]``, ``Path | None``."""
    if isinstance(annotation, ListOf):
        return f"list[{type_text(annotation.element)}]"
    if typing.get_origin(annotation) is typing.Annotated:
        return type_text(typing.get_args(annotation)[0])
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if annotation is Any:
        return "Any"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_text, arguments))
    if origin is typing.Literal:
        return " | ".join(repr(option.value if isinstance(option, enum.Enum) else option) for option in arguments)
    if origin is not None and arguments:
        inside = ", ".join("…" if isinstance(part, list) else type_text(part) for part in arguments)
        return f"{type_text(origin)}[{inside}]"
    return getattr(annotation, "__name__", None) or str(annotation)


_CALLABLE: Any = collections.abc.Callable
_LAZY = (collections.abc.Iterator, collections.abc.Generator)


def _classes(annotation: Any, *, widen: bool = True) -> tuple[type, ...]:
    """As :func:`checkable`, but nothing where the annotation promises more than a class, such as a callable."""
    kinds = checkable(annotation, widen=widen)
    return () if _CALLABLE in kinds else kinds


def _meet(one: type, other: type) -> bool:
    if _is_subclass(one, other) or _is_subclass(other, one):
        return True
    return _uncertain(one, other) or _uncertain(other, one) or _numeric(one, other)


def _uncertain(kind: type, other: type) -> bool:
    """Tell whether a subclass of a user's class could well be an ``other`` too, because that is abstract."""
    return inspect.isabstract(other) and kind.__module__ != "builtins" and not _is_final(kind)


def _numeric(kind: type, other: type) -> bool:
    """Tell whether a foreign number, such as numpy's, meets a built-in one."""
    if kind.__module__ == "builtins" or not issubclass(other, (int, float, complex)):
        return False
    return _is_subclass(kind, numbers.Number) or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"))


def _is_final(kind: type) -> bool:
    return bool(getattr(kind, "__final__", False)) or issubclass(kind, enum.Enum)


def _is_subclass(one: type, other: type) -> bool:
    try:
        return issubclass(one, other)
    except TypeError:  # a class with a say of its own
        return True


def _is_instance(value: object, kind: type) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:
        return True
