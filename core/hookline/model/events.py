"""What the engine tells those who watch a run: frozen facts, in order, after the commit that made them true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hookline.model.states import RunState, TaskState

__all__ = [
    "Event",
    "Observer",
    "PlacesChanged",
    "RunFinished",
    "RunStarted",
    "TaskEnded",
    "TaskRetrying",
    "TasksChanged",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began, or went on.

    Attributes:
        run_id: The run's id.
        workflow: The workflow's name.
        tasks: Task ids in graph order, with the number of items; None where that is not known yet, 1 for plain tasks.
        resumed: Whether an earlier driver began it.
        mapped_over: Names of the parameters over whose values the workflow is mapped: ids of tasks begin with a part
            for each.
    """

    run_id: str
    workflow: str
    tasks: tuple[tuple[str, int | None], ...]
    resumed: bool = False
    mapped_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TasksChanged:
    """Outcomes were committed.

    Attributes:
        counts: Per task id that changed, how many items are in which state now.
        totals: Per task id that changed, how many items there are; None where that is not known yet.
        running: Per task id with running attempts, how many.
        seconds: Per task id, the mean seconds of its attempts so far.
    """

    counts: Mapping[str, Mapping[TaskState, int]]
    totals: Mapping[str, int | None]
    running: Mapping[str, int]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task (or item) ended without a value.

    Attributes:
        task_id: ``train`` or ``train[3]``.
        state: failed, timed out, crashed, cancelled or abandoned.
        error: What went wrong in one line; the user's frame in :attr:`frame`.
        frame: ``"churn.py:14 in train: raise ValueError(…)"``, or empty.
        details: What follows the first line, shortened; hookline's own errors end with a remedy.
    """

    task_id: str
    state: TaskState
    error: str
    frame: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class TaskRetrying:
    """An attempt failed and another follows.

    Attributes:
        task_id: ``train`` or ``train[3]``.
        number: The number of the attempt that failed.
        of: How many attempts there may be.
        delay: Seconds until the next.
        error: What went wrong in one line.
    """

    task_id: str
    number: int
    of: int
    delay: float
    error: str


@dataclass(frozen=True, slots=True)
class PlacesChanged:
    """An executor can make attempts elsewhere than before, or more or fewer of its places are taken.

    Attributes:
        executor: Its name.
        nodes: On how many machines it makes attempts.
        slots: How many places it has there.
        busy: How many of these are taken.
    """

    executor: str
    nodes: int
    slots: int
    busy: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended; everything it did is recorded.

    Attributes:
        run_id: The run's id.
        state: How it ended.
        counts: Items by state word.
        seconds: Wall time of this driver.
        error: Why the run itself ended early; empty for no such reason.
    """

    run_id: str
    state: RunState
    counts: Mapping[str, int]
    seconds: float
    error: str = ""


Event = RunStarted | TasksChanged | TaskEnded | TaskRetrying | PlacesChanged | RunFinished
Observer = Callable[[Event], None]
