"""Finds the rows that came with a commit, which names the spans where they are."""

from __future__ import annotations

import sqlite3
from typing import Any

from hookline.model.states import Verdict
from hookline.store.rows import AttemptRow, Commit, CommitRows, Decision, Failure, Note, Span

__all__ = ["rows_of"]


def rows_of(connection: sqlite3.Connection, commit: Commit) -> CommitRows:
    """Read what came with a commit and makes events.

    Args:
        connection: Reads the journal.
        commit: The commit.
    """

    def read(table: str, columns: tuple[str, ...], item: str = "item") -> list[Any]:
        spans = commit.ranges.get(table, ())
        found = [row for span in spans for row in _rows_in(connection, commit, span, table, columns, item)]
        # Spans of one commit may overlap.
        return list(dict.fromkeys(found)) if len(spans) > 1 else found

    decisions = sorted(read("decisions", Decision._fields, "low"), key=lambda row: row[:2])
    return CommitRows(
        [Decision._make((*row[:3], Verdict(row[3]), *row[4:])) for row in decisions],
        sorted(map(AttemptRow._make, read("attempts", AttemptRow._fields)), key=lambda row: row[:4]),
        sorted(map(_failure, read("failures", Failure._fields)), key=lambda row: row[:3]),
        sorted(map(Note._make, read("notes", Note._fields)), key=lambda row: row[:4]),
    )


def _failure(row: Any) -> Failure:
    found = Failure._make(row)
    return found._replace(retryable=bool(found.retryable))


def _rows_in(
    connection: sqlite3.Connection, commit: Commit, span: Span, table: str, columns: tuple[str, ...], item: str
) -> list[Any]:
    first, last, low, high = span
    # Only of one task the items can be looked up; of many there are few.
    nodes = "node = ?" if last == first + 1 else "node >= ? AND node < ?"
    given = (first,) if last == first + 1 else (first, last)
    return connection.execute(
        f"SELECT {', '.join(columns)} FROM {table} WHERE run = ? AND {nodes} AND {item} >= ? AND {item} < ?"
        " AND sequence = ?",
        (commit.run, *given, low, high, commit.sequence),
    ).fetchall()
