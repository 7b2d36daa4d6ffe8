"""How a run's progress is shown: a live table on a terminal, sparse lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from hookline.cli.plain_progress import PlainProgress
from hookline.cli.tally import Tally
from hookline.model.events import Event

__all__ = ["Progress", "QuietProgress", "make_progress"]


class Progress(Protocol):
    """Shows a run while it goes on; told of events by a thread of the engine's."""

    tally: Tally

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        ...

    def stopping(self, words: str) -> None:
        """Show that the run was asked to stop; may be called in a signal handler."""
        ...

    def close(self) -> None:
        """Show the last state and give the terminal back."""
        ...


def make_progress(quiet: bool) -> Progress:
    """Choose the display that fits where standard error goes."""
    if quiet:
        return QuietProgress()
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        # Only here, because rich takes its time to load.
        from hookline.cli.live_progress import LiveProgress

        return LiveProgress()
    return PlainProgress()


class QuietProgress:
    """Shows nothing, and remembers what failed."""

    def __init__(self) -> None:
        self.tally = Tally()

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        self.tally.take(event)

    def stopping(self, words: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing to give back."""
