"""What may be asked of a check for leakage."""

from __future__ import annotations

from collections.abc import Sequence

from hookline import UsageError

__all__ = ["TESTS", "check_arguments"]

TESTS = ("entity overlap", "rows from the future", "values from the future", "same keys", "equal rows", "copies")
"""The kinds of tests."""


def check_arguments(allowed: Sequence[str], limit: float, support: int, mode: str) -> None:
    """Refuse arguments by which a leak would be passed over, or found in everything.

    Args:
        allowed: Kinds of tests that may fail.
        limit: The measure from which on a column is a copy.
        support: How many rows a rule has to rest on.
        mode: What becomes of a leak.

    Raises:
        UsageError: There is no such test or mode, or a number makes no sense.
    """
    unknown = [name for name in allowed if name not in TESTS]
    if unknown:
        raise UsageError(f"there is no test '{unknown[0]}'", help=f"there are {', '.join(TESTS)}")
    if mode not in ("fail", "warn"):
        raise UsageError(f"there is no mode '{mode}'", help="choose one of fail, warn")
    if not 0 < limit <= 1:
        raise UsageError(f"'limit' is {limit}, but a copy is measured from 0 to 1", help="leave it out, or write 0.99")
    if support < 1:
        raise UsageError(f"'support' is {support}: a rule needs rows to rest on", help="leave it out, or give more")
