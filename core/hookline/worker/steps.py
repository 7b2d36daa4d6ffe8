"""Finds the steps that a recipe names: among what the step that grew reaches, else in their modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from hookline.errors import HooklineError
from hookline.graph.reachable import steps_of
from hookline.model.step import Step
from hookline.worker.recipe import StepName, options_of

__all__ = ["StepFinder"]

Function = Callable[..., Any]


class StepFinder:
    """Finds steps; what a function reaches is looked at once."""

    def __init__(self) -> None:
        self._reached: dict[Function, dict[tuple[str, str, str], Step[Any, Any]]] = {}
        self._known: dict[tuple[Function, StepName], Step[Any, Any]] = {}

    def find(self, name: StepName, grown_by: Function) -> Step[Any, Any]:
        """Find a step.

        Args:
            name: How the recipe names it.
            grown_by: The function of the step that called it.

        Returns:
            The step, with today's options unless the attempt gave it others.

        Raises:
            HooklineError: There is none: it was made inside the attempt, or it is gone.
        """
        known = self._known.get((grown_by, name))
        if known is None:
            known = self._known[grown_by, name] = self._find(name, grown_by)
        return known

    def _find(self, name: StepName, grown_by: Function) -> Step[Any, Any]:
        reached = self._reached.get(grown_by)
        if reached is None:
            reached = self._reached[grown_by] = {}
            for step in steps_of(grown_by):
                reached.setdefault((step.fn.__module__, step.fn.__qualname__, step.name), step)
        found: Any = reached.get(name[:3])
        if found is None:
            found = next((step for key, step in reached.items() if key[:2] == name[:2]), None) or _imported(name)
        options = options_of(name)
        if isinstance(found, Step) and found.name == name.name and (options is None or options == found.declared):
            return found
        if isinstance(found, Step) and options is not None:
            return Step(found.fn, name.name, options, as_decorated=False)
        raise HooklineError(
            f"the step '{name.name}' ('{name.qualname}' of '{name.module}') can't be found outside of the attempt that "
            "called it",
            help="define it at the top level of a file, or in the workflow, not inside the step that calls it",
        )


def _imported(name: StepName) -> object:
    module = sys.modules.get(name.module)
    try:
        found: Any = module or importlib.import_module(name.module)
        for part in name.qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found
