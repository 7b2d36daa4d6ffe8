"""What a step needs while it runs, and how lengths of time are written."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from hookline.errors import WorkflowError

__all__ = ["THREAD_LIMITS", "parse_duration", "parse_resources"]

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
"""Environment variables that hold how many threads native libraries start; workers have values of their own."""

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
    elif _is_number(value):
        seconds = float(value)
    else:
        raise WorkflowError(
            f"{what} must be a length of time, not {value!r}",
            help="write seconds as a number, or text such as '90s', '10m', '1h 30m'",
        )
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
        WorkflowError: An amount is negative or no number, or these are no amounts by name.
    """
    if not isinstance(resources or {}, Mapping):
        raise WorkflowError(f"resources must be amounts by name, not {resources!r}", help="write {'cpu': 2}")
    checked: dict[str, float] = {}
    for name, amount in (resources or {}).items():
        if not _is_number(amount) or not 0 <= amount < float("inf"):
            raise WorkflowError(f"resource '{name}' must be a number that is not negative, not {amount!r}")
        checked[str(name)] = float(amount)
    return checked


def _is_number(value: object) -> bool:
    # A whole number may be too large for the floating-point one that it is to become.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
