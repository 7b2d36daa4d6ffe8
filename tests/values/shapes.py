"""A small library, and what a plugin registers for its types."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any


class Shape:
    """A closed line through points; where it begins says nothing."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self.points = [*points]
        self.made_by = object()  # can't be pickled by reference, and differs each time

    def __reduce__(self) -> Any:
        raise TypeError("a Shape can't be pickled")


class Tagged:
    """Something with a tag that no step sees."""

    def __init__(self, value: Any, tag: str) -> None:
        self.value = value
        self.tag = tag


class Sub(Shape):
    """Of this one nothing is registered."""


class ShapeSerializer:
    """Points as doubles."""

    version = 2
    safe = True

    def dump(self, value: Shape) -> bytes:
        if len(value.points) > 100_000:
            raise ValueError("too many points")
        flat = [part for point in value.points for part in point]
        return struct.pack(f"<{len(flat)}d", *flat)

    def load(self, parts: Sequence[memoryview], version: int) -> Shape:
        (data,) = parts
        flat = struct.unpack(f"<{len(data) // 8}d", data)
        if version == 1:
            flat = tuple(part / 10 for part in flat)
        return Shape([*zip(flat[::2], flat[1::2], strict=True)])


class TaggedDigest:
    """The value alone."""

    version = 1

    def canonical(self, value: Tagged) -> bytes:
        return repr(value.value).encode()


SERIALIZER = {"target": "values.shapes:ShapeSerializer", "source": "geo 1.0", "types": ["values.shapes:Shape"]}
DIGEST = {"target": "values.shapes:TaggedDigest", "source": "geo 1.0", "types": ["values.shapes:Tagged"]}
