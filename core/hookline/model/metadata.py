"""What ``Annotated`` says of a step's value beside its type, and of the parts that the value splits into."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from hookline.model.outputs import annotated_parts, peeled
from hookline.model.parameter import read_signature

__all__ = ["metadata_of", "part_metadata_of"]


def metadata_of(function: Callable[..., Any]) -> tuple[Any, ...]:
    """Give what the return annotation of a function says beside the type.

    Args:
        function: A step's function.

    Returns:
        All that stands in ``Annotated``, that of an alias before that of whoever uses it.
    """
    return _beside(read_signature(function).returns)


def part_metadata_of(function: Callable[..., Any]) -> dict[str, tuple[Any, ...]]:
    """Give what the annotations of a value's parts say beside their types.

    Args:
        function: A step's function.

    Returns:
        Per slot; empty for a value of one slot.
    """
    return {name: _beside(annotation) for name, annotation in annotated_parts(function).items()}


def _beside(annotation: Any) -> tuple[Any, ...]:
    layers = [layer for layer in peeled(annotation) if typing.get_origin(layer) is typing.Annotated]
    return tuple([said for layer in reversed(layers) for said in layer.__metadata__])
