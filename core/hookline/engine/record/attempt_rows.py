"""Attempts as rows of the journal: how they ended, why they failed, what they printed and noted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hookline.model.batch import Outcome
from hookline.model.states import Kind
from hookline.store.outputs import pack_one
from hookline.store.rows import Failure, Group, Log, Note
from hookline.values.digest import digest_bytes

__all__ = ["add_attempts", "mark_retried"]

_KINDS = list(range(max(Kind) + 1))
_ONCE = [*_KINDS]
_ONCE[Kind.COMPLETED], _ONCE[Kind.GREW] = Kind.COMPLETED_ONCE, Kind.GREW_ONCE
"""The kinds of results that are not to be reused."""


def add_attempts(
    group: Group,
    node: int,
    outcomes: Sequence[Outcome],
    keys: Sequence[bytes | None],
    number: int,
    worker: int,
    *,
    once: bool,
) -> None:
    """Add attempts of one task to what is committed next.

    Args:
        group: Takes the rows.
        node: The number under which the task is recorded.
        outcomes: How the attempts ended.
        keys: Their keys.
        number: Their number.
        worker: Who made them.
        once: Whether their results are not to be reused.
    """
    kinds = _ONCE if once else _KINDS
    if len(outcomes) == 1:
        item, kind, outputs, began, took, failure, notes, output, _ = outcomes[0]
        group.attempts.append((node, item, number, kinds[kind], keys[0], outputs, began, took, worker))
        if failure is not None or output is not None or notes:
            _add_details(group, node, outcomes[0], number)
        return
    group.attempts.extend(
        [
            (node, item, number, kinds[kind], key, outputs, began, took, worker)
            for (item, kind, outputs, began, took, *_), key in zip(outcomes, keys, strict=True)
        ]
    )
    for outcome in outcomes:
        if outcome.failure is not None or outcome.output is not None or outcome.notes:
            _add_details(group, node, outcome, number)


def mark_retried(group: Group, delays: Mapping[tuple[int, int, int], float]) -> None:
    """Say in the rows of failures that another attempt follows.

    Args:
        group: Has the rows.
        delays: By (node, item, attempt), seconds until the next attempt.
    """
    for at, row in enumerate(group.failures):
        delay = delays.get(row[:3])
        if delay is not None:
            extra = json.loads(row.extra or "{}") | {"retry": delay}
            group.failures[at] = row._replace(extra=json.dumps(extra))


def _add_details(group: Group, node: int, outcome: Outcome, number: int) -> None:
    if outcome.failure is not None:
        kind, message, traceback, frame, retryable = outcome.failure
        extra = json.dumps({"frame": frame}) if frame else None
        group.failures.append(Failure(node, outcome.item, number, kind, message, traceback, None, retryable, extra))
    if outcome.output is not None:
        text = outcome.output.text
        blob = pack_one(digest_bytes(text), text)
        group.logs.append(Log(node, outcome.item, number, blob, len(text), outcome.output.dropped))
    if outcome.notes:
        group.notes.extend(_note_rows(node, outcome, number))


def _note_rows(node: int, outcome: Outcome, number: int) -> list[Note]:
    ended = outcome.started_us + outcome.duration_us
    rows = []
    for position, note in enumerate(outcome.notes):
        artifact = note.kind == "artifact"
        value = None if artifact else json.dumps(note.value) if note.kind == "metric" else note.value
        outputs = note.value if artifact else None
        rows.append(Note(node, outcome.item, number, position, note.kind, note.name, value, note.step, outputs, ended))
    return rows
