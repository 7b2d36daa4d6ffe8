"""What can start, in the order in which it should: the longest way ahead first, equals as they came."""

from __future__ import annotations

import heapq
from typing import Any, Generic, TypeVar

__all__ = ["Entry", "ReadyQueue"]

T = TypeVar("T")

Entry = tuple[float, int, T]
"""(priority, negative, so that the highest is the least; a number that no other entry has; what can start)."""


class ReadyQueue(Generic[T]):
    """A priority queue: O(log n) to put in and to take out, and always in the same order.

    Nothing starves in it: a task has a fixed priority and starts a bounded number of times, and what grows without end
    has ever less (see :meth:`hookline.engine.schedule.priorities.Priorities.grow`).
    """

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[Any] = []

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def first(self) -> Entry[T]:
        """What should start next; there must be something."""
        entry: Entry[T] = self._heap[0]
        return entry

    def push(self, entry: Entry[T]) -> None:
        """Put something in; what was taken out and is put back with its number has its old place."""
        heapq.heappush(self._heap, entry)

    def pop(self) -> Entry[T]:
        """Take the first out."""
        entry: Entry[T] = heapq.heappop(self._heap)
        return entry

    def clear(self) -> None:
        """Take everything out."""
        self._heap.clear()
