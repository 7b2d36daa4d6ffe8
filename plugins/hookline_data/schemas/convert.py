"""Schemas in other forms: made fit for pandera, and taken from tables that are there."""

from __future__ import annotations

from typing import Any

from hookline import ml
from hookline_data.schemas.check_words import words_of
from hookline_data.schemas.checks import checks_of
from hookline_data.schemas.recognition import AnySchema, pandera_schema
from hookline_data.schemas.types import family, is_nothing, word_of_cells
from hookline_data.tables.frames import Frame, as_frame
from hookline_data.tables.libraries import pandera_for

__all__ = ["schema_of", "schema_of_pandera", "to_pandera"]


def to_pandera(schema: ml.Schema, library: str) -> Any:
    """Make the schema of pandera's that checks what a schema says.

    Types are checked in a wide sense: whole numbers of any size are of the type ``int``, and they may stand where a
    ``float`` is wanted. Values that are missing never come twice.

    Args:
        schema: The schema.
        library: Whose frames it is to check: ``"pandas"`` or ``"polars"``.

    Returns:
        A ``DataFrameSchema`` of ``pandera.pandas`` or ``pandera.polars``.
    """
    pandera = pandera_for(library)
    alone = schema.keys[0] if len(schema.keys) == 1 else ""
    columns = {}
    for column in schema.columns:
        one = column if column.name != alone or column.unique else _unique(column)
        facts = {"personal": True} if column.personal else None
        columns[column.name] = pandera.Column(
            checks=checks_of(one, library), nullable=column.nullable, description=column.description, metadata=facts
        )
    return pandera.DataFrameSchema(
        columns,
        strict=not schema.open,
        unique=list(schema.keys) if len(schema.keys) > 1 else None,
        name=schema.name or None,
        description=schema.description or None,
    )


def _unique(column: ml.Column) -> ml.Column:
    facts = {name: getattr(column, name) for name in ("type", "nullable", "minimum", "maximum", "allowed", "pattern")}
    return ml.Column(column.name, unique=True, **facts)


def schema_of_pandera(schema: AnySchema) -> ml.Schema:
    """Tell what a schema of pandera's says, as far as :class:`hookline.ml.Schema` has words for it.

    Args:
        schema: A schema or model class of pandera's.
    """
    made = pandera_schema(schema)
    columns = [_column_of(str(name), column) for name, column in made.columns.items()]
    described = {column.name: column for column in columns if column.name}
    unique = made.unique if isinstance(made.unique, list | tuple) else [made.unique] if made.unique else []
    keys = tuple(name for name in unique if isinstance(name, str) and name in described)
    return ml.Schema(
        tuple(described.values()),
        name=str(made.name or ""),
        keys=tuple(dict.fromkeys(keys)),
        open=made.strict is not True,
        description=str(made.description or ""),
        extra={"pandera_checks": [words_of(check) for check in made.checks]} if made.checks else {},
    )


def _column_of(name: str, column: Any) -> ml.Column:
    facts: dict[str, Any] = {}
    further = []
    for check in column.checks:
        said = dict(getattr(check, "statistics", None) or {})
        match getattr(check, "name", ""):
            case "greater_than_or_equal_to" if _is_limit(said.get("min_value")):
                facts["minimum"] = said["min_value"]
            case "less_than_or_equal_to" if _is_limit(said.get("max_value")):
                facts["maximum"] = said["max_value"]
            case _:
                further.append(words_of(check))
    extra = {"pandera_checks": further} if further else {}
    dtype = "any" if column.dtype is None else f"pandera.{column.dtype}"
    metadata = column.metadata or {}
    return ml.Column(
        name,
        dtype,
        nullable=bool(column.nullable),
        unique=bool(column.unique),
        personal=bool(metadata.get("personal")),
        description=str(column.description or ""),
        extra=extra,
        **facts,
    )


def _is_limit(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def schema_of(table: Frame, name: str = "") -> ml.Schema:
    """Tell what a table looks like: names and types of its columns, and where values are missing.

    Args:
        table: A frame of pandas or polars.
        name: The schema's name.
    """
    frame = as_frame(table)
    columns = []
    for column in frame.columns:
        series = frame[column]
        cells = series.to_native()
        word = word_of_cells(cells) if str(cells.dtype) == "object" else family(series.dtype)
        word = "null" if is_nothing(cells.dtype) else word
        columns.append(ml.Column(column, "any" if word == "null" else word, nullable=bool(series.is_null().any())))
    return ml.Schema(tuple(columns), name=name)
