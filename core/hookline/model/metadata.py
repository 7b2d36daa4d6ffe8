"""What ``Annotated`` says of a step's value beside its type, and of the parts that the value splits into."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from hookline.model.outputs import annotated_parts, peeled
from hookline.model.parameter import raw_signature, read_signature, resolved_hints

__all__ = ["metadata_of", "part_metadata_of", "unread_of"]


@functools.lru_cache(maxsize=4096)
def metadata_of(function: Callable[..., Any]) -> tuple[Any, ...]:
    """Give what the return annotation of a function says beside the type.

    Args:
        function: A step's function.

    Returns:
        All that stands in ``Annotated``, that of an alias before that of whoever uses it.
    """
    return _beside(read_signature(function).returns)


@functools.lru_cache(maxsize=4096)
def part_metadata_of(function: Callable[..., Any]) -> Mapping[str, tuple[Any, ...]]:
    """Give what the annotations of a value's parts say beside their types.

    Args:
        function: A step's function.

    Returns:
        Per slot; empty for a value of one slot.
    """
    return types.MappingProxyType({name: _beside(said) for name, said in annotated_parts(function).items()})


@functools.lru_cache(maxsize=4096)
def unread_of(function: Callable[..., Any]) -> str:
    """Give the text of a return annotation that can't be evaluated.

    Args:
        function: A step's function.

    Returns:
        The text; empty where the annotation can be evaluated, and where there is none.
    """
    said = raw_signature(function).return_annotation
    if said is inspect.Signature.empty or "return" in resolved_hints(function):
        return ""
    return said if isinstance(said, str) else str(getattr(said, "__forward_arg__", said))


def _beside(annotation: Any) -> tuple[Any, ...]:
    layers = [layer for layer in peeled(annotation) if typing.get_origin(layer) is typing.Annotated]
    return tuple([said for layer in reversed(layers) for said in layer.__metadata__])
