"""What counts as a schema, told without importing pandera: who made one has imported it already."""

from __future__ import annotations

import sys
from typing import Any

from hookline import HooklineError, ml

__all__ = ["AnySchema", "is_pandera", "library_of_schema"]

AnySchema = Any
"""A schema: :class:`hookline.ml.Schema`, or a ``DataFrameSchema`` or ``DataFrameModel`` class of pandera's."""

_LIBRARIES = ("pandas", "polars")


def is_pandera(thing: object) -> bool:
    """Tell whether it is a schema for frames, or a class of them, of pandera's."""
    return bool(library_of_schema(thing))


def library_of_schema(schema: object) -> str:
    """Tell whose frames a schema of pandera's is for: ``"pandas"``, ``"polars"``; empty for what is no such schema."""
    if isinstance(schema, ml.Schema):
        return ""
    for library in _LIBRARIES:
        module = sys.modules.get(f"pandera.{library}")
        if module is None:
            continue
        if isinstance(schema, module.DataFrameSchema):
            return library
        if isinstance(schema, type) and issubclass(schema, module.DataFrameModel):
            return library
    return ""


def pandera_schema(schema: AnySchema) -> Any:
    """Give the ``DataFrameSchema`` of a schema of pandera's."""
    if not isinstance(schema, type):
        return schema
    try:
        return schema.to_schema()  # type: ignore[attr-defined]
    except Exception as error:
        raise HooklineError(f"the schema '{schema.__name__}' can't be used: {error}") from error
