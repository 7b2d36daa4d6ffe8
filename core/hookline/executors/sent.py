"""What a worker has been told of works and taken keys, so that each travels to it once; and what it knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hookline.model.batch import Batch
from hookline.model.stretch import Link, Taken
from hookline.model.work import FunctionRef, Work

__all__ = ["Received", "Sent"]

_KNOWN_WORKS = 512

_Parcel = tuple[Any, ...]


class Sent:
    """What one worker has been given."""

    def __init__(self) -> None:
        self._works: set[int] = set()
        self._functions: set[bytes] = set()
        self._taken = 0

    def __bool__(self) -> bool:
        """Whether that is anything."""
        return bool(self._works)

    def pack(self, batch: Batch) -> _Parcel:
        """Put together what has to be sent for a batch; what a worker was sent before it remembers.

        Args:
            batch: The batch.

        Returns:
            For :meth:`Received.unpack`.
        """
        works = [batch.work]
        if batch.links:
            works = list(dict.fromkeys([batch.work, *(link.work for link in batch.links)]))
        forget = len(self._works) + len(works) > _KNOWN_WORKS
        if forget:
            self._works.clear()
        new = [self._lean(work) for work in works if work.task not in self._works]
        self._works.update(work.task for work in new)
        head = (batch.number, new, forget, batch.work.task, batch.items, batch.attempt, batch.inputs, batch.keys)
        if batch.taken is None:
            return (*head, batch.timeout)
        prefixes = bytes(batch.taken.prefixes[self._taken :])
        self._taken += len(prefixes)
        return (*head, batch.timeout, [(link.work.task, *link[1:]) for link in batch.links], prefixes)

    def _lean(self, work: Work) -> Work:
        """Leave out code that the worker has been given before."""
        function: FunctionRef = work.function
        if not function.code:
            return work
        if function.digest in self._functions:
            return replace(work, function=replace(function, code=b""))
        self._functions.add(function.digest)
        return work


class Received:
    """What a worker was sent.

    Attributes:
        forgot: Whether the last parcel had it forget the works before.
        new: The works that came with it.
    """

    def __init__(self) -> None:
        self._works: dict[int, Work] = {}
        self._taken = Taken()
        self.forgot = False
        self.new: Sequence[Work] = ()

    def unpack(self, parcel: _Parcel) -> Batch:
        """Give the batch that was sent.

        Args:
            parcel: As :meth:`Sent.pack` made it.
        """
        number, self.new, self.forgot, task, items, attempt, inputs, keys, timeout, *stretch = parcel
        works = self._works
        if self.forgot:
            works.clear()
        for work in self.new:
            works[work.task] = work
        batch = Batch(number, works[task], items, attempt, inputs, keys, timeout)
        if stretch:
            links, prefixes = stretch
            self._taken.extend(prefixes)
            batch.links = [Link(works[index], *rest) for index, *rest in links]
            batch.taken = self._taken
        return batch
