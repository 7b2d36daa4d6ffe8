"""How a run is asked to stop, from a signal handler, another thread or another process."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Stop"]


class Stop:
    """A request to stop one run; safe to use from signal handlers and threads.

    Attributes:
        level: 0: go on; 1: launch nothing more, and let what runs end within the grace period; 2: kill everything.
        cancelled: Whether the run was cancelled, rather than interrupted.
        why: Why the run could not go on, where nobody asked it to stop; empty otherwise.
    """

    def __init__(self) -> None:
        self.level = 0
        self.cancelled = False
        self.why = ""
        self._wake: Callable[[], None] | None = None
        self._interrupt: Callable[[], None] | None = None

    def soft(self) -> None:
        """Launch nothing more; what runs may end within the grace period."""
        self._raise(1)

    def hard(self) -> None:
        """Kill everything now."""
        self._raise(2)

    def cancel(self) -> None:
        """Stop softly, and record the run as cancelled."""
        self.cancelled = True
        self._raise(1)

    def give_up(self, why: str) -> None:
        """Stop softly because the run can't go on; what asked it to stop before that stays the reason."""
        if not self.level:
            self.why = why
        self._raise(1)

    def on_change(self, wake: Callable[[], None] | None) -> None:
        """Say what wakes the run's loop, and must not block; None when the run has ended."""
        self._wake = wake

    def on_overdue(self, interrupt: Callable[[], None] | None) -> None:
        """Say what interrupts the thread that called for the run, where an attempt keeps it beyond the grace period."""
        self._interrupt = interrupt

    def overdue(self) -> None:
        """The grace period is over, and an attempt in the driver's own thread has not ended."""
        if self._interrupt is not None:
            self._interrupt()

    def _raise(self, level: int) -> None:
        self.level = max(self.level, level)
        if self._wake is not None:
            self._wake()
