"""A part of a workflow: up to some tasks, from some on, or only these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hookline.errors import UsageError, close_match
from hookline.graph.network import ancestors, descendants
from hookline.graph.rewriting.redirect import moved, renumbered
from hookline.model.graph import Binding, Nested, TaskGraph, TaskOutput, task_outputs

__all__ = ["Selected", "Selection", "select"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tasks of a workflow are wanted; each word is a task's id, a step's name or a tag.

    Attributes:
        to: These, and what they need.
        from_: These, and what depends on them.
        only: Just these.
    """

    to: tuple[str, ...] = ()
    from_: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.to or self.from_ or self.only)

    @classmethod
    def of(cls, to: Sequence[str] = (), from_: Sequence[str] = (), only: Sequence[str] = ()) -> Selection:
        """Take what a caller gave, who may have given one word instead of a list."""
        return cls(*((given,) if isinstance(given, str) else tuple(given) for given in (to, from_, only)))

    def described(self) -> dict[str, list[str]]:
        """Give it as plain data."""
        found = {"to": self.to, "from": self.from_, "only": self.only}
        return {name: list(words) for name, words in found.items() if words}

    @classmethod
    def read(cls, described: Mapping[str, Sequence[str]]) -> Selection:
        """Give what :meth:`described` wrote down."""
        return cls(*(tuple(described.get(name, ())) for name in ("to", "from", "only")))


@dataclass(frozen=True, slots=True)
class Selected:
    """A part of a graph.

    Attributes:
        graph: The wanted tasks and all that these need, as a graph of its own.
        given: Ids of those among them that are not wanted: their results have to be recorded.
    """

    graph: TaskGraph
    given: tuple[str, ...]


def select(graph: TaskGraph, selection: Selection) -> Selected:
    """Take a part of a graph.

    Args:
        graph: The checked graph.
        selection: What is wanted; where several kinds are given, what all of them want.

    Returns:
        The part. It returns the value of the task that ``to`` or ``only`` name, a dict of them by id where they name
        several, and else what the workflow returns, if the part has all of it.

    Raises:
        UsageError: A word names nothing, an item of a task, or nothing is left; all such words are named.
    """
    words = _Words(graph)
    to, from_, only = (words.tasks(chosen) for chosen in (selection.to, selection.from_, selection.only))
    words.check()
    wanted = set(range(len(graph.tasks)))
    if to:
        wanted &= to | ancestors(graph, to)
    if from_:
        wanted &= from_ | descendants(graph, from_)
    if only:
        wanted &= only
    if not wanted:
        raise UsageError("no task is both --to and --from what was given", help="draw the workflow: hookline graph")
    kept = sorted(wanted | ancestors(graph, wanted))
    numbers = {index: number for number, index in enumerate(kept)}
    tasks = tuple(renumbered(graph.tasks[index], numbers[index], numbers) for index in kept)
    part = replace(graph, tasks=tasks, returns=_returns(graph, numbers, sorted((to | only) & wanted)))
    return Selected(part, tuple(graph.tasks[index].id for index in kept if index not in wanted))


class _Words:
    """Finds the tasks that words name, and notes the words that name none."""

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        self._named: dict[str, set[int]] = {}
        for task in graph.tasks:
            for word in {task.step.name, *task.options.tags}:
                self._named.setdefault(word, set()).add(task.index)
        # An id is one task, though a step of that name has several.
        self._ids = {task.id: task.index for task in graph.tasks}
        self._unknown: list[str] = []

    def tasks(self, words: Iterable[str]) -> set[int]:
        """Give all that they name."""
        found: set[int] = set()
        for word in words:
            numbered = any(name.startswith(f"{word}-") for name in self._ids)
            if word in self._ids and not (numbered and word in self._named):
                found.add(self._ids[word])
            elif word in self._named:
                found |= self._named[word]
            else:
                self._unknown.append(word)
        return found

    def check(self) -> None:
        """Raise what named nothing."""
        if not self._unknown:
            return
        known = {*self._ids, *self._named}
        nearest = {word: close_match(word, known).strip() for word in self._unknown}
        told = [f"'{word}' ({near})" if near else f"'{word}'" for word, near in nearest.items()]
        items = any(word.partition("[")[0] in known for word in self._unknown)
        raise UsageError(
            f"the workflow '{self._graph.workflow}' has no task, step or tag {', '.join(told)}",
            help="name whole tasks, not items" if items else "draw the workflow to see its tasks: hookline graph",
        )


def _returns(graph: TaskGraph, numbers: Mapping[int, int], named: Sequence[int]) -> Binding | None:
    if len(named) == 1:
        return TaskOutput(numbers[named[0]])
    if named:
        ids = tuple(graph.tasks[index].id for index in named)
        return Nested("dict", ids, tuple(TaskOutput(numbers[index]) for index in named))
    if graph.returns is None or any(output.task not in numbers for output in task_outputs(graph.returns)):
        return None
    return moved(graph.returns, numbers)
