"""How many rows each part gets: shares that sum to one, and sizes that sum to all rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hookline import UsageError

__all__ = ["PARTS", "shares_of", "sizes_of"]

PARTS = ("training", "validation", "test")
_DEFAULT = (0.7, 0.15, 0.15)


def shares_of(training: float | None, validation: float | None, test: float | None) -> tuple[Fraction, ...]:
    """Give the share of each part, exactly.

    Args:
        training: Its share; None for the rest.
        validation: Its share; None for nothing.
        test: Its share; None for the rest. If none of the three is given, 0.7, 0.15 and 0.15.

    Raises:
        UsageError: They are no shares that sum to one.
    """
    given = (training, validation, test)
    if given == (None, None, None):
        given = _DEFAULT
    for name, share in zip(PARTS, given, strict=True):
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"the share '{name}' is {share}", help="shares are numbers from 0 to 1")
    # As they are written, not as they are stored: 0.1 is a tenth.
    shares = [None if share is None else Fraction(str(share)) for share in given]
    if shares[1] is None:
        shares[1] = Fraction(0)
    if shares[0] is None and shares[2] is None:
        raise UsageError(
            "the shares of 'training' and 'test' are not given", help="give one of them; the other is the rest"
        )
    known = sum((share for share in shares if share is not None), Fraction(0))
    exact = [1 - known if share is None else share for share in shares]
    total = sum(exact, Fraction(0))
    # Thirds that are written as floats are meant as thirds.
    if abs(total - 1) > Fraction(1, 10**9) or min(exact) < 0:
        told = " + ".join(f"{share}" for share in given if share is not None)
        raise UsageError(
            f"the shares {told} are {float(known):.10g}, not 1", help="leave one of them out: it gets the rest"
        )
    return tuple(share / total for share in exact)


def sizes_of(rows: int, shares: Sequence[Fraction]) -> list[int]:
    """Divide rows by largest remainder; each part that has a share gets at least one.

    Args:
        rows: How many there are; at least as many as parts that have a share.
        shares: They sum to one.
    """
    wanted = [rows * share for share in shares]
    sizes = [int(exact) for exact in wanted]
    by_remainder = sorted(range(len(sizes)), key=lambda part: (sizes[part] - wanted[part], part))
    for part in by_remainder[: rows - sum(sizes)]:
        sizes[part] += 1
    for part, share in enumerate(shares):
        if share and not sizes[part]:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[part] = 1
    return sizes
