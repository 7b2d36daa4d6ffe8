"""What a node that does not see the store's folder needs for its batches, and has made in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hookline.model.batch import Batch, Finished
from hookline.model.stored import Stored
from hookline.worker.carrier import Carrier, Piece

__all__ = ["Goods"]

_REMEMBERED = 65536
"""Artifacts that the driver is known to have; of what was forgotten, some is sent twice."""

_Name = tuple[bytes, bytes]
"""Digest and place: several workers may have made the same, each in its own pack."""


class Goods:
    """Keeps the node's folder of artifacts so that batches find there what they need.

    Args:
        carrier: Reads and writes that folder.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._waiting: dict[int, tuple[Batch, set[_Name]]] = {}
        self._asked: set[_Name] = set()
        self._known: set[_Name] = set()

    def needed(self, batch: Batch) -> list[Stored]:
        """Tell what has to be asked for before a batch can be made; the batch is kept until all of it is there."""
        named = self._carrier.named(blob for inputs in batch.inputs for blob in inputs)
        lacking = self._carrier.lacking(named)
        for stored in named:
            self._remember(_name(stored))
        if not lacking:
            return []
        self._waiting[batch.number] = (batch, set(map(_name, lacking)))
        wanted = [stored for stored in lacking if _name(stored) not in self._asked]
        self._asked.update(map(_name, wanted))
        return wanted

    def waits(self, number: int) -> bool:
        """Tell whether a batch waits for something."""
        return number in self._waiting

    def take(self, piece: Piece) -> list[Batch]:
        """Take part of what was asked for; give the batches that can be made now."""
        return self._arrived((piece[0], piece[2])) if self._carrier.take(piece) else []

    def give_up(self, digest: bytes, place: bytes) -> list[Batch]:
        """Note that something can't be had: whoever reads it will say so, in words of its own."""
        self._known.discard((digest, place))
        return self._arrived((digest, place))

    def drop(self, numbers: Iterable[int]) -> list[Batch]:
        """Let go of batches that wait."""
        return [self._waiting.pop(number)[0] for number in numbers if number in self._waiting]

    def made(self, message: Finished) -> Iterator[Piece]:
        """Give, piece by piece, what outcomes name and the driver does not have."""
        blobs: list[Any] = []
        for outcome in message.outcomes:
            blobs.append(outcome.outputs)
            blobs += [note.value for note in outcome.notes]
        for stored in self._carrier.named(blobs):
            name = _name(stored)
            if name not in self._known:
                self._remember(name)
                yield from self._carrier.pieces(stored)

    def _remember(self, name: _Name) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(name)

    def _arrived(self, name: _Name) -> list[Batch]:
        self._asked.discard(name)
        ready = []
        for number, (batch, lacking) in list(self._waiting.items()):
            lacking.discard(name)
            if not lacking:
                del self._waiting[number]
                ready.append(batch)
        return ready


def _name(stored: Stored) -> _Name:
    return stored.digest, stored.place
