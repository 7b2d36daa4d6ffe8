"""What becomes of an attempt that called steps: a recipe instead of a value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from hookline.model.outputs import outputs_of
from hookline.model.recording import Recording

if TYPE_CHECKING:
    from hookline.worker.storing import Storer

__all__ = ["grow"]


def grow(
    recording: Recording,
    returned: object,
    function: Callable[..., Any],
    storer: Storer,
    left_open: Mapping[str, Collection[str]],
) -> bytes:
    """Store what a step called.

    Args:
        recording: Its calls.
        returned: What it returned, with references in it.
        function: The step's plain function.
        storer: Stores the values that the calls were given.
        left_open: Names of arguments, by step, that the driver adds from settings.

    Returns:
        The packed recipe.

    Raises:
        WorkflowError: The calls can't become tasks.
        HooklineError: A value that one of them was given can't be stored.
    """
    # Most attempts call no step, and never import what that takes.
    from hookline.graph.part import bind_part, result_of
    from hookline.worker.recipe import make_recipe

    outputs = outputs_of(function)
    graph = bind_part(recording, returned, function.__name__, outputs, left_open)
    return make_recipe(graph, result_of(graph, outputs), storer)
