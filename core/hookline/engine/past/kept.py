"""Artifacts that attempts kept beside their values; of what was reused, those of the attempts that made it."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
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
    found: dict[int, dict[int, Kept]] = {}
    last: dict[int, _Attempts] = {}
    for (number, item, attempt), kept in _noted(store, run, node).items():
        if number not in last:
            last[number] = _last(store, run, number)
        if item in last[number] and last[number][item].attempt == attempt:
            found.setdefault(number, {})[item] = kept
    sources = _Sources(store)
    for decision in sorted(store.decisions(run, node), key=lambda row: row.epoch):
        source = sources.of(decision) if decision.verdict is Verdict.REUSE else {}
        if source and decision.node not in last:
            last[decision.node] = _last(store, run, decision.node)
        if decision.verdict is Verdict.REUSE and decision.node in last:
            _take_over(found.setdefault(decision.node, {}), decision, last[decision.node], source)
    return {(number, item): found[number][item] for number in sorted(found) for item in sorted(found[number])}


def _take_over(found: dict[int, Kept], decision: Decision, own: _Attempts, source: Mapping[int, Kept]) -> None:
    """Put what the source kept in the place of what older attempts of the run itself did; newer ones stay."""

    def is_newer(item: int) -> bool:
        return item in own and own[item].epoch >= decision.epoch

    low, high, there = decision.low, decision.high, decision.source_low or 0
    for item in _within(found, low, high):
        if not is_newer(item):
            del found[item]
    for item in _within(source, there, there + high - low):
        at = item - there + low
        if not is_newer(at):
            found[at] = source[item]


def _within(items: Collection[int], low: int, high: int) -> list[int]:
    """Give those of the items that are in a range, by looking at the fewer of the two."""
    if high - low < len(items):
        return [item for item in range(low, high) if item in items]
    return [item for item in items if low <= item < high]


class _Sources:
    """Tells what the attempts kept that tasks were reused from; of each task there it is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_task = functools.cache(self._read)
        self._of_attempts = functools.cache(self._made)

    def of(self, decision: Decision) -> Mapping[int, Kept]:
        """Give it by item; nothing of a run that was deleted."""
        if decision.source_run is None or decision.source_node is None:
            return {}
        attempt = json.loads(decision.detail or "{}").get("attempt")
        return self._of_attempts(decision.source_run, decision.source_node, attempt)

    def _made(self, run: int, node: int, attempt: int | None) -> dict[int, Kept]:
        """Give what attempts of this number kept; without one, what each item's last success did."""
        noted, made = self._of_task(run, node)
        return {
            item: kept
            for (_, item, number), kept in noted.items()
            if number == (attempt or (made[item].attempt if item in made else None))
        }

    def _read(self, run: int, node: int) -> tuple[dict[tuple[int, int, int], Kept], _Attempts]:
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
