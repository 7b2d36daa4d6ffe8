"""What a table must look like: read from a project's files, made fit for pandera, taken from tables that are there."""

from __future__ import annotations

from hookline_data.schemas.convert import schema_of, schema_of_pandera, to_pandera
from hookline_data.schemas.reading import read_schema
from hookline_data.schemas.recognition import AnySchema, is_pandera

__all__ = ["AnySchema", "is_pandera", "read_schema", "schema_of", "schema_of_pandera", "to_pandera"]
