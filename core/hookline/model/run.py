"""A run as its users see it: state, counts, tasks, results, whys; read from the store when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

__all__ = ["Run", "RunSource", "TaskRecord"]


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

    def why(self, task_id: str) -> str:
        """See :meth:`Run.why`."""
        ...

    def load(self, task_id: str) -> Any:
        """See :meth:`Run.load`."""
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

    def why(self, task_id: str) -> str:
        """Tell why a task ran, was reused or skipped.

        Raises:
            UsageError: There is no such task.
        """
        return self._source.why(task_id)

    def load(self, task_id: str) -> Any:
        """Load a task's value; of a mapped task the list of all items' values.

        Raises:
            UsageError: There is no such task, or it has no value.
        """
        return self._source.load(task_id)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        return f"<run {self.id} of {self.workflow}: {self.status}; {counts}>"


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
