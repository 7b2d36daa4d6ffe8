"""A task graph while it is being changed: tasks keep their numbers, and a graph is made of them at the end.

The graph that it began with, and its tasks, stay as they were.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hookline.graph.redirect import moved, redirected, renumbered
from hookline.model.change import Change
from hookline.model.graph import Binding, Task, TaskGraph, TaskOutput, task_outputs

__all__ = ["CircleError", "Draft"]

_Rank = tuple[int, ...]


class CircleError(Exception):
    """Tasks wait for each other.

    Attributes:
        path: Their ids; each has to wait for the one before it, and the first is named again at the end.
    """

    def __init__(self, path: list[str]) -> None:
        super().__init__(" → ".join(path))
        self.path = path


class Draft:
    """A changing graph.

    Args:
        graph: What it begins with.

    Attributes:
        tasks: By number; None for those that were removed.
        returns: What the workflow returns.
        changes: What was done so far.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        self.tasks: list[Task | None] = list(graph.tasks)
        self.returns = graph.returns
        self.changes: list[Change] = []
        # Numbers that lead from a task that was there to those that were put before (-1) and after it (1).
        self._paths: dict[int, _Rank] = {}
        self._ids: set[str] = set()
        self._takers: list[dict[int, None]] = []

    def task(self, number: int) -> Task:
        """Give a task that was not removed."""
        task = self.tasks[number]
        assert task is not None
        return task

    def change(self, number: int, note: Change, **fields: Any) -> None:
        """Change a task.

        Args:
            number: Its number.
            note: What this is a part of.
            **fields: Its new attributes.
        """
        task = self.task(number)
        self._set(number, replace(task, changes=(*task.changes, note), **fields))
        self.changes.append(note)

    def bind(self, number: int, name: str, binding: Binding) -> None:
        """Give a task another argument, which is a part of another change."""
        task = self.task(number)
        self._set(number, replace(task, bindings={**task.bindings, name: binding}))

    def insert(self, task: Task, note: Change, near: int, side: int) -> int:
        """Add a task.

        Args:
            task: The task; its index is that of no other one yet.
            note: What this is a part of.
            near: The number of the task beside which it is to stand, as far as that is possible.
            side: 1 for after it, -1 for before.

        Returns:
            Its number.
        """
        number = len(self.tasks)
        self._paths[number] = (*self._paths.get(near, (near,)), side, number)
        self.tasks.append(None)
        if self._takers:
            self._takers.append({})
        self._ids.add(task.id)
        self._set(number, replace(task, index=number, changes=(note,)))
        self.changes.append(note)
        return number

    def remove(self, number: int, note: Change) -> None:
        """Take a task away that nothing needs."""
        self.tasks[number] = None
        self.changes.append(note)

    def free_id(self, words: Callable[[str], str]) -> str:
        """Find an id that no task has.

        Args:
            words: Makes an id with an ending such as ``"-2"``, which is empty for the first.
        """
        if not self._ids:
            self._ids = {task.id for task in self.tasks if task is not None}
        found, count = words(""), 1
        while found in self._ids:
            count += 1
            found = words(f"-{count}")
        return found

    def takers(self, number: int) -> Iterator[tuple[int | None, TaskOutput]]:
        """Yield each use of a task's value with the number of the task that uses it, None for the workflow's return."""
        for taker in self._taken_by(number):
            task = self.tasks[taker]
            for binding in _bindings(task) if task is not None else ():
                for output in task_outputs(binding):
                    if output.task == number:
                        yield taker, output
        for output in task_outputs(self.returns) if self.returns is not None else ():
            if output.task == number:
                yield None, output

    def redirect(self, number: int, change: Callable[[TaskOutput], TaskOutput], besides: int = -1) -> None:
        """Let all that use a task's value use another.

        Args:
            number: The task.
            change: Gives the other.
            besides: The number of a task that goes on using the one.
        """

        def redirect(output: TaskOutput) -> TaskOutput:
            return change(output) if output.task == number else output

        for taker in self._taken_by(number):
            task = self.tasks[taker]
            if task is not None and taker != besides:
                bindings = {name: redirected(binding, redirect) for name, binding in task.bindings.items()}
                condition = None if task.condition is None else redirected(task.condition, redirect)
                self._set(taker, replace(task, bindings=bindings, condition=condition))
        if self.returns is not None:
            self.returns = redirected(self.returns, redirect)

    def finish(self) -> TaskGraph:
        """Make a graph of it.

        Returns:
            The graph, whose tasks stand in an order in which they can run, as near to that of before as can be; the one
            that it began with where nothing was changed.

        Raises:
            CircleError: There is no such order.
        """
        if not self.changes:
            return self._graph
        order = self._order()
        numbers = {number: index for index, number in enumerate(order)}
        tasks = tuple([renumbered(self.task(number), numbers) for number in order])
        returns = None if self.returns is None else moved(self.returns, numbers)
        return replace(self._graph, tasks=tasks, returns=returns, changes=(*self._graph.changes, *self.changes))

    def _set(self, number: int, task: Task) -> None:
        self.tasks[number] = task
        if self._takers:
            self._note_taker(task)

    def _taken_by(self, number: int) -> list[int]:
        """Give the tasks that use a task's value, and some that did so before."""
        if not self._takers:
            self._takers = [{} for _ in self.tasks]
            for task in self.tasks:
                if task is not None:
                    self._note_taker(task)
        return list(self._takers[number])

    def _note_taker(self, task: Task) -> None:
        for source in task.depends():
            self._takers[source][task.index] = None

    def _order(self) -> list[int]:
        """Sort, taking of the tasks that can stand next always the one that stood first."""
        there = [task for task in self.tasks if task is not None]
        waits = {task.index: len(task.depends()) for task in there}
        takers: dict[int, list[int]] = {number: [] for number in waits}
        for task in there:
            for source in task.depends():
                takers[source].append(task.index)
        ready = [(self._rank(number), number) for number, count in waits.items() if not count]
        heapq.heapify(ready)
        order = []
        while ready:
            number = heapq.heappop(ready)[1]
            order.append(number)
            for taker in takers[number]:
                waits[taker] -= 1
                if not waits[taker]:
                    heapq.heappush(ready, (self._rank(taker), taker))
        if len(order) < len(there):
            raise CircleError(self._circle({number for number, count in waits.items() if count}))
        return order

    def _rank(self, number: int) -> _Rank:
        return (*self._paths.get(number, (number,)), 0)

    def _circle(self, left: set[int]) -> list[str]:
        """Find a circle among tasks each of which waits for another of them."""
        number = min(left)
        seen: dict[int, None] = {}
        while number not in seen:
            seen[number] = None
            number = next(source for source in self.task(number).depends() if source in left)
        path = list(seen)
        circle = [*path[path.index(number) :], number]
        return [self.task(each).id for each in reversed(circle)]


def _bindings(task: Task) -> Iterator[Binding]:
    yield from task.bindings.values()
    if task.condition is not None:
        yield task.condition
