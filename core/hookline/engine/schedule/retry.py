"""When an attempt is followed by another: separate budgets for errors and for lost workers, and the pause between."""

from __future__ import annotations

import heapq
import random

from hookline.engine.schedule.clock import SYSTEM, Clock
from hookline.model.options import Options

__all__ = ["Retries", "delay_before"]

LOST_BUDGET = 2
"""How often an attempt is repeated because its worker died."""

_LONGEST = 60.0


def delay_before(options: Options, failed: int) -> float:
    """Give the pause before the next attempt.

    The pause doubles with each failure up to a minute, and is spread by a random factor between a half and one, so that
    many tasks that failed together don't try together ("equal jitter").

    Args:
        options: The step's options.
        failed: How many attempts failed so far.

    Returns:
        Seconds.
    """
    if not options.retry_delay:
        return 0.0
    pause = min(max(_LONGEST, options.retry_delay), options.retry_delay * 2.0 ** (failed - 1))
    return pause * random.uniform(0.5, 1.0)


class Retries:
    """Which items were tried how often, and which wait for their next attempt.

    Args:
        clock: What waits go by.

    Attributes:
        clock: The same.
    """

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self.clock = clock
        self._failed: dict[tuple[int, int], int] = {}
        self._lost: dict[tuple[int, int], int] = {}
        self._numbers: dict[tuple[int, int], int] = {}
        self._waiting: list[tuple[float, int, int]] = []

    def number(self, task: int, item: int) -> int:
        """The number of the next attempt of an item."""
        return self._numbers.get((task, item), 1)

    def begins_at(self, task: int, item: int, number: int) -> None:
        """Say that earlier drivers made attempts below this number."""
        self._numbers[task, item] = number

    def numbered(self, task: int, item: int) -> bool:
        """Whether the item's next attempt is not its first."""
        return (task, item) in self._numbers

    def any_numbered(self) -> bool:
        """Whether there is any item of which that is true."""
        return bool(self._numbers)

    def after_failure(self, task: int, item: int, number: int, options: Options) -> float | None:
        """Count a failure.

        Returns:
            Seconds until the next attempt, or None when there is none.
        """
        failed = self._failed[task, item] = self._failed.get((task, item), 0) + 1
        self._numbers[task, item] = number + 1
        return delay_before(options, failed) if failed <= options.retries else None

    def after_loss(self, task: int, item: int, number: int) -> int:
        """Count an attempt that ended with its worker.

        Returns:
            How many attempts there may be if all that follow end so, or 0 where there is no other.
        """
        lost = self._lost[task, item] = self._lost.get((task, item), 0) + 1
        self._numbers[task, item] = number + 1
        return number - lost + LOST_BUDGET + 1 if lost <= LOST_BUDGET else 0

    def wait(self, delay: float, task: int, item: int) -> None:
        """Let an item wait for so many seconds."""
        heapq.heappush(self._waiting, (self.clock.now() + delay, task, item))

    def due(self) -> list[tuple[int, int]]:
        """Take the items whose wait is over."""
        found, now = [], self.clock.now()
        while self._waiting and self._waiting[0][0] <= now:
            _, task, item = heapq.heappop(self._waiting)
            found.append((task, item))
        return found

    @property
    def next_due(self) -> float | None:
        """When the next wait is over; None where nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def forget_waiting(self) -> None:
        """Nothing that waits will be tried again."""
        self._waiting.clear()
