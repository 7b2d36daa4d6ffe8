"""What a step can ask and say while it runs."""

from __future__ import annotations

import contextvars
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hookline.errors import HooklineError
from hookline.model.masking import mask

if TYPE_CHECKING:
    from hookline.model.record import Records

__all__ = ["Attempt", "Note", "attempt", "attempt_in_force", "log_artifact", "log_metric", "log_params"]

_log = logging.getLogger("hookline.attempt")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a step noted about its attempt.

    Attributes:
        kind: ``"metric"``, ``"param"``, ``"artifact"`` or ``"note"``.
        name: What was noted.
        value: A number, or a JSON text; of an artifact what the step gave.
        step: The position in a series of a metric's values; None for a single value.
    """

    kind: str
    name: str
    value: Any
    step: int | None = None


@dataclass(slots=True)
class Attempt:
    """One try of one task, as the step that is being tried sees it.

    Attributes:
        run_id: The run's id.
        task_id: The task's id, ``train[3]`` for an item of a mapped task.
        number: 1 for the first attempt.
        idempotency_key: The same text in all attempts of the task in its run, however its code is mended between them.
        root: The run's folder for attempts.
        seed_value: The value of the ``Seed`` argument, or None.
        notes: What was noted so far.
        is_cancelled: Tells whether the run wants the attempt to end.
        keep: Stores the value of an artifact, and gives what stands for it in a note.
        open_records: Gives the records of a plugin to an attempt.
        has_folder: Whether :attr:`folder` was asked for, which makes it.
    """

    run_id: str
    task_id: str
    number: int
    idempotency_key: str
    root: Path
    seed_value: int | None = None
    notes: list[Note] = field(default_factory=list)
    is_cancelled: Callable[[], bool] = bool
    keep: Callable[[Any], Any] = lambda value: value
    has_folder: bool = False
    open_records: Callable[[str, Attempt], Records] = field(default=lambda _, attempt: _no_store(attempt), repr=False)

    @property
    def folder(self) -> Path:
        """A folder of this attempt's own to write to; removed after the attempt."""
        self.has_folder = True
        return _made(self.place)

    @property
    def place(self) -> Path:
        """Where :attr:`folder` is or would be."""
        return self.root / f"{_safe(self.task_id)}.{self.number}"

    @property
    def checkpoint_folder(self) -> Path:
        """A folder that later attempts of the same task find again.

        A node of a cluster that does not see the store's folder has one of its own for the run: attempts on other nodes
        don't find what is in there, and it goes with the run's last worker on that node.
        """
        return _made(self.root / f"{_safe(self.task_id)}.checkpoint")

    @property
    def seed(self) -> int:
        """The value of the step's ``Seed`` argument.

        Raises:
            HooklineError: The step has no such argument.
        """
        if self.seed_value is None:
            raise HooklineError(
                f"the step of task '{self.task_id}' has no seed",
                help="give it a parameter that is annotated with Seed",
            )
        return self.seed_value

    def cancelled(self) -> bool:
        """Tell whether the run wants this attempt to end; long loops should ask."""
        return self.is_cancelled()

    def note(self, name: str, value: object) -> None:
        """Note a fact about this attempt; shown by ``hookline runs show``.

        Args:
            name: What it is.
            value: Anything that JSON can hold.
        """
        self.notes.append(Note("note", mask(str(name)), _json(value)))

    def records(self, plugin: str) -> Records:
        """Give what a plugin remembers in the run's store; what is written names this run and task.

        Args:
            plugin: The plugin's name.
        """
        return self.open_records(plugin, self)


attempt_in_force: contextvars.ContextVar[Callable[[], Attempt] | None] = contextvars.ContextVar(
    "hookline_attempt", default=None
)
"""Set by workers around the user's function: makes the attempt when it is first asked for."""


def attempt() -> Attempt:
    """Give the attempt that is being made in this thread.

    Raises:
        HooklineError: It is called outside of a task.
    """
    current = attempt_in_force.get()
    if current is None:
        raise HooklineError(
            "attempt() was called outside of a task",
            help="call it in a step that a run executes, not in the workflow or in a thread that the step started",
        )
    return current()


def log_metric(name: str, value: float, *, step: int | None = None) -> None:
    """Record a number with this attempt; outside of a task it is only logged.

    Args:
        name: What is measured.
        value: A finite or infinite number; NaN is kept as such.
        step: Its position in a series, such as the epoch.
    """
    number = float(value)
    current = attempt_in_force.get()
    if current is None:
        _log.debug("metric %s = %s (outside of a task)", name, number)
        return
    current().notes.append(Note("metric", mask(str(name)), number, step))


def log_params(params: Mapping[str, object]) -> None:
    """Record the values that this attempt worked with; outside of a task they are only logged.

    Args:
        params: Names and values; anything that JSON can hold.
    """
    current = attempt_in_force.get()
    if current is None:
        _log.debug("params %s (outside of a task)", dict(params))
        return
    current().notes.extend(Note("param", mask(str(name)), _json(value)) for name, value in params.items())


def log_artifact(name: str, value: object) -> None:
    """Store a value or file beside the task's result; outside of a task it is only logged.

    Args:
        name: What it is called in ``hookline runs show``.
        value: A ``Path`` to an existing file or folder, or any value that a step could return.
    """
    current = attempt_in_force.get()
    if current is None:
        _log.debug("artifact %s (outside of a task)", name)
        return
    now = current()
    # Stored at once: what the step does to the value or the file later is not what it logged.
    now.notes.append(Note("artifact", mask(str(name)), now.keep(value)))


def _no_store(attempt: Attempt) -> NoReturn:
    raise HooklineError(f"task '{attempt.task_id}' has no store that could remember anything")


def _json(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(str(value))
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = json.dumps(mask(repr(value)))
    masked = mask(text)
    if masked == text:
        return text
    try:
        json.loads(masked)
    except ValueError:
        # The secret was a number.
        return json.dumps(masked)
    return masked


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _safe(task_id: str) -> str:
    return task_id.replace("/", "+")
