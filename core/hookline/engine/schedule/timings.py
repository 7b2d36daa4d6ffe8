"""How long attempts take, as measured in this run."""

from __future__ import annotations

from hookline.model.work import FunctionRef

__all__ = ["INSTANT_US", "Timings"]

INSTANT_US = 1000
"""What takes less is handed over before a worker is free for it, whatever may be ready a moment later."""


class Timings:
    """Means by function; what was measured lately weighs more."""

    def __init__(self) -> None:
        self._means: dict[FunctionRef, float] = {}
        self._typical = 0.0

    @property
    def quick(self) -> bool:
        """Whether attempts are known to take next to no time."""
        return 0 < self._typical < INSTANT_US

    def note(self, function: FunctionRef, mean_us: float) -> None:
        """Note how long attempts of a function took on average, in microseconds."""
        known = self._means.get(function)
        self._means[function] = mean_us if known is None else 0.7 * known + 0.3 * mean_us
        self._typical = 0.7 * (self._typical or mean_us) + 0.3 * mean_us

    def mean_us(self, function: FunctionRef) -> float:
        """How long an attempt of a function takes, in microseconds; 0 where none was measured."""
        return self._means.get(function, 0.0)

    def is_instant(self, function: FunctionRef) -> bool:
        """Whether attempts of a function are known to take next to no time."""
        return 0 < self.mean_us(function) < INSTANT_US
