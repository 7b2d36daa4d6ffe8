"""One artifact as ``hookline artifacts show`` tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hookline.cli.artifact_rows import Names, artifact_document
from hookline.cli.quantities import size
from hookline.cli.wording import amount, counted, hint, one_line
from hookline.errors import StoreError
from hookline.store.ids import task_ids
from hookline.store.outputs import Stored
from hookline.store.packs import pack_path, read_place

if TYPE_CHECKING:
    from hookline.store.catalogue import Artifact
    from hookline.store.journal import SqliteStore
    from hookline.store.references import Owner

__all__ = ["artifact_page", "page_document"]

_SHOWN = 20


def artifact_page(artifact: Artifact, store: SqliteStore, names: Names) -> Iterator[str]:
    """Write what there is to know of an artifact."""
    stored = artifact.stored
    files = f" with {counted(len(stored.files), 'file')}" if stored.files else ""
    yield f"artifact {stored.digest.hex()}"
    facts = [
        ("what", artifact.what + files),
        ("size", f"{size(stored.size)} ({amount(stored.size)} bytes)"),
        ("place", _place(stored, store)),
        ("state", _fault(stored, store) or "whole"),
    ]
    yield from (f"  {name.ljust(10)}  {text}" for name, text in facts)
    yield from _several("made by", [names(owner) for owner in artifact.owners])
    yield from _several("used by", [f"{task} in {run}" for run, task in _consumers(artifact, store, names)])
    yield from _several("reused by", [f"{task} in {run}" for run, task in _reused(artifact, store, names)])
    yield ""
    yield f"write it out: {hint('artifacts', 'get', stored.digest.hex()[:16], '-o', 'PATH')}"


def page_document(artifact: Artifact, store: SqliteStore, names: Names) -> dict[str, object]:
    """Describe the same for programs."""
    fault = _fault(artifact.stored, store)
    return {
        **artifact_document(artifact, names),
        "path": _place(artifact.stored, store),
        "state": "damaged" if fault else "whole",
        "wrong": fault,
        "files": len(artifact.stored.files),
        "used_by": [{"run": run, "task": task} for run, task in _consumers(artifact, store, names)],
        "reused_by": [{"run": run, "task": task} for run, task in _reused(artifact, store, names)],
    }


def _place(stored: Stored, store: SqliteStore) -> str:
    if not stored.place:
        return "the journal"
    packed = read_place(stored.place)
    if packed is None:
        return str(store.artifacts.path_of(stored.digest))
    return f"{pack_path(store.artifacts.root / 'packs', packed[0])} at {packed[1]}"


def _fault(stored: Stored, store: SqliteStore) -> str:
    """Tell what is wrong with an artifact; as with all who read it, damage sets it aside."""
    try:
        store.artifacts.read(stored)
    except StoreError as error:
        return error.message
    return ""


def _several(title: str, texts: list[str]) -> Iterator[str]:
    for index, text in enumerate(texts[:_SHOWN]):
        yield f"  {(title if not index else '').ljust(10)}  {one_line(text)}"
    if len(texts) > _SHOWN:
        yield f"  {''.ljust(10)}  … and {amount(len(texts) - _SHOWN)} more"


def _consumers(artifact: Artifact, store: SqliteStore, names: Names) -> list[tuple[str, str]]:
    """Name the tasks of the same runs that take what made the artifact as an argument."""
    found = []
    for number, owners in _by_run(artifact, names).items():
        nodes = store.nodes(number)
        ids = task_ids(nodes)
        makers = {ids.get(owner.node) for owner in owners}
        for node in nodes:
            bindings = json.loads(node.bindings) if node.bindings else {}
            sources = {
                task for bound in bindings.values() if isinstance(bound, dict) for task in bound.get("tasks", ())
            }
            if sources & makers:
                found.append((names.run(number) or "", ids[node.node]))
    return found


def _reused(artifact: Artifact, store: SqliteStore, names: Names) -> list[tuple[str, str]]:
    found = []
    for owner in (owner for owner in artifact.owners if owner.kind == "attempt"):
        with store.reading() as connection:
            rows = connection.execute(
                "SELECT run, node, low + ? - source_low FROM decisions WHERE source_run = ? AND source_node = ?"
                " AND source_low <= ? AND source_low + high - low > ? ORDER BY run, node",
                (owner.item, owner.run, owner.node, owner.item, owner.item),
            ).fetchall()
        for run, node, item in rows:
            if (name := names.run(run)) is not None:
                found.append((name, names.task(owner._replace(run=run, node=node, item=item))))
    return found


def _by_run(artifact: Artifact, names: Names) -> dict[int, list[Owner]]:
    found: dict[int, list[Owner]] = {}
    for owner in artifact.owners:
        if owner.kind in ("attempt", "grown") and names.run(owner.run) is not None:
            found.setdefault(owner.run, []).append(owner)
    return found
