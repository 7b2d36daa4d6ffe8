"""The artifacts of a store, each once, with what refers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.store.outputs import Stored, unpack_outputs
from hookline.store.packs import OWN_FILE
from hookline.store.references import Owner, inside, parameters_of, references

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore
    from hookline.store.protocol import Store
    from hookline.store.rows import Log, Note

__all__ = ["Artifact", "all_artifacts", "artifacts_of_run", "find_artifacts", "role_of"]

_PAGE = 2000  # items
_ROLES = {"log": "output", "parameter": "parameter"}

Tell = Callable[[int], object]
Rows = Iterator[tuple[Owner, tuple[Stored, ...]]]


@dataclass
class Artifact:
    """A stored value, file or folder.

    Attributes:
        stored: Where it is.
        what: ``value``, ``parameter``, ``output`` (what an attempt printed), ``file`` or ``folder``.
        owners: What refers to it.
    """

    stored: Stored
    what: str
    owners: list[Owner] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where it is kept: ``journal``, ``pack`` or ``file``."""
        if not self.stored.place:
            return "journal"
        return "file" if self.stored.place == OWN_FILE else "pack"


def all_artifacts(store: SqliteStore, tell: Tell = lambda _: None) -> list[Artifact]:
    """List what does not stand in the journal itself, the largest first."""
    found = _gathered(references(store), lambda item: bool(item.place), tell)
    return sorted(found, key=lambda artifact: (-artifact.stored.size, artifact.stored.digest))


def artifacts_of_run(store: Store, run: int, node: int | None = None, item: int | None = None) -> list[Artifact]:
    """List what a run made or reused, by task.

    Args:
        store: The store.
        run: The row number of the run.
        node: One task of it; None for all.
        item: One item of this task; None for all.
    """
    return _gathered(_of_run(store, run, node, item))


def find_artifacts(store: SqliteStore, prefix: str, tell: Tell = lambda _: None) -> list[Artifact]:
    """Find artifacts by the beginning of their digest, in hexadecimal."""
    return _gathered(references(store, small=True), lambda item: item.digest.hex().startswith(prefix), tell)


def role_of(owner: Owner, item: Stored, *, top: bool) -> str:
    """Word what an artifact is.

    Args:
        owner: What refers to it.
        item: The artifact.
        top: Whether it is a value, rather than something that a value refers to.
    """
    if top:
        return _ROLES.get(owner.kind, "value")
    if item.data is not None and item.data.startswith(b"kept\0"):
        return "value with a digest of its own"
    return "folder" if item.files else "file"


def _of_run(store: Store, run: int, node: int | None, item: int | None) -> Rows:
    for row in store.nodes(run):
        if node is None or row.node == node:
            low, high = (0, (row.length or 0) if row.shape else 1) if item is None else (item, item + 1)
            for first in range(low, high, _PAGE):
                for number, blob in enumerate(store.outputs(run, row.node, first, min(first + _PAGE, high)), first):
                    if blob is not None:
                        yield Owner("attempt", run, row.node, number), unpack_outputs(blob)
    said: list[tuple[str, Note | Log, str, bytes]] = [
        *(("note", note, note.name, note.outputs) for note in store.notes(run, node) if note.outputs is not None),
        *(("log", log, "", log.outputs) for log in store.logs(run, node)),
    ]
    for kind, told, name, blob in said:
        if item in (None, told.item):
            yield Owner(kind, run, told.node, told.item, told.attempt, name), unpack_outputs(blob)
    if node is None:
        yield from parameters_of(run, store.run(run).extra, store.path)


def _gathered(
    rows: Iterable[tuple[Owner, tuple[Stored, ...]]],
    wanted: Callable[[Stored], bool] = lambda _: True,
    tell: Tell = lambda _: None,
) -> list[Artifact]:
    found: dict[bytes, Artifact] = {}
    for count, (owner, slots) in enumerate(rows):
        if count % 1000 == 0:
            tell(count)
        tops = {id(slot) for slot in slots}
        for item in inside(slots):
            if not wanted(item):
                continue
            artifact = found.get(item.digest)
            if artifact is None:
                artifact = found[item.digest] = Artifact(item, role_of(owner, item, top=id(item) in tops))
            if owner not in artifact.owners:
                artifact.owners.append(owner)
    return list(found.values())
