"""Delivers events to observers or plugins: in order, on a thread of their own, so that a slow one stalls no run."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from hookline.engine.record.news import News
from hookline.engine.record.plugin_events import PluginEvents
from hookline.engine.stop import Stop
from hookline.model.events import Event, Observer, RunFinished, RunStarted

__all__ = ["Observers"]

_log = logging.getLogger("hookline.engine.record.observers")

_MOST = 100_000
"""How many items of tasks may wait to be told; what comes while there are more is counted and dropped."""

_PATIENCE = 5.0
"""Seconds after which a run that waits for its observers says so, and no longer waits if it was told to stop."""

_LOOK = 0.05


class Observers:
    """Those who watch a run.

    Args:
        observers: Called with each event, one after the other.
        plugins: Tells plugins what they want to know; None where none wants to know anything.
        stop: Tells whether the run was asked to end.
        resumed: Whether an earlier driver began the run.
    """

    def __init__(
        self, observers: Sequence[Observer], plugins: PluginEvents | None, stop: Stop, *, resumed: bool = False
    ) -> None:
        self._observers = observers
        self._plugins = plugins
        self._stop = stop
        self._resumed = resumed
        self._queue: queue.SimpleQueue[Event | News | None] = queue.SimpleQueue()
        self._waiting = 0
        self._dropped = 0
        self._left = False
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
        """Wait until all is delivered; whoever keeps a run waiting that was told to end is named, and left behind."""
        if self._thread is None:
            return
        self._queue.put(None)
        try:
            self._wait(self._thread)
        except KeyboardInterrupt:
            # The run has ended and is recorded: there is nothing else that it could mean.
            self._leave()
        self._thread = None
        if self._dropped:
            _log.warning(
                "plugins were slower than the run: they were not told of %d ends and beginnings of tasks; "
                "open_store(…).events() has all that are recorded",
                self._dropped,
            )
        if self._plugins is not None:
            self._plugins.report()

    def _wait(self, thread: threading.Thread) -> None:
        end, told = time.monotonic() + _PATIENCE, False
        while thread.is_alive():
            # In short turns: a signal that is handled wakes nobody who waits for a thread.
            thread.join(_LOOK)
            late = time.monotonic() > end
            if self._stop.level > 1 or (self._stop.level and late):
                self._leave()
                return
            if late and not told and thread.is_alive():
                told = True
                _log.warning("the run has ended, and waits for %s to be told; Ctrl-C ends the wait", self._whom())

    def _leave(self) -> None:
        """End the wait; a thread that comes back after that tells nobody anything more."""
        if self._thread is not None and self._thread.is_alive():
            _log.warning("the run does not wait for %s any more, which was not told of everything", self._whom())
        self._left = True

    def _whom(self) -> str:
        current = self._plugins.current if self._plugins is not None else None
        return f"'{current.hook}' of plugin '{current.plugin}'" if current is not None else "an observer"

    def _loop(self) -> None:
        while (event := self._queue.get()) is not None and not self._left:
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
                except BaseException:  # noqa: BLE001 - an observer's fault is its own, sys.exit too
                    _log.exception("an observer failed at %s", type(event).__name__)

    def _tell_plugins(self, plugins: PluginEvents, event: Event) -> None:
        if isinstance(event, RunStarted):
            plugins.run_started(event.resumed)
        elif isinstance(event, RunFinished):
            plugins.run_finished(event.state, dict(event.counts), event.seconds, self._resumed)
