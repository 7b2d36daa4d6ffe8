"""Goes on from one call of a stretch to the next, for as long as nobody has to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from blake3 import blake3

from hookline.model.attempt import attempt_in_force
from hookline.model.batch import Batch, Outcome
from hookline.model.recording import in_attempt
from hookline.model.states import Kind
from hookline.model.stretch import Link
from hookline.store.outputs import ONE_INLINE, unpack_outputs
from hookline.worker.attempts import Attempts, prepare
from hookline.worker.services import WorkerServices

__all__ = ["follow", "inputs_after", "key_after"]

_ONE = (0,)


def inputs_after(link: Link, outputs: bytes) -> tuple[Any, ...]:
    """Give what fills the holes of a link's call.

    Args:
        link: The link.
        outputs: The packed outputs of the call before.
    """
    row = list(link.inputs)
    for gap in link.gaps:
        row[gap] = outputs
    return tuple(row)


def key_after(link: Link, outputs: bytes) -> bytes:
    """Give the key of a link's call; see :func:`inputs_after`."""
    if outputs[0] == ONE_INLINE:
        digest = outputs[1:33]
        return blake3(b"".join([digest if type(part) is int else part for part in link.parts])).digest()  # type: ignore[misc]
    slots = unpack_outputs(outputs)
    return blake3(b"".join([slots[part].digest if isinstance(part, int) else part for part in link.parts])).digest()


def follow(batch: Batch, outcome: Outcome, services: WorkerServices) -> Iterator[Outcome]:
    """Make the calls that follow on a batch's item.

    Args:
        batch: The batch.
        outcome: How its item's attempt ended.
        services: What this worker has.

    Yields:
        How their attempts ended, until one has no value, or has a key that is taken, or can't be begun here: whoever
        gave the batch out decides about it then.

    Raises:
        KeyboardInterrupt: The user interrupted the last attempt that was given.
    """
    taken, shared = batch.taken, services.shared
    assert taken is not None
    one = Batch(batch.number, batch.work, _ONE, 1, (), ())
    attempts: Attempts | None = None
    for link in batch.links:
        outputs = outcome.outputs
        if outcome.kind != Kind.COMPLETED or outputs is None or services.is_cancelled(batch.number):
            return
        key = key_after(link, outputs)
        if key in taken:
            return
        taken.add(key)
        if attempts is None or link.work is not one.work:
            one.work = link.work
            try:
                prepared = prepare(link.work, shared)
            except Exception:  # noqa: BLE001 - an import of the user's may raise anything: a batch of its own says so
                return
            attempts = shared.attempts(one, prepared, services)
            # Whoever makes the batch sets these back.
            in_attempt.set(attempts.record)
            attempt_in_force.set(attempts.current)
        one.inputs, one.keys = (inputs_after(link, outputs),), (key,)
        outcome = attempts.make(0, key)
        yield outcome
        if attempts.interrupted:
            raise KeyboardInterrupt
