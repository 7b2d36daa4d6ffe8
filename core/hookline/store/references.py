"""Who refers to which artifacts: everything in the journal that must be able to read them again.

Rows are read in pages, so that no long read keeps the journal's log from starting anew.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hookline.store.outputs import Stored, unpack_outputs
from hookline.store.place import damaged

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["Owner", "inside", "parameters_of", "references"]

_PAGE = 2000
_TABLES = {
    "attempt": ("attempts", ("run", "node", "item", "attempt"), "attempt", "''"),
    "grown": ("grown", ("run", "node", "item"), "attempt", "''"),
    "note": ("notes", ("run", "node", "item", "attempt", "position"), "attempt", "name"),
    "log": ("logs", ("run", "node", "item", "attempt", "stream"), "attempt", "''"),
}


class Owner(NamedTuple):
    """A row that refers to artifacts."""

    kind: str
    """``attempt``, ``grown``, ``note``, ``log``, ``parameter`` or ``record``."""
    run: int = 0
    node: int = -1
    item: int = 0
    attempt: int = 0
    name: str = ""
    """Of the note, the parameter, or the plugin's record."""


def references(store: SqliteStore, *, small: bool = False) -> Iterator[tuple[Owner, tuple[Stored, ...]]]:
    """Go through all rows that refer to artifacts.

    Args:
        store: The store.
        small: Whether to give rows, too, whose one value is so small that it stands in the row itself.

    Yields:
        The row and its stored values; the files of a value are within it.

    Raises:
        StoreDamagedError: A row can't be read.
    """
    for kind in _TABLES:
        yield from _of_table(store, kind, small)
    with store.reading() as connection:
        runs = connection.execute("SELECT run, extra FROM runs").fetchall()
    for number, extra in runs:
        yield from parameters_of(number, extra, store.journal)
    yield from _records(store)


def parameters_of(run: int, extra: str | None, journal: Path) -> Iterator[tuple[Owner, tuple[Stored, ...]]]:
    """Go through the parameters of a run.

    Args:
        run: The row number of the run.
        extra: What is recorded of it beside its columns.
        journal: Where that is, for messages.

    Yields:
        As :func:`references`.

    Raises:
        StoreDamagedError: They can't be read.
    """
    try:
        read = json.loads(extra or "{}")
        # What a call gave to steps is described as parameters are; its names have dots.
        described = {**json.loads(read.get("params") or "{}"), **json.loads(read.get("step_arguments") or "{}")}
        stored = {name: unpack_outputs(base64.b64decode(text)) for name, text in described.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(journal, f"the parameters of its run {run} can't be read") from error
    yield from ((Owner("parameter", run, name=name), slots) for name, slots in stored.items())


def inside(stored: Sequence[Stored]) -> Iterator[Stored]:
    """Go through values, the files that they refer to, and the files of folders among these."""
    pending = list(reversed(stored))
    while pending:
        item = pending.pop()
        yield item
        pending += reversed(item.files)


def _of_table(store: SqliteStore, kind: str, small: bool) -> Iterator[tuple[Owner, tuple[Stored, ...]]]:
    table, key, attempt, name = _TABLES[kind]
    columns = ", ".join(key)
    where = ["outputs IS NOT NULL", f"({columns}) > ({', '.join('?' * len(key))})"]
    if not small:
        where.append("substr(outputs, 1, 1) <> x'01'")
    query = (
        f"SELECT {columns}, {attempt}, {name}, outputs FROM {table} WHERE {' AND '.join(where)}"
        f" ORDER BY {columns} LIMIT {_PAGE}"
    )
    at: Sequence[object] = (-1,) * len(key)
    while True:
        with store.reading() as connection:
            rows = connection.execute(query, at).fetchall()
        for row in rows:
            yield Owner(kind, *row[:3], *row[-3:-1]), unpack_outputs(row[-1])
        if len(rows) < _PAGE:
            return
        at = rows[-1][: len(key)]


def _records(store: SqliteStore) -> Iterator[tuple[Owner, tuple[Stored, ...]]]:
    with store.reading() as connection:
        rows = connection.execute("SELECT owner, key, run, refers FROM records WHERE refers IS NOT NULL").fetchall()
    for owner, key, run, refers in rows:
        yield Owner("record", run or 0, name=f"{owner}: {key}"), unpack_outputs(refers)
