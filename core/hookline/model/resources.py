"""What a step needs while it runs, and how lengths of time are written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hookline.errors import WorkflowError

__all__ = ["parse_duration", "parse_resources"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: float | str | None, what: str) -> float | None:
    """Read a length of time.

    Args:
        value: Seconds, or text such as ``"10m"`` or ``"1h 30m"``; None for none.
        what: The option it was given for, for the message.

    Returns:
        Seconds, or None.

    Raises:
        WorkflowError: It can't be read, or is not positive.
    """
    if value is None:
        return None
    seconds: float
    if isinstance(value, str):
        parts = _PART.findall(value)
        if not parts or _PART.sub("", value).strip():
            raise WorkflowError(
                f"{what} '{value}' is no length of time",
                help="write seconds as a number, or text such as '90s', '10m', '1h 30m'",
            )
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    else:
        seconds = float(value)
    if not 0 <= seconds < float("inf"):
        raise WorkflowError(f"{what} must be a finite number of seconds and not negative, not {value!r}")
    return seconds


def parse_resources(resources: Mapping[str, float] | None) -> dict[str, float]:
    """Check what a step says that it needs.

    Args:
        resources: Amounts by name: ``cpu``, ``gpu``, ``memory`` (bytes) or a name of the user's own.

    Returns:
        The same with float amounts.

    Raises:
        WorkflowError: An amount is negative or no number.
    """
    checked: dict[str, float] = {}
    for name, amount in (resources or {}).items():
        given: object = amount
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not number or not 0 <= amount < float("inf"):
            raise WorkflowError(f"resource '{name}' must be a number that is not negative, not {amount!r}")
        checked[str(name)] = float(amount)
    return checked
