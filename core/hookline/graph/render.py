"""Draws a task graph as text: a tree for a terminal, Mermaid for a page, DOT for Graphviz.

The same graph gives the same text, byte by byte.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from hookline.graph.items import known_counts
from hookline.model.graph import Binding, Task, TaskGraph, task_outputs
from hookline.model.recording import Form

__all__ = ["CONDITION", "mark_of", "needs_of", "render_dot", "render_mermaid", "render_tree"]

_TIMES = "\N{MULTIPLICATION SIGN}"
CONDITION = "condition"
"""What :func:`needs_of` says of a task that only decides whether another runs."""
_ITEM = "item"
_VALUE = "value"

_DEEPEST = 24
"""How many steps a tree goes down before it goes on as another one: indents of a long chain would fill the disk."""


def render_tree(graph: TaskGraph) -> str:
    """Draw what waits for what as a tree, from the tasks that nothing waits for down to what they need.

    Args:
        graph: The graph.

    Returns:
        Lines of text. A task that several others need is drawn with what it needs the first time; after that its line
        ends in ``…``. Where the tree gets too deep a line ends in ``↓``, and goes on as a tree of its own below.
        Lines of conditions are broken. What plugins did to the graph stands below.
    """
    drawing = _Drawing(graph)
    needed = {source for needs in drawing.needs for source, _ in needs}
    roots = [task.index for task in graph.tasks if task.index not in needed]
    # The workflow's last tasks are what it is about.
    waiting = deque(reversed(roots))
    lines = [graph.workflow]
    shown: set[int] = set()
    while waiting:
        root = waiting.popleft()
        if root not in shown:
            _draw(drawing, root, shown, waiting, lines)
    lines += ["", *map(str, graph.changes)] if graph.changes else []
    return "\n".join(lines) + "\n"


def _draw(drawing: _Drawing, root: int, shown: set[int], waiting: deque[int], lines: list[str]) -> None:
    """Draw one tree, without recursion: a chain may be longer than Python lets functions call each other."""
    pending = [(root, _VALUE, 0, "", "")]
    while pending:
        index, kind, depth, indent, corner = pending.pop()
        needs = drawing.needs[index]
        again, deep = bool(needs) and index in shown, bool(needs) and depth == _DEEPEST
        line = f"{indent}{corner}{'╌╌ ' if kind == CONDITION else '── ' if corner else ''}"
        lines.append(f"{line}{drawing.labels[index]}{' …' if again else ' ↓' if deep else ''}")
        if index in shown:
            continue
        if deep:
            waiting.append(index)
            continue
        shown.add(index)
        below = "" if not corner else indent + ("   " if corner == "└" else "│  ")
        for number, (source, why) in enumerate(reversed(needs)):
            pending.append((source, why, depth + 1, below, "├" if number else "└"))


def render_mermaid(graph: TaskGraph) -> str:
    """Draw the graph in Mermaid's language, from top to bottom.

    Args:
        graph: The graph.

    Returns:
        A flowchart: mapped tasks as stacks, conditions as dashed arrows, workflows inside as boxes.
    """
    drawing = _Drawing(graph)
    lines = ["flowchart TD", *(f"    %% {change}" for change in graph.changes)]
    for depth, item in drawing.boxes():
        indent = "    " * (depth + 1)
        if isinstance(item, str):
            opening = f'subgraph {_identifier("in " + item)}["{_mermaid_text(item.rpartition("/")[2])}"]'
            lines.append(indent[4:] + (opening if item else "end"))
            continue
        text = _mermaid_text(drawing.labels[item])
        lines.append(f'{indent}t{item}[["{text}"]]' if drawing.is_mapped(item) else f'{indent}t{item}["{text}"]')
    for target, needs in enumerate(drawing.needs):
        for source, kind in needs:
            lines.append(f"    t{source} {'-.->' if kind == CONDITION else '-->'} t{target}")
    return "\n".join(lines) + "\n"


def render_dot(graph: TaskGraph) -> str:
    """Draw the graph in Graphviz' language.

    Args:
        graph: The graph.

    Returns:
        A digraph: mapped tasks as three-dimensional boxes, conditions as dashed arrows, workflows inside as clusters.
    """
    drawing = _Drawing(graph)
    lines = [f"digraph {_quoted(graph.workflow)} {{", "    node [shape=box, style=rounded];"]
    lines += [f"    // {change}" for change in graph.changes]
    for depth, item in drawing.boxes():
        indent = "    " * (depth + 1)
        if isinstance(item, str):
            lines.extend(_cluster(indent[4:], item))
            continue
        look = ", shape=box3d, style=solid" if drawing.is_mapped(item) else ""
        lines.append(f"{indent}t{item} [label={_quoted(drawing.labels[item])}{look}];")
    for target, needs in enumerate(drawing.needs):
        for source, kind in needs:
            lines.append(f"    t{source} -> t{target}{' [style=dashed]' if kind == CONDITION else ''};")
    return "\n".join([*lines, "}"]) + "\n"


class _Drawing:
    """What all three need to know.

    Attributes:
        labels: Per task its id, of a mapped one with the number of its items, or a question mark.
        needs: Per task the tasks that it waits for, and as what.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        counts = known_counts(graph)
        self.labels = [_label(task, count) for task, count in zip(graph.tasks, counts, strict=True)]
        self.needs = [needs_of(task) for task in graph.tasks]

    def is_mapped(self, index: int) -> bool:
        return self._graph.tasks[index].form is not Form.CALL

    def boxes(self) -> Iterator[tuple[int, int | str]]:
        """Yield tasks in order, and with each its depth; a text where a box opens, an empty one where it closes.

        The tasks of one box stand together where its first one stands.
        """
        tree: _Box = _Box()
        for task in self._graph.tasks:
            box = tree
            path = task.id.split("/")[:-1]
            for depth in range(len(path)):
                box = box.inner("/".join(path[: depth + 1]))
            box.content.append(task.index)
        yield from tree.walk()


class _Box:
    """A workflow inside another, with its tasks and the workflows inside it."""

    def __init__(self) -> None:
        self.content: list[int | tuple[str, _Box]] = []
        self._inside: dict[str, _Box] = {}

    def inner(self, name: str) -> _Box:
        """Give the box of that name, made where it is first asked for."""
        if name not in self._inside:
            self._inside[name] = _Box()
            self.content.append((name, self._inside[name]))
        return self._inside[name]

    def walk(self) -> Iterator[tuple[int, int | str]]:
        """Yield depth and task, or depth and the text that opens or closes a box."""
        pending: list[tuple[int, int | str | tuple[str, _Box]]] = [(0, item) for item in reversed(self.content)]
        while pending:
            depth, item = pending.pop()
            if not isinstance(item, tuple):
                yield depth, item
                continue
            name, box = item
            yield depth + 1, name
            pending.append((depth + 1, ""))
            pending.extend((depth + 1, inside) for inside in reversed(box.content))


def _label(task: Task, count: int | None) -> str:
    if task.form is Form.CALL:
        return f"{task.id}{mark_of(task)}"
    return f"{task.id} {_TIMES}{'?' if count is None else count}{mark_of(task)}"


def mark_of(task: Task) -> str:
    """Name the plugins that had a hand in a task: ``" [data]"``; empty for a call that is as the user wrote it."""
    return f" [{', '.join(dict.fromkeys(change.plugin for change in task.changes))}]" if task.changes else ""


def needs_of(task: Task) -> list[tuple[int, str]]:
    """Give the tasks that a task waits for, in order of first use; what is also a value is drawn as a value."""
    kinds: dict[int, str] = {}

    def note(binding: Binding, kind: str) -> None:
        for output in task_outputs(binding):
            kinds[output.task] = kind

    if task.condition is not None:
        note(task.condition, CONDITION)
    for name, binding in task.bindings.items():
        note(binding, _ITEM if name in task.mapped else _VALUE)
    return list(kinds.items())


def _cluster(indent: str, name: str) -> list[str]:
    if not name:
        return [f"{indent}}}"]
    inner = indent + "    "
    return [
        f"{indent}subgraph {_quoted('cluster_' + name)} {{",
        f"{inner}label={_quoted(name.rpartition('/')[2])};",
    ]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _identifier(text: str) -> str:
    """Make a name that Mermaid takes as an identifier, a different one for each text."""
    return re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", text)


def _mermaid_text(text: str) -> str:
    return text.replace('"', "#quot;")
