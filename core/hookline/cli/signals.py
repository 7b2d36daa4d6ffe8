"""Ctrl-C and SIGTERM while a run goes on: first ask it to stop, then stop it, then end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.engine.stop import Stop

__all__ = ["Interruption", "stopping_on_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Some parents hand a signal on that the terminal sent to all of us already: two at once are one request.
_SAME_REQUEST = 0.3
# From the second signal on the process is to be gone within two seconds, whatever holds it.
_LAST_SECONDS = 1.8


class Interruption:
    """Which signal asked the run to stop.

    Attributes:
        number: The first one's number; None for none.
        time: When it came, by the monotonic clock.
        overdue: Whether the next signal is our own: an attempt in this thread is to be interrupted.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.time = 0.0
        self.overdue = False


@contextmanager
def stopping_on_signals(stop: Stop, tell: Callable[[str], None], resume: str) -> Iterator[Interruption]:
    """Turn signals into requests to stop while the block runs.

    Args:
        stop: Takes the requests.
        tell: Shows what happens; called in the signal handler.
        resume: The command that goes on with the run.

    Yields:
        What came.
    """
    came = Interruption()

    def handle(number: int, frame: FrameType | None) -> None:
        if came.overdue:
            from hookline.worker.attempts import is_in_attempt

            came.overdue = False
            if is_in_attempt(frame):
                raise KeyboardInterrupt
        elif came.number is None:
            came.number, came.time = number, time.monotonic()
            stop.soft()
            tell("stopping: no more tasks are started, running ones may end; once more to end them at once")
        elif time.monotonic() - came.time > _SAME_REQUEST:
            stop.hard()
            tell(f"ending at once; `{resume}` goes on from what is recorded")
            last = threading.Timer(_LAST_SECONDS, _end, args=(128 + number,))
            last.daemon = True
            last.start()

    def interrupt() -> None:
        came.overdue = True
        # A signal ends what the thread waits for, too.
        signal.pthread_kill(main.ident or 0, signal.SIGINT)

    main = threading.main_thread()
    if threading.current_thread() is not main:
        yield came
        return
    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    stop.on_overdue(interrupt)
    try:
        yield came
    finally:
        stop.on_overdue(None)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(code: int) -> None:
    with contextlib.suppress(OSError):
        if os.isatty(2):
            # A live display hides the cursor.
            os.write(2, b"\x1b[?25h\n")
    os._exit(code)
