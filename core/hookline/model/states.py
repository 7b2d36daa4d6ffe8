"""How runs, tasks and attempts stand, and what a plan can decide: words, symbols and stored numbers."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Kind", "RunState", "TaskState", "Verdict"]


class RunState(StrEnum):
    """How a run stands; the value is what the store holds and what users read."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def word(self) -> str:
        """The state in plain words."""
        return self.value

    @property
    def symbol(self) -> str:
        """One character for lists and progress lines."""
        return _RUN_SYMBOLS[self.value]

    @property
    def ended(self) -> bool:
        """Whether no driver works on such a run any more."""
        return self not in (RunState.RUNNING, RunState.WAITING)


class TaskState(StrEnum):
    """How a task, or one item of a mapped task, stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    REUSED = "reused"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    ABANDONED = "abandoned"

    @property
    def word(self) -> str:
        """The state in plain words."""
        return self.value.replace("_", " ")

    @property
    def symbol(self) -> str:
        """One character for lists and progress lines."""
        return _TASK_SYMBOLS[self.value]

    @property
    def succeeded(self) -> bool:
        """Whether the task has a result."""
        return self in (TaskState.COMPLETED, TaskState.REUSED)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the task in this run."""
        return self not in (TaskState.PENDING, TaskState.RUNNING)


class Kind(IntEnum):
    """How one attempt ended. The numbers are stored: they never change meaning."""

    COMPLETED = 1  # a result that later runs may reuse
    GREW = 2  # the result is a recipe of further tasks, reusable like any other
    COMPLETED_ONCE = 3  # a result that is recorded, and never reused by another run
    GREW_ONCE = 4  # a recipe that is recorded, and never reused by another run
    FAILED = 8  # the function raised
    TIMED_OUT = 9
    CANCELLED = 10
    CRASHED = 11  # the worker died
    ORPHANED = 12  # the driver died while it ran
    ABANDONED = 13  # a thread that could not be stopped

    @property
    def state(self) -> TaskState:
        """The state of a task whose last attempt ended like this."""
        return _KIND_STATES[self]

    @property
    def succeeded(self) -> bool:
        """Whether the attempt has a result."""
        return self <= Kind.GREW_ONCE

    @property
    def reusable(self) -> bool:
        """Whether later runs may reuse the result."""
        return self <= Kind.GREW

    @property
    def grew(self) -> bool:
        """Whether the result is a recipe of further tasks."""
        return self in (Kind.GREW, Kind.GREW_ONCE)


class Verdict(IntEnum):
    """What was decided about a task or a range of items. The numbers are stored."""

    RUN = 1
    REUSE = 2  # taken from an earlier attempt: of another run, or of a task with the same key in this one
    SKIP = 3  # a condition was false
    BLOCKED = 4  # something upstream has no result
    KEEP = 5  # resumed: recorded by this run already
    UNDECIDED = 6  # waits for an upstream that will run
    SET_ASIDE = 7  # was running in several driver crashes in a row

    @property
    def word(self) -> str:
        """The verdict in plain words."""
        return self.name.lower().replace("_", " ")


_RUN_SYMBOLS = {
    "running": "▶",
    "waiting": "…",
    "completed": "✓",
    "failed": "✗",
    "cancelled": "⊘",
    "interrupted": "‖",
}

_TASK_SYMBOLS = {
    "pending": "·",
    "running": "▶",
    "completed": "✓",
    "reused": "=",
    "failed": "✗",
    "skipped": "-",
    "cancelled": "⊘",
    "timed_out": "⌛",
    "crashed": "!",
    "abandoned": "?",
}

_KIND_STATES = {
    Kind.COMPLETED: TaskState.COMPLETED,
    Kind.GREW: TaskState.COMPLETED,
    Kind.COMPLETED_ONCE: TaskState.COMPLETED,
    Kind.GREW_ONCE: TaskState.COMPLETED,
    Kind.FAILED: TaskState.FAILED,
    Kind.TIMED_OUT: TaskState.TIMED_OUT,
    Kind.CANCELLED: TaskState.CANCELLED,
    Kind.CRASHED: TaskState.CRASHED,
    Kind.ORPHANED: TaskState.CRASHED,
    Kind.ABANDONED: TaskState.ABANDONED,
}
