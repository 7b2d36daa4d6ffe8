"""What a run leaves behind: the journal (what happened) and the artifacts (what came out).

Each name is imported on first use: a worker process needs the artifacts only, and is not to wait for SQLite.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than all the rest of this module
if TYPE_CHECKING:
    from hookline.store.artifact_writer import ArtifactWriter
    from hookline.store.artifacts import Artifacts
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

_HOMES = {
    "ArtifactWriter": "hookline.store.artifact_writer",
    "Artifacts": "hookline.store.artifacts",
    "AttemptRow": "hookline.store.rows",
    "Commit": "hookline.store.rows",
    "Decision": "hookline.store.rows",
    "Failure": "hookline.store.rows",
    "Flight": "hookline.store.flight",
    "Group": "hookline.store.rows",
    "Hit": "hookline.store.rows",
    "INLINE_LIMIT": "hookline.store.outputs",
    "Location": "hookline.store.rows",
    "Log": "hookline.store.rows",
    "NewRun": "hookline.store.rows",
    "NodeRow": "hookline.store.rows",
    "Note": "hookline.store.rows",
    "PACK_LIMIT": "hookline.store.outputs",
    "RunRow": "hookline.store.rows",
    "RunWriter": "hookline.store.protocol",
    "Slot": "hookline.store.flight",
    "SqliteStore": "hookline.store.journal",
    "Store": "hookline.store.protocol",
    "Stored": "hookline.store.outputs",
    "WHOLE_RUN": "hookline.store.rows",
    "open_store": "hookline.store.journal",
    "pack_one": "hookline.store.outputs",
    "pack_outputs": "hookline.store.outputs",
    "unpack_outputs": "hookline.store.outputs",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hookline.store' has no attribute '{name}'")
    import importlib

    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
