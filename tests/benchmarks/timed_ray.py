"""The Ray executor with a watch in its hand, for ``bench_ray.py``."""

from __future__ import annotations

import threading
import time
from typing import Any

from hookline.executors.ray.executor import RayExecutor
from hookline.model.batch import Deliver, Finished, Message, Places, RunFacts

__all__ = ["Timed"]

SETTLE = 1.5
"""Seconds in which Ray starts processes in place of those that became workers."""


class Timed(RayExecutor):
    """Keeps the engine waiting until all workers are there and Ray is calm, and notes when that was.

    Args:
        workers: How many.
        **options: See :class:`RayExecutor`.

    Attributes:
        starts: When it was started.
        first: When an attempt had ended.
        there: When the engine was told of it.
        closes: When it was told to close.
        closed: When it had closed.
    """

    def __init__(self, workers: int, **options: Any) -> None:
        super().__init__(workers, **options)
        self._wanted = workers
        self._kept: list[Message] | None = []
        self._keeping = threading.Lock()
        self._calm: threading.Timer | None = None
        self.starts = self.there = self.first = self.closes = self.closed = 0.0

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """Start."""
        self.starts = time.perf_counter()

        def pass_on(message: Message) -> None:
            if self._kept is None:
                deliver(message)
                return
            if not self.first and isinstance(message, Finished):
                self.first = time.perf_counter()
            with self._keeping:
                if self._kept is None:
                    deliver(message)
                else:
                    self._kept.append(message)
            if isinstance(message, Places) and message.slots >= self._wanted and self._calm is None:
                self._calm = threading.Timer(SETTLE, release)
                self._calm.start()

        def release() -> None:
            with self._keeping:
                self.there = time.perf_counter()
                for kept in self._kept or ():
                    deliver(kept)
                self._kept = None

        super().start(run, pass_on)

    def close(self, grace: float) -> None:
        """Close."""
        if not self.closes:
            self.closes = time.perf_counter()
        super().close(grace)
        self.closed = time.perf_counter()
