"""Artifacts as lists show them, and the names of what refers to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hookline.cli.quantities import size
from hookline.cli.stores import journal_of
from hookline.cli.tasks import task_id
from hookline.cli.wording import clipped, hint, one_line, table
from hookline.engine.past.history import split_task_id
from hookline.errors import UsageError, close_match
from hookline.store.catalogue import Artifact, all_artifacts, artifacts_of_run, find_artifacts
from hookline.store.ids import item_id, task_ids

if TYPE_CHECKING:
    from hookline.cli.working import Working
    from hookline.store.protocol import Store
    from hookline.store.references import Owner
    from hookline.store.verify import Damage

__all__ = ["Names", "artifact_document", "artifact_table", "damage_lines", "listed_artifacts", "one_artifact"]

SHOWN_DIGITS = 12
_SHOWN_OWNERS = 3
_DIGEST = re.compile(r"[0-9a-f]{1,64}\Z")


class Names:
    """Words for what refers to artifacts.

    Args:
        store: Where runs and tasks are looked up.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, str | None] = {}
        self._tasks: dict[int, tuple[dict[int, str], set[int]]] = {}

    def run(self, number: int) -> str | None:
        """Give the id of a run; None for one that was deleted."""
        if number not in self._runs:
            self._runs[number] = self._store.id_of(number)
        return self._runs[number]

    def task(self, owner: Owner) -> str:
        """Give the id of the task, or other words where it is none."""
        if owner.kind == "record":
            return f"record {owner.name}"
        if owner.kind == "parameter":
            return f"parameter {owner.name}"
        ids, mapped = self._of_run(owner.run)
        name = item_id(ids.get(owner.node, "?"), owner.item, owner.node in mapped)
        return f"{name} ({owner.name})" if owner.name else name

    def __call__(self, owner: Owner) -> str:
        """Name task and run: ``train[3] in RUN``."""
        if owner.kind == "record":
            return self.task(owner)
        run = self.run(owner.run)
        return "a task of a deleted run" if run is None else f"{self.task(owner)} in {run}"

    def document(self, owner: Owner) -> dict[str, object]:
        """Describe it for programs."""
        return {"run": self.run(owner.run), "task": self.task(owner), "kind": owner.kind}

    def _of_run(self, number: int) -> tuple[dict[int, str], set[int]]:
        if number not in self._tasks:
            nodes = self._store.nodes(number)
            self._tasks[number] = task_ids(nodes), {node.node for node in nodes if node.shape}
        return self._tasks[number]


def listed_artifacts(store: Store, run: str | None, task: str | None, working: Working) -> tuple[list[Artifact], Names]:
    """Find the artifacts of a store, of a run, or of a task.

    Raises:
        UsageError: There is no such run or task.
    """
    names = Names(store)
    if run is None:
        return all_artifacts(
            journal_of(store, "hookline artifacts list"), lambda rows: working(f"read {rows:,} rows")
        ), names
    row = store.run(run)
    if task is None:
        return artifacts_of_run(store, row.run), names
    node, item = find_task(store, row.run, task)
    return artifacts_of_run(store, row.run, node, item), names


def find_task(store: Store, run: int, written: str) -> tuple[int, int | None]:
    """Find a task of a run, or an item of one.

    Raises:
        UsageError: There is none.
    """
    nodes = store.nodes(run)
    numbers = {name: number for number, name in task_ids(nodes).items()}
    wanted = task_id(written)
    if wanted in numbers:
        return numbers[wanted], None
    name, item = split_task_id(wanted)
    node = next((node for node in nodes if node.node == numbers.get(name)), None)
    if node is None or item is None or not node.shape or (node.length is not None and item >= node.length):
        near = close_match(wanted, numbers)
        raise UsageError(
            f"run {store.id_of(run)} has no task '{wanted}'{';' + near if near else ''}",
            help=f"list its tasks: {hint('runs', 'show', store.id_of(run) or 'RUN')}",
        )
    return node.node, item


def one_artifact(store: Store, digest: str, working: Working, command: str) -> Artifact:
    """Find the one artifact whose digest begins so.

    Args:
        store: The store.
        digest: The beginning of the digest.
        working: Tells how far the search is.
        command: The command that asks, which a store of another kind than hookline's own does not offer.

    Raises:
        UsageError: There is none, or several.
    """
    wanted = digest.lower().removeprefix("blake3:")
    if not _DIGEST.match(wanted):
        raise UsageError(
            f"'{digest}' is no digest", help="give up to 64 hexadecimal digits, as `hookline artifacts list` shows them"
        )
    found = find_artifacts(journal_of(store, command), wanted, lambda rows: working(f"read {rows:,} rows"))
    if not found:
        raise UsageError(
            f"there is no artifact '{digest}' in '{store.path}'", help=f"list them: {hint('artifacts', 'list')}"
        )
    if len(found) > 1:
        several = ", ".join(artifact.stored.digest.hex()[:16] for artifact in found[:5])
        raise UsageError(f"artifact '{digest}' could be any of {several}", help="give more of the digest")
    return found[0]


def artifact_table(found: Sequence[Artifact], names: Names) -> list[str]:
    """Lay artifacts out as a table."""
    if not found:
        return []
    rows = [
        (
            artifact.stored.digest.hex()[:SHOWN_DIGITS],
            size(artifact.stored.size),
            artifact.what,
            artifact.place,
            clipped(one_line(_owners(artifact.owners, names)), 160),
        )
        for artifact in found
    ]
    return table(("digest", "size", "what", "place", "of"), rows, right=(1,))


def artifact_document(artifact: Artifact, names: Names) -> dict[str, object]:
    """Describe an artifact for programs."""
    return {
        "digest": artifact.stored.digest.hex(),
        "size": artifact.stored.size,
        "what": artifact.what,
        "place": artifact.place,
        "owners": [names.document(owner) for owner in artifact.owners],
    }


def damage_lines(found: Sequence[Damage], names: Names) -> Iterator[str]:
    """Write what is damaged, and who made it."""
    for damage in found:
        artifact = damage.artifact
        yield f"{artifact.stored.digest.hex()[:SHOWN_DIGITS]}  {size(artifact.stored.size)}  {one_line(damage.what)}"
        yield f"  of {one_line(_owners(artifact.owners, names))}"


def _owners(owners: Sequence[Owner], names: Names) -> str:
    shown = dict.fromkeys(names(owner) for owner in owners[:_SHOWN_OWNERS])
    more = f" and {len(owners) - _SHOWN_OWNERS} more" if len(owners) > _SHOWN_OWNERS else ""
    return ", ".join(shown) + more
