"""The slots of a step's result, read from its return annotation."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hookline.model.parameter import read_signature

__all__ = ["Outputs", "outputs_of"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """How a step's value splits into artifacts.

    Attributes:
        form: ``"one"`` (not split), ``"tuple"``, ``"namedtuple"``, ``"dataclass"`` or ``"typeddict"``.
        names: The slots' names; of a plain tuple ``"0"``, ``"1"`` ….
        types: The slots' types.
        returns: The annotation, ``Any`` where there is none.
        check: What ``isinstance`` is asked about the value; empty where nothing is.
    """

    form: str
    names: tuple[str, ...]
    types: tuple[Any, ...]
    returns: Any
    check: tuple[type, ...]

    def split(self, value: Any) -> Sequence[Any]:
        """Take a value apart into its slots, in order; it must have passed :meth:`accepts`."""
        if self.form == "one":
            return (value,)
        if self.form == "dataclass":
            return [getattr(value, name) for name in self.names]
        if self.form == "typeddict":
            return [value[name] for name in self.names]
        return tuple(value)

    def join(self, parts: Sequence[Any]) -> Any:
        """Put a value together from its slots; a dataclass field by field, without ``__init__``."""
        if self.form == "one":
            return parts[0]
        if self.form == "tuple":
            return tuple(parts)
        if self.form == "typeddict":
            return dict(zip(self.names, parts, strict=True))
        if self.form == "namedtuple":
            return self.returns._make(parts)
        value = object.__new__(self.returns)
        for name, part in zip(self.names, parts, strict=True):
            object.__setattr__(value, name, part)
        return value

    def accepts(self, value: Any) -> bool:
        """Tell whether a value's outermost type is the declared one; an int passes for a float."""
        if self.check and not isinstance(value, self.check):
            return False
        if self.form == "tuple":
            return len(value) == len(self.names)
        if self.form == "typeddict":
            return set(value) == set(self.names)
        return True


@functools.lru_cache(maxsize=4096)
def outputs_of(function: Callable[..., Any]) -> Outputs:
    """Read a function's slots.

    Args:
        function: The step's plain function.

    Returns:
        One slot per element or field of a fixed-length tuple, NamedTuple, dataclass or TypedDict with only required
        keys; else a single slot.
    """
    returns = read_signature(function).returns
    bare = typing.get_args(returns)[0] if typing.get_origin(returns) is typing.Annotated else returns
    if typing.get_origin(bare) is tuple and bare is not tuple:
        elements = typing.get_args(bare)
        if elements and Ellipsis not in elements:
            return Outputs("tuple", tuple(map(str, range(len(elements)))), elements, bare, (tuple,))
    if isinstance(bare, type):
        split = _fields_of(bare)
        if split is not None:
            form, fields = split
            check: tuple[type, ...] = (dict,) if form == "typeddict" else (bare,)
            return Outputs(form, tuple(fields), tuple(fields.values()), bare, check)
    return Outputs("one", ("value",), (bare,), bare, _checkable(bare))


def _fields_of(kind: type) -> tuple[str, dict[str, Any]] | None:
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # noqa: BLE001 - an annotation that does not resolve makes it one slot
        return None
    if typing.is_typeddict(kind):
        return ("typeddict", hints) if getattr(kind, "__total__", False) and hints else None
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names = kind._fields
        return ("namedtuple", {name: hints.get(name, Any) for name in names}) if names else None
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return ("dataclass", {name: hints.get(name, Any) for name in names}) if names else None
    return None


def _checkable(annotation: Any) -> tuple[type, ...]:
    """Give the classes that a value must be an instance of; none where that can't be told."""
    if annotation is None:
        return (type(None),)
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        parts = [_checkable(part) for part in typing.get_args(annotation)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    kind = origin if isinstance(origin, type) else annotation
    if not isinstance(kind, type) or kind is object or getattr(kind, "_is_protocol", False):
        return ()
    if kind is float:
        return (float, int)
    if kind is complex:
        return (complex, float, int)
    return (kind,)
