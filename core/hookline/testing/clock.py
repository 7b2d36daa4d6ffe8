"""A clock that a test moves by hand, or that jumps over each wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """Stands for the time that a run waits before it tries something again; ``hookline.run(…, clock=Clock())``.

    How long attempts take, time-outs and recorded moments go by the system's clock.

    Args:
        jumps: Whether the clock jumps to the end of each wait by itself. Otherwise it stands until it is advanced, from
            another thread, a step or an observer.

    Attributes:
        waits: The seconds of each wait, in the order in which the run met them.
    """

    def __init__(self, *, jumps: bool = True) -> None:
        self.waits: list[float] = []
        self._jumps = jumps
        self._now = 0.0
        self._met = -1.0
        self._wake: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def now(self) -> float:
        """Give the seconds that have passed."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; from any thread."""
        with self._lock:
            self._now += seconds
            wake = self._wake
        if wake is not None:
            wake()

    def left(self, due: float) -> float:
        """Tell the run how long it has to wait until something is due."""
        with self._lock:
            left = max(0.0, due - self._now)
            if left and due != self._met:
                self._met = due
                self.waits.append(left)
            if self._jumps:
                self._now += left
                return 0.0
            return left

    def on_change(self, wake: Callable[[], None] | None) -> None:
        """Take what wakes the run when the clock is advanced."""
        with self._lock:
            self._wake = wake
