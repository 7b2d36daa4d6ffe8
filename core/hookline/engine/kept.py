"""Artifacts that attempts kept beside their values; of what was reused, those of the attempts that made it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hookline.model.states import Kind, Verdict
from hookline.store.protocol import Store
from hookline.store.rows import AttemptRow, Decision

if TYPE_CHECKING:
    from hookline.ml import ArtifactRef

__all__ = ["Kept", "kept_artifacts"]

Kept = dict[str, "ArtifactRef"]
"""What one attempt kept, by name."""

_Attempts = Mapping[int, AttemptRow]


def kept_artifacts(store: Store, run: str | int, node: int | None = None) -> dict[tuple[int, int], Kept]:
    """Give what was kept for the items of a run's tasks; those without any artifact are left out.

    Args:
        store: The store.
        run: The run.
        node: One task of it; None for all.

    Returns:
        By task and item, in this order.
    """
    by_attempt = _noted(store, run, node)
    last = {number: _last(store, run, number) for number in {key[0] for key in by_attempt}}
    found = {
        (number, item): kept
        for (number, item, attempt), kept in by_attempt.items()
        if item in last[number] and last[number][item].attempt == attempt
    }
    sources = _Sources(store)
    for decision in sorted(store.decisions(run, node), key=lambda row: row.epoch):
        if decision.verdict is Verdict.REUSE and decision.source_run is not None:
            if decision.node not in last:
                last[decision.node] = _last(store, run, decision.node)
            _take_over(found, decision, last[decision.node], sources.of(decision))
    return dict(sorted(found.items()))


def _take_over(
    found: dict[tuple[int, int], Kept], decision: Decision, own: _Attempts, source: Mapping[int, Kept]
) -> None:
    """Put what the source kept in the place of what older attempts of the run itself did; newer ones stay."""
    low, high = decision.low, decision.high
    for key in [key for key in found if key[0] == decision.node and low <= key[1] < high]:
        if key[1] not in own or own[key[1]].epoch < decision.epoch:
            del found[key]
    for item, kept in source.items():
        at = item - (decision.source_low or 0) + low
        if low <= at < high and (at not in own or own[at].epoch < decision.epoch):
            found[decision.node, at] = kept


class _Sources:
    """Tells what the attempts kept that tasks were reused from; of each task there it is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = functools.cache(self._of_task)

    def of(self, decision: Decision) -> dict[int, Kept]:
        """Give it by item; nothing of a run that was deleted."""
        if decision.source_run is None or decision.source_node is None:
            return {}
        noted, made = self._read(decision.source_run, decision.source_node)
        attempt = json.loads(decision.detail or "{}").get("attempt")
        return {
            item: kept
            for (_, item, number), kept in noted.items()
            if number == (attempt or (made[item].attempt if item in made else None))
        }

    def _of_task(self, run: int, node: int) -> tuple[dict[tuple[int, int, int], Kept], _Attempts]:
        noted = _noted(self._store, run, node) if self._store.id_of(run) is not None else {}
        return noted, _last(self._store, run, node, succeeded=True) if noted else {}


def _noted(store: Store, run: str | int, node: int | None) -> dict[tuple[int, int, int], Kept]:
    """Give what attempts kept, by task, item and attempt."""
    # Only those who ask load what references are made of.
    from hookline.model.artifact import ref_of
    from hookline.model.stored import unpack_outputs

    found: dict[tuple[int, int, int], Kept] = {}
    for note in store.notes(run, node):
        if note.kind == "artifact" and note.outputs is not None:
            kept = found.setdefault((note.node, note.item, note.attempt), {})
            kept[note.name] = ref_of(unpack_outputs(note.outputs)[0], note.name)
    return found


def _last(store: Store, run: str | int, node: int, *, succeeded: bool = False) -> dict[int, AttemptRow]:
    """Give each item's last attempt, or its last success."""
    return {row.item: row for row in store.attempts(run, node) if not succeeded or Kind(row.kind).succeeded}
