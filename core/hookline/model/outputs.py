"""The slots of a step's result, read from its return annotation."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hookline.model.parameter import read_signature

__all__ = ["Outputs", "annotated_parts", "bare_type", "checkable", "outputs_of", "peeled"]


# Fields of a TypedDict are wrapped in the last of these.
_LAYERS = (typing.Annotated, typing.Final, typing.Required, typing.NotRequired, getattr(typing, "ReadOnly", None))


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

    def lost(self, value: Any) -> list[str]:
        """Name the attributes that a dataclass has beside its fields, which :meth:`join` would leave out.

        What a ``cached_property`` remembered is not among them, for it is worked out anew; nor are Python's own notes,
        such as ``__orig_class__``.
        """
        if self.form != "dataclass":
            return []
        kind = type(value)
        slots = [_slots(base) for base in kind.__mro__]
        names = [*getattr(value, "__dict__", ()), *(name for names in slots for name in names if hasattr(value, name))]
        return [
            name
            for name in dict.fromkeys(names)
            if name not in self.names
            and not (name.startswith("__") and name.endswith("__"))
            and not isinstance(getattr(kind, name, None), functools.cached_property)
        ]

    def accepts(self, value: Any) -> bool:
        """Tell whether a value's outermost type is the declared one; an int passes for a float.

        A dataclass or NamedTuple that is split must be exactly the declared class: put together again, a subclass
        would come out as its parent.
        """
        if self.check and not isinstance(value, self.check):
            return False
        if self.form in ("dataclass", "namedtuple"):
            return type(value) is self.returns
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
    bare = bare_type(read_signature(function).returns)
    if typing.get_origin(bare) is tuple:
        elements = typing.get_args(bare)
        if elements and Ellipsis not in elements and not any(map(_unpacked, elements)):
            return Outputs("tuple", tuple(map(str, range(len(elements)))), elements, bare, (tuple,))
    if isinstance(bare, type) and bare is not Any:
        split = _fields_of(bare)
        if split is not None:
            form, fields = split
            check: tuple[type, ...] = (dict,) if form == "typeddict" else (bare,)
            return Outputs(form, tuple(fields), tuple(fields.values()), bare, check)
    return Outputs("one", ("value",), (bare,), bare, checkable(bare))


def checkable(annotation: Any, *, widen: bool = True) -> tuple[type, ...]:
    """Give the classes of which a value of this type is an instance.

    Args:
        annotation: A resolved annotation.
        widen: Whether a float may be an int, too, and a complex number either.

    Returns:
        The classes; none where that can't be told (Any, type variables, protocols and the like).
    """
    annotation = bare_type(annotation)
    if annotation is None:
        return (type(None),)
    if annotation is Any or annotation is object or getattr(annotation, "_is_protocol", False):
        return ()
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        parts = [checkable(part, widen=widen) for part in typing.get_args(annotation)]
        return tuple(dict.fromkeys(kind for part in parts for kind in part)) if all(parts) else ()
    if origin is typing.Literal:
        return tuple(dict.fromkeys(map(type, typing.get_args(annotation))))
    if typing.is_typeddict(origin or annotation):
        return (dict,)
    kind = origin if isinstance(origin, type) else annotation
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return ()
    if kind is float and widen:
        return (float, int)
    if kind is complex and widen:
        return (complex, float, int)
    return (kind,)


def annotated_parts(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the annotations of a function's slots with what ``Annotated`` says in them.

    Args:
        function: The step's plain function.

    Returns:
        By the slots' names; empty where there is a single slot.
    """
    outputs = outputs_of(function)
    if outputs.form == "one":
        return {}
    if outputs.form == "tuple":
        return dict(zip(outputs.names, outputs.types, strict=True))
    split = _fields_of(outputs.returns, extras=True)
    return {} if split is None else split[1]


def bare_type(annotation: Any) -> Any:
    """Take off what says nothing about a value's class: ``Annotated``, ``NewType``, ``Final``, type aliases."""
    *_, bare = peeled(annotation)
    return bare


def peeled(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, and what is left of it each time that one layer is taken off, down to the bare type."""
    yield annotation
    for _ in range(50):
        origin = typing.get_origin(annotation)
        if origin is not None and origin in _LAYERS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            try:
                annotation = annotation.__value__
            except Exception:  # noqa: BLE001 - evaluating an alias may raise anything; it then says nothing
                yield Any
                return
        else:
            return
        yield annotation


def _slots(kind: type) -> list[str]:
    """Names of the attributes that a class keeps in slots, as they are reached from outside."""
    members = types.MemberDescriptorType
    return [name for name, held in vars(kind).items() if isinstance(held, members) and held.__objclass__ is kind]


def _unpacked(element: Any) -> bool:
    return typing.get_origin(element) is typing.Unpack or getattr(element, "__unpacked__", False)


def _fields_of(kind: type, *, extras: bool = False) -> tuple[str, dict[str, Any]] | None:
    try:
        hints = typing.get_type_hints(kind, include_extras=extras)
    except Exception:  # noqa: BLE001 - an annotation that does not resolve makes it one slot
        return None
    if typing.is_typeddict(kind):
        required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        return ("typeddict", hints) if hints and required == hints.keys() else None
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names = kind._fields
        return ("namedtuple", {name: hints.get(name, Any) for name in names}) if names else None
    if dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
        return ("dataclass", {name: hints.get(name, Any) for name in names}) if names else None
    return None
