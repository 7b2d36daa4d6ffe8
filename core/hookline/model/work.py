"""What attempts of one task have in common: the function, how its arguments are made, what it needs.

Everything here travels between processes as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Argument", "FunctionRef", "HeldName", "Hole", "StoredArgument", "Structure", "Work"]

HeldName = tuple[str, str, bytes]
"""A module's name, a name in it, and the digest of what that holds."""


@dataclass(frozen=True, slots=True, eq=False)
class FunctionRef:
    """How a worker finds a step's plain function.

    Attributes:
        module: The module to import; empty where the function travels by value.
        qualname: Its name in there.
        code: The pickled function (by cloudpickle or dill) where it has no file.
        digest: The digest of these bytes; workers load each once.
        local: The function itself, for workers in the driver's process; does not travel.
        held: What the module-level names that its code reaches have to hold on a worker.
        wraps: The function inside and the one around it, where it is put together from these.
    """

    module: str = ""
    qualname: str = ""
    code: bytes = b""
    digest: bytes = b""
    local: Callable[..., Any] | None = None
    held: tuple[HeldName, ...] = ()
    wraps: tuple[FunctionRef, FunctionRef] | None = None

    def __reduce__(self) -> tuple[type[FunctionRef], tuple[Any, ...]]:
        return FunctionRef, (self.module, self.qualname, self.code, self.digest, None, self.held, self.wraps)


@dataclass(frozen=True, slots=True)
class StoredArgument:
    """An argument that is the same for all items: its stored bytes."""

    data: bytes

    def __reduce__(self) -> tuple[type[StoredArgument], tuple[bytes]]:
        return StoredArgument, (self.data,)


class Hole(NamedTuple):
    """A place that each item fills from its own inputs.

    Attributes:
        index: Which of the item's inputs.
        slot: Which slot of that outcome; -1 for the whole value.
        many: Whether the input is a list of outcomes rather than one.
        producer: The function whose declared slots the whole value is put together from; None where it has one slot.
    """

    index: int  # type: ignore[assignment]
    slot: int = -1
    many: bool = False
    producer: FunctionRef | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """A list, tuple or dict of arguments.

    Attributes:
        kind: ``"list"``, ``"tuple"`` or ``"dict"``.
        keys: A dict's keys.
        items: Its parts.
    """

    kind: str
    keys: tuple[Any, ...]
    items: tuple[Argument, ...]

    def __reduce__(self) -> tuple[type[Structure], tuple[Any, ...]]:
        return Structure, (self.kind, self.keys, self.items)


Argument = StoredArgument | Hole | Structure


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What is the same for all attempts of one task, or of calls that differ in inputs only; sent to each worker once.

    Attributes:
        task: The task's index in this run (of several calls, the first one's); names the work on a worker.
        task_id: The task's id.
        mapped: Whether items are numbered in ids (``train[3]``).
        function: The step's plain function.
        arguments: By parameter name.
        retry_on: Exception types that are worth a retry, as stored bytes (they may be the user's classes).
        seed_input: Index of the input that is the seed; -1 for none.
        cpu: How many processors an attempt may use.
        node: The number under which the task is recorded; after a resume with other code it is not the index.
        call_input: Index of the input that says whose attempt it is, as (node, task id); -1 where all are of one task.
        declares: The function whose declared slots the value has, where that is another one.
        concurrent: Whether attempts go on side by side, in an event loop of the worker's, which also ends those whose
            time is over.
        step: The step's name.
        provided: The arguments of the providers that the step needs, pickled: by provider, by name.
        resources: What else an attempt needs, by name: ``gpu``, ``memory`` (bytes), names of the user's own; sorted.
        env: The driver's values of the environment variables that the step's keys count, by name; None for one that
            is not set. They may be secret: they travel, and are neither recorded nor shown.
    """

    task: int
    task_id: str
    mapped: bool
    function: FunctionRef
    arguments: tuple[tuple[str, Argument], ...]
    retry_on: bytes = b""
    seed_input: int = -1
    cpu: float = 1.0
    node: int = -1
    call_input: int = -1
    declares: FunctionRef | None = None
    concurrent: bool = False
    step: str = ""
    provided: bytes = b""
    resources: tuple[tuple[str, float], ...] = ()
    env: tuple[tuple[str, str | None], ...] = field(default=(), repr=False)

    def __reduce__(self) -> tuple[type[Work], tuple[Any, ...]]:
        # Like its parts above: what a frozen class does by itself takes twice as long, once per task and worker.
        parts = (self.task, self.task_id, self.mapped, self.function, self.arguments)
        more = (self.retry_on, self.seed_input, self.cpu, self.node, self.call_input, self.declares, self.concurrent)
        return Work, (*parts, *more, self.step, self.provided, self.resources, self.env)
