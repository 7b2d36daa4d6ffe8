"""Schemas of pandera's as they are lent for one look at a table: nothing is dropped, and errors come as they are."""

from __future__ import annotations

import copy
from typing import Any

from hookline_data.tables.libraries import pandera_errors

__all__ = ["lent_schema"]


def lent_schema(schema: Any) -> Any:
    """Copy a schema, so that it keeps all rows and spends nothing on a report of its own.

    pandera puts all failure cases into one table, for which it casts values to texts: that fails for some types, such
    as durations in polars, and takes long where many rows are bad. Which rows these are is known without it.

    Args:
        schema: A ``DataFrameSchema``, which stays as it is.
    """
    lent = _lent(schema)
    lent.columns = {name: _lent(column) for name, column in schema.columns.items()}
    index = getattr(schema, "index", None)
    if index is not None:
        lent.index = _lent(index)
        if hasattr(index, "indexes"):
            lent.index.indexes = [_lent(one) for one in index.indexes]
    return lent


def _lent(part: Any) -> Any:
    lent = copy.copy(part)
    if getattr(part, "drop_invalid_rows", False):
        lent.drop_invalid_rows = False
    kind = type(part)

    def get_backend(check_obj: Any = None, check_type: Any = None) -> Any:
        backend = kind.get_backend(check_obj, check_type)
        backend.failure_cases_metadata = _no_report
        return backend

    lent.get_backend = get_backend
    return lent


def _no_report(_name: Any, _errors: Any) -> Any:
    return pandera_errors().FailureCaseMetadata(failure_cases=None, message={}, error_counts={})
