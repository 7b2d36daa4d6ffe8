"""The values of a table as plain Python ones, and as the texts that stand for them in files."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hookline_data.tables.frames import Frame, as_frame

__all__ = ["as_json", "as_text", "columns_of", "plain"]


def columns_of(table: Frame) -> Iterator[tuple[str, list[Any]]]:
    """Yield the columns of a table: names and plain values, None for those that are missing."""
    frame = as_frame(table)
    for name in frame.columns:
        series = frame[name]
        missing = series.is_null().to_list()
        yield str(name), [None if gone else plain(value) for value, gone in zip(series.to_list(), missing, strict=True)]


def plain(value: Any) -> Any:
    """Give a plain Python value for one of a library's own."""
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    if hasattr(value, "to_pytimedelta"):
        return value.to_pytimedelta()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if hasattr(value, "item") else value


def as_text(value: Any) -> str:
    """Say a value in a text that reads as it again.

    Raises:
        ValueError: There is no such text.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise ValueError(f"a {type(value).__name__} has no text")


def as_json(value: Any) -> Any:
    """Say a value of a type that JSON lacks as a text; for ``json.dumps(default=…)``."""
    return as_text(value)


def _duration(length: timedelta) -> str:
    sign, length = ("-", -length) if length < timedelta(0) else ("", length)
    fraction = f".{length.microseconds:06}" if length.microseconds else ""
    return f"{sign}P{length.days}DT{length.seconds}{fraction}S"
