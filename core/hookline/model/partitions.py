"""Partitions: the values that a workflow is mapped over, and the names under which their tasks stand."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

from hookline.errors import UsageError

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["Partition", "PartitionState", "partition_name", "partition_of", "partitions"]

_LONGEST_NAME = 60


class PartitionState(StrEnum):
    """How a partition stands in the record."""

    DONE = "done"
    """Nothing but what runs every time would run."""

    MISSING = "missing"
    """No run has finished it with these parameters."""

    STALE = "stale"
    """A run finished it, and something would run again: code or inputs changed."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One of the values, or combinations of values, that a workflow is mapped over.

    Attributes:
        id: Its name, which stands before the ids of its tasks: ``2026-01-31``, ``2026-01-31/north``.
        values: The values, by parameter.
        state: How it stands in the record.
        why: Why its first task would run; empty where it is done.
    """

    id: str
    values: Mapping[str, object]
    state: PartitionState
    why: str = ""


def partitions(over: Sequence[str], params: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Give all partitions, in the order of the first parameter's values, then the second's.

    Args:
        over: Names of the parameters over whose values the workflow is mapped.
        params: Lists of values by name; other parameters are left alone. A value that comes again counts once.

    Returns:
        By the partition's name, its values by parameter.

    Raises:
        UsageError: A list is empty, a value can't give a partition its name, or two have one name.
    """
    named = [_named(name, params[name]) for name in over]
    return {
        "/".join(part for part, _ in chosen): {name: value for name, (_, value) in zip(over, chosen, strict=True)}
        for chosen in itertools.product(*(found.items() for found in named))
    }


def partition_of(task_id: str, levels: int) -> str:
    """Give the name of the partition that a task belongs to.

    Args:
        task_id: The task's id.
        levels: How many parameters the workflow is mapped over.

    Returns:
        The name; empty where the task stands in none.
    """
    parts = task_id.split("/", levels)
    return "/".join(parts[:levels]) if levels and len(parts) > levels else ""


def partition_name(value: object) -> str:
    """Name a partition after a value, so that the name can stand in a task's id and on a command line.

    A text is its own name if it consists of letters, digits, ``_``, ``-`` and ``.``; else other characters become
    ``_``, and a digest of the text keeps such names apart.

    Raises:
        UsageError: It is neither text, number, date, time, path nor Enum member.
    """
    # All programs import this module, and few map a workflow.
    import datetime as dt
    import decimal
    import uuid

    if isinstance(value, Enum):
        return _fitting(value.name or str(value.value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        text = str(value)
        # A name that begins like an option would be taken for one.
        return f"minus{text}" if text.startswith("-") else text
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (str, PurePath, uuid.UUID, dt.time, dt.timedelta)):
        return _fitting(str(value))
    raise UsageError(
        f"a partition can't be named after a {type(value).__name__}",
        help="map over texts, numbers, dates, times or paths",
    )


def _named(name: str, values: object) -> dict[str, object]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise UsageError(f"'{name}' is a {type(values).__name__}", help="give a list of the values to map over")
    found: dict[str, object] = {}
    for value in values:
        part = partition_name(value)
        if part in found and found[part] != value:
            raise UsageError(
                f"two values of '{name}' would both be called '{part}': {found[part]!r} and {value!r}",
                help="leave one of them out, or give the workflow a parameter of another type",
            )
        found[part] = value
    if not found:
        raise UsageError(f"'{name}' has no values to map over", help="give at least one")
    return found


def _fitting(text: str) -> str:
    fitting = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in text)
    if fitting == text and text and text[0] not in "-." and len(text) <= _LONGEST_NAME:
        return text
    import hashlib

    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{fitting.lstrip('-.')[: _LONGEST_NAME - 7] or '_'}-{digest}"


def _moment(value: dt.datetime) -> str:
    """Write a time without colons: behind those ids have the number of an item."""
    clock = "T%H"
    if value.minute or value.second or value.microsecond:
        clock += "%M"
    if value.second or value.microsecond:
        clock += "%S"
    if value.microsecond:
        clock += ".%f"
    offset = value.utcoffset()
    zone = "" if offset is None else value.strftime("%z") if offset else "Z"
    return value.date().isoformat() + value.strftime(clock) + zone
