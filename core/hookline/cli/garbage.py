"""What collecting garbage removes, as ``hookline artifacts gc`` tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hookline.cli.quantities import size
from hookline.cli.wording import amount, counted, table

if TYPE_CHECKING:
    from hookline.store.collect import Collection

__all__ = ["garbage_document", "garbage_lines"]

_WORDS = {
    "artifact": "artifacts that nothing refers to",
    "pack": "packs of artifacts that nothing refers to",
    "set aside": "damaged artifacts that were set aside",
    "unfinished file": "files that a killed process did not finish",
    "mark": "marks of damage in packs that are gone",
    "attempt folder": "folders of attempts that are over",
    "copy of a file": "copies of files that are not recorded any more",
    "lock": "locks and marks of runs that are gone",
}


def garbage_lines(found: Collection, *, dry_run: bool) -> Iterator[str]:
    """Write what goes, and what stays."""
    kinds: dict[str, tuple[int, int]] = {}
    for piece in found.pieces:
        count, total = kinds.get(piece.kind, (0, 0))
        kinds[piece.kind] = count + 1, total + piece.size
    rows = [
        (amount(count), size(total), words)
        for kind, words in _WORDS.items()
        for count, total in [kinds.get(kind, (0, 0))]
        if count
    ]
    yield from table(("", "size", "what"), rows, right=(0, 1)) if rows else ()
    verb = "would be removed" if dry_run else "removed"
    yield f"{verb}: {size(found.size)}" if rows else "nothing to remove"
    yield f"artifacts that stay: {size(found.kept)}"
    idle = found.kept - found.referred - found.leased_size
    if idle > 0:
        yield f"  {size(idle)} of it is garbage in packs that are partly in use; a pack goes as a whole"
    if found.leased:
        files = counted(found.leased, "file")
        yield f"  {size(found.leased_size)} of it in {files} that a run in progress may still record"


def garbage_document(found: Collection, *, dry_run: bool) -> dict[str, object]:
    """Describe the same for programs."""
    return {
        "dry_run": dry_run,
        "size": found.size,
        "kept": found.kept,
        "referred": found.referred,
        "leased": found.leased,
        "waiting": found.waiting,
        "pieces": [{"kind": piece.kind, "path": str(piece.path), "size": piece.size} for piece in found.pieces],
    }
