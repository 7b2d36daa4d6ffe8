"""One event loop in a thread of its own: where the attempts of async steps go on side by side.

It lives as long as the worker process serves its run, so that what a step keeps between attempts, such as a client with
its connections, stays usable. It is never the loop of whoever started the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from hookline.model.batch import AT_ONCE

__all__ = ["EventLoop"]

_END_WITHIN = 2.0


class EventLoop:
    """A running event loop.

    Args:
        at_end: What the loop does last, once all that steps left running in it is gone.

    Attributes:
        loop: The loop.
        room: Lets as many attempts go on at once as may; used in the loop only.
        free: Numbers from 0 that attempts at hand do not have; used in the loop only.
        left_behind: Whether an attempt blocks the loop for good, so that another one has to be made.
        given_up: Attempts that nobody waits for any more though they are still in it: batch and position.
    """

    def __init__(self, at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._at_end = at_end
        self.loop = asyncio.new_event_loop()
        self.room = asyncio.Semaphore(AT_ONCE)
        self.free = list(range(AT_ONCE))
        self.left_behind = False
        self.given_up: set[tuple[int, int]] = set()
        self._ending = False
        # A daemon: a step that blocks the loop must not keep a driver from ending that was told to.
        self._thread = threading.Thread(target=self._run, name="hookline-async", daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run; from any thread."""
        try:
            self.loop.call_soon_threadsafe(self.loop.create_task, coroutine)
        except RuntimeError:  # it has ended
            coroutine.close()
            if not self.left_behind:
                raise

    def answers(self, within: float) -> bool:
        """Tell whether the loop comes round; from any other thread.

        Args:
            within: Seconds to wait at most.
        """
        heard = threading.Event()
        with contextlib.suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(heard.set)
        return heard.wait(within)

    def close(self) -> None:
        """End the loop with all that a step left running in it; one that is blocked ends when it is let go."""
        self._ending = True
        with contextlib.suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self.loop.stop)
        if not self.left_behind:
            self._thread.join(_END_WITHIN)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._ending:
            try:
                self.loop.run_forever()
            except BaseException:  # noqa: BLE001 - SystemExit in a task that a step started, which is that task's end only
                continue
        try:
            self._cancel_all()
            self.loop.run_until_complete(self._at_end())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=_END_WITHIN / 2))
