"""A task graph while it is being changed: tasks keep their numbers, and a graph is made of them at the end.

What takes a task's value refers to a port, not to the task: a step that is put behind a task takes over its port, and
the task gets another one. So thousands of insertions don't look thousands of times at a list of thousands.

The graph that it began with, and its tasks, stay as they were.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hookline.graph.items import listed_length
from hookline.graph.rewriting.constants import known_value
from hookline.graph.rewriting.redirect import moved, redirected, renumbered
from hookline.model.change import Change
from hookline.model.graph import Binding, Task, TaskGraph, TaskOutput, task_outputs
from hookline.model.recording import Form
from hookline.model.reference import WHOLE

__all__ = ["CircleError", "Draft"]

_Rank = tuple[int, ...]


class CircleError(Exception):
    """Tasks wait for each other; the text names them, each after the one that it waits for."""


class Draft:
    """A changing graph.

    Args:
        graph: What it begins with.
        known: Gives the value of a binding that refers to no task.

    Attributes:
        known: As above.
        tasks: By number; None for those that were removed. What their bindings call a task is a port.
        changes: What was done so far.
    """

    def __init__(self, graph: TaskGraph, known: Callable[[Binding], Any] = known_value) -> None:
        self._graph = graph
        self.known = known
        self._returns = graph.returns
        self.tasks: list[Task | None] = list(graph.tasks)
        self.changes: list[Change] = []
        self._ports = list(range(len(graph.tasks)))
        self._owners = list(range(len(graph.tasks)))
        # Ports of tasks for which others stand in.
        self._merged: dict[int, int] = {}
        # Numbers that lead from a task that was there to those that were put before (-1) and after it (1).
        self._paths: dict[int, _Rank] = {}
        self._ids: set[str] = set()
        self._takers: dict[int, dict[int, None]] | None = None

    def task(self, number: int) -> Task:
        """Give a task that was not removed."""
        task = self.tasks[number]
        assert task is not None
        return task

    def output(self, number: int) -> TaskOutput:
        """Give what takes a task's value, or that of the steps that are put behind it later."""
        return TaskOutput(self._ports[number])

    def own_output(self, number: int) -> TaskOutput:
        """Give what takes a task's own value, for the step that is put behind it next."""
        self._owners.append(number)
        return TaskOutput(len(self._owners) - 1)

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

    def insert_before(self, number: int, name: str, task: Task, note: Change) -> int:
        """Add a task that gives another one an argument.

        Args:
            number: The other one.
            name: The name of its parameter.
            task: The task.
            note: What this is a part of.

        Returns:
            The new task's number.
        """
        new = self._add(task, note, (*self._path(number), -1))
        self._ports.append(len(self._owners))
        self._owners.append(new)
        taker = self.task(number)
        self._set(number, replace(taker, bindings={**taker.bindings, name: self.output(new)}))
        return new

    def insert_after(self, number: int, own: TaskOutput, task: Task, note: Change) -> int:
        """Add a task whose value is taken by all that took another one's.

        Args:
            number: The other one.
            own: What :meth:`own_output` gave for it, by which the task takes its value.
            task: The task.
            note: What this is a part of.

        Returns:
            The new task's number.
        """
        new = self._add(task, note, (*self._path(number), 1))
        port = self._ports[number]
        self._ports.append(port)
        self._owners[port] = new
        self._ports[number] = own.task
        return new

    def remove(self, number: int, note: Change, other: int | None = None) -> None:
        """Take a task away.

        Args:
            number: The task, which nothing needs, or for which another one stands in.
            note: What this is a part of.
            other: The other one.
        """
        self.tasks[number] = None
        self.changes.append(note)
        if other is not None:
            port, onto = self._ports[number], self._ports[other]
            self._merged[port] = onto
            if self._takers is not None:
                self._takers.setdefault(onto, {}).update(self._takers.get(port, {}))

    def free_id(self, before: str, after: str) -> str:
        """Find an id that no task has, by a number between two texts if need be."""
        if not self._ids:
            self._ids = {task.id for task in self.tasks if task is not None}
        found, count = before + after, 1
        while found in self._ids:
            count += 1
            found = f"{before}-{count}{after}"
        return found

    def length(self, binding: Binding) -> int | None:
        """Tell the length of a collection that is mapped over; None where the graph alone does not tell it."""
        pending, seen = [binding], set[int]()
        while pending:
            one = pending.pop()
            if not isinstance(one, TaskOutput):
                found = listed_length(one)
                if found is not None:
                    return found
            elif one.slot == WHOLE and not one.completed:
                owner = self._owner(one.task)
                task = None if owner in seen else self.tasks[owner]
                seen.add(owner)
                if task is not None and task.form is Form.MAP:
                    pending.extend(task.bindings[name] for name in task.mapped)
        return None

    def takes(self, taker: int, number: int) -> bool:
        """Tell whether a task takes another one's value."""
        return any(True for _ in self._uses(taker, number))

    def takers(self, number: int) -> Iterator[tuple[int | None, TaskOutput]]:
        """Yield each use of a task's value with the number of the task that uses it, None for the workflow's return."""
        for taker in self._taken_by(self._ports[number]):
            for output in self._uses(taker, number):
                yield taker, output
        for output in task_outputs(self._returns) if self._returns is not None else ():
            if self._is_of(output, number):
                yield None, output

    def rename_slots(self, number: int, slots: Mapping[int, int]) -> None:
        """Let all that use parts of a task's value use other parts."""
        if all(slot == other for slot, other in slots.items()):
            return

        def rename(output: TaskOutput) -> TaskOutput:
            if output.slot == WHOLE or not self._is_of(output, number):
                return output
            return TaskOutput(output.task, slots[output.slot], output.completed)

        for taker in self._taken_by(self._ports[number]):
            task = self.tasks[taker]
            if task is not None:
                bindings = {name: redirected(binding, rename) for name, binding in task.bindings.items()}
                condition = None if task.condition is None else redirected(task.condition, rename)
                self.tasks[taker] = replace(task, bindings=bindings, condition=condition)
        if self._returns is not None:
            self._returns = redirected(self._returns, rename)

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
        places = {number: index for index, number in enumerate(order)}
        owners = [self._owner(port) for port in range(len(self._owners))]
        numbers = {port: places[owner] for port, owner in enumerate(owners) if owner in places}
        tasks = tuple([renumbered(self.task(number), places[number], numbers) for number in order])
        returns = None if self._returns is None else moved(self._returns, numbers)
        return replace(self._graph, tasks=tasks, returns=returns, changes=(*self._graph.changes, *self.changes))

    # -- inside ------------------------------------------------------------------------------------------------

    def _add(self, task: Task, note: Change, path: _Rank) -> int:
        number = len(self.tasks)
        self._paths[number] = (*path, number)
        self._ids.add(task.id)
        self.tasks.append(None)
        self._set(number, replace(task, index=number, changes=(note,)))
        self.changes.append(note)
        return number

    def _set(self, number: int, task: Task) -> None:
        self.tasks[number] = task
        if self._takers is not None:
            self._note_taker(task, self._takers)

    def _taken_by(self, port: int) -> list[int]:
        """Give the tasks that use a port, and some that did so before."""
        if self._takers is None:
            self._takers = {}
            for task in self.tasks:
                if task is not None:
                    self._note_taker(task, self._takers)
        return list(self._takers.get(port, ()))

    def _note_taker(self, task: Task, takers: dict[int, dict[int, None]]) -> None:
        for port in task.depends():
            takers.setdefault(self._final(port), {})[task.index] = None

    def _uses(self, taker: int, number: int) -> Iterator[TaskOutput]:
        task = self.tasks[taker]
        if task is None:
            return
        bindings: list[Binding] = list(task.bindings.values())
        if task.condition is not None:
            bindings.append(task.condition)
        for binding in bindings:
            for output in task_outputs(binding):
                if self._is_of(output, number):
                    yield output

    def _is_of(self, output: TaskOutput, number: int) -> bool:
        return self._final(output.task) == self._ports[number]

    def _final(self, port: int) -> int:
        """Give the port that stands for one by now."""
        while port in self._merged:
            port = self._merged[port]
        return port

    def _owner(self, port: int) -> int:
        return self._owners[self._final(port)]

    def _depends(self, number: int) -> dict[int, None]:
        return dict.fromkeys(self._owner(port) for port in self.task(number).depends())

    def _order(self) -> list[int]:
        """Sort, taking of the tasks that can stand next always the one that stood first."""
        waits = {number: self._depends(number) for number, task in enumerate(self.tasks) if task is not None}
        takers: dict[int, list[int]] = {number: [] for number in waits}
        for number, sources in waits.items():
            for source in sources:
                takers[source].append(number)
        left = {number: len(sources) for number, sources in waits.items()}
        ready = [((*self._path(number), 0), number) for number, count in left.items() if not count]
        heapq.heapify(ready)
        order = []
        while ready:
            number = heapq.heappop(ready)[1]
            order.append(number)
            for taker in takers[number]:
                left[taker] -= 1
                if not left[taker]:
                    heapq.heappush(ready, ((*self._path(taker), 0), taker))
        if len(order) < len(waits):
            raise self._circle({number: waits[number] for number, count in left.items() if count})
        return order

    def _path(self, number: int) -> _Rank:
        return self._paths.get(number, (number,))

    def _circle(self, waits: Mapping[int, Mapping[int, None]]) -> CircleError:
        """Find a circle among tasks each of which waits for another of them."""
        number = min(waits)
        seen: dict[int, None] = {}
        while number not in seen:
            seen[number] = None
            number = next(source for source in waits[number] if source in waits)
        path = list(seen)
        circle = [*path[path.index(number) :], number]
        return CircleError(" → ".join(self.task(each).id for each in reversed(circle)))
