"""A stretch: calls of which each waits for the one before only, and which travel to a worker together."""

from __future__ import annotations

import sys
from array import array
from struct import Struct
from typing import Any, NamedTuple

from hookline.model.work import Work

__all__ = ["Link", "Taken"]

_PREFIX = 8


_beginning = Struct("<Q").unpack_from


class Taken:
    """The keys for which there are results, or somebody who makes them; it only grows.

    Of a key in it, it never says that it is not. It holds the first eight bytes of keys only, so it may say of another
    that it is in it, once in many billions.

    Attributes:
        prefixes: The first bytes of the keys, joined in the order in which they came.
    """

    __slots__ = ("_known", "prefixes")

    def __init__(self) -> None:
        self.prefixes = bytearray()
        self._known: set[int] = set()

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: bytes) -> bool:
        return _beginning(key)[0] in self._known

    def add(self, key: bytes) -> None:
        """Add a key."""
        self._known.add(_beginning(key)[0])
        self.prefixes += key[:_PREFIX]

    def extend(self, prefixes: bytes) -> None:
        """Add keys.

        Args:
            prefixes: Their first bytes, eight of each.
        """
        known = array("Q", prefixes)
        if sys.byteorder == "big":
            known.byteswap()
        self._known.update(known)
        self.prefixes += prefixes


class Link(NamedTuple):
    """A call that a worker may make when the one before it has a value, without asking.

    It may not where the key that follows from the value is taken: then the call is decided about like any other.

    Attributes:
        work: What its attempt has in common with others.
        inputs: What fills the holes; None where the outcome of the call before does.
        gaps: Where that is.
        parts: What its key is the digest of, in order: bytes, or the digest of a slot of the outcome before, by number.
    """

    work: Work
    inputs: tuple[Any, ...]
    gaps: tuple[int, ...]
    parts: tuple[bytes | int, ...]
