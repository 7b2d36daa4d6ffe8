"""The stored form of what one attempt produced: all its slots in one blob.

The common case (one small value, no files) is one byte, the digest and the bytes themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hookline.errors import StoreDamagedError

__all__ = ["ONE_INLINE", "Stored", "pack_one", "pack_outputs", "unpack_outputs"]

_ONE = b"\x01"  # one inline slot without files: digest, bytes
_MANY = b"\x02"  # count, then each slot
_DIGEST = 32

ONE_INLINE = _ONE[0]
"""What the blob of one small value begins with, which has no artifacts."""


class Stored(NamedTuple):
    """The stored form of one slot, or of one file that a slot refers to."""

    digest: bytes
    """32 bytes of blake3 over the stored bytes."""
    size: int
    place: bytes
    """Empty where ``data`` holds the bytes; otherwise understood by the artifacts alone."""
    data: bytes | None
    """The bytes, when inline or still in memory."""
    files: tuple[Stored, ...] = ()
    """The file artifacts that the value refers to."""


def pack_one(digest: bytes, data: bytes) -> bytes:
    """Pack the commonest outcome: one slot whose bytes go into the row, without files."""
    return _ONE + digest + data


def pack_outputs(slots: Sequence[Stored], *, split: bool = False) -> bytes:
    """Pack all slots of an outcome into one blob; bytes that have a place are left out.

    Args:
        slots: The slots, in order.
        split: Whether a value was taken apart into them: a tuple of one element is not that element.
    """
    if len(slots) == 1 and not split:
        only = slots[0]
        if not only.place and not only.files and only.data is not None:
            return _ONE + only.digest + only.data
    parts = [_MANY]
    _write_all(parts, slots)
    return b"".join(parts)


def unpack_outputs(blob: bytes) -> tuple[Stored, ...]:
    """Read the slots of an outcome back.

    Raises:
        StoreDamagedError: The blob is not what ``pack_outputs`` made.
    """
    if blob[:1] == _ONE and len(blob) > _DIGEST:
        return (Stored(blob[1:33], len(blob) - 33, b"", blob[33:]),)
    if blob[:1] != _MANY:
        raise _damaged(blob)
    try:
        slots, end = _read_all(blob, 1)
    except (IndexError, RecursionError):
        raise _damaged(blob) from None
    if end != len(blob):
        raise _damaged(blob)
    return slots


def _write_all(parts: list[bytes], items: Sequence[Stored]) -> None:
    parts.append(_number(len(items)))
    for digest, size, place, data, files in items:
        parts += (digest, _number(size), _number(len(place)), place)
        if not place:
            if data is None or len(data) != size:
                raise ValueError("a stored value without a place needs its bytes")
            parts.append(data)
        _write_all(parts, files)


def _read_all(blob: bytes, at: int) -> tuple[tuple[Stored, ...], int]:
    count, at = _read_number(blob, at)
    items = []
    for _ in range(count):
        digest, at = _take(blob, at, _DIGEST)
        size, at = _read_number(blob, at)
        length, at = _read_number(blob, at)
        place, at = _take(blob, at, length)
        data = None
        if not place:
            data, at = _take(blob, at, size)
        files, at = _read_all(blob, at)
        items.append(Stored(digest, size, place, data, files))
    return tuple(items), at


def _take(blob: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(blob):
        raise IndexError
    return blob[at:end], end


def _number(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_number(blob: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = blob[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _damaged(blob: bytes) -> StoreDamagedError:
    return StoreDamagedError(
        f"the journal holds an outcome that can't be read ({len(blob)} bytes, begins {blob[:4].hex()!r})",
        help="restore the store from a copy, or run with --fresh to record the task again",
    )
