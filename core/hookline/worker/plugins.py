"""What plugins do in a worker: for as long as it lives, and around each attempt."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from hookline.hooks.implementation import HOOK_TIME, PLUGIN_ERROR, Implementation, failed
from hookline.hooks.in_worker import worker_plugins
from hookline.model.attempt import Note
from hookline.model.attempt_facts import AttemptFacts, Outcome, WorkerFacts
from hookline.model.batch import Failure, RunFacts
from hookline.model.masking import mask
from hookline.model.states import Kind
from hookline.model.work import Argument, Hole, StoredArgument
from hookline.store.outputs import unpack_outputs
from hookline.values.digest import digest_bytes, digest_tree
from hookline.worker.attempts import Attempts

__all__ = ["HookedAttempts", "WorkerLife", "WorkerPlugins", "attempts_class"]

_log = logging.getLogger("hookline.plugins")
_MOST_METADATA = 1_000_000
"""How many characters of JSON one entry of metadata may have: it is part of the journal, and read with it."""

_Entered = list[tuple[Implementation, Generator[None, Any, None], dict[str, Any]]]


class WorkerPlugins:
    """The plugins of one process that makes attempts.

    Args:
        run: What the engine says about the run.

    Attributes:
        set: The plugins.
        around: What they do around each attempt.

    Raises:
        PluginError: A plugin can't be had here.
    """

    def __init__(self, run: RunFacts) -> None:
        self._run = run
        self.set = plugins = worker_plugins(run.plugins)
        self.around = plugins.implementations("around_attempt")
        self._started = plugins.implementations("worker_started")

    def all(self) -> tuple[Implementation, ...]:
        """Give all implementations of hooks that are called in workers."""
        return self._started + self.around

    def begin(self, number: int) -> WorkerLife:
        """Let plugins set up a worker.

        Raises:
            PluginError: One raised something, or yields not at all; names it.
        """
        run = self._run
        facts = WorkerFacts(run.run_id, run.executor, number, run.root, run.store)
        life = WorkerLife()
        for implementation in self._started:
            try:
                generator = implementation.call(worker=facts)
                implementation.proceed(generator)
            except BaseException as error:  # KeyboardInterrupt too, which would end the thread and hang the run
                life.end()
                raise failed(implementation, error) from error
            life.entered.append((implementation, generator, {}))
        return life


class WorkerLife:
    """What plugins set up for one worker."""

    def __init__(self) -> None:
        self.entered: _Entered = []

    def end(self) -> None:
        """Let them tear it down, in reverse; what goes wrong is reported."""
        while self.entered:
            implementation, generator, _ = self.entered.pop()
            try:
                implementation.proceed(generator, None)
            except BaseException as error:  # noqa: BLE001 - a plugin's fault is its own
                _log.warning("%s", failed(implementation, error).message)


class HookedAttempts(Attempts):
    """Attempts with plugins around them."""

    plugins: WorkerPlugins

    def call(self) -> Any:
        """Let plugins enter, then call the step's function; a plugin that raises fails the attempt."""
        self._entered: _Entered = []
        facts = self._facts()
        for implementation in self.plugins.around:
            metadata: dict[str, Any] = {}
            seen = AttemptFacts(*facts, metadata, self._input_digests)
            try:
                generator = implementation.call(attempt=seen)
                implementation.proceed(generator)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise failed(implementation, error) from error
            self._entered.append((implementation, generator, metadata))
        return super().call()

    def finish(self, kind: int, outputs: bytes | None, failure: Failure | None, duration_us: int) -> tuple[Note, ...]:
        """Let plugins leave, in reverse, with the outcome; then as :meth:`Attempts.finish`."""
        outcome = _outcome(kind, outputs, failure, duration_us)
        notes: list[Note] = []
        entered = getattr(self, "_entered", [])
        while entered:
            implementation, generator, metadata = entered.pop()
            try:
                implementation.proceed(generator, outcome)
            except BaseException as error:  # noqa: BLE001 - a plugin's fault is its own; the outcome stands
                self.interrupted |= isinstance(error, KeyboardInterrupt)
                notes.append(_told(implementation, error))
            notes += _metadata(implementation, metadata)
        if self._position == len(self._batch.items) - 1:
            notes += [Note(HOOK_TIME, *taken) for each in self.plugins.all() if (taken := each.take_time()) is not None]
        return (*super().finish(kind, outputs, failure, duration_us), *notes)

    def _facts(self) -> tuple[str, str, str, int, str, int]:
        batch, services = self._batch, self._services
        run = services.run
        return run.run_id, self._task_id(), batch.work.step, batch.attempt, run.executor, services.worker

    def _input_digests(self) -> Mapping[str, str]:
        inputs = self._batch.inputs[self._position]
        return {name: _digest(argument, inputs).hex() for name, argument in self._batch.work.arguments}


def attempts_class(plugins: WorkerPlugins) -> Callable[..., Attempts]:
    """Tell what makes attempts: with plugins around them, or plain."""
    if not any(plugins.all()):
        return Attempts
    return type("HookedAttempts", (HookedAttempts,), {"plugins": plugins})


def _outcome(kind: int, outputs: bytes | None, failure: Failure | None, duration_us: int) -> Outcome:
    state = Kind(kind).state
    if failure is not None:
        return Outcome(state, duration_us / 1e6, failure.type, failure.message)
    grew = Kind(kind).grew
    slots = () if outputs is None or grew else tuple(slot.digest.hex() for slot in unpack_outputs(outputs))
    return Outcome(state, duration_us / 1e6, "", "", slots, grew)


def _metadata(implementation: Implementation, metadata: Mapping[str, Any]) -> Iterator[Note]:
    for name, value in metadata.items():
        try:
            yield _note(implementation.plugin, name, value)
        except Exception as error:  # noqa: BLE001 - a plugin's objects may do anything; the outcome stands
            yield _told(implementation, error)


def _note(plugin: str, name: object, value: object) -> Note:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = json.dumps(repr(value))
    if len(text) > _MOST_METADATA:
        raise ValueError(
            f"the metadata '{name}' has {len(text):,} characters, and at most {_MOST_METADATA:,} are recorded"
        )
    return Note("metadata", mask(f"{plugin}.{name}"), mask(text))


def _told(implementation: Implementation, error: BaseException) -> Note:
    """Note what went wrong after an attempt, with the plugin's name; the driver tells of it."""
    told = mask(failed(implementation, error).message)
    return Note(PLUGIN_ERROR, implementation.plugin, json.dumps(told))


def _digest(argument: Argument, inputs: tuple[Any, ...]) -> bytes:
    if isinstance(argument, StoredArgument):
        return digest_bytes(argument.data)
    if isinstance(argument, Hole):
        blobs = inputs[argument.index]
        if not isinstance(blobs, (list, tuple)):
            return _slot_digest(blobs, argument.slot)
        return digest_tree("list", [_slot_digest(blob, argument.slot) for blob in blobs])
    return digest_tree(argument.kind, [_digest(part, inputs) for part in argument.items])


def _slot_digest(blob: bytes, slot: int) -> bytes:
    slots = unpack_outputs(blob)
    if slot >= 0:
        return slots[slot].digest
    return slots[0].digest if len(slots) == 1 else digest_tree("whole", [each.digest for each in slots])
