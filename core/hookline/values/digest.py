"""Digests: one name for each value, checkable by anybody who holds the bytes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from blake3 import blake3

__all__ = ["DIGEST_SIZE", "digest_bytes", "digest_chunks", "digest_tree"]

DIGEST_SIZE = 32
_AT_ONCE = 4096
_LARGE = 1 << 26


def digest_bytes(data: bytes | memoryview) -> bytes:
    """Digest stored bytes.

    Args:
        data: The stored form of a value, or the content of a file.

    Returns:
        The 32 bytes of its BLAKE3 hash.
    """
    return blake3(data).digest()


def digest_chunks(chunks: Iterable[bytes | memoryview]) -> bytes:
    """Digest bytes that lie in several pieces, as if they were joined."""
    pieces = list(chunks)
    # Threads cost more than they save where there is little.
    hasher = blake3(max_threads=blake3.AUTO if sum(map(len, pieces)) >= _LARGE else 1)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def digest_tree(kind: str, parts: Iterable[bytes]) -> bytes:
    """Digest something that is made of digested parts, in a space of its own per kind.

    Args:
        kind: What the parts make up (``"list"``, ``"map"``, ``"key"`` …). No digest of one kind equals one of another
            kind, or one of plain bytes.
        parts: Digests, or byte strings of a fixed length for this kind.

    Returns:
        32 bytes.
    """
    rest = iter(parts)
    hasher = blake3(b"".join(islice(rest, _AT_ONCE)), derive_key_context=f"hookline 1 {kind}")
    while piece := b"".join(islice(rest, _AT_ONCE)):  # a map may have millions
        hasher.update(piece)
    return hasher.digest()
