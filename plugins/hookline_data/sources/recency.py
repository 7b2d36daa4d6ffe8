"""Which part of a source tells how fresh it is, and for how long a load of that may be reused."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from hookline_data.sources.contracts.contract import Contract

__all__ = ["is_judged", "period_of"]

_TIME = re.compile(r"(19|20)\d\d([-_]?[01]\d([-_]?[0-3]\d([T _-].*)?)?)?|(19|20)\d\d-?(Q\d|W\d\d)")
_PARTS = frozenset({"year", "quarter", "month", "week", "day", "hour"})
_LATE = 4  # a check may be reused for a quarter of the freshness


def is_judged(values: Mapping[str, str], there: Iterable[Mapping[str, str]] | None) -> bool:
    """Tell whether a partition's age is the age of the source: older ones are history, and are to be old.

    Where keys are times, only partitions of the latest time are. Keys of other kinds, such as shops, tell no age.

    Args:
        values: The partition, by its keys; empty for the whole source.
        there: All partitions; None where they can't be listed.
    """
    times = [key for key, text in values.items() if _is_time(key, text)]
    if not times:
        return True
    if there is None:
        return False
    dated = (one for one in there if all(_is_time(key, one[key]) for key in times))
    return _when(values, times) >= max((_when(one, times) for one in dated), default=())


def period_of(contract: Contract, files: Iterable[Path]) -> int:
    """Give a number that changes when a load that was found fresh has to be looked at again.

    By the times of files, that is when the newest of them becomes too old. An event's time is known to the load only,
    so there it is as often as keeps an answer from being late by more than a quarter of the freshness.

    Args:
        contract: The contract, which has a freshness.
        files: The files that the load reads.
    """
    now = time.time()
    newest = None if contract.event_time else max((path.stat().st_mtime for path in files), default=None)
    if newest is None:
        return int(now * _LATE // contract.freshness)
    return max(0, int((now - newest) // contract.freshness))


def _is_time(key: str, text: str) -> bool:
    return bool(_TIME.fullmatch(text)) or (key in _PARTS and text.isdigit())


def _when(values: Mapping[str, str], keys: Iterable[str]) -> tuple[str, ...]:
    # Zeros in front, so that month 10 comes after month 9.
    return tuple(values[key].zfill(2) for key in keys)
