"""Statistics of numbers that come out equal to the last bit, whichever library holds them.

Libraries add in different orders, and sums of floats depend on these. So values are sorted, which is exact, and added
by ``math.fsum``, whose result is that of adding without rounding.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from hookline.ml import Histogram

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Binning", "histogram_of", "moments_of", "quantiles_of"]

Binning = Literal["quantiles", "equal"]
"""Whether bins hold equally many values, or are equally wide."""

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def moments_of(ordered: nw.Series[Any], values: Sequence[float]) -> tuple[float | None, float | None]:
    """Give mean and standard deviation (of a sample).

    Args:
        ordered: Finite numbers, rising.
        values: The same, as a list.

    Returns:
        Each of them, or None where there are too few numbers or they are too large.
    """
    count = len(values)
    if not count:
        return None, None
    try:
        # Whole numbers are added as such.
        mean = float((sum(values) if isinstance(values[0], int) else math.fsum(values)) / count)
        scale = float(max(values[-1] - mean, mean - values[0])) or float(values[-1] - values[0])
    except OverflowError:
        return None, None
    if count == 1 or not math.isfinite(scale):
        return mean, None
    if not scale:
        return mean, 0.0
    # Scaled, so that no square is too large or too small for a float; by a power of two, which changes no digit.
    power = min(max(math.frexp(scale)[1], -1000), 1000)
    away = _away(ordered, values, mean) * math.ldexp(1.0, -power)
    # The mean was rounded, so that what is left of it is taken off.
    squares = math.fsum((away * away).to_list()) - math.fsum(away.to_list()) ** 2 / count
    return mean, math.ldexp(math.sqrt(max(squares, 0.0) / (count - 1)), power)


def _away(ordered: nw.Series[Any], values: Sequence[float], mean: float) -> nw.Series[Any]:
    """Tell how far numbers are from their mean."""
    import narwhals as nw

    if isinstance(values[0], int) and max(-values[0], values[-1]) > 2**53:
        # As floats, whole numbers of this size would be others.
        centre = round(mean)
        return nw.new_series(
            "away", [float(value - centre) for value in values], dtype=nw.Float64, backend=ordered.implementation
        )
    return ordered.cast(nw.Float64) - mean


def quantiles_of(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Give pairs of a share and the least value that at least that share of the sorted values does not exceed."""
    return tuple((share, float(_at(values, share))) for share in _QUANTILES) if values else ()


def histogram_of(
    values: Sequence[float], bins: int, binning: Binning, distinct: int, infinite: tuple[int, int]
) -> Histogram | None:
    """Count sorted numbers by bins; where there are no more different ones than bins, each has a bin of its own.

    Args:
        values: Finite numbers, rising.
        bins: How many bins at most.
        binning: Where their borders are.
        distinct: How many different values there are.
        infinite: How many values are infinitely small and large: they are beyond all borders.
    """
    if not values:
        return None
    edges = _edges(values, bins, binning, distinct)
    starts = [bisect_left(values, edge) for edge in edges[:-1]]
    end = bisect_right(values, edges[-1])
    counts = [stop - start for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    return Histogram(
        tuple(edges), tuple(map(float, counts)), float(starts[0] + infinite[0]), float(len(values) - end + infinite[1])
    )


def _edges(values: Sequence[float], bins: int, binning: Binning, distinct: int) -> list[float]:
    low, high = float(values[0]), float(values[-1])
    if distinct <= bins:
        position, found = 0, []
        while position < len(values):
            found.append(float(values[position]))
            position = bisect_right(values, values[position])
        # Of large whole numbers several may be one float.
        found = sorted(set(found))
        # The last value's bin is as narrow as can be, so that it holds nothing else.
        above = math.nextafter(found[-1], math.inf)
        return [*found, above] if math.isfinite(above) else [math.nextafter(found[0], -math.inf), *found]
    if binning == "equal":
        middle = [low * (1 - number / bins) + high * (number / bins) for number in range(1, bins)]
    else:
        middle = [float(_at(values, number / bins)) for number in range(1, bins)]
    return sorted({low, *(edge for edge in middle if low <= edge <= high), high})


def _at(values: Sequence[float], share: float) -> float:
    return values[max(math.ceil(share * len(values)), 1) - 1]
