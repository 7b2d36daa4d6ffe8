"""Opens tasks: settles conditions and lengths, and works out arguments, once all that a task waits for has ended."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hookline.engine.past.evaluate import Evaluator
from hookline.engine.program.arguments import Arguments
from hookline.engine.program.held import Held
from hookline.engine.program.inputs import CallInputs, Inputs
from hookline.engine.program.program import Encoded, Program, TaskProgram
from hookline.engine.record.journaling import Journaling
from hookline.engine.record.nodes import Recorded
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.model.batch import Failure, Outcome
from hookline.model.options import Options
from hookline.model.resources import THREAD_LIMITS
from hookline.model.states import Kind
from hookline.model.stretch import Link
from hookline.model.work import FunctionRef, Work
from hookline.worker.failures import failure_of

__all__ = ["OpenTask", "OpenTasks"]


@dataclass(slots=True)
class OpenTask:
    """A task that has begun and not ended.

    Attributes:
        inputs: Its arguments.
        outcomes: Per item the packed outputs, once it has a value.
        work: What its attempts have in common, perhaps with those of other tasks.
        options: How its attempts are made.
        step: The name of its step.
        same: By item, the items that wait for its result because they have the same key; None while there are none.
    """

    inputs: Inputs
    outcomes: list[bytes | None]
    work: Work
    options: Options
    step: str
    same: dict[int, list[tuple[int, int]]] | None = None

    def wait(self, item: int, other: tuple[int, int]) -> None:
        """Let another task's item wait for the result of one of these."""
        if self.same is None:
            self.same = {}
        self.same.setdefault(item, []).append(other)


class OpenTasks:
    """The tasks that have begun and not ended.

    Args:
        program: All tasks.
        scheduler: Their states.
        held: Their outcomes.
        journaling: Has beginnings and ends recorded.
        evaluator: Loads conditions, and collections that are known only now.
        export: Makes the reference by which workers find a step's function.
        encode: Encodes the elements of such collections.
        recorded: What the run recorded before it was resumed, by task.
        seed: The run's seed.
        note_end: Told of each task that ended, while its outcomes are still held.

    Attributes:
        failed: Whether a task could not be opened.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        held: Held,
        journaling: Journaling,
        evaluator: Evaluator,
        export: Callable[[Callable[..., Any]], FunctionRef],
        encode: Callable[[object], Encoded],
        recorded: dict[int, Recorded],
        seed: int,
        note_end: Callable[[int], None],
    ) -> None:
        self._note_end = note_end
        self._program = program
        self._scheduler = scheduler
        self._held = held
        self._journal = journaling
        self._evaluator = evaluator
        self._export = export
        self._arguments = Arguments(program, held, evaluator.value, export, encode, seed, journaling.node)
        self._recorded = recorded
        self._open: dict[int, OpenTask] = {}
        self._ended = bytearray()
        self.grow()
        self._works: dict[Any, Work] = {}
        self.failed = False

    def __getitem__(self, index: int) -> OpenTask:
        return self._open[index]

    def grow(self) -> None:
        """Make room for the tasks that were added to the program."""
        self._ended += bytes(len(self._program.tasks) - len(self._ended))

    def items(self) -> Iterable[tuple[int, OpenTask]]:
        """Give the tasks that have begun and not ended, with their numbers."""
        return self._open.items()

    def open(self, index: int) -> None:
        """Begin a task, or skip it, or record why it can't begin."""
        scheduler, task = self._scheduler, self._program.tasks[index]
        cause = scheduler.cause(index)
        if cause != State.BLOCKED and self._program.dependencies[index].tolerant:
            cause = self._program.lack(index, scheduler) or cause
        if cause:
            self._journal.not_run(index, cause)
            self._skip(index, cause)
            return
        try:
            condition = task.task.condition
            if condition is not None and not self._evaluator.value(condition):
                self._journal.not_run(index, State.SKIPPED)
                self._skip(index, State.SKIPPED)
                return
            inputs = self._arguments.of(task)
        except Exception as error:  # noqa: BLE001 - loading a value runs the user's code
            self._fail_to_open(index, failure_of(error, ()))
            return
        length = inputs.length
        outcomes, work = self._held.begin(index, length), self._work(index, task, inputs)
        self._open[index] = OpenTask(inputs, outcomes, work, task.task.options, task.task.step.name)
        self._journal.begin(index, length)
        scheduler.begin(index, length)
        if not length:
            self.end(index)

    def begin_call(self, index: int, inputs: CallInputs, work: Work) -> None:
        """Begin a plain task whose attempt was made already."""
        options = self._program.tasks[index].task.options
        self._open[index] = OpenTask(inputs, self._held.begin(index, 1), work, options, work.step)
        self._journal.begin(index, 1)
        self._scheduler.begin_held(index)

    def pass_call(self, index: int, outputs: bytes) -> None:
        """Begin a plain task that has its value already; its end is to be noted with :meth:`end`."""
        self._held.begin(index, 1)[0] = outputs
        self._journal.begin(index, 1)
        self._scheduler.pass_held(index)

    def link(self, index: int, before: int) -> Link | None:
        """Say how a plain task's call follows from the outcome of the one task that it waits for; None where it can't.

        Args:
            index: The task.
            before: That one, also a plain task.
        """
        program = self._program.tasks[index]
        known = self._arguments.after(program, before)
        if known is None:
            return None
        return Link(self._work(index, program, known.inputs), known.inputs.row, known.gaps, known.parts)

    def end(self, index: int) -> None:
        """Note that all items of a task have ended; any number of times."""
        if not self._ended[index]:
            self._ended[index] = 1
            self._journal.ended(index)
            self._note_end(index)
            self._held.release(index)
            self._program.tasks[index].let_go()
            self._open.pop(index, None)

    def _fail_to_open(self, index: int, failure: Failure) -> None:
        before = self._recorded.get(index, {}).get(0)
        number = 1 if before is None else before.attempt + 1
        row = Outcome(0, Kind.FAILED, None, time.time_ns() // 1000, 0, failure)
        self._journal.begin(index, 1)
        self._journal.record(index, [row], [None], number, 0)
        self._journal.ended_without_value(index, 0, State.FAILED, failure)
        self.failed = True
        self._skip(index, State.FAILED)

    def _skip(self, index: int, state: int) -> None:
        self._scheduler.skip(index, state)
        self.end(index)

    def _work(self, index: int, program: TaskProgram, inputs: Inputs) -> Work:
        """Give what a task's attempts have in common; calls of one step that differ in their inputs only share it."""
        if type(inputs) is not CallInputs:
            return self._new_work(index, program, inputs)
        if not inputs.alike:
            return self._new_work(index, program, inputs, len(inputs.row) - 1)
        kind = (program.task.step, inputs.arguments)
        work = self._works.get(kind)
        if work is None:
            work = self._works[kind] = self._new_work(index, program, inputs, len(inputs.row) - 1)
        return work

    def _new_work(self, index: int, program: TaskProgram, inputs: Inputs, call_input: int = -1) -> Work:
        task, options, step = program.task, program.task.options, program.task.step
        return Work(
            index,
            task.id,
            bool(task.mapped),
            self._export(step.fn),
            inputs.arguments,
            b"" if options.retry_on == (Exception,) else pickle.dumps(options.retry_on, 5),
            inputs.seed_input,
            options.resources.get("cpu", 1.0),
            self._journal.node(index),
            call_input,
            None if step.declares is step.fn else self._export(step.declares),
            step.concurrent,
            step.name,
            program.provided.packed(),
            tuple(sorted((name, amount) for name, amount in options.resources.items() if name != "cpu")),
            tuple((name, os.environ.get(name)) for name in options.env if name not in THREAD_LIMITS),
        )
