"""The executor ``outpost``: attempts happen in processes of a Python interpreter that the project's settings name.

It turns batches into messages and knows nothing of tasks, retries or results. Each worker is a thread that waits for
one interpreter; the attempts themselves are made there by ``hookline.Worker``.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable

from hookline import Batch, HooklineError, Lost, RunFacts, Traits
from hookline_outpost.post import Deliver, Post

__all__ = ["OutpostExecutor"]

_END_WITHIN = 10.0
"""Seconds in which a killed interpreter must be gone."""


class OutpostExecutor:
    """Makes attempts in interpreters of its own.

    Args:
        python: Their executable, as a path or a command; empty for the one that runs hookline.
        workers: How many there are at most; by default as many as the machine has processors.
    """

    # What the engine has to know: whatever runs can be stopped, on this machine, in processes other than its own.
    traits = Traits(kills=True, remote=False, shares_memory=False)

    def __init__(self, python: str = "", workers: int | None = None) -> None:
        self._python = python or sys.executable
        self._limit = workers or os.cpu_count() or 1
        self._changed = threading.Condition()
        self._waiting: dict[int, Batch] = {}
        self._working: dict[int, Post] = {}
        self._posts: list[tuple[Post, threading.Thread]] = []
        self._closing = False

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """Get ready; interpreters are started when there is work for them."""
        python = shutil.which(self._python)
        if python is None:
            raise HooklineError(
                f"there is no interpreter '{self._python}'",
                help="set the path of a Python executable as 'python' in [tool.hookline.plugin.outpost]",
            )
        self._python, self._run, self._deliver = python, run, deliver

    def capacity(self) -> int:
        """One batch per worker."""
        return self._limit

    def submit(self, batch: Batch) -> None:
        """Queue a batch for the next worker that is free."""
        with self._changed:
            self._waiting[batch.number] = batch
            busy = len(self._working)
            if len(self._posts) < min(self._limit, busy + len(self._waiting)):
                self._open_post()
            self._changed.notify()

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """Ask batches to end; those that have not begun end here and now."""
        for number in batches:
            with self._changed:
                waiting, post = self._waiting.pop(number, None), self._working.get(number)
            if waiting is not None:
                self._deliver(Lost(number, -1, "cancelled", cancelled=True))
            elif post is not None:
                post.cancel(number, grace)

    def close(self, grace: float) -> None:
        """Let workers end within the grace period, then end them."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        end = time.monotonic() + grace
        for _, thread in self._posts:
            thread.join(max(0.0, end - time.monotonic()))
        for post, thread in self._posts:
            if thread.is_alive():
                post.kill("cancelled")
                thread.join(_END_WITHIN)

    def _open_post(self) -> None:
        post = Post(self._python, self._run, len(self._posts), self._deliver)
        # A daemon: a driver that was told to end does not wait for it.
        thread = threading.Thread(target=self._man, args=(post,), name=f"outpost-{post.number}", daemon=True)
        self._posts.append((post, thread))
        thread.start()

    def _man(self, post: Post) -> None:
        """Work through batches, in a thread of the worker's own."""
        while (batch := self._next(post)) is not None:
            post.work(batch)
            with self._changed:
                del self._working[batch.number]
        post.leave()

    def _next(self, post: Post) -> Batch | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._closing:
                return None
            batch = self._waiting.pop(next(iter(self._waiting)))
            self._working[batch.number] = post
            post.take(batch)
            return batch
