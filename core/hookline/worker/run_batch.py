"""The one thing that every executor calls wherever it makes attempts: work through a batch.

No executor, thread or process is mentioned here; hooks, capture, stores and files all happen inside, so that every
executor has them.
"""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError
from hookline.model.attempt import Attempt, Note, attempt_in_force
from hookline.model.batch import Batch, Failure, Outcome, Work
from hookline.model.outputs import Outputs, outputs_of
from hookline.model.parameter import Signature, read_signature
from hookline.model.recording import Recording, in_attempt
from hookline.model.states import Kind
from hookline.store.outputs import pack_one, pack_outputs
from hookline.values.digest import digest_bytes
from hookline.worker.calling import caller_of
from hookline.worker.failures import failure_of
from hookline.worker.growing import grow
from hookline.worker.loading import FileOpener, Loader, loader_of
from hookline.worker.services import SharedServices, WorkerServices
from hookline.worker.storing import Storer

__all__ = ["Emit", "run_batch"]

Emit = Callable[[list[Outcome], bool], None]
"""Takes outcomes in order, and whether the batch is done."""

_EMIT_AFTER_NS = 20_000_000
_IMMEDIATE = frozenset({int, float, bool, type(None)})


def run_batch(batch: Batch, emit: Emit, services: WorkerServices) -> None:
    """Make the attempts of a batch, one after the other.

    Args:
        batch: What to run.
        emit: Called with outcomes whose outputs are durable; at least once, the last time with ``done`` set.
        services: What this worker has.

    Raises:
        KeyboardInterrupt: The user interrupted an attempt in the driver's own thread; it was reported as cancelled.
    """
    try:
        prepared = _prepare(batch.work, services.shared)
    except Exception as error:  # noqa: BLE001 - an import of the user's may raise anything
        emit(_all_failed(batch, error), True)
        return
    attempts = _Attempts(batch, prepared, services)
    inside, source = in_attempt.set(attempts.record), attempt_in_force.set(attempts.current)
    writer = services.shared.writer
    outcomes: list[Outcome] = []
    emitted = time.perf_counter_ns()
    try:
        for position in range(len(batch.items)):
            if services.is_cancelled(batch.number):
                outcomes.extend(_cancelled(batch, position))
                break
            outcomes.append(attempts.make(position))
            now = time.perf_counter_ns()
            if now - emitted > _EMIT_AFTER_NS:
                writer.sync()
                emit(outcomes, False)
                outcomes, emitted = [], now
    finally:
        attempt_in_force.reset(source)
        in_attempt.reset(inside)
        services.slot.clear()
    writer.sync()
    emit(outcomes, True)
    if attempts.interrupted:
        raise KeyboardInterrupt


class _Prepared:
    """A task's work, made ready once per process."""

    def __init__(self, work: Work, shared: SharedServices) -> None:
        self.function = shared.find(work.function)
        self.outputs: Outputs = outputs_of(shared.find(work.declares) if work.declares else self.function)
        self.signature: Signature = read_signature(self.function)
        self.retry_on: tuple[type[BaseException], ...] = pickle.loads(work.retry_on) if work.retry_on else (Exception,)
        self.storer = Storer(shared.writer, shared.code_digest, Path(shared.run.folder))
        self.loaders: list[tuple[str, Loader]] = [
            (name, loader_of(argument, self._annotation(name), shared.find)) for name, argument in work.arguments
        ]
        self.call = caller_of(self.function, self.signature)

    def _annotation(self, name: str) -> Any:
        parameter = self.signature.parameters.get(name)
        return Any if parameter is None else parameter.annotation


def _prepare(work: Work, shared: SharedServices) -> _Prepared:
    prepared = shared.prepared.get(work.task)
    if prepared is None:
        prepared = shared.prepared[work.task] = _Prepared(work, shared)
    return prepared


class _Attempts:
    """The attempts of one batch, in one thread."""

    def __init__(self, batch: Batch, prepared: _Prepared, services: WorkerServices) -> None:
        self._batch = batch
        self._prepared = prepared
        self._services = services
        self._position = 0
        self._node = batch.work.node if batch.work.node >= 0 else batch.work.task
        self._attempt: Attempt | None = None
        self._opener: FileOpener | None = None
        self._recording: Recording | None = None
        self.interrupted = False

    def make(self, position: int) -> Outcome:
        """Make the attempt of the item at a position."""
        batch, services, prepared = self._batch, self._services, self._prepared
        item = batch.items[position]
        self._position = position
        self._attempt = self._recording = None
        inputs, call_input, opener = batch.inputs[position], batch.work.call_input, self._file_opener
        services.slot.set(self._node if call_input < 0 else inputs[call_input][0], item, batch.attempt)
        capture = services.capture
        if capture is not None:
            capture.begin()
        started_us = time.time_ns() // 1000
        clock = time.perf_counter_ns()
        outputs: bytes | None = None
        failure: Failure | None = None
        kind: int = Kind.COMPLETED
        try:
            arguments = {name: load(inputs, opener) for name, load in prepared.loaders}
            value = prepared.function(**arguments) if prepared.call is None else prepared.call(arguments)
            kind, outputs = self._take(value)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its failure
            kind, failure = Kind.FAILED, failure_of(error, prepared.retry_on, prepared.function)
        except KeyboardInterrupt as error:
            kind, failure = Kind.CANCELLED, failure_of(error, ())
            self.interrupted = True
        except BaseException as error:  # noqa: BLE001 - sys.exit in a step ends the step, not the driver
            kind, failure = Kind.FAILED, failure_of(error, prepared.retry_on, prepared.function)
        duration_us = (time.perf_counter_ns() - clock) // 1000
        output = capture.end() if capture is not None else None
        if self._untouched():
            return Outcome(item, kind, outputs, started_us, duration_us, failure, (), output)
        return Outcome(item, kind, outputs, started_us, duration_us, failure, self._finish(), output)

    def _untouched(self) -> bool:
        """Whether the step neither asked for its attempt nor was given a file."""
        return self._attempt is None and self._opener is None

    def current(self) -> Attempt:
        """Give the attempt at hand to the step that asks for it."""
        if self._attempt is None:
            batch, work = self._batch, self._batch.work
            item = batch.items[self._position]
            services = self._services
            task_id = f"{work.task_id}[{item}]" if work.mapped else self._call_id()
            self._attempt = Attempt(
                run_id=services.run.run_id,
                task_id=task_id,
                number=batch.attempt,
                # Of the run and task, not of code and inputs: a mended step must not charge a second time.
                idempotency_key=digest_bytes(f"{services.run.run_id} {task_id}".encode()).hex(),
                root=Path(services.run.folder),
                seed_value=self._seed(),
                is_cancelled=lambda: services.is_cancelled(batch.number),
                keep=lambda value: pack_outputs([self._prepared.storer.slot(value)]),
            )
        return self._attempt

    def record(self) -> Recording:
        """Give what notes the steps that the step at hand calls."""
        if self._recording is None:
            self._recording = Recording(self._prepared.function.__name__)
        return self._recording

    def _call_id(self) -> str:
        work = self._batch.work
        if work.call_input < 0:
            return work.task_id
        task_id: str = self._batch.inputs[self._position][work.call_input][1]
        return task_id

    def _take(self, value: Any) -> tuple[int, bytes]:
        """Store what the step returned, or what it called."""
        if self._recording is None:
            return Kind.COMPLETED, self._store(value)
        return Kind.GREW, grow(self._recording, value, self._prepared.function, self._prepared.storer)

    def _store(self, value: Any) -> bytes:
        outputs, kind = self._prepared.outputs, type(value)
        if (kind not in outputs.check or outputs.form != "one") and not outputs.accepts(value):
            raise _wrong_type(value, outputs)
        if kind in _IMMEDIATE:
            data = pickle.dumps(value, 5)
            return pack_one(digest_bytes(data), data)
        return self._prepared.storer.outcome(value, outputs)

    def _finish(self) -> tuple[Note, ...]:
        """Give what was noted, and remove the attempt's folder."""
        attempt = self.current()
        shutil.rmtree(attempt.place, ignore_errors=True)
        self._opener = None
        return tuple(attempt.notes)

    def _file_opener(self) -> FileOpener:
        if self._opener is None:
            self._opener = FileOpener(self._services.shared.artifacts, lambda: self.current().folder / "inputs")
        return self._opener

    def _seed(self) -> int | None:
        index = self._batch.work.seed_input
        if index < 0:
            return None
        blob: bytes = self._batch.inputs[self._position][index]
        return int(pickle.loads(blob[33:]))


def _wrong_type(value: Any, outputs: Outputs) -> HooklineError:
    kind = type(value)
    declared = getattr(outputs.returns, "__name__", None) or str(outputs.returns)
    detail = f" of {len(value)}" if outputs.form == "tuple" and isinstance(value, tuple) else ""
    return HooklineError(
        f"the step returned a {kind.__name__}{detail} where '{declared}' is declared",
        help="return what the annotation says, or mend the annotation",
    )


def _all_failed(batch: Batch, error: BaseException) -> list[Outcome]:
    failure = failure_of(error, ())
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.FAILED, None, now, 0, failure) for item in batch.items]


def _cancelled(batch: Batch, position: int) -> Sequence[Outcome]:
    now = time.time_ns() // 1000
    return [Outcome(item, Kind.CANCELLED, None, now, 0) for item in batch.items[position:]]
