"""What a run leaves behind: the journal (what happened) and the artifacts (what came out)."""

from __future__ import annotations

from hookline.store.artifacts import Artifacts, ArtifactWriter
from hookline.store.flight import Flight, Slot
from hookline.store.journal import SqliteStore, open_store
from hookline.store.outputs import INLINE_LIMIT, PACK_LIMIT, Stored, pack_one, pack_outputs, unpack_outputs
from hookline.store.protocol import RunWriter, Store
from hookline.store.rows import (
    WHOLE_RUN,
    AttemptRow,
    Commit,
    Decision,
    Failure,
    Group,
    Hit,
    Location,
    Log,
    NewRun,
    NodeRow,
    Note,
    RunRow,
)

__all__ = [
    "INLINE_LIMIT",
    "PACK_LIMIT",
    "WHOLE_RUN",
    "ArtifactWriter",
    "Artifacts",
    "AttemptRow",
    "Commit",
    "Decision",
    "Failure",
    "Flight",
    "Group",
    "Hit",
    "Location",
    "Log",
    "NewRun",
    "NodeRow",
    "Note",
    "RunRow",
    "RunWriter",
    "Slot",
    "SqliteStore",
    "Store",
    "Stored",
    "open_store",
    "pack_one",
    "pack_outputs",
    "unpack_outputs",
]
