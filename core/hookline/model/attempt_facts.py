"""What plugins see in workers: facts of the worker, of each attempt, and how that ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hookline.model.states import TaskState

__all__ = ["AttemptFacts", "Outcome", "WorkerFacts"]


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker, as ``worker_started`` sees it.

    Attributes:
        run_id: The run's id.
        executor: The name of the executor.
        number: The worker's number, from 0, among those of its executor.
        root: The project root.
        store: The path of the store's folder, or its URL; empty where that folder is not seen.
    """

    run_id: str
    executor: str
    number: int
    root: str
    store: str


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """An attempt that is about to be made, as ``around_attempt`` sees it.

    Attributes:
        run_id: The run's id.
        task_id: The task's id, ``train[3]`` for an item of a mapped task.
        step: The step's name.
        number: The attempt's number, from 1.
        executor: The name of the executor.
        worker: The worker's number.
        metadata: What is put in here, by text, is recorded with the attempt under the plugin's name: anything that
            JSON can hold, up to a million characters an entry. Each plugin has one of its own.
    """

    run_id: str
    task_id: str
    step: str
    number: int
    executor: str
    worker: int
    metadata: dict[str, Any]
    _inputs: Callable[[], Mapping[str, str]] = field(repr=False, compare=False)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The arguments' digests in hexadecimal, by parameter; worked out when they are asked for."""
        return self._inputs()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, as ``around_attempt`` gets it.

    Attributes:
        state: completed, failed, cancelled or timed out.
        seconds: How long loading the arguments, running the function and storing the result took.
        error_type: The type of the exception; empty where there is none.
        error: Its text.
        outputs: The digests of the result's slots in hexadecimal; empty where there is no result.
        grew: Whether it returned references, so that its value comes from the tasks that it added.
    """

    state: TaskState
    seconds: float
    error_type: str = ""
    error: str = ""
    outputs: tuple[str, ...] = ()
    grew: bool = False
