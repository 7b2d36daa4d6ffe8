"""Sizes and ages as people write and read them."""

from __future__ import annotations

import re

import typer

from hookline.errors import WorkflowError
from hookline.model.resources import parse_duration

__all__ = ["parse_age", "parse_size", "size"]

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?)B?\Z", re.IGNORECASE)


def size(number: int) -> str:
    """Write a number of bytes: ``812 B``, ``60.0 KB``, ``1.2 GB``; a KB is 1,000 bytes."""
    amount = float(number)
    for unit in _UNITS:
        if amount < 999.95 or unit == _UNITS[-1]:
            return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("the last unit takes everything")


def parse_size(text: str) -> int:
    """Read a number of bytes: ``10GB``, ``512 MiB``, ``4096``.

    Raises:
        typer.BadParameter: It is no size.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        raise typer.BadParameter(f"'{text}' is no size; write 500MB, 10GB, 4GiB or a number of bytes")
    power = _UNITS.index(f"{match[2].upper()}B")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def parse_age(text: str) -> float:
    """Read an age in seconds: ``30d``, ``12h``, ``1d 6h``, ``90m``.

    Raises:
        typer.BadParameter: It is no length of time.
    """
    try:
        seconds = parse_duration(float(text) if text.strip().isdigit() else text, "the age")
    except WorkflowError as error:
        raise typer.BadParameter(
            f"'{text}' is no length of time; write 30d, 12h, 90m or a number of seconds"
        ) from error
    assert seconds is not None
    return seconds
