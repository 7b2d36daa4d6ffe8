"""The attempts of a batch: what is worked out once per process, and what one attempt does from inputs to outcome."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from blake3 import blake3

from hookline.errors import HooklineError
from hookline.hooks.implementation import Implementation
from hookline.model.attempt import Attempt, Note
from hookline.model.batch import Batch, Failure, Outcome, outcome_of
from hookline.model.calling import caller_of
from hookline.model.outputs import Outputs, outputs_of
from hookline.model.parameter import Signature, read_signature
from hookline.model.provider import Provider, providers_in
from hookline.model.recording import Recording
from hookline.model.states import Kind
from hookline.model.work import Work
from hookline.model.wrapping import wrapping
from hookline.store.flight import Slot
from hookline.store.outputs import ONE_INLINE, pack_outputs
from hookline.values.digest import digest_bytes
from hookline.worker.failures import failure_of
from hookline.worker.growing import grow
from hookline.worker.loading import FileOpener, Loader, loader_of
from hookline.worker.services import SharedServices, WorkerServices

__all__ = ["Attempts", "Prepared", "is_in_attempt", "prepare"]

_IMMEDIATE = frozenset({int, float, bool, type(None)})
_ONE = bytes((ONE_INLINE,))


class Prepared:
    """A task's work, made ready once per process."""

    def __init__(self, work: Work, shared: SharedServices) -> None:
        self.function = shared.find(work.function)
        self.outputs: Outputs = outputs_of(shared.find(work.declares) if work.declares else self.function)
        self.signature: Signature = read_signature(self.function)
        self.retry_on: tuple[type[BaseException], ...] = pickle.loads(work.retry_on) if work.retry_on else (Exception,)
        self.storer = shared.storer
        one = self.outputs.form == "one"
        self.immediate = frozenset(
            kind for kind in _IMMEDIATE if one and (kind in self.outputs.check or not self.outputs.check)
        )
        self.loaders: list[tuple[str, Loader]] = [
            (name, loader_of(argument, self._annotation(name), shared.find, shared.here))
            for name, argument in work.arguments
        ]
        # A wrapped function takes all by name, and hands it on as the one inside wants it.
        self.call = None if wrapping(self.function) else caller_of(self.function, self.signature)
        if asked := providers_in(self.signature):
            self.call = self._with_providers(asked, work, shared)

    def _with_providers(
        self, asked: Mapping[str, Provider[Any]], work: Work, shared: SharedServices
    ) -> Callable[[dict[str, Any]], Any]:
        # Most steps have none, and never import what that takes.
        from hookline.worker.providers import ForAttempts

        function = self.function
        call = self.call or (lambda arguments: function(**arguments))
        attempts = ForAttempts(work.step, asked, work.provided, shared.open_providers(), call)
        return attempts.call_in_loop if work.concurrent else attempts.call

    def _annotation(self, name: str) -> Any:
        parameter = self.signature.parameters.get(name)
        return Any if parameter is None else parameter.annotation


def prepare(work: Work, shared: SharedServices) -> Prepared:
    """Make a work ready, once per process.

    Args:
        work: The work.
        shared: What this process has.

    Raises:
        Exception: Whatever importing the user's code raises.
    """
    prepared = shared.prepared.get(work.task)
    if prepared is None:
        prepared = shared.prepared[work.task] = Prepared(work, shared)
    return prepared


class Attempts:
    """The attempts of one batch, one after another; those that go on side by side have one of these each.

    Args:
        batch: The batch.
        prepared: What its attempts have in common.
        services: What the worker has.

    Attributes:
        interrupted: Whether the user interrupted an attempt.
    """

    def __init__(self, batch: Batch, prepared: Prepared, services: WorkerServices) -> None:
        self._batch = batch
        self._prepared = prepared
        self._services = services
        self._position = 0
        self._node = batch.work.node if batch.work.node >= 0 else batch.work.task
        self._attempt: Attempt | None = None
        self._opener: FileOpener | None = None
        self._recording: Recording | None = None
        self.interrupted = False

    def begin(self, position: int, slot: Slot) -> int:
        """Turn to the attempt at a position, which stands in a slot of the flight file from now on; give its item."""
        batch, call_input = self._batch, self._batch.work.call_input
        item = batch.items[position]
        self._position = position
        self._attempt = self._recording = None
        node: int = self._node if call_input < 0 else batch.inputs[position][call_input][0]
        slot.set(node, item, batch.attempt)
        return item

    def call(self) -> Any:
        """Call the step's function with the arguments of the item at hand."""
        prepared, inputs, opener = self._prepared, self._batch.inputs[self._position], self._file_opener
        arguments = {}
        for name, load in prepared.loaders:
            arguments[name] = load(inputs, opener)
        return prepared.function(**arguments) if prepared.call is None else prepared.call(arguments)

    def make(self, position: int, key: bytes = b"") -> Outcome:
        """Make the attempt of the item at a position.

        Args:
            position: The position.
            key: The attempt's key, where it is to be told.
        """
        services, prepared = self._services, self._prepared
        item = self.begin(position, services.slot)
        capture = services.capture
        if capture is not None:
            capture.begin()
        started_us = time.time_ns() // 1000
        clock = time.perf_counter_ns()
        outputs: bytes | None = None
        failure: Failure | None = None
        kind: int = Kind.COMPLETED
        try:
            value = self.call()
            if type(value) in prepared.immediate and self._recording is None:
                data = pickle.dumps(value, 5)
                outputs = _ONE + blake3(data).digest() + data
            else:
                kind, outputs = self.take(value)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its failure
            kind, failure = Kind.FAILED, failure_of(error, prepared.retry_on, prepared.function)
        except KeyboardInterrupt as error:
            kind, failure = Kind.CANCELLED, failure_of(error, ())
            self.interrupted = True
        except BaseException as error:  # noqa: BLE001 - sys.exit in a step ends the step, not the driver
            kind, failure = Kind.FAILED, failure_of(error, prepared.retry_on, prepared.function)
        duration_us = (time.perf_counter_ns() - clock) // 1000
        notes = self.finish(kind, outputs, failure, duration_us)
        output = capture.end() if capture is not None else None
        return outcome_of((item, kind, outputs, started_us, duration_us, failure, notes, output, key))

    def finish(
        self,
        kind: int,  # noqa: ARG002 - plugins that go along are told
        outputs: bytes | None,  # noqa: ARG002
        failure: Failure | None,  # noqa: ARG002
        duration_us: int,  # noqa: ARG002
    ) -> tuple[Note, ...]:
        """Give what was noted of an attempt that ended so, and remove its folder."""
        attempt, self._opener = self._attempt, None
        if attempt is None:
            return ()  # the step neither asked for its attempt nor was given a file
        if attempt.has_folder:
            import shutil  # most attempts have none, and workers are to be there at once

            shutil.rmtree(attempt.place, ignore_errors=True)
        return tuple(attempt.notes)

    def current(self) -> Attempt:
        """Give the attempt at hand to the step that asks for it."""
        if self._attempt is None:
            batch, services = self._batch, self._services
            task_id = self._task_id()
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
                open_records=lambda plugin, attempt: services.shared.records(
                    plugin, attempt.task_id, lambda: attempt.folder / "records"
                ),
            )
        return self._attempt

    def record(self) -> Recording:
        """Give what notes the steps that the step at hand calls."""
        if self._recording is None:
            self._recording = Recording(self._prepared.function.__name__)
        return self._recording

    def _task_id(self) -> str:
        work = self._batch.work
        if work.mapped:
            return f"{work.task_id}[{self._batch.items[self._position]}]"
        if work.call_input < 0:
            return work.task_id
        task_id: str = self._batch.inputs[self._position][work.call_input][1]
        return task_id

    def take(self, value: Any) -> tuple[int, bytes]:
        """Store what the step returned, or what it called; give the kind of outcome with the packed outputs."""
        if self._recording is None:
            return Kind.COMPLETED, self._store(value)
        prepared, left_open = self._prepared, self._services.run.open_arguments
        return Kind.GREW, grow(self._recording, value, prepared.function, prepared.storer, left_open)

    def _store(self, value: Any) -> bytes:
        outputs, kind = self._prepared.outputs, type(value)
        if (kind not in outputs.check or outputs.form != "one") and not outputs.accepts(value):
            raise _wrong_type(value, outputs)
        return self._prepared.storer.outcome(value, outputs)

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


_INTERRUPTIBLE = (Attempts.call.__code__, Implementation.call.__code__, Implementation.proceed.__code__)


def is_in_attempt(frame: FrameType | None) -> bool:
    """Tell whether a thread that has come to a frame is in a step, or a hook: what is raised there ends just that."""
    while frame is not None:
        if frame.f_code in _INTERRUPTIBLE:
            return True
        frame = frame.f_back
    return False


def _wrong_type(value: Any, outputs: Outputs) -> HooklineError:
    kind = type(value)
    declared = getattr(outputs.returns, "__name__", None) or str(outputs.returns)
    detail = f" of {len(value)}" if outputs.form == "tuple" and isinstance(value, tuple) else ""
    return HooklineError(
        f"the step returned a {kind.__name__}{detail} where '{declared}' is declared",
        help="return what the annotation says, or mend the annotation",
    )
