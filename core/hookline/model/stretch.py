"""A stretch: calls of which each waits for the one before only, and which travel to a worker together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hookline.model.batch import Work

__all__ = ["Link", "Taken"]

_PREFIX = 8


class Taken:
    """The keys for which there are results, or somebody who makes them; it only grows.

    Of a key in it, it never says that it is not; it holds the first bytes of keys only, so of others it says, once in
    many billions, that they are.

    Attributes:
        prefixes: The first bytes of the keys, one after the other as they came.
    """

    __slots__ = ("_known", "prefixes")

    def __init__(self) -> None:
        self.prefixes = bytearray()
        self._known: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: bytes) -> bool:
        return key[:_PREFIX] in self._known

    def add(self, key: bytes) -> None:
        """Add a key."""
        prefix = key[:_PREFIX]
        if prefix not in self._known:
            self._known.add(prefix)
            self.prefixes += prefix

    def extend(self, prefixes: bytes) -> None:
        """Add keys.

        Args:
            prefixes: Their first bytes, eight of each.
        """
        for at in range(0, len(prefixes), _PREFIX):
            self.add(prefixes[at : at + _PREFIX])


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
