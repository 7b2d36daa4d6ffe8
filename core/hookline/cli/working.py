"""How far a long piece of work is: one line, rewritten on a terminal, repeated now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from hookline.cli.output import say
from hookline.cli.wording import clipped

__all__ = ["Working"]

_BETWEEN = 0.2  # seconds, on a terminal
_WIDTH = 78
_FIRST_PAUSE = 5.0  # elsewhere
_LONGEST_PAUSE = 60.0


class Working:
    """Tells how far work is, once it takes long.

    Args:
        quiet: Whether to tell nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._pause = _BETWEEN if self._live else _FIRST_PAUSE
        self._next = time.monotonic() + self._pause
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def __call__(self, text: str) -> None:
        """Say what is being done; shown when the last line has stood long enough."""
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        if self._live:
            self._wipe()
            text = clipped(text, _WIDTH)
            sys.stderr.write(text)
            sys.stderr.flush()
            self._shown = len(text)
        else:
            say(f"… {text}")
            self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)
        self._next = now + self._pause

    def _wipe(self) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0
