"""Records what happens: one thread that commits groups, in the order in which they were added.

While one group is being committed the next gathers, so that the cost of a commit is shared by all that ended meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from hookline.engine.record.news import News
from hookline.model.events import Event
from hookline.store.protocol import RunWriter
from hookline.store.rows import Group

__all__ = ["Recorder"]

_GATHER = 0.01
"""Seconds between commits while nobody waits for one."""

BACKLOG = 4_000
"""Rows that may wait to be recorded. Beside a busy driver a commit takes many times as long as beside a waiting one."""


class Recorder:
    """Commits in the background.

    What is committed includes everything that it depends on, because groups are committed in the order in which the
    driver, which sees causes before effects, added them.

    Args:
        writer: The right to record the run.
        tell: Takes events after the commit that made them true.
        wake: Wakes the driver after a commit that it waits for, or when recording failed.
    """

    def __init__(self, writer: RunWriter, tell: Callable[[Event | News], None], wake: Callable[[], None]) -> None:
        self._writer = writer
        self._tell = tell
        self._wake = wake
        self._waiting: list[Group] = []
        self._events: list[Event | News] = []
        self._changed = threading.Condition()
        self._idle = False
        self._urgent = False
        self._closing = False
        self._rows = 0
        self.added = 0
        self.committed = 0
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="hookline-recorder", daemon=True)
        self._thread.start()

    def add(self, group: Group, events: Sequence[Event | News] = ()) -> None:
        """Have a group recorded; returns at once, unless too much waits already.

        Args:
            group: What happened; not touched any more by the caller.
            events: To be told after the commit.
        """
        with self._changed:
            self._waiting.append(group)
            self._rows += len(group)
            if events:
                self._events.extend(events)
            self.added += 1
            if self._idle:
                self._changed.notify_all()
            while self._rows > BACKLOG and self.error is None:
                self._urgent = True
                self._changed.notify_all()
                self._changed.wait()

    def hurry(self) -> None:
        """Somebody waits for what has been added so far."""
        with self._changed:
            if self.committed < self.added:
                if not self._urgent:
                    self._urgent = True
                    self._changed.notify_all()
                return
        # It was committed since the caller looked.
        self._wake()

    def flush(self) -> None:
        """Wait until everything is recorded.

        Raises:
            HooklineError: Recording failed.
        """
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
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
            self._changed.notify_all()
        self._thread.join()

    def _loop(self) -> None:
        last = 0.0
        while True:
            with self._changed:
                self._gather(last)
                if not self._waiting and self._closing:
                    return
                groups, self._waiting = self._waiting, []
                events, self._events = self._events, []
                number, urgent, self._urgent = self.added, self._urgent, False
            try:
                group = _merged(groups)
                if group:
                    self._writer.commit(group)
            except BaseException as error:  # noqa: BLE001 - handed to the driver, which raises it
                self._fail(error)
                return
            last = time.monotonic()
            with self._changed:
                self.committed = number
                self._rows -= len(group)
                # Whoever got in a hurry during the commit may have waited for this very group.
                urgent = urgent or self._urgent
                self._urgent = self._urgent and bool(self._waiting)
                self._changed.notify_all()
            for event in events:
                self._tell(event)
            if urgent:
                self._wake()

    def _gather(self, last: float) -> None:
        """Wait for something to record, and a little longer for more, unless somebody is in a hurry."""
        while not self._closing:
            pause = None
            if self._waiting:
                pause = last + _GATHER - time.monotonic()
                if pause <= 0 or self._urgent:
                    return
            self._idle = pause is None
            self._changed.wait(pause)
            self._idle = False

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()
        self._wake()


def _merged(groups: Sequence[Group]) -> Group:
    merged = groups[0]
    for group in groups[1:]:
        merged.nodes += group.nodes
        merged.attempts += group.attempts
        merged.grown += group.grown
        merged.failures += group.failures
        merged.notes += group.notes
        merged.logs += group.logs
        merged.decisions += group.decisions
        merged.code += group.code
        merged.counters.update(group.counters)
        merged.novel = merged.novel and group.novel
    return merged
