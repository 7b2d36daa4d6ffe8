"""What an attempt printed, in bounded memory: the head and the tail are kept, what is between is counted.

The memory may be shared with another process, which can still read it when the writer was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from struct import Struct

from hookline.model.batch import Output
from hookline.model.masking import mask_cut

__all__ = ["PIPE_SIZE", "Tape", "output_pipe", "pipe_capacity", "tape_size"]

PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ, _F_GETPIPE_SZ = 1031, 1032
_DEFAULT_PIPE_SIZE = 1 << 16

_COUNT = Struct("<Q")


def tape_size(limit: int) -> int:
    """Tell how much memory a tape needs.

    Args:
        limit: Bytes of output that it keeps.
    """
    return _COUNT.size + max(2, limit)


class Tape:
    """Head and tail of a stream of bytes.

    Args:
        memory: Where it lies, :func:`tape_size` bytes long and zero at first.
    """

    __slots__ = ("_head", "_memory", "_tail", "_text")

    def __init__(self, memory: bytearray | memoryview) -> None:
        self._memory = memoryview(memory)
        self._text = self._memory[_COUNT.size :]
        self._head = len(self._text) // 2
        self._tail = len(self._text) - self._head

    def write(self, data: bytes | memoryview) -> None:
        """Take bytes; those that fall between head and tail are forgotten."""
        total: int = _COUNT.unpack_from(self._memory)[0]
        size = len(data)
        at = total
        if at < self._head:
            part = min(size, self._head - at)
            self._text[at : at + part] = data[:part]
            data, at = data[part:], at + part
        if len(data) > self._tail:
            at += len(data) - self._tail
            data = data[len(data) - self._tail :]
        if len(data):
            start = (at - self._head) % self._tail
            part = min(len(data), self._tail - start)
            first = self._head + start
            self._text[first : first + part] = data[:part]
            self._text[self._head : self._head + len(data) - part] = data[part:]
        # Last, so that a reader of a writer that was killed sees whole writes.
        _COUNT.pack_into(self._memory, 0, total + size)

    def reset(self) -> None:
        """Forget everything."""
        _COUNT.pack_into(self._memory, 0, 0)

    def output(self) -> Output | None:
        """Give what is kept, secrets masked; None where nothing was written."""
        total: int = _COUNT.unpack_from(self._memory)[0]
        if not total:
            return None
        limit = self._head + self._tail
        if total <= limit:
            return Output(mask_cut(bytes(self._text[:total]))[0])
        start = self._head + (total - self._head) % self._tail
        head, dropped = bytes(self._text[: self._head]), total - limit
        tail = bytes(self._text[start:]) + bytes(self._text[self._head : start])
        head, tail = mask_cut(head, tail)
        gap = f"\n… {dropped} bytes left out …\n".encode()
        return Output(head + gap + tail, dropped)


def output_pipe() -> tuple[int, int]:
    """Make a pipe for output, as roomy as the system allows, that is read without waiting.

    Returns:
        Its read end and its write end.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with contextlib.suppress(OSError):
        fcntl.fcntl(writer, _F_SETPIPE_SZ, PIPE_SIZE)
    return reader, writer


def pipe_capacity(fd: int) -> int:
    """Tell how many bytes a pipe holds before its writer has to wait."""
    try:
        return fcntl.fcntl(fd, _F_GETPIPE_SZ)
    except OSError:
        return _DEFAULT_PIPE_SIZE
