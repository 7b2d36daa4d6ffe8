"""Runs as lists show them, read from the store."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.cli.wording import amount, clipped, duration, one_line, table
from hookline.model.states import RunState

if TYPE_CHECKING:
    from hookline.store.protocol import Store
    from hookline.store.rows import RunRow

__all__ = ["Listed", "listed_runs", "moment", "run_table", "written_target"]

_HEADER = ("run", "workflow", "state", "tasks", "done", "reused", "failed", "started", "took", "name")


@dataclass(frozen=True, slots=True)
class Listed:
    """One run of a list.

    Attributes:
        row: The run.
        state: How it stands, seen through drivers that died.
        counts: Items by state word.
        seconds: How long it took, or has been going on.
    """

    row: RunRow
    state: RunState
    counts: dict[str, int]
    seconds: float

    @property
    def failed(self) -> int:
        """How many items failed, whatever the way."""
        return sum(self.counts.get(word, 0) for word in ("failed", "timed_out", "crashed", "abandoned"))

    def document(self) -> dict[str, object]:
        """Describe it for programs."""
        return {
            "run": self.row.id,
            "workflow": self.row.workflow,
            "status": str(self.state),
            "error": (self.row.error or None) if self.state is not RunState.COMPLETED else None,
            "counts": self.counts,
            "started": datetime.fromtimestamp(self.row.created_us / 1e6).astimezone().isoformat(),
            "seconds": round(self.seconds, 6),
            "name": self.row.name,
            "tags": list(self.row.tags),
            "target": written_target(self.row.target),
        }


def listed_runs(store: Store, rows: list[RunRow]) -> list[Listed]:
    """Read what a list shows of runs."""
    from hookline.store.rows import WHOLE_RUN

    now = time.time()
    listed = []
    for row in rows:
        state = store.state_of(row)
        counters = store.counters(row.run)
        counts = {word: count for (node, word), count in sorted(counters.items()) if node == WHOLE_RUN and count}
        last = row.finished_us or (None if state is RunState.RUNNING else row.heartbeat_us)
        seconds = (now if last is None else last / 1e6) - row.created_us / 1e6
        listed.append(Listed(row, state, counts, max(seconds, 0.0)))
    return listed


def run_table(runs: list[Listed]) -> list[str]:
    """Lay runs out as a table; a column that is empty everywhere is left out."""
    rows = [_cells(run) for run in runs]
    kept = [index for index, title in enumerate(_HEADER) if title != "name" or any(row[index] for row in rows)]
    right = [position for position, index in enumerate(kept) if _HEADER[index] in ("tasks", "done", "reused", "failed")]
    return table([_HEADER[index] for index in kept], [[row[index] for index in kept] for row in rows], right)


def moment(microseconds: int) -> str:
    """Write a time in the zone of whoever reads it."""
    return datetime.fromtimestamp(microseconds / 1e6).strftime("%Y-%m-%d %H:%M:%S")


def written_target(recorded: str) -> str:
    """Write a recorded target as a command line takes it: ``churn.py:churn``, from here."""
    try:
        where = json.loads(recorded)
        place, attribute = where.get("file") or where.get("module") or "", where.get("attribute") or ""
    except (ValueError, AttributeError):
        return recorded
    near = os.path.relpath(place) if Path(place).is_absolute() else place
    place = place if near.startswith("..") else near
    return f"{place}:{attribute}" if place and attribute else place or attribute


def _cells(run: Listed) -> tuple[str, ...]:
    counts = run.counts
    return (
        run.row.id,
        clipped(one_line(run.row.workflow), 30),
        f"{run.state.symbol} {run.state.word}",
        amount(sum(counts.values())),
        amount(counts.get("completed", 0)),
        amount(counts.get("reused", 0)),
        amount(run.failed),
        moment(run.row.created_us),
        duration(run.seconds),
        clipped(one_line(run.row.name or ""), 40),
    )
