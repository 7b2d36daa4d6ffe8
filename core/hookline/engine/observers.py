"""Delivers events to observers: in order, on a thread of their own, so that a slow one never stalls a run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence

from hookline.model.events import Event, Observer

__all__ = ["Observers"]

_log = logging.getLogger("hookline.engine.observers")


class Observers:
    """Those who watch a run.

    Args:
        observers: Called with each event, one after the other.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if observers:
            self._thread = threading.Thread(target=self._loop, name="hookline-events", daemon=True)
            self._thread.start()

    @property
    def watching(self) -> bool:
        """Whether anybody watches."""
        return self._thread is not None

    def tell(self, event: Event) -> None:
        """Hand an event over; returns at once."""
        if self._thread is not None:
            self._queue.put(event)

    def close(self) -> None:
        """Wait until all events are delivered."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _loop(self) -> None:
        while (event := self._queue.get()) is not None:
            for observer in self._observers:
                try:
                    observer(event)
                except Exception:  # noqa: BLE001 - an observer's fault is its own
                    _log.exception("an observer failed at %s", type(event).__name__)
