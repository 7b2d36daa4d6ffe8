"""What the table of a data set is like: as its schema says, and of columns that this leaves open, as they are."""

from __future__ import annotations

from dataclasses import replace

from hookline.ml import Schema
from hookline_data.tables.frames import as_frame
from hookline_data.versions.dataset import Dataset

__all__ = ["described"]


def described(dataset: Dataset) -> Schema:
    """Give a schema with all columns of a data set's table.

    Args:
        dataset: The data set, with its table.
    """
    from hookline_data.schemas.convert import schema_of  # most who name data sets look at no table

    schema = dataset.schema or schema_of(dataset.table)
    further = [name for name in as_frame(dataset.table).columns if name not in schema.names]
    if further:
        found = schema_of(dataset.table)
        schema = replace(schema, columns=(*schema.columns, *[found.column(name) for name in further]))
    return replace(schema, keys=dataset.key) if dataset.key else schema
