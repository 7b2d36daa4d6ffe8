"""Draws a task graph as SVG: from left to right, without scripts, in the colour of the text around it.

The same graph gives the same picture, byte by byte. Tasks of one step are drawn as one box where there are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from hookline.graph.items import known_counts
from hookline.graph.layers import lay_out
from hookline.graph.render import CONDITION, mark_of, needs_of
from hookline.model.graph import TaskGraph
from hookline.model.recording import Form

__all__ = ["render_svg"]

_MOST_BOXES = 40
_LONGEST = 30
_CHARACTER = 7.0  # pixels, of the monospaced font at 12 px, with a little room
_PADDING, _HEIGHT, _DOWN, _RIGHT, _STACK = 10, 26, 40, 46, 3
_TIMES = "\N{MULTIPLICATION SIGN}"
_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"


@dataclass(slots=True)
class _Box:
    label: str
    title: str
    stacked: bool


_Edge = tuple[int, int, bool]  # source, target, whether it is only a condition


def render_svg(graph: TaskGraph) -> str:
    """Draw a graph.

    Args:
        graph: The graph.

    Returns:
        An ``svg`` element: mapped tasks and tasks drawn together as stacks, conditions as dashed lines. Empty where
        it would be too much, even with the tasks of each step drawn together.
    """
    boxes, edges = _tasks(graph) if len(graph.tasks) <= _MOST_BOXES else _steps(graph)
    if len(boxes) > _MOST_BOXES:
        return ""
    return _drawn(graph.workflow, boxes, edges)


def _tasks(graph: TaskGraph) -> tuple[list[_Box], list[_Edge]]:
    boxes = []
    for task, count in zip(graph.tasks, known_counts(graph), strict=True):
        mapped = task.form is not Form.CALL
        label = f"{task.id} {_TIMES}{'?' if count is None else f'{count:,}'}" if mapped else task.id
        told = "".join(f"; {change}" for change in task.changes)
        boxes.append(_Box(label + mark_of(task), f"{task.id}: step {task.step.name} ({task.place}){told}", mapped))
    edges = [(source, task.index, kind == CONDITION) for task in graph.tasks for source, kind in needs_of(task)]
    return boxes, edges


def _steps(graph: TaskGraph) -> tuple[list[_Box], list[_Edge]]:
    """Draw the tasks of one step in one workflow as one box; what goes round between steps is only told."""
    numbers: dict[tuple[str, str], int] = {}
    members: list[int] = []
    of_task = []
    for task in graph.tasks:
        key = (task.id.rpartition("/")[0], task.step.name)
        number = numbers.setdefault(key, len(numbers))
        if number == len(members):
            members.append(0)
        members[number] += 1
        of_task.append(number)
    joined: dict[tuple[int, int], bool] = {}
    round_about = set()
    for task in graph.tasks:
        target = of_task[task.index]
        for source, kind in needs_of(task):
            edge = (of_task[source], target)
            if edge[0] >= target:
                round_about.add(target)
            else:
                joined[edge] = joined.get(edge, True) and kind == CONDITION
    boxes = []
    for (prefix, name), number in numbers.items():
        label = f"{prefix}/{name}" if prefix else name
        again = " ↻" if number in round_about else ""
        many = f" {_TIMES}{members[number]:,}" if members[number] > 1 else ""
        boxes.append(_Box(f"{label}{many}{again}", f"{members[number]:,} tasks of step {name}", members[number] > 1))
    return boxes, [(source, target, dashed) for (source, target), dashed in joined.items()]


def _drawn(name: str, boxes: Sequence[_Box], edges: Sequence[_Edge]) -> str:
    layout = lay_out(len(boxes), [(source, target) for source, target, _ in edges])
    labels = [_shown(box.label) for box in boxes]
    widths = [0.0] * len(layout.rows)
    for label, (column, _) in zip(labels, layout.places, strict=True):
        widths[column] = max(widths[column], len(label) * _CHARACTER + 2 * _PADDING)
    lefts = [4.0]
    for width in widths:
        lefts.append(lefts[-1] + width + _RIGHT)
    tallest = max(layout.rows, default=0)
    width, height = max(lefts[-1] - _RIGHT, 0) + 4 + _STACK, tallest * _DOWN + 4
    middles = [[(tallest - rows) * _DOWN / 2 + (row + 0.5) * _DOWN for row in range(rows)] for rows in layout.rows]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{_FONT}" font-size="12">'
    )
    lines = '<g fill="none" stroke="currentColor" stroke-opacity=".45" stroke-width="1.2">'
    parts = [opening, f"<title>{_escaped(name)}</title>", lines]
    parts += [
        _line(route, lefts, widths, middles, dashed) for route, (_, _, dashed) in zip(layout.routes, edges, strict=True)
    ]
    parts.append("</g>")
    for box, label, (column, row) in zip(boxes, labels, layout.places, strict=True):
        parts.append(_box(box, label, lefts[column], middles[column][row]))
    return "".join([*parts, "</svg>"])


def _line(
    route: Sequence[tuple[int, int]],
    lefts: Sequence[float],
    widths: Sequence[float],
    middles: Sequence[Sequence[float]],
    dashed: bool,
) -> str:
    column, row = route[0]
    x, y = lefts[column] + widths[column], middles[column][row]
    path = [f"M{x:.1f} {y:.1f}"]
    for column, row in route[1:]:
        left, middle = lefts[column], middles[column][row]
        half = (left - x) / 2
        path.append(f"C{x + half:.1f} {y:.1f} {left - half:.1f} {middle:.1f} {left:.1f} {middle:.1f}")
        x, y = left, middle
        if (column, row) != route[-1]:
            x = lefts[column] + widths[column]
            path.append(f"H{x:.1f}")
    path.append("m-5 -3l5 3l-5 3")
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{"".join(path)}"{dashes}/>'


def _box(box: _Box, label: str, x: float, middle: float) -> str:
    y = middle - _HEIGHT / 2
    width = len(label) * _CHARACTER + 2 * _PADDING
    rect = f'width="{width:.1f}" height="{_HEIGHT}" rx="6" stroke="currentColor" stroke-opacity=".55"'
    behind = ""
    if box.stacked:
        behind = f'<rect x="{x + _STACK:.1f}" y="{y - _STACK:.1f}" {rect} fill="none"/>'
    return (
        f"<g><title>{_escaped(box.title)}</title>{behind}"
        f'<rect x="{x:.1f}" y="{y:.1f}" {rect} fill="#4493f8" fill-opacity=".16"/>'
        f'<text x="{x + _PADDING:.1f}" y="{middle + 4:.1f}" fill="currentColor">{_escaped(label)}</text></g>'
    )


def _shown(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST // 2 - 1]}…{label[-_LONGEST // 2 :]}"


def _escaped(text: str) -> str:
    return escape("".join(character if character.isprintable() else "�" for character in text))
