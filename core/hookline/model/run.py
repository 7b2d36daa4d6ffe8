"""A run as its users see it: state, counts, tasks, results, whys; read from the store when asked."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from hookline.ml import ArtifactRef

__all__ = ["Run", "RunSource", "RunSummary", "StepSummary", "TaskFailure", "TaskInput", "TaskRecord"]

# What draws stands above the model; it is reached by name, and only when a notebook asks.
_DRAWING = "hookline.cli.notebook.run"


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is recorded of one task.

    Attributes:
        id: The task's id.
        step: Its step's name.
        state: Its state's word, such as ``"completed"``; of a mapped task the state of the whole.
        why: Why it ran, was reused or skipped.
        attempts: How many attempts were made in this run; of a mapped task, of all items.
        error: The last failure's type and message; empty for none.
        started: When the first attempt began; None for none.
        finished: When the last attempt ended; None for none.
        counts: Items by state word.
    """

    id: str
    step: str
    state: str
    why: str
    attempts: int
    error: str
    started: datetime | None
    finished: datetime | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TaskInput:
    """What a task was given for one parameter.

    Attributes:
        tasks: Ids of the tasks that it came from; empty where the value was known before the run.
        shown: How a value that was known looks, as far as it is small and plain; empty for others.
    """

    tasks: tuple[str, ...]
    shown: str = ""


@dataclass(frozen=True, slots=True)
class StepSummary:
    """All tasks of one step in a run.

    Attributes:
        step: The step's name.
        tasks: How many tasks.
        counts: Items by state word; empty in runs of more than a few hundred tasks.
    """

    step: str
    tasks: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task, or an item of one, that ended without a value.

    Attributes:
        task_id: ``train`` or ``train[3]``.
        state: The state's word.
        error: Type and message.
        frame: Where in the user's code, and that line; empty where it is not known.
    """

    task_id: str
    state: str
    error: str
    frame: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run at a glance, however many tasks it has.

    Attributes:
        status: See :attr:`Run.status`.
        counts: See :attr:`Run.counts`.
        seconds: How long it took, or has been going on.
        error: Why the run itself ended early; empty for no such reason.
        steps: In order of first use.
        failures: The first ones.
        failed: How many items failed.
    """

    status: str
    counts: Mapping[str, int]
    seconds: float
    error: str
    steps: tuple[StepSummary, ...]
    failures: tuple[TaskFailure, ...]
    failed: int


class RunSource(Protocol):
    """Where a :class:`Run` reads from."""

    def status(self) -> str:
        """See :attr:`Run.status`."""
        ...

    def counts(self) -> dict[str, int]:
        """See :attr:`Run.counts`."""
        ...

    def task_ids(self) -> list[str]:
        """Ids of all tasks, in graph order."""
        ...

    def task(self, task_id: str) -> TaskRecord:
        """See :attr:`Run.tasks`."""
        ...

    def partitions(self) -> dict[str, str]:
        """See :attr:`Run.partitions`."""
        ...

    def why(self, task_id: str) -> str:
        """See :meth:`Run.why`."""
        ...

    def summary(self, failures: int) -> RunSummary:
        """See :meth:`Run.summary`."""
        ...

    def inputs(self, task_id: str) -> dict[str, TaskInput]:
        """See :meth:`Run.inputs`."""
        ...

    def load(self, task_id: str) -> Any:
        """See :meth:`Run.load`."""
        ...

    def outputs(self, task_id: str) -> tuple[ArtifactRef, ...]:
        """See :meth:`Run.outputs`."""
        ...

    def artifacts(self, task_id: str) -> dict[str, dict[str, ArtifactRef]]:
        """See :meth:`Run.artifacts`."""
        ...

    def result(self) -> Any:
        """See :attr:`Run.result`."""
        ...


class Run:
    """One execution of a workflow.

    Attributes:
        id: The run's id.
        workflow: The workflow's name.
    """

    def __init__(self, id: str, workflow: str, source: RunSource) -> None:  # noqa: A002 - the public attribute's name
        self.id = id
        self.workflow = workflow
        self._source = source

    @property
    def status(self) -> str:
        """``running``, ``waiting``, ``completed``, ``failed``, ``cancelled`` or ``interrupted``."""
        return self._source.status()

    @property
    def counts(self) -> dict[str, int]:
        """Items by state word; a map whose length is not known counts as one."""
        return self._source.counts()

    @property
    def result(self) -> Any:
        """The value that the workflow returned, loaded now; a skipped task's is None.

        Raises:
            RunFailedError: The run did not complete; names the tasks.
        """
        return self._source.result()

    @property
    def tasks(self) -> Mapping[str, TaskRecord]:
        """Task id to record, read when asked."""
        return _Tasks(self._source)

    @property
    def partitions(self) -> Mapping[str, str]:
        """Of a workflow that was mapped over values: the state's word of each partition, by its name; else nothing.

        A partition is ``completed`` when all its tasks are, or were reused or skipped, and ``reused`` when none ran.
        """
        return self._source.partitions()

    def why(self, task_id: str) -> str:
        """Tell why a task ran, was reused or skipped.

        Raises:
            UsageError: There is no such task.
        """
        return self._source.why(task_id)

    def summary(self, failures: int = 5) -> RunSummary:
        """Sum the run up, without reading how each of its tasks stands.

        Args:
            failures: How many failures to tell of.
        """
        return self._source.summary(failures)

    def inputs(self, task_id: str) -> dict[str, TaskInput]:
        """Tell where a task's arguments came from, by parameter; what was left to defaults is not among them.

        Raises:
            UsageError: There is no such task.
        """
        return self._source.inputs(task_id)

    def load(self, task_id: str) -> Any:
        """Load a task's value; of a mapped task the list of all items' values.

        Raises:
            UsageError: There is no such task, or it has no value.
        """
        return self._source.load(task_id)

    def outputs(self, task_id: str) -> tuple[ArtifactRef, ...]:
        """Give references to what a task came to, one for each slot; of a mapped task those of all items.

        Raises:
            UsageError: There is no such task, or it has no value.
        """
        return self._source.outputs(task_id)

    def artifacts(self, task_id: str = "") -> dict[str, dict[str, ArtifactRef]]:
        """Give references to what tasks kept beside their values, with ``log_artifact``.

        Of what was tried several times, it is what the last attempt kept, whether it failed or not. Of what was reused,
        it is what the attempt kept that made it, unless the run of that attempt was deleted.

        Args:
            task_id: A task, or an item of one; all without.

        Returns:
            By task, items by their own ids, and then by name; what kept nothing is left out.

        Raises:
            UsageError: There is no such task.
        """
        return self._source.artifacts(task_id)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        return f"<run {self.id} of {self.workflow}: {self.status}; {counts}>"

    def _repr_html_(self) -> str:
        """Draw it for a notebook."""
        return cast("str", importlib.import_module(_DRAWING).draw_run(self))


class _Tasks(Mapping[str, TaskRecord]):
    def __init__(self, source: RunSource) -> None:
        self._source = source

    def __getitem__(self, task_id: str) -> TaskRecord:
        from hookline.errors import UsageError

        try:
            return self._source.task(task_id)
        except UsageError as error:
            raise KeyError(str(error)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.task_ids())

    def __len__(self) -> int:
        return len(self._source.task_ids())
