"""A task graph made ready to run, which grows while steps add tasks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from hookline.cache.fingerprint import Fingerprint
from hookline.engine.program.needs import NOTHING, choices, needs_of
from hookline.engine.program.provided import NOTHING_PROVIDED, Provided
from hookline.engine.program.watched import Signature
from hookline.engine.schedule.scheduler import Dependencies, Scheduler, State
from hookline.model.graph import Task, TaskGraph
from hookline.model.options import Options
from hookline.model.outputs import Outputs
from hookline.model.place import Place
from hookline.model.recording import Form
from hookline.model.step import Step

__all__ = ["FORGOTTEN", "Encoded", "GrownPart", "Head", "Planted", "Program", "TaskProgram"]

Encoded = tuple[bytes, bytes]
"""(digest, stored bytes) of a constant."""


_NONE: Mapping[str, list[bytes]] = MappingProxyType({})


class Head(NamedTuple):
    """The first call of a loop: the number under which it is recorded, which item of it, their id and its depth."""

    number: int
    item: int
    id: str
    depth: int


@dataclass(slots=True, eq=False)
class GrownPart:
    """Tasks that one attempt of a step added.

    Attributes:
        parent: The task that grew.
        item: The item of it that grew.
        result: The task of the part whose outcome is that of the item that grew.
        target: The task and item that end with the result: those that grew, or those that they were the result for.
        tasks: The part's tasks.
        level: How many parts there are from the workflow's own tasks down to this one.
        group: What the task of the workflow's own is called from which all this grew.
        attempt: The number of the target's attempt that grew; 0 where its recipe was reused.
        depth: How many names its tasks' names stand behind.
        turn: Where the result is a further call of the step that grew, which of how many; 0 elsewhere.
        head: Of a turn, what stands for the first call.
        made_by: The plugins whose steps, inserted by them, all this grew from.
    """

    parent: int
    item: int
    result: int
    target: tuple[int, int]
    tasks: range
    level: int
    group: str
    attempt: int
    depth: int = 1
    turn: int = 0
    head: Head | None = None
    made_by: frozenset[str] = frozenset()


@dataclass(slots=True)
class Planted:
    """What is new after a recipe was planted.

    Attributes:
        part: The part.
        places: Per task of the part: the number of the task that it is named within, the item, and its name there.
        replaced: The part whose result grew this one, and was nobody else's business; None where there is none.
    """

    part: GrownPart
    places: list[tuple[int, int, str]]
    replaced: GrownPart | None = None


@dataclass(slots=True)
class TaskProgram:
    """What is known of a task before it can start.

    Attributes:
        task: The task.
        fingerprint: Its code.
        prefix: What of its key does not depend on arguments.
        slots: How its value splits, as the journal says it.
        constants: Constants among its arguments, by name.
        elements: Known collections that it is mapped over, by name; each element as packed outputs.
        seed: Name of the parameter that takes a seed; empty for none.
        watched: Files among its arguments, as they were just before they were digested.
        depends: Indexes of the tasks it waits for, each once.
        cacheable: Whether a recorded result may stand for running it.
        described: What its arguments are bound to, for later comparisons; made when it is first needed.
        lost: Whether a recorded result of it was found whose artifact is missing or damaged.
        part: The grown part that it belongs to; None for a task of the workflow's own.
        provided: What its step's providers add.
    """

    task: Task
    fingerprint: Fingerprint
    prefix: bytes
    slots: str = ""
    constants: dict[str, Encoded] = field(default_factory=dict)
    elements: Mapping[str, list[bytes]] = field(default_factory=lambda: _NONE)
    seed: str = ""
    watched: Sequence[tuple[Path, Signature]] = ()
    depends: Sequence[int] = ()
    cacheable: bool = True
    described: bytes = b""
    lost: bool = False
    part: GrownPart | None = None
    provided: Provided = NOTHING_PROVIDED

    def let_go(self) -> None:
        """Forget encoded elements, which the task's constants can give again: it has ended."""
        self.elements = _NONE


def _never(*_: object) -> None:
    """The function of no task."""


FORGOTTEN = TaskProgram(
    Task(-1, "", Step(_never, "forgotten", Options()), Form.CALL, {}, (), None, Place("", 0)),
    Fingerprint(b"", ()),
    b"",
)
"""Stands where a grown task stood that ended."""


@dataclass(slots=True)
class Program:
    """All tasks, ready.

    Attributes:
        graph: The workflow's graph.
        tasks: By index: the workflow's own, then those that grew.
        dependencies: By index.
        encode: Encodes a constant inside a nested argument; each was encoded once already.
    """

    graph: TaskGraph
    encode: Callable[[object], Encoded]
    tasks: list[TaskProgram] = field(default_factory=list)
    dependencies: list[Dependencies] = field(default_factory=list)

    def extend(self, tasks: Sequence[TaskProgram]) -> None:
        """Append tasks, which are numbered on from the last one here."""
        self.tasks += tasks
        for program in tasks:
            needs = needs_of(program.task, self.is_mapped)
            program.depends = (*needs.whole, *needs.tolerant, *needs.itemwise)
            self.dependencies.append(needs)

    def forget(self, index: int) -> None:
        """Let go of a grown task that ended, and to which no other refers any more."""
        self.tasks[index] = FORGOTTEN
        self.dependencies[index] = NOTHING

    def is_mapped(self, index: int) -> bool:
        """Whether a task has items."""
        return self.tasks[index].task.form is not Form.CALL

    def outputs(self, index: int) -> Outputs:
        """The slots of a task's result."""
        return self.tasks[index].task.outputs

    def lack(self, index: int, scheduler: Scheduler) -> int:
        """Why none of the alternatives that a task takes has a value, although what it waits for has ended.

        The first that was not skipped by a condition is the one that counts: one that failed is not passed over.

        Args:
            index: The task.
            scheduler: Knows how the alternatives ended.

        Returns:
            As :meth:`Scheduler.cause`; 0 where nothing is in the way.
        """
        task = self.tasks[index].task
        bindings = [*task.bindings.values()] if task.condition is None else [*task.bindings.values(), task.condition]
        worst = 0
        for binding in bindings:
            for choice in choices(binding):
                lacks = (scheduler.lack(output.task) for output in choice.options)
                found = next((lack for lack in lacks if lack != State.SKIPPED), State.SKIPPED)
                worst = found if worst in (0, State.SKIPPED) and found else worst
        return worst
