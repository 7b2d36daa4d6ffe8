"""Whether data are as fresh as their contract promises."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import hookline
from hookline import HooklineError
from hookline_data.sources.contracts.contract import Contract
from hookline_data.tables.frames import Frame, as_frame

__all__ = ["age_text", "check_freshness", "newest_event"]

_log = logging.getLogger("hookline_data.sources")
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def check_freshness(contract: Contract, table: Frame, files: Sequence[Path], *, judged: bool = True) -> None:
    """Note the time of the newest data, and say or refuse that they are stale.

    Args:
        contract: What they are to be.
        table: The data.
        files: The files that they come from.
        judged: Whether they are to be fresh: not so where they are an older part of their source.

    Raises:
        HooklineError: They are stale, and the contract says that this fails.
    """
    newest = newest_event(table, contract.event_time)
    what = f"event ('{contract.event_time}')"
    if newest is None and not contract.event_time and files:
        newest, what = datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC), "file"
    if newest is None:
        return
    _note(newest.isoformat())
    age = time.time() - newest.timestamp()
    if not judged or not contract.freshness or age <= contract.freshness:
        return
    told = (
        f"the source '{contract.name}' is stale: its newest {what} is {age_text(age)} old, "
        f"of {newest:%Y-%m-%d %H:%M} UTC, and may be {age_text(contract.freshness)}"
    )
    if contract.stale == "fail":
        owner = f"ask {contract.owner}" if contract.owner else "ask who brings the data"
        raise HooklineError(told, help=f"{owner}, or change 'freshness' or 'stale' in its table")
    _log.warning("%s", told)


def newest_event(table: Frame, column: str) -> datetime | None:
    """Give the greatest event time of a table, in UTC; times without an offset are taken for UTC.

    Args:
        table: The table.
        column: Its event time; empty for none.
    """
    frame = as_frame(table)
    if not column or column not in frame.columns:
        return None
    series = frame[column]
    if series.null_count() == len(series):
        return None
    newest: Any = series.max()
    if hasattr(newest, "to_pydatetime"):
        newest = newest.to_pydatetime(warn=False)
    if isinstance(newest, datetime):
        return newest.astimezone(UTC) if newest.tzinfo else newest.replace(tzinfo=UTC)
    return datetime(newest.year, newest.month, newest.day, tzinfo=UTC) if isinstance(newest, date) else None


def age_text(seconds: float) -> str:
    """Word a length of time by its largest unit: ``3d``, ``5h``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < size * 10 else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def _note(newest: str) -> None:
    try:
        hookline.attempt().note("newest", newest)
    except HooklineError:
        return  # a plain call, which has nowhere to note it
