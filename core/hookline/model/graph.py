"""The task graph as data: tasks, and what each argument is bound to.

Tasks stand in an order in which they can run. What networkx is needed for (cycles after a rewrite, selection, drawing)
builds its graph from this on demand, so that a run does not pay for importing it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from hookline.model.change import INSERTED, Change
from hookline.model.options import Options
from hookline.model.outputs import Outputs
from hookline.model.place import Place
from hookline.model.recording import Form
from hookline.model.reference import WHOLE
from hookline.model.step import Step

__all__ = [
    "Binding",
    "Constant",
    "FirstOf",
    "Kept",
    "Nested",
    "Task",
    "TaskGraph",
    "TaskOutput",
    "task_outputs",
]

# What draws stands above the model; it is reached by name, and only when a notebook asks.
_DRAWING = "hookline.cli.notebook.graph"


# Neither constants, outputs nor tasks are frozen, though nobody changes one: making a frozen object takes two to five
# times as long, and there may be hundreds of thousands.
@dataclass(slots=True, unsafe_hash=True)
class Constant:
    """A value that is known while the graph is built."""

    value: Any


@dataclass(slots=True, unsafe_hash=True)
class Kept:
    """A value that an attempt gave to a step which it called, stored like an output.

    Attributes:
        blob: The packed outputs: one slot.
        digest: The value's digest.
    """

    blob: bytes
    digest: bytes


@dataclass(slots=True, unsafe_hash=True)
class TaskOutput:
    """What another task makes.

    Attributes:
        task: That task's index.
        slot: Which slot, or :data:`~hookline.model.reference.WHOLE`.
        completed: Of a mapped task: only the items that completed, whatever became of the others.
    """

    task: int
    slot: int = WHOLE
    completed: bool = False


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first of several outputs that was not skipped."""

    options: tuple[TaskOutput, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """A list, tuple or dict with references somewhere inside.

    Attributes:
        kind: ``"list"``, ``"tuple"`` or ``"dict"``.
        keys: A dict's keys; empty for the others.
        items: Elements or values, in order.
    """

    kind: str
    keys: tuple[Any, ...]
    items: tuple[Binding, ...]


Binding = Constant | Kept | TaskOutput | FirstOf | Nested


@dataclass(slots=True, eq=False)
class Task:
    """One call of a step: a node of the graph; a mapped call is one task with items.

    Attributes:
        index: Its place in :attr:`TaskGraph.tasks`; larger than that of each task it depends on.
        id: What users call it: ``train``, ``train-2``, ``prep/load``.
        step: The step.
        form: Plain call, map or product.
        bindings: Per parameter, what it is bound to. For a mapped parameter: the collection whose elements are taken.
            ``*args`` are bound under their own name to a nested tuple, ``**kwargs`` to a nested dict, and absent when
            empty; so are parameters left to their defaults. A constant collection is a list.
        mapped: Names of the mapped parameters, in the order of the call.
        condition: What decides whether it runs; None for always.
        place: Where the call was written.
        changes: What plugins did to it.
    """

    index: int
    id: str
    step: Step[Any, Any]
    form: Form
    bindings: Mapping[str, Binding]
    mapped: tuple[str, ...]
    condition: Binding | None
    place: Place
    changes: tuple[Change, ...] = ()

    @property
    def options(self) -> Options:
        """How its attempts are made."""
        return self.step.declared

    @property
    def outputs(self) -> Outputs:
        """The slots of its result."""
        return self.step.outputs

    @property
    def inserted_by(self) -> str:
        """The plugin that made it; empty for a call of the user's."""
        return self.changes[0].plugin if self.changes and self.changes[0].kind == INSERTED else ""

    def depends(self) -> list[int]:
        """Indexes of the tasks it waits for, each once, in order of first use."""
        seen: dict[int, None] = {}
        for binding in self.bindings.values():
            for output in task_outputs(binding):
                seen[output.task] = None
        if self.condition is not None:
            for output in task_outputs(self.condition):
                seen[output.task] = None
        return list(seen)


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """All tasks of a workflow, and what the workflow returns.

    Attributes:
        workflow: The workflow's name.
        tasks: In an order in which they can run.
        returns: What the workflow returns: a binding; None where it returns nothing.
        params: The validated parameters.
        changes: What plugins did to it, in order.
        mapped_over: Names of the parameters over whose values the workflow is mapped.
    """

    workflow: str
    tasks: tuple[Task, ...]
    returns: Binding | None
    params: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    mapped_over: tuple[str, ...] = ()

    def task(self, task_id: str) -> Task:
        """Find a task by its id.

        Raises:
            KeyError: There is none.
        """
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)

    def __repr__(self) -> str:
        return f"<task graph of {self.workflow}: {len(self.tasks)} {'task' if len(self.tasks) == 1 else 'tasks'}>"

    def _repr_html_(self) -> str:
        """Draw it for a notebook."""
        return cast("str", importlib.import_module(_DRAWING).draw_graph(self))


def task_outputs(binding: Binding) -> Iterator[TaskOutput]:
    """Yield each output of a task that a binding needs, at any depth."""
    pending = [binding]
    while pending:
        item = pending.pop()
        if isinstance(item, TaskOutput):
            yield item
        elif isinstance(item, FirstOf):
            yield from item.options
        elif isinstance(item, Nested):
            pending.extend(reversed(item.items))
