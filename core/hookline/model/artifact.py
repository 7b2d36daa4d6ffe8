"""References to artifacts, made from what an attempt stored."""

from __future__ import annotations

from hookline.errors import StoreDamagedError, UsageError
from hookline.ml import ArtifactRef
from hookline.model.stored import Stored, pack_outputs, unpack_outputs

__all__ = ["artifact_refs", "ref_of", "stored_of"]


def artifact_refs(packed: bytes | None) -> tuple[ArtifactRef, ...]:
    """Give a reference to each slot of an outcome.

    Args:
        packed: The outcome; None where there is none.
    """
    return () if packed is None else tuple(map(ref_of, unpack_outputs(packed)))


def ref_of(stored: Stored, name: str = "") -> ArtifactRef:
    """Give a reference to a stored value.

    Args:
        stored: The value.
        name: What its owner calls it.
    """
    return ArtifactRef(stored.digest.hex(), stored.size, name, pack_outputs([stored]))


def stored_of(ref: ArtifactRef) -> Stored:
    """Give the stored value that a reference stands for.

    Raises:
        UsageError: The reference was not made by hookline, or was changed.
    """
    try:
        (stored,) = unpack_outputs(ref.stored)
    except (ValueError, StoreDamagedError):
        stored = None
    if stored is None or stored.digest.hex() != ref.digest:
        raise UsageError(
            f"the reference to artifact '{ref.digest}' does not say where it is stored",
            help="take references from a task's outputs, from keep() or from records; they can't be made by hand",
        )
    return stored
