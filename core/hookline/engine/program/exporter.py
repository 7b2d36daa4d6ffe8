"""Makes references to steps' functions: the function itself for this process, by name or by value for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hookline.engine.program.program import Program, TaskProgram
from hookline.errors import WorkflowError
from hookline.model.work import FunctionRef
from hookline.model.wrapping import wrapping

__all__ = ["Exporter"]


class Exporter:
    """References to the functions of one program."""

    def __init__(self) -> None:
        self._known: dict[Any, FunctionRef] = {}
        self._names: dict[Any, tuple[tuple[str, str], ...]] = {}
        self._travel = False

    def check(self, executors: set[str], program: Program) -> None:
        """Find out before the run starts whether functions can travel, where they have to, and what they rely on.

        Args:
            executors: Those that serve the run.
            program: The graph's program, whose keys count what module-level names hold now.
        """
        self._travel = bool(executors - {"inline", "threads"})
        for task in program.tasks:
            self.add(task)

    def add(self, program: TaskProgram) -> None:
        """Find out whether the function of one task can travel, where it has to.

        Raises:
            WorkflowError: It can't; says why.
        """
        if self._travel and program.provided.replaced:
            raise WorkflowError(
                f"the provider '{program.provided.replaced}' of the step '{program.task.step.name}' is replaced, which "
                "worker processes do not see",
                help="run it with the executor 'inline' or 'threads'",
            )
        if self._travel and program.task.step.fn not in self._names:
            self._names[program.task.step.fn] = program.fingerprint.names
            self.refer(program.task.step.fn)

    def refer(self, function: Callable[..., Any]) -> FunctionRef:
        """Give the reference to a step's function."""
        known = self._known.get(function)
        if known is None:
            if self._travel:
                known = self._exported(function)
            else:
                known = FunctionRef(function.__module__, function.__qualname__, local=function)
            self._known[function] = known
        return known

    def _exported(self, function: Any) -> FunctionRef:
        from hookline.worker.agreement import held_by
        from hookline.worker.functions import export

        ref = export(function)
        parts = list(_parts(function, ref))
        # What the own module of a function holds that goes by value travels with it.
        carried = {name for part, each in parts if not each.module for name in ("__main__", part.__module__)}
        names = [name for name in self._names.get(function, ()) if name[0] not in carried]
        names += [(each.module, each.qualname) for _, each in parts if each.module]
        return replace(ref, local=function, held=held_by(names))


def _parts(function: Any, ref: FunctionRef) -> Iterator[tuple[Any, FunctionRef]]:
    """Give a function with its reference; of a wrapped one those that it is put together from."""
    parts = wrapping(function)
    if parts is None or ref.wraps is None:
        yield function, ref
    else:
        for part, each in zip(parts, ref.wraps, strict=True):
            yield from _parts(part, each)
