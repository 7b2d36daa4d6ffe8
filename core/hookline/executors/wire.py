"""How a driver and a worker process talk: pickles after their length, over a socket.

The driver sends, first, what the worker has to know for the run, then batches:

    (RunFacts, worker's number)
    (claim, what Sent.pack made of a batch …)

``claim`` is 0 where the batch may be begun at once. Otherwise it may be begun only by who takes that number out of the
claims pipe, which the driver does to take the batch back. Three rules make that safe:

1. The driver puts a claim into the pipe before it sends the batch, and only while the pipe is empty. So the pipe holds
   one claim at most, and what the driver takes out of it is the claim that it put there last.
2. A claim leaves the pipe in one read, by one of the two.
3. No number is used twice for a worker. So a worker that finds the pipe empty, or a later claim in it, knows that the
   batch was taken back; a later claim is its own now, for the batch that follows.

The worker sends:

    (READY,)
    (BROKEN, Failure)                       it can't make attempts
    (OUTCOMES, batch, tuples of Outcome, done)
"""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from struct import Struct
from typing import Any

__all__ = ["BROKEN", "CLAIM", "NO_CLAIM", "OUTCOMES", "READY", "Inbox", "framed"]

READY, BROKEN, OUTCOMES = 0, 1, 2

CLAIM = Struct("<Q")
"""A claim as it lies in the pipe."""

NO_CLAIM = 0

_LENGTH = Struct("<I")
_ROOM = 1 << 16


def framed(message: tuple[Any, ...]) -> bytes:
    """Give a message as it goes over the wire."""
    data = pickle.dumps(message, 5)
    return _LENGTH.pack(len(data)) + data


class Inbox:
    """Takes messages from a socket.

    Args:
        sock: Where they come from; blocking or not.

    Attributes:
        drained: Whether the last read took all that was there.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._room = bytearray(_ROOM)
        self._filled = 0
        self.drained = False

    def receive(self) -> bool:
        """Read once from the socket.

        Returns:
            False at the end of the stream.

        Raises:
            BlockingIOError: There is nothing, and the socket does not block.
        """
        try:
            count = self._sock.recv_into(memoryview(self._room)[self._filled :])
        except (ConnectionResetError, BrokenPipeError):
            return False
        self._filled += count
        self.drained = self._filled < len(self._room)
        return count > 0

    def messages(self) -> Iterator[Any]:
        """Give the messages that are there as a whole."""
        at, room = 0, self._room
        view = memoryview(room)
        while self._filled - at >= _LENGTH.size:
            size: int = _LENGTH.unpack_from(room, at)[0]
            end = at + _LENGTH.size + size
            if end > self._filled:
                self._keep(at, _LENGTH.size + size)
                return
            message = pickle.loads(view[at + _LENGTH.size : end])
            at = end
            yield message
        self._keep(at, 0)

    def _keep(self, at: int, needed: int) -> None:
        """Keep what was not used yet, in room for the whole of the message that it begins."""
        rest = self._filled - at
        if needed > len(self._room) or (len(self._room) > _ROOM and needed <= _ROOM):
            room = bytearray(max(needed, _ROOM))
            room[:rest] = memoryview(self._room)[at : self._filled]
            self._room = room
        elif at:
            self._room[:rest] = self._room[at : self._filled]
        self._filled = rest
