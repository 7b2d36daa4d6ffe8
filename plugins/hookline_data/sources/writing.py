"""The step ``data.write``."""

from __future__ import annotations

from datetime import date
from typing import Any

from hookline import step
from hookline.ml import DatasetRef
from hookline_data.sources.resolving import Resolver, project_for
from hookline_data.sources.writing_step import write_source

__all__ = ["write"]


@step(name="data.write", cache=False)
def write(
    table: Any, source: str, partition: str | date | dict[str, Any] | None = None, *, overwrite: bool = True
) -> DatasetRef:
    """Write a table to a source, whole or not at all, once it is sure that the source's contract holds for it.

    Args:
        table: A data frame.
        source: The source's name: there is a table ``[tool.hookline.source.NAME]``.
        partition: Which part of the source it is: the value of its key, or values by keys; None where it has no parts.
        overwrite: Whether it takes the place of what is there; if not, a file that is there is an error, and rows are
            added to those of a database's table.

    Returns:
        What was written.

    Raises:
        HooklineError: The contract does not hold for it, or it can't be written; nothing is changed then.
    """
    given = Resolver(project_for(source)).for_write(source, partition)
    return write_source.fn(table, source, partition, overwrite, **given)
