"""What goes through the pipes between the driver and an interpreter: pickles, each behind its length.

To an interpreter go the facts of the run with the worker's number, then batches, :class:`Cancel`, and None as farewell.
From it come the messages of its worker.
"""

import pickle
from struct import Struct
from typing import IO, Any, NamedTuple

__all__ = ["Cancel", "receive", "send"]

_LENGTH = Struct(">Q")


class Cancel(NamedTuple):
    """Asks for a batch to end."""

    batch: int


def send(stream: IO[bytes], message: object) -> None:
    """Write a message.

    Raises:
        OSError: Nobody reads any more.
    """
    data = pickle.dumps(message, 5)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a message.

    Raises:
        EOFError: The other side has closed the pipe, or died in the middle of a message.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
