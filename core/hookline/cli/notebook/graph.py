"""A task graph as a notebook draws it: a picture, or counts by step where there is too much to draw."""

from __future__ import annotations

from collections import Counter

from hookline.cli.notebook.cells import name_cells
from hookline.cli.notebook.markup import box, details, table, text
from hookline.cli.wording import amount, counted
from hookline.graph.picture import render_svg
from hookline.model.graph import TaskGraph

__all__ = ["draw_graph"]

_SHOWN_STEPS = 40


def draw_graph(graph: TaskGraph) -> str:
    """Draw a task graph as HTML.

    Args:
        graph: The graph.

    Returns:
        A fragment of a page, of a limited size however many tasks there are.
    """
    steps = Counter(task.step.name for task in graph.tasks)
    head = (
        f'<div class="head"><span class="title">{text(graph.workflow)}</span>'
        f"<span>{counted(len(graph.tasks), 'task')} of {counted(len(steps), 'step')}</span></div>"
    )
    picture = render_svg(graph)
    if picture:
        return box(head, f'<div class="scroll">{name_cells(picture)}</div>')
    rows = [(text(name), amount(count)) for name, count in steps.most_common(_SHOWN_STEPS)]
    more = len(steps) - len(rows)
    rest = f'<div class="dim">… {counted(more, "more step")}</div>' if more else ""
    return box(head, details("too much to draw; tasks by step", table(("step", "tasks"), rows, (1,)) + rest, True))
