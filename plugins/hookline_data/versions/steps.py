"""The steps that the plugin puts into graphs for data sets: what registers one, and what opens one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hookline import HooklineError, Records, attempt, step
from hookline.ml import Schema
from hookline_data.tables.frames import named_frame
from hookline_data.versions.contents import Contents
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.described import described
from hookline_data.versions.opening import opened
from hookline_data.versions.personal import marked
from hookline_data.versions.registered import PLUGIN, first, put, value_of

__all__ = ["open_all", "open_table", "open_version", "register", "register_all"]


@step(name="data.register")
def register(dataset: Dataset, personal: list[str] | None = None) -> Dataset:
    """Remember a data set as the next version, where its content is new; outside of a run nothing is remembered.

    On a node that does not see the run's store it is left to the end of the run, and has no number until then.

    Args:
        dataset: The data set, with its table.
        personal: Columns that are personal in what the workflow reads, and so in the data set, too.

    Returns:
        The data set with its schema and the number of its version.

    Raises:
        HooklineError: It has no table, or its schema or key does not fit.
    """
    if not dataset.opened:
        raise HooklineError(
            f"the data set '{dataset}' has no table, so it can't be registered",
            help="return it with one: Dataset(name, table)",
        )
    frame = named_frame(dataset.table, f"the table of the data set '{dataset.name}'")
    schema = marked(_schema(dataset, frame.columns), personal or ())
    records = _records()
    if records is None:
        return replace(dataset, schema=schema, key=schema.keys)
    version = put(records, dataset.which, value_of(dataset, schema, records.keep(dataset.table), frame.shape[0]))
    return replace(dataset, schema=schema, key=schema.keys, version=first(records, version).number)


@step(name="data.register")
def register_all(value: Any, personal: list[str] | None = None) -> Any:
    """Remember all data sets within lists, tuples and dicts, as :func:`register` does each.

    Args:
        value: Data sets with their tables, beside anything else.
        personal: As for :func:`register`.

    Returns:
        The same with their schemas and versions.
    """
    kind = type(value)
    if kind is dict:
        return {name: register_all.fn(each, personal) for name, each in value.items()}
    if kind in (list, tuple):
        return kind([register_all.fn(each, personal) for each in value])
    return register.fn(value, personal) if kind is Dataset else value


@step(name="data.open")
def open_version(contents: Any, of: str = "") -> Dataset:  # noqa: ARG001 - for those who look at the task
    """Load a data set by its content.

    Args:
        contents: What the plugin's rewrite found for the name of a data set.
        of: What it is called, for people; a content has one such name.

    Returns:
        The data set with its table; what has one already as it is.
    """
    found: Dataset = _opened(contents)
    return found


@step(name="data.open")
def open_table(contents: Any, of: str = "") -> Any:  # noqa: ARG001 - for those who look at the task
    """Load a table by its content.

    Args:
        contents: What the plugin's rewrite found for the table of a data set.
        of: As for :func:`open_version`.

    Returns:
        The table; what is one already as it is.
    """
    return _opened(contents)


@step(name="data.open")
def open_all(values: Any, of: str = "") -> Any:  # noqa: ARG001 - for those who look at the task
    """Load all data sets within lists, tuples and dicts by their content.

    Args:
        values: What the plugin's rewrite found, beside anything else.
        of: What they are called, for people.

    Returns:
        The same with data sets and tables.
    """
    kind = type(values)
    if kind is dict:
        return {name: open_all.fn(value) for name, value in values.items()}
    if kind in (list, tuple):
        return kind([open_all.fn(value) for value in values])
    return _opened(values)


def _opened(contents: Any) -> Any:
    return opened(attempt().records(PLUGIN), contents) if isinstance(contents, Contents) else contents


def _records() -> Records | None:
    """Give the plugin's records; None outside of a run, and where the run's store is out of reach."""
    try:
        return attempt().records(PLUGIN)
    except HooklineError:
        return None


def _schema(dataset: Dataset, columns: list[str]) -> Schema:
    what, given = f"the data set '{dataset.name}'", dataset.schema
    lacking = [] if given is None else [name for name in given.names if name not in columns]
    beyond = [] if given is None or given.open else [name for name in columns if name not in given.names]
    if lacking or beyond:
        wrong = [f"lacks {_quoted(lacking)}"] * bool(lacking) + [f"has {_quoted(beyond)} besides"] * bool(beyond)
        raise HooklineError(
            f"{what} is not what its schema says: its table {' and '.join(wrong)}",
            help="correct the schema, or leave it out: it is then worked out from the table",
        )
    unknown = [name for name in dataset.key if name not in columns]
    if unknown:
        raise HooklineError(
            f"{what} has the key {_quoted(unknown)}, of which there is no column",
            help=f"its columns are {', '.join(columns)}",
        )
    return described(dataset)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
