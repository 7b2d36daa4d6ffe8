"""What counts as a schema, told without importing pandera: by the modules of its classes."""

from __future__ import annotations

from typing import Any

from hookline import HooklineError
from hookline_data.tables.frames import LIBRARIES

__all__ = ["AnySchema", "is_pandera", "library_of_schema", "pandera_schema"]

AnySchema = Any
"""A schema: :class:`hookline.ml.Schema`, or a ``DataFrameSchema`` or ``DataFrameModel`` class of pandera's."""

_CLASSES = ("DataFrameSchema", "DataFrameModel")


def is_pandera(thing: object) -> bool:
    """Tell whether it is a schema for frames, or a class of them, of pandera's."""
    return bool(library_of_schema(thing))


def library_of_schema(schema: object) -> str:
    """Tell whose frames a schema of pandera's is for: ``"pandas"``, ``"polars"``; empty for what is no such schema."""
    kind = schema if isinstance(schema, type) else type(schema)
    for base in kind.__mro__:
        root, _, rest = base.__module__.partition(".api.")
        library = rest.partition(".")[0]
        if root == "pandera" and library in LIBRARIES and base.__name__ in _CLASSES:
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
