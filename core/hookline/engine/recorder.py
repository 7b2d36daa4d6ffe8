"""Records what happens: one thread that commits groups, in the order in which they were added.

While one group is being committed the next gathers, so that the cost of a commit is shared by all that ended meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hookline.model.events import Event
from hookline.store.protocol import RunWriter
from hookline.store.rows import Group

__all__ = ["Recorder"]

_GATHER = 0.01
"""Seconds between commits while nobody waits for one."""


class Recorder:
    """Commits in the background.

    What is committed includes everything that it depends on, because groups are committed in the order in which the
    driver, which sees causes before effects, added to them.

    Args:
        writer: The right to record the run.
        tell: Takes events after the commit that made them true.
        wake: Wakes the driver after a commit, or when recording failed.
    """

    def __init__(self, writer: RunWriter, tell: Callable[[Event], None], wake: Callable[[], None]) -> None:
        self._writer = writer
        self._tell = tell
        self._wake = wake
        self._group = Group()
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._urgent = False
        self._closing = False
        self.added = 0
        self.committed = 0
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="hookline-recorder", daemon=True)
        self._thread.start()

    def open(self) -> Group:
        """Begin to add to a group; nothing is committed until :meth:`done`."""
        self._changed.acquire()
        return self._group

    def done(self, *events: Event) -> int:
        """End what :meth:`open` began.

        Args:
            *events: To be told after the commit.

        Returns:
            The number that :attr:`committed` reaches when this is recorded.
        """
        if events:
            self._events.extend(events)
        self.added += 1
        number = self.added
        self._changed.notify()
        self._changed.release()
        return number

    def hurry(self) -> None:
        """Somebody waits for what has been added so far."""
        with self._changed:
            self._urgent = True
            self._changed.notify()

    def flush(self) -> None:
        """Wait until everything is recorded.

        Raises:
            HooklineError: Recording failed.
        """
        with self._changed:
            self._urgent = True
            self._changed.notify()
            while self.committed < self.added and self.error is None:
                self._changed.wait()
        self.check()

    def check(self) -> None:
        """Raise what made recording fail, if anything did."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """End the thread; what was not flushed is still recorded if it can be."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _loop(self) -> None:
        last = 0.0
        while True:
            with self._changed:
                while not self._group and not self._events and not self._closing:
                    self._settle()
                    self._changed.wait()
                pause = last + _GATHER - time.monotonic()
                if pause > 0 and not self._urgent and not self._closing:
                    self._changed.wait(pause)
                    continue
                group, self._group = self._group, Group()
                events, self._events = self._events, []
                number, self._urgent = self.added, False
                closing = self._closing
            if group:
                try:
                    self._writer.commit(group)
                except BaseException as error:  # noqa: BLE001 - handed to the driver, which raises it
                    self._fail(error)
                    return
            last = time.monotonic()
            with self._changed:
                self.committed = number
                self._changed.notify_all()
            for event in events:
                self._tell(event)
            self._wake()
            if closing and not self._group:
                return

    def _settle(self) -> None:
        """Nothing is left to record: everything added is recorded."""
        if self.committed < self.added:
            self.committed = self.added
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()
        self._wake()
