"""Words for what is meant: close matches, lists of values, values as short texts."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from decimal import Decimal

__all__ = ["PERSONAL", "clipped", "close_to", "listed", "near"]

PERSONAL = "(personal)"
"""Stands where a value tells of persons."""

_LONGEST = 40
_MOST = 20


def close_to(name: str, known: Iterable[str]) -> str:
    """Word the nearest known name as a question, or list what there is; with a leading space."""
    known = [str(one) for one in known]
    meant = near(name, known)
    if meant:
        return meant.removeprefix(";")
    shown = ", ".join([*known[:_MOST], *(["…"] if len(known) > _MOST else [])])
    return f" there {'is' if len(known) == 1 else 'are'} {shown or 'none'}"


def near(name: str, known: Iterable[str]) -> str:
    """Word the nearest known name, to be put behind what is wrong: ``"; did you mean 'format'?"``, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{found[0]}'?" if found else ""


def clipped(value: object) -> str:
    """Say a value in a short text."""
    text = str(value) if isinstance(value, dt.date | dt.timedelta | Decimal) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def listed(values: Iterable[object], most: int = 6) -> str:
    """Say several values, or the first of them."""
    texts = [clipped(value) for value in values]
    return ", ".join([*texts[:most], *(["…"] if len(texts) > most else [])])
