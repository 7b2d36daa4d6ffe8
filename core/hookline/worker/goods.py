"""What a node that does not see the store's folder needs for its batches, and has made in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hookline.errors import HooklineError
from hookline.model.batch import Batch, Finished
from hookline.model.stored import Stored
from hookline.worker.carrier import Carrier, Piece

__all__ = ["Goods"]

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
        self._refused: dict[_Name, HooklineError] = {}

    def needed(self, batch: Batch) -> list[Stored]:
        """Tell what has to be asked for before a batch can be made; the batch is kept until all of it is there.

        Raises:
            StoreError: The node's folder can't be read or written.
        """
        named = self._carrier.named(blob for inputs in batch.inputs for blob in inputs)
        lacking = self._carrier.lacking(named)
        self._known.update(map(_name, named))
        if not lacking:
            return []
        self._waiting[batch.number] = (batch, set(map(_name, lacking)))
        wanted = [stored for stored in lacking if _name(stored) not in self._asked]
        self._asked.update(map(_name, wanted))
        return wanted

    def waits(self, number: int) -> bool:
        """Tell whether a batch waits for something."""
        return number in self._waiting

    def take(self, piece: Piece) -> tuple[list[Batch], HooklineError | None]:
        """Take part of what was asked for.

        Returns:
            The batches that wait for nothing more, and what keeps them from being made: the node's disk is full, say.
        """
        digest, size, place, at, data = piece
        name = digest, place
        if name not in self._refused:
            try:
                self._carrier.take(piece)
            except HooklineError as error:
                self._refused[name] = error
        if at + len(data) < size:
            return [], None
        refused = self._refused.pop(name, None)
        return (self._arrived(name), None) if refused is None else (self._refuse(name), refused)

    def give_up(self, digest: bytes, place: bytes) -> list[Batch]:
        """Note that something can't be had: whoever reads it will say so, in words of its own."""
        self._known.discard((digest, place))
        self._refused.pop((digest, place), None)
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
                self._known.add(name)
                yield from self._carrier.pieces(stored)

    def _refuse(self, name: _Name) -> list[Batch]:
        self._asked.discard(name)
        return self.drop([number for number, (_, lacking) in self._waiting.items() if name in lacking])

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
