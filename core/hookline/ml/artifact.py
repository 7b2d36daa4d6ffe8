"""References to artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field

from hookline.ml.noun import Noun, check_counts

__all__ = ["ArtifactRef"]


@dataclass(frozen=True, slots=True)
class ArtifactRef(Noun):
    """A stored value, by its digest. Made by hookline; in a record it keeps the artifact from being collected.

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

    def _check(self) -> None:
        if len(self.digest) != 64 or set(self.digest) - set("0123456789abcdef"):
            raise ValueError(f"'{self.digest}' is no digest of an artifact, which has 64 hexadecimal digits")
        check_counts(self, size=self.size)
