"""Delivers events to observers and plugins: in order, on a thread of their own, so that a slow one stalls no run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence

from hookline.engine.news import News
from hookline.engine.plugin_events import PluginEvents
from hookline.model.events import Event, Observer, RunFinished, RunStarted

__all__ = ["Observers"]

_log = logging.getLogger("hookline.engine.observers")

_MOST = 100_000
"""How many items of tasks may wait to be told; what comes while there are more is counted and dropped."""

_PATIENCE = 5.0
"""Seconds after which a run that waits for its observers says so."""


class Observers:
    """Those who watch a run.

    Args:
        observers: Called with each event, one after the other.
        plugins: Tells plugins what they want to know; None where none wants to know anything.
        resumed: Whether an earlier driver began the run.
    """

    def __init__(
        self, observers: Sequence[Observer], plugins: PluginEvents | None = None, *, resumed: bool = False
    ) -> None:
        self._observers = observers
        self._plugins = plugins
        self._resumed = resumed
        self._queue: queue.SimpleQueue[Event | News | None] = queue.SimpleQueue()
        self._waiting = 0
        self._dropped = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        if observers or plugins is not None:
            self._thread = threading.Thread(target=self._loop, name="hookline-events", daemon=True)
            self._thread.start()

    @property
    def watching(self) -> bool:
        """Whether anybody watches but plugins."""
        return bool(self._observers) and self._thread is not None

    @property
    def listening(self) -> bool:
        """Whether anybody wants to know of the run as a whole."""
        return self._thread is not None

    def tell(self, event: Event | News) -> None:
        """Hand something over; returns at once, whether or not there is room for it."""
        if self._thread is None:
            return
        if isinstance(event, list):
            count = sum(map(len, event))
            with self._lock:
                if self._waiting + count > _MOST and self._waiting:
                    self._dropped += count
                    return
                self._waiting += count
        self._queue.put(event)

    def close(self) -> None:
        """Wait until everything is delivered; whoever keeps the run waiting is named."""
        if self._thread is None:
            return
        self._queue.put(None)
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            current = self._plugins.current if self._plugins is not None else None
            whom = f"'{current.hook}' of plugin '{current.plugin}'" if current is not None else "an observer"
            _log.warning("the run has ended, and waits for %s to be told; Ctrl-C ends the wait", whom)
            self._thread.join()
        self._thread = None
        if self._dropped:
            _log.warning(
                "plugins were slower than the run: they were not told of %d ends and beginnings of tasks; "
                "open_store(…).events() has all that are recorded",
                self._dropped,
            )
        if self._plugins is not None:
            self._plugins.report()

    def _loop(self) -> None:
        while (event := self._queue.get()) is not None:
            if isinstance(event, list):
                if self._plugins is not None:
                    self._plugins.tasks(event)
                with self._lock:
                    self._waiting -= sum(map(len, event))
                continue
            if self._plugins is not None:
                self._tell_plugins(self._plugins, event)
            for observer in self._observers:
                try:
                    observer(event)
                except Exception:  # noqa: BLE001 - an observer's fault is its own
                    _log.exception("an observer failed at %s", type(event).__name__)

    def _tell_plugins(self, plugins: PluginEvents, event: Event) -> None:
        if isinstance(event, RunStarted):
            plugins.run_started(event.resumed)
        elif isinstance(event, RunFinished):
            plugins.run_finished(event.state, dict(event.counts), event.seconds, self._resumed)
