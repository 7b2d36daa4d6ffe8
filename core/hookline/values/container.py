"""The stored form of a value: a bare pickle stream, or a container of a stream, its buffers and what else names it.

Layout of a container (integers little endian)::

    magic 8 | header length u32 | buffers u32 | stream size u64 | buffer size u64 x buffers | header | stream
    | padding to 64 | buffer | padding to 64 | buffer …

The header is the serializer's name, a zero byte, and the digest of the code that the value's classes consist of (empty
where there is none). Buffers start at multiples of 64 so that arrays can lie on a mapped file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MAGIC", "Parts", "join", "split"]

MAGIC = b"\x93HKLN\x00\x01\n"
_ALIGNMENT = 64
_FIXED = struct.Struct("<8sIIQ")

Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Parts:
    """What a container holds.

    Attributes:
        serializer: Name of the serializer that wrote the stream.
        code: Digest of the project classes and functions that the stream refers to; empty for none.
        stream: The serializer's bytes.
        buffers: Large memory that lies beside the stream.
    """

    serializer: str
    code: bytes
    stream: Buffer
    buffers: Sequence[Buffer]


def join(parts: Parts) -> list[Buffer]:
    """Lay a value out as it is stored.

    Args:
        parts: What to store.

    Returns:
        Pieces to be written one after the other; the buffers are not copied.
    """
    header = parts.serializer.encode() + b"\0" + parts.code
    sizes = [len(buffer) for buffer in parts.buffers]
    head = b"".join(
        (
            _FIXED.pack(MAGIC, len(header), len(sizes), len(parts.stream)),
            struct.pack(f"<{len(sizes)}Q", *sizes),
            header,
            parts.stream,
        )
    )
    pieces: list[Buffer] = [head]
    end = len(head)
    for buffer in parts.buffers:
        padding = -end % _ALIGNMENT
        pieces.append(bytes(padding))
        pieces.append(buffer)
        end += padding + len(buffer)
    return pieces


def split(data: memoryview) -> Parts:
    """Take a stored container apart without copying.

    Args:
        data: The whole container.

    Returns:
        Views into ``data``.

    Raises:
        ValueError: The bytes are no container, or end too early.
    """
    try:
        magic, header_size, count, stream_size = _FIXED.unpack_from(data)
        if magic != MAGIC:
            raise ValueError("not a hookline container")
        sizes = struct.unpack_from(f"<{count}Q", data, _FIXED.size)
    except struct.error as error:
        raise ValueError(f"a truncated container: {error}") from None
    at = _FIXED.size + 8 * count
    serializer, _, code = bytes(data[at : at + header_size]).partition(b"\0")
    at += header_size
    stream = data[at : at + stream_size]
    at += stream_size
    buffers = []
    for size in sizes:
        at += -at % _ALIGNMENT
        buffers.append(data[at : at + size])
        at += size
    if at > len(data):
        raise ValueError("a truncated container")
    return Parts(serializer.decode(), code, stream, buffers)
