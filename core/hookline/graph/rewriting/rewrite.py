"""Lets plugins rewrite a task graph, one after the other, and checks it after each."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hookline.errors import HooklineError, PluginError, StoreError, UsageError, WorkflowError
from hookline.graph.check import check_graph
from hookline.graph.collector import collector_paused
from hookline.graph.open_arguments import NO_ARGUMENTS, OpenArguments
from hookline.graph.part import result_of
from hookline.graph.rewriting.constants import known_value
from hookline.graph.rewriting.draft import CircleError
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.redirect import moved, renumbered
from hookline.model.graph import Binding, Task, TaskGraph
from hookline.model.place import Place, is_own
from hookline.model.raised import words_of
from hookline.model.step import Step

__all__ = ["Rewriter", "rewrite", "rewrite_part"]

Known = Callable[[Binding], Any]


class Rewriter(NamedTuple):
    """What one plugin does to graphs.

    Attributes:
        plugin: The plugin's name.
        rewrite: Changes the graph through the editor that it is given. A pure function of that: it is called for each
            plan and each run, and for each part that grows.
    """

    plugin: str
    rewrite: Callable[[GraphEditor], object]


def rewrite(
    graph: TaskGraph,
    rewriters: Sequence[Rewriter],
    grown: str | None = None,
    arguments: OpenArguments = NO_ARGUMENTS,
    known: Known = known_value,
) -> TaskGraph:
    """Let plugins rewrite a graph.

    Args:
        graph: The checked graph.
        rewriters: The plugins, in the order in which they have their turn.
        grown: The id of the task whose new part the graph is; None for a workflow's own tasks.
        arguments: What settings give to arguments that plugins leave open.
        known: Gives the value of a binding that refers to no task.

    Returns:
        The new graph, checked; the same object where nobody changed anything.

    Raises:
        PluginError: A plugin raised, or left a graph in which tasks wait for each other, or types or arguments don't
            fit; names the plugin.
        UsageError: A plugin says that a name or a setting is wrong; as it says it. So for a ``WorkflowError`` and a
            ``StoreError``.
    """
    with collector_paused():
        for rewriter in rewriters:
            graph = _rewritten(graph, rewriter, grown, arguments, known)
    return graph


def rewrite_part(
    tasks: list[Task],
    returns: Binding,
    step: Step[Any, Any],
    rewriters: Sequence[Rewriter],
    grown: str,
    graph: TaskGraph,
    arguments: OpenArguments,
    known: Known,
) -> tuple[list[Task], Binding, int | None] | None:
    """Let plugins rewrite what one attempt called.

    Args:
        tasks: The tasks, numbered from any index on; they refer to each other only.
        returns: What the step returned.
        step: The step that called them.
        rewriters: The plugins.
        grown: The id of the task or item that grew.
        graph: The workflow's own graph.
        arguments: What settings give to arguments that plugins leave open.
        known: As for :func:`rewrite`; reads what the attempt gave.

    Returns:
        The tasks, numbered from the same index on; what is returned; and the index of the task whose outcome is the
        step's own as it is, if there is one. None
        where nobody changed anything.

    Raises:
        PluginError: As :func:`rewrite`.
    """
    first = tasks[0].index
    down = {task.index: task.index - first for task in tasks}
    own = tuple([renumbered(task, down[task.index], down) for task in tasks])
    part = TaskGraph(graph.workflow, own, moved(returns, down), graph.params)
    made = rewrite(part, rewriters, grown, arguments, known)
    if made is part:
        return None
    up = {index: index + first for index in range(len(made.tasks))}
    result, again = result_of(made, step.outputs), made.returns
    assert again is not None  # what is returned may become something else, but not nothing
    moved_up = [renumbered(task, up[task.index], up) for task in made.tasks]
    return moved_up, moved(again, up), None if result is None else first + result


def _rewritten(
    graph: TaskGraph, rewriter: Rewriter, grown: str | None, arguments: OpenArguments, known: Known
) -> TaskGraph:
    plugin = rewriter.plugin
    what = f"the workflow '{graph.workflow}'" if grown is None else f"what task '{grown}' grew"
    editor = GraphEditor(graph, plugin, grown, arguments, known)
    try:
        rewriter.rewrite(editor)
    except (UsageError, WorkflowError, StoreError):
        raise  # what the user can mend: a name that is misspelt, a setting, a store; no fault of the plugin's
    except HooklineError as error:
        if isinstance(error, PluginError) and f"the plugin '{plugin}'" in error.message:
            raise  # the editor's refusal, which says it all
        raise PluginError(f"the plugin '{plugin}' can't rewrite {what}: {error.message}", help=error.help) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failed(plugin, error) from error
    cure = f"mend its rewrite_graph, or leave the plugin out: --without {plugin}"
    try:
        made = editor.finish()
        if made is not graph:
            check_graph(made)
    except CircleError as error:
        raise PluginError(
            f"the plugin '{plugin}' makes tasks of {what} wait for each other: {error}", help=cure
        ) from None
    except WorkflowError as error:
        # One problem stands in the first line: that is what summaries show of a task that failed.
        one = len(error.problems) == 1
        wrong = f" {error.problems[0]}" if one else "".join(f"\n  - {problem}" for problem in error.problems)
        raise PluginError(f"the plugin '{plugin}' leaves {what} wrong:{wrong}", help=cure) from None
    return made


def _failed(plugin: str, error: BaseException) -> PluginError:
    """Word what a plugin raised, with its innermost line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_own(frame.filename)]
    place = f" ({Place(frames[-1].filename, frames[-1].lineno or 0)})" if frames else ""
    return PluginError(
        f"the plugin '{plugin}' failed in 'rewrite_graph'{place}: {words_of(error)}",
        help=f"mend its rewrite_graph, or leave the plugin out: --without {plugin}",
    )
