"""What a group of rows means to others: to those who follow commits, and to the cache index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from hookline.model.states import Kind
from hookline.store.rows import Attempt, Group, Span

__all__ = ["ENDED", "STARTED", "note_commit", "reusable_attempts", "spans_of"]

STARTED: Mapping[str, Sequence[Span]] = {"started": []}
"""What the commit brings with which a driver begins, or goes on with, a run: no rows."""

ENDED: Mapping[str, Sequence[Span]] = {"finished": []}
"""The same of the commit with which it ends."""

_REUSABLE = int(Kind.GREW)
_SPANS = 16  # more ranges than these are told as one that spans them all


def spans_of(group: Group) -> dict[str, list[Span]]:
    """Tell per table where the rows of the group are."""
    found = {
        "nodes": [(row.node, 0, 1) for row in group.nodes],
        "attempts": _items(group.attempts),
        "grown": _items(group.grown),
        "decisions": [(row.node, row.low, row.high) for row in group.decisions],
        "failures": _items(group.failures),
        "notes": _items(group.notes),
        "logs": _items(group.logs),
    }
    return {table: _spans(ranges) for table, ranges in found.items() if ranges}


def note_commit(
    cursor: sqlite3.Cursor, run: int, epoch: int, time_us: int, brought: Mapping[str, Sequence[Span]]
) -> int:
    """Record that there is a commit, and give its sequence number.

    Args:
        cursor: Within the transaction.
        run: The run's row number.
        epoch: The driver's fencing number.
        time_us: Now.
        brought: Where its rows are, by table; or :data:`STARTED`, or :data:`ENDED`.
    """
    cursor.execute(
        "INSERT INTO commits (run, epoch, time_us, ranges) VALUES (?, ?, ?, ?)",
        (run, epoch, time_us, json.dumps(brought, separators=(",", ":"))),
    )
    return cursor.lastrowid or 0


def reusable_attempts(group: Group) -> list[Attempt]:
    """Gather the attempts that later runs may reuse."""
    return [row for row in group.attempts if row[3] <= _REUSABLE and row[4] is not None]


def _items(rows: Sequence[Sequence[Any]]) -> list[tuple[int, int, int]]:
    if len({row[0] for row in rows}) > _SPANS:
        # Rows of many tasks are told as one span in any case.
        return [(row[0], row[1], row[1] + 1) for row in rows]
    by_node: dict[int, list[int]] = {}
    for row in rows:
        items = by_node.get(row[0])
        if items is None:
            items = by_node[row[0]] = []
        items.append(row[1])
    return [(node, min(items), max(items) + 1) for node, items in by_node.items()]


def _spans(ranges: Sequence[tuple[int, int, int]]) -> list[Span]:
    if len(ranges) <= _SPANS:
        return [(node, node + 1, low, high) for node, low, high in ranges]
    nodes, lows, highs = zip(*ranges, strict=True)
    return [(min(nodes), max(nodes) + 1, min(lows), max(highs))]
