"""Columns that tell of persons, as schemas say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hookline.ml import Schema

__all__ = ["marked", "personal_in"]


def personal_in(schema: Schema | None) -> set[str]:
    """Name the columns that a schema calls personal."""
    return set() if schema is None else {column.name for column in schema.columns if column.personal}


def marked(schema: Schema, names: Iterable[str]) -> Schema:
    """Call further columns personal."""
    further = set(names).intersection(schema.names) - personal_in(schema)
    if not further:
        return schema
    columns = [replace(one, personal=True) if one.name in further else one for one in schema.columns]
    return replace(schema, columns=tuple(columns))
