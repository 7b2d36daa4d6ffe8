"""The clock by which a driver waits before it tries again; tests bring one that they move by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["SYSTEM", "Clock", "SystemClock"]


class Clock(Protocol):
    """Tells how much time has passed. Attempts, time-outs and recorded moments go by the system's own."""

    def now(self) -> float:
        """Give seconds that never go back, from any beginning."""
        ...

    def left(self, due: float) -> float:
        """Give the real seconds to wait at most until something is due; 0 where it is due."""
        ...

    def on_change(self, wake: Callable[[], None] | None) -> None:
        """Say what to call, from any thread, when the clock was moved; None at the end of a run."""
        ...


class SystemClock:
    """The system's monotonic clock."""

    def now(self) -> float:
        """See :meth:`Clock.now`."""
        return time.monotonic()

    def left(self, due: float) -> float:
        """See :meth:`Clock.left`."""
        return max(0.0, due - time.monotonic())

    def on_change(self, wake: Callable[[], None] | None) -> None:
        """Nobody moves it."""


SYSTEM = SystemClock()
