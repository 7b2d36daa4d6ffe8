"""What plugins are told of a run and its tasks, live or from the journal: frozen, cheap to make, decoded when asked.

There may be a million of a run's tasks: what many have in common is shared, and stored bytes are read on demand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hookline.model.attempt import Note
from hookline.model.batch import Failure
from hookline.model.states import RunState, TaskState

if TYPE_CHECKING:
    from hookline.ml import ArtifactRef

__all__ = [
    "RUN_FINISHED",
    "RUN_STARTED",
    "TASK_FINISHED",
    "TASK_RETRYING",
    "TASK_STARTED",
    "RunEvent",
    "RunInfo",
    "TaskEvent",
    "TaskInfo",
    "plugin_of",
]

RUN_STARTED = "run_started"
RUN_FINISHED = "run_finished"
TASK_STARTED = "task_started"
TASK_RETRYING = "task_retrying"
TASK_FINISHED = "task_finished"

_INSERTED = re.compile(r"(?:^|/)([A-Za-z0-9_.-]+):[^/@]*@")


class RunInfo(NamedTuple):
    """What is the same for all events of a run.

    Attributes:
        id: The run's id.
        workflow: The workflow's name.
        store: The store's folder or URL, for ``hookline.open_store``.
        parameters: JSON, as recorded; see :attr:`params`.
        name: The name that the run was given; empty for none.
        tags: The tags that the run was given.
    """

    id: str
    workflow: str
    store: str
    parameters: str = "{}"
    name: str = ""
    tags: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """The workflow's parameters by name, as far as JSON can say them; references in place of secrets."""
        params: dict[str, Any] = json.loads(self.parameters)
        return params


class TaskInfo(NamedTuple):
    """What is the same for all events of a task.

    Attributes:
        run: Its run.
        id: The task's id, ``train``, also where it is mapped.
        step: The step's name.
        mapped: Whether it has items, ``train[0]``, ``train[1]`` ….
        plugin: The plugin that put the task into the graph; empty for the workflow's own.
    """

    run: RunInfo
    id: str
    step: str
    mapped: bool = False
    plugin: str = ""


class RunEvent(NamedTuple):
    """A run began, went on, or ended: what ``run_started`` and ``run_finished`` are given.

    Attributes:
        hook: ``"run_started"`` or ``"run_finished"``.
        run: The run.
        state: How it stands: running, or how it ended.
        resumed: Whether an earlier driver began it.
        time_us: When that was: microseconds since 1970 (UTC).
        duration_us: How long this driver took, once it has ended.
        counts: Items by state word, once the run has ended.
        error: Why the run itself ended early; empty for no such reason.
        sequence: The commit that recorded it; 0 where that is not known.
        position: Its place in that commit.
    """

    hook: str
    run: RunInfo
    state: RunState = RunState.RUNNING
    resumed: bool = False
    time_us: int = 0
    duration_us: int = 0
    counts: Mapping[str, int] = {}
    error: str = ""
    sequence: int = 0
    position: int = 0

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self.run.workflow

    @property
    def store(self) -> str:
        """The store's folder or URL, for ``hookline.open_store``."""
        return self.run.store

    @property
    def params(self) -> dict[str, Any]:
        """The workflow's parameters by name, as far as JSON can say them."""
        return self.run.params

    @property
    def seconds(self) -> float:
        """How long this driver took, once it has ended."""
        return self.duration_us / 1e6

    @property
    def cursor(self) -> str:
        """What ``store.events(after=…)`` goes on from; empty where the commit is not known, as in hooks."""
        return f"{self.sequence}.{self.position}" if self.sequence else ""


class TaskEvent(NamedTuple):
    """An attempt began, or ended: what ``task_started``, ``task_retrying`` and ``task_finished`` are given.

    Attributes:
        hook: ``"task_started"``, ``"task_retrying"`` or ``"task_finished"``.
        task: The task.
        item: Which item of a mapped task; 0 for a plain one.
        state: Running at its start, then how the attempt ended; of a finished task, how the task stands.
        number: The attempt's number, from 1; 0 where none was made, because a result was reused or the task left out.
        started_us: When the attempt began: microseconds since 1970 (UTC); 0 where none was made.
        duration_us: How long it took: loading, running and storing.
        failure: Why it failed; None where it did not.
        packed: The stored outcome; see :attr:`outputs`.
        notes: What was noted about the attempt, as recorded; see :meth:`noted`.
        grew: Whether the attempt called further tasks: their events follow, and only they lead to the value.
        delay: Seconds until the next attempt, where one follows.
        why: Why the task was reused or left out; empty where it was tried.
        sequence: The commit that recorded it; 0 where that is not known.
        position: Its place in that commit.
    """

    hook: str
    task: TaskInfo
    item: int
    state: TaskState
    number: int = 1
    started_us: int = 0
    duration_us: int = 0
    failure: Failure | None = None
    packed: bytes | None = None
    notes: tuple[Note, ...] = ()
    grew: bool = False
    delay: float = 0.0
    why: str = ""
    sequence: int = 0
    position: int = 0

    @property
    def run(self) -> RunInfo:
        """The run."""
        return self.task.run

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.task.run.id

    @property
    def store(self) -> str:
        """The store's folder or URL, for ``hookline.open_store``."""
        return self.task.run.store

    @property
    def task_id(self) -> str:
        """The task's id, ``train[3]`` for an item of a mapped task."""
        return f"{self.task.id}[{self.item}]" if self.task.mapped else self.task.id

    @property
    def step(self) -> str:
        """The step's name."""
        return self.task.step

    @property
    def plugin(self) -> str:
        """The plugin that put the task into the graph; empty for the workflow's own."""
        return self.task.plugin

    @property
    def ended_us(self) -> int:
        """When the attempt ended: microseconds since 1970 (UTC); 0 where none was made."""
        return self.started_us + self.duration_us

    @property
    def seconds(self) -> float:
        """How long the attempt took."""
        return self.duration_us / 1e6

    @property
    def error(self) -> str:
        """Type and message of what went wrong, in one line; empty for nothing."""
        if self.failure is None:
            return ""
        first = self.failure.message.partition("\n")[0]
        return f"{self.failure.type}: {first}" if first else self.failure.type

    @property
    def frame(self) -> str:
        """The user's line that failed, ``"churn.py:14 in train: raise ValueError(…)"``; empty where there is none."""
        return self.failure.frame if self.failure is not None else ""

    @property
    def outputs(self) -> tuple[ArtifactRef, ...]:
        """References to the artifacts that the task came to, one for each slot; empty where it has no value (yet)."""
        # Only those who ask load what references are made of.
        from hookline.model.artifact import artifact_refs

        return () if self.grew else artifact_refs(self.packed)

    def noted(self, kind: str = "metadata") -> dict[str, Any]:
        """Give what was noted about the attempt, by name; of a series of metrics the last value.

        Args:
            kind: ``"metadata"`` (by plugins around the attempt), ``"metric"``, ``"param"``, ``"note"``, or
                ``"artifact"`` for references.
        """
        return {note.name: _value(note) for note in self.notes if note.kind == kind}

    @property
    def cursor(self) -> str:
        """What ``store.events(after=…)`` goes on from; empty where the commit is not known, as in hooks."""
        return f"{self.sequence}.{self.position}" if self.sequence else ""


def plugin_of(task_id: str) -> str:
    """Name the plugin that put a task into the graph, or one that it grew from: ``data`` for ``data:validate@load``.

    Args:
        task_id: The task's id.

    Returns:
        The plugin's name; empty for the workflow's own tasks.
    """
    found = _INSERTED.findall(task_id) if "@" in task_id else ()
    return found[-1] if found else ""


def _value(note: Note) -> Any:
    if note.kind == "artifact":
        from hookline.model.artifact import artifact_refs

        return next(iter(artifact_refs(note.value)), None)
    return note.value if note.kind == "metric" else json.loads(note.value)
