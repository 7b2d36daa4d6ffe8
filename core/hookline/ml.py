"""Nouns that plugins exchange: frozen, without dependencies. Filled by the plugins issue."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ArtifactRef"]


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """A stored value, by its digest.

    Attributes:
        digest: What names it: 64 hexadecimal digits.
        size: Its bytes in stored form.
        name: What its owner calls it; perhaps empty.
        stored: Where the store keeps it, understood by hookline alone.
    """

    digest: str
    size: int
    name: str = ""
    stored: bytes = field(default=b"", repr=False)
