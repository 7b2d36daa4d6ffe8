"""Verifying a store: every artifact that something refers to is read and compared with its digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import ArtifactError, StoreError
from hookline.store.artifacts import Artifacts
from hookline.store.catalogue import Artifact, role_of
from hookline.store.outputs import Stored
from hookline.store.references import inside, references

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["Damage", "Verified", "verify"]

_Key = tuple[bytes, bytes, int]
Tell = Callable[[int, int, int], object]


@dataclass
class Damage:
    """One artifact that is not what was put.

    Attributes:
        artifact: The artifact, with what refers to it.
        what: What is wrong with it.
    """

    artifact: Artifact
    what: str


@dataclass
class Verified:
    """What was read.

    Attributes:
        count: How many artifacts.
        size: How many bytes.
        damaged: Those that are not what was put.
    """

    count: int = 0
    size: int = 0
    damaged: list[Damage] = field(default_factory=list)


def verify(store: SqliteStore, tell: Tell = lambda *_: None) -> Verified:
    """Read every artifact, and set aside what is damaged, so that the next run makes it again.

    Args:
        store: The store.
        tell: Called with how many artifacts are read, of how many, and their bytes so far.

    Returns:
        What was read, and what of it is damaged.
    """
    items: dict[_Key, Stored] = {}
    for _, slots in references(store):
        for item in inside(slots):
            if item.place:
                items.setdefault(_key(item), item)
    # What this process knows to be sound from before is read, too.
    artifacts = Artifacts(store.artifacts.root)
    found = Verified()
    damaged: dict[_Key, Damage] = {}
    # In the order in which they lie on disk.
    for key, item in sorted(items.items()):
        tell(found.count, len(items), found.size)
        what = _fault(artifacts, item)
        if what:
            damaged[key] = Damage(Artifact(item, "value"), what)
        found.count += 1
        found.size += item.size
    tell(found.count, len(items), found.size)
    if damaged:
        _name_owners(store, damaged)
    # What nothing refers to any more was deleted in the meantime.
    found.damaged = [damage for damage in damaged.values() if damage.artifact.owners]
    return found


def _fault(artifacts: Artifacts, item: Stored) -> str:
    try:
        artifacts.read(item)
    except ArtifactError as error:
        return error.message
    except StoreError as error:
        artifacts.set_aside(item)
        return error.message
    return ""


def _name_owners(store: SqliteStore, damaged: dict[_Key, Damage]) -> None:
    for owner, slots in references(store):
        for item in inside(slots):
            damage = damaged.get(_key(item))
            if damage is not None and owner not in damage.artifact.owners:
                damage.artifact.owners.append(owner)
                damage.artifact.what = role_of(owner, item, top=any(item is slot for slot in slots))


def _key(item: Stored) -> _Key:
    return item.place, item.digest, item.size
