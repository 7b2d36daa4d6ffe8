"""Makes references to steps' functions: the function itself for this process, by name or by value for others."""

from __future__ import annotations

from typing import Any

from hookline.model.batch import FunctionRef
from hookline.model.graph import TaskGraph

__all__ = ["Exporter"]


class Exporter:
    """References to the functions of one graph.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        self._known: dict[Any, FunctionRef] = {}
        self._travel = False

    def check(self, executors: set[str]) -> None:
        """Find out before the run starts whether functions can travel, where they have to."""
        self._travel = bool(executors - {"inline", "threads"})
        if self._travel:
            for task in self._graph.tasks:
                self.refer(task.index)

    def refer(self, index: int) -> FunctionRef:
        """Give the reference to a task's function."""
        function = self._graph.tasks[index].step.fn
        known = self._known.get(function)
        if known is None:
            if self._travel:
                from hookline.worker.functions import export

                known = export(function)
                known = FunctionRef(known.module, known.qualname, known.code, known.digest, function)
            else:
                known = FunctionRef(function.__module__, function.__qualname__, local=function)
            self._known[function] = known
        return known
