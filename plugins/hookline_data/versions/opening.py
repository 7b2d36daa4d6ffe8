"""From the name of a data set to its content, and from the content to the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hookline import HooklineError, Records, StoreMissingError, open_store
from hookline_data.tables.frames import as_frame, library_of, same_library
from hookline_data.versions.contents import Contents, contents_of
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.names import DatasetName, parse_name, which_of
from hookline_data.versions.registered import PLUGIN, Version, exact, find, first

__all__ = ["missing_store", "open_dataset", "opened", "resolved", "table_of_versions"]


def open_dataset(name: str | Dataset, *, store: str | None = None) -> Dataset:
    """Open a version of a data set outside of a run, as in a notebook.

    Args:
        name: ``transactions``, ``transactions@3``, ``transactions/2026-01-05`` or ``transactions/2026-01-05@2``; or a
            data set that is only named.
        store: The store's folder or URL; None for that of the project in the working directory.

    Returns:
        The data set with its table. Of one with partitions, where none is named, the newest of each, one after the
        other, by name. What has its table already is given back.

    Raises:
        UsageError: There is no such data set, partition or version; says what there is.
        StoreMissingError: There is no store.
    """
    if isinstance(name, Dataset) and name.opened:
        return name
    which = name.which if isinstance(name, Dataset) else parse_name(name)
    with open_store(store if store is not None else _own_store()) as there:
        records = there.records(PLUGIN)
        dataset: Dataset = opened(records, resolved(records, which))
        return dataset


def resolved(records: Records, which: DatasetName, *, whole: bool = True) -> Contents:
    """Find the content that a name means.

    Args:
        records: The plugin's records.
        which: The name.
        whole: Whether the data set is wanted; else only its table.

    Returns:
        The content: the same for equal ones, whatever number was asked for.

    Raises:
        UsageError: There is no such data set, partition or version.
    """
    return contents_of(which, [first(records, version) for version in find(records, which)], whole=whole)


def opened(records: Records, contents: Contents) -> Any:
    """Load a table by its content.

    Args:
        records: The plugin's records.
        contents: What :func:`resolved` found.

    Returns:
        The data set with its table, or the table, as ``contents`` wants it.

    Raises:
        HooklineError: It is not there any more.
    """
    versions = []
    for part in contents.parts:
        version = exact(records, which_of(part))
        if version is None or version.ref.digest != part.digest:
            raise HooklineError(
                f"the data set '{which_of(part)}' is not what it was when the run was planned",
                help="run the workflow again",
            )
        versions.append(version)
    table = table_of_versions(records, versions)
    return contents.dataset(table) if contents.whole else table


def table_of_versions(records: Records, versions: Sequence[Version]) -> Any:
    """Load the tables of versions, one after the other.

    Args:
        records: The plugin's records.
        versions: One or more.

    Raises:
        HooklineError: They don't go together.
    """
    tables = [records.load(version.artifact) for version in versions]
    if len(tables) == 1:
        return tables[0]
    same_library(*tables)
    frames = [as_frame(table) for table in tables]
    for version, frame in zip(versions, frames, strict=True):
        if frame.columns != frames[0].columns:
            raise HooklineError(
                f"partitions of the data set '{version.ref.name}' have different columns:"
                f" '{versions[0].ref.partition}' has {', '.join(frames[0].columns)};"
                f" '{version.ref.partition}' has {', '.join(frame.columns)}",
                help=f"name one partition: {version.which._replace(version=None)}",
            )
    try:
        return _joined(tables)
    except Exception as error:
        raise HooklineError(
            f"the partitions of the data set '{versions[0].ref.name}' can't be put together: {error}",
            help=f"name one partition: {versions[-1].which._replace(version=None)}",
        ) from error


def _joined(tables: Sequence[Any]) -> Any:
    """Put tables with the same columns one after the other; types that differ meet where both fit."""
    if library_of(tables[0]) == "polars":
        import polars as pl

        return pl.concat(tables, how="vertical_relaxed")
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def _own_store() -> Any:
    from hookline import project  # which reads settings, as few who open data by a store's name need

    return project().store


def missing_store(named: DatasetName, error: StoreMissingError) -> StoreMissingError:
    """Say that a data set can't be found because there is no store."""
    return StoreMissingError(
        f"the data set '{named}' can't be found: {error.message}",
        help="run the workflow that registers it first, or say in which store or environment it is: --store, --env",
    )
