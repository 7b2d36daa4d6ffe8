"""The step ``data.load``, and what lists partitions."""

from __future__ import annotations

from datetime import date
from typing import Any

import hookline
from hookline import step
from hookline_data.sources.reading_step import read_source
from hookline_data.sources.resolving import Resolver, project_for

__all__ = ["load", "partitions"]


@step(name="data.load")
def load(source: str, partition: str | date | dict[str, Any] | None = None, *, columns: list[str] | None = None) -> Any:
    """Load a source's table, or one partition of it, and check it by the source's contract.

    In a run, the plugin looks the source up beforehand, so that what the contract says and the files that there are
    count as arguments. Elsewhere it is looked up in the project of the working directory.

    Args:
        source: The source's name: there is a table ``[tool.hookline.source.NAME]``.
        partition: Which part: the value of its key, or values by keys; None for all of it.
        columns: The columns that are wanted; None for all.

    Returns:
        A data frame.

    Raises:
        HooklineError: There is no such source, the data can't be read, or are not what the contract says.
    """
    project = project_for(source)
    given = Resolver(project, str(project.settings("data").get("frames", ""))).for_load(source, partition)
    return read_source.fn(source, partition, columns, **given)


def partitions(source: str) -> list[Any]:
    """List the partitions of a source that there are now, for a workflow that maps a load over them.

    A workflow is built before an environment is chosen by ``--env``: where environments have other files, choose it by
    ``HOOKLINE_ENV``.

    Args:
        source: The source's name.

    Returns:
        The values of its key, in order; of several keys a dict of them for each partition.

    Raises:
        HooklineError: There is no such source, or it has no partitions.
    """
    found = Resolver(hookline.project()).partitions(source)
    return [next(iter(values.values())) if len(values) == 1 else values for values in found]
