"""What a node that does not see the store's folder needs for its batches, and has made in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hookline.errors import HooklineError
from hookline.model.batch import Batch, Finished
from hookline.model.stored import Stored
from hookline.worker.brought import Asked, Brought
from hookline.worker.carrier import Carrier, Piece

__all__ = ["Arrived", "Goods"]

_REMEMBERED = 65536
"""Artifacts that the driver is known to have; of what was forgotten, some is sent twice."""

_Name = tuple[bytes, bytes]
"""Digest and place: several workers may have made the same, each in its own pack."""

Arrived = tuple[list[Batch], HooklineError | None]
"""Batches that wait for nothing more, and what keeps them from being made: the node's disk is full, say."""

_NOTHING: Arrived = ([], None)


class Goods:
    """Keeps the node's folder of artifacts so that batches find there what they need.

    Args:
        carrier: Reads and writes that folder.
        files: Takes files that arguments name.
    """

    def __init__(self, carrier: Carrier, files: Brought) -> None:
        self._carrier = carrier
        self._files = files
        self._waiting: dict[int, tuple[Batch, set[_Name | str]]] = {}
        self._asked: set[_Name | str] = set()
        self._known: set[_Name] = set()
        self._refused: dict[_Name | str, HooklineError] = {}

    def needed(self, batch: Batch) -> tuple[list[Stored], list[Asked]]:
        """Tell what has to be asked for before a batch can be made; the batch is kept until all of it is there.

        Args:
            batch: The batch.

        Returns:
            Artifacts, and files.

        Raises:
            StoreError: The node's folder can't be read or written.
        """
        rows = (*batch.inputs, *(link.inputs for link in batch.links))
        named = self._carrier.named(blob for inputs in rows for blob in inputs)
        lacking, files = self._carrier.lacking(named), self._files.lacking(batch)
        for stored in named:
            self._remember(_name(stored))
        names: set[_Name | str] = {*map(_name, lacking), *(path for path, _ in files)}
        if not names:
            return [], []
        self._waiting[batch.number] = (batch, names)
        artifacts = [stored for stored in lacking if _name(stored) not in self._asked]
        files = [asked for asked in files if asked[0] not in self._asked]
        self._asked |= names
        return artifacts, files

    @property
    def waiting(self) -> list[int]:
        """The batches that wait for something."""
        return list(self._waiting)

    def waits(self, number: int) -> bool:
        """Tell whether a batch waits for something."""
        return number in self._waiting

    def take(self, piece: Piece) -> Arrived:
        """Take part of an artifact that was asked for."""
        digest, size, place, at, data = piece
        self._try((digest, place), lambda: self._carrier.take(piece))
        return self._ended((digest, place)) if at + len(data) >= size else _NOTHING

    def give_up(self, digest: bytes, place: bytes) -> Arrived:
        """Note that an artifact can't be had: whoever reads it will say so, in words of its own."""
        self._known.discard((digest, place))
        self._refused.pop((digest, place), None)
        return self._ended((digest, place))

    def take_file(self, path: str, inner: str, kind: str, data: bytes) -> Arrived:
        """Take part of a file that was asked for."""
        self._try(path, lambda: self._files.take(path, inner, kind, data))
        return _NOTHING

    def end_file(self, path: str) -> Arrived:
        """Note that there is no more of a file."""
        self._try(path, lambda: self._files.end(path))
        return self._ended(path)

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

    def _try(self, name: _Name | str, act: Callable[[], object]) -> None:
        """Write, until that fails: what belongs to the same is then of no use."""
        if name not in self._refused:
            try:
                act()
            except HooklineError as error:
                self._refused[name] = error

    def _ended(self, name: _Name | str) -> Arrived:
        refused = self._refused.pop(name, None)
        if refused is None:
            return self._arrived(name), None
        self._asked.discard(name)
        return self.drop([number for number, (_, lacking) in self._waiting.items() if name in lacking]), refused

    def _arrived(self, name: _Name | str) -> list[Batch]:
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
