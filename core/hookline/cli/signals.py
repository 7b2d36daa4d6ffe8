"""Ctrl-C and SIGTERM while a run goes on: first ask it to stop, then stop it, then end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.engine.stop import Stop

__all__ = ["Interruption", "stopping_on_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# From the second signal on the process is to be gone within two seconds, whatever holds it.
_LAST_SECONDS = 1.8


class Interruption:
    """Which signal asked the run to stop.

    Attributes:
        number: The first one's number; None for none.
    """

    def __init__(self) -> None:
        self.number: int | None = None


@contextmanager
def stopping_on_signals(stop: Stop, tell: Callable[[str], None]) -> Iterator[Interruption]:
    """Turn signals into requests to stop while the block runs.

    Args:
        stop: Takes the requests.
        tell: Shows what happens; called in the signal handler.

    Yields:
        What came.
    """
    came = Interruption()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's signature
        if came.number is None:
            came.number = number
            stop.soft()
            tell("stopping: no more tasks are started, running ones may end; once more to end them at once")
        else:
            stop.hard()
            tell("ending at once; `hookline resume last` goes on from what is recorded")
            last = threading.Timer(_LAST_SECONDS, os._exit, args=(128 + number,))
            last.daemon = True
            last.start()

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
