"""Says every few seconds that the driver lives, and hears whether somebody wants the run to be cancelled."""

from __future__ import annotations

import logging
import threading

from hookline.engine.stop import Stop
from hookline.errors import HooklineError, OwnershipError
from hookline.store.protocol import RunWriter

__all__ = ["Heartbeat"]

_log = logging.getLogger("hookline.engine.record.heartbeat")

_LOOK = 1.0
"""Seconds between looks at the cancel flag."""

_BEATS = 5
"""Every how many looks a heartbeat is written; it informs, and never decides."""


class Heartbeat:
    """A thread of the driver's.

    Args:
        writer: The right to record the run.
        stop: Told when the run is to be cancelled, or was taken over.
    """

    def __init__(self, writer: RunWriter, stop: Stop) -> None:
        self._writer = writer
        self._stop = stop
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hookline-heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _loop(self) -> None:
        looks = 0
        while not self._closed.wait(_LOOK):
            looks += 1
            try:
                asked = self._writer.heartbeat() if looks % _BEATS == 0 else self._writer.cancelled()
            except OwnershipError as error:
                # What happens from here on can't be recorded; the next commit says so to the user.
                _log.debug("ownership lost: %s", error)
                self._stop.hard()
                return
            except HooklineError as error:
                # What is wrong with the store, the next commit says to the user.
                _log.debug("heartbeat failed: %s", error)
                continue
            if asked:
                self._stop.cancel()
            if asked > 1:
                self._stop.hard()
