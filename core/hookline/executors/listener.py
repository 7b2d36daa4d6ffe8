"""The thread of an executor that listens: to descriptors, to a wake-up from other threads, and to the clock."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable

__all__ = ["Listener"]

_log = logging.getLogger("hookline.executors.listener")


class Listener:
    """Listens, and calls back; all calls are made in one thread, with the lock held.

    Args:
        lock: What guards the state of whom it calls.
        look_around: Called when something changed; gives when to call ``act`` though nothing happens, on the monotonic
            clock, and None for never.
        act: Called when that time has come.
        is_done: Asked before each look around; true ends the thread.
        give_up: Called with what any of them raised; the thread ends.
    """

    def __init__(
        self,
        lock: threading.RLock,
        look_around: Callable[[], float | None],
        act: Callable[[], None],
        is_done: Callable[[], bool],
        give_up: Callable[[Exception], None],
    ) -> None:
        self._lock = lock
        self._look_around = look_around
        self._act = act
        self._is_done = is_done
        self._give_up = give_up
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._changed = True
        self._woken = False
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)
        self.listen(self._wake_out, self._hear_wake)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it was not."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hookline-processes", daemon=True)
            self._thread.start()

    def listen(self, fd: int, handler: Callable[[int], None], *, room: bool = False) -> None:
        """Call ``handler`` with the event when a descriptor can be read or has ended.

        Args:
            fd: The descriptor.
            handler: Takes what :func:`select.poll` says.
            room: Whether to call it as well when the descriptor takes data.
        """
        self._handlers[fd] = handler
        self._poll.register(fd, select.POLLIN | (select.POLLOUT if room else 0))

    def ignore(self, fd: int) -> None:
        """Listen to a descriptor no more; before it is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def change(self) -> None:
        """Note, in this thread, that there is something to look at beside what descriptors say."""
        self._changed = True

    def wake(self) -> None:
        """Note that from any thread that holds the lock."""
        self._changed = True
        if not self._woken and self._wake_in >= 0:
            self._woken = True
            os.write(self._wake_in, b"\0")

    def close(self, within: float) -> bool:
        """Wait for the end of the thread; without the lock.

        Args:
            within: Seconds to wait at most.

        Returns:
            Whether it ended.
        """
        if self._thread is not None:
            self._thread.join(within)
            if self._thread.is_alive():
                return False
        for fd in (self._wake_out, self._wake_in):
            if fd >= 0:
                os.close(fd)
        self._wake_out = self._wake_in = -1
        return True

    def _serve(self) -> None:
        due: float | None = None
        try:
            while True:
                with self._lock:
                    if self._changed:
                        self._changed = False
                        if self._is_done():
                            return
                        due = self._look_around()
                patience = None if due is None else max(0, int((due - time.monotonic()) * 1000) + 1)
                events = self._poll.poll(patience)
                with self._lock:
                    for fd, event in events:
                        handler = self._handlers.get(fd)
                        if handler is not None:  # else ignored since, for an event before this one
                            handler(event)
                    if due is not None and time.monotonic() >= due:
                        self._changed = True
                        self._act()
        except Exception as error:  # noqa: BLE001 - a batch that nobody ends would hang the run
            _log.exception("the executor can't go on")
            with self._lock:
                self._give_up(error)

    def _hear_wake(self, _: int) -> None:
        self._woken = False
        os.read(self._wake_out, 4096)
