"""Checks a task graph: everything that can be known to be wrong before anything runs, all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NoReturn

from hookline.errors import WorkflowError, close_match
from hookline.graph.edges import Edges
from hookline.graph.items import collection_length, known_counts
from hookline.graph.network import find_cycle
from hookline.graph.problem import Problem, about
from hookline.graph.provided import provider_faults
from hookline.model.graph import Task, TaskGraph
from hookline.model.place import Place
from hookline.model.provider import providers_in
from hookline.model.recording import Form
from hookline.model.seed import is_seed
from hookline.model.step import Step
from hookline.model.wrapping import unwrapped

__all__ = ["check_graph", "edge_problems", "raise_problems"]


def check_graph(graph: TaskGraph) -> None:
    """Check a graph that was changed after it was built.

    Args:
        graph: The graph, of whose tasks nothing is taken for granted.

    Raises:
        WorkflowError: Something is wrong; all problems are named.
    """
    found = list(_order_problems(graph))
    if not found:
        wrong = list(_argument_problems(graph))
        found = [*wrong, *edge_problems(graph, {problem.task for problem in wrong})]
    if found:
        raise_problems(graph.workflow, found)


def edge_problems(graph: TaskGraph, broken: Collection[int] = ()) -> list[Problem]:
    """Find what is wrong between tasks, and with the constants that they are given.

    Args:
        graph: The graph, whose tasks' arguments match their steps' parameters.
        broken: Indexes of tasks of which that is not so; what they are given is not looked at.

    Returns:
        The problems, in no particular order.
    """
    edges = Edges(graph)
    names = _Names()
    problems: list[Problem] = []
    zipped: list[Task] = []
    for task in graph.tasks:
        if task.step not in names.seen:
            names.check(task, problems)
            problems.extend([about(task, fault) for fault in provider_faults(task.step)])
        if task.index not in broken:
            edges.check(task, problems)
            if len(task.mapped) > 1 and task.form is Form.MAP:
                zipped.append(task)
    if zipped:
        problems.extend(_length_problems(graph, zipped, broken))
    return problems


def raise_problems(workflow: str, problems: Iterable[Problem], cause: BaseException | None = None) -> NoReturn:
    """Raise all problems as one error, in the order of the tasks.

    Args:
        workflow: The workflow's name.
        problems: The problems, at least one.
        cause: What was raised meanwhile.

    Raises:
        WorkflowError: Always.
    """
    texts = [problem.text for problem in sorted(problems, key=lambda problem: problem.task)]
    many = f"{len(texts)} problems" if len(texts) > 1 else "a problem"
    raise WorkflowError(f"the workflow '{workflow}' has {many}", problems=texts) from cause


def _length_problems(graph: TaskGraph, zipped: list[Task], broken: Collection[int]) -> Iterator[Problem]:
    counts = known_counts(graph, broken)
    for task in zipped:
        lengths = {name: collection_length(task.bindings[name], graph.tasks, counts) for name in task.mapped}
        if len({length for length in lengths.values() if length is not None}) > 1:
            told = ", ".join(f"'{name}' has {length}" for name, length in lengths.items() if length is not None)
            yield about(
                task,
                f"is mapped over lists of different lengths: {told}; use .product(…) for all combinations",
            )


class _Names:
    """Finds a name that was given to two different functions on purpose.

    Two functions that merely have the same name, in two modules, are no problem: their tasks are numbered.
    """

    def __init__(self) -> None:
        self.seen: set[Step[Any, Any]] = set()
        self._first: dict[str, Step[Any, Any]] = {}
        self._told: set[tuple[str, object]] = set()

    def check(self, task: Task, problems: list[Problem]) -> None:
        """Add the problem of a step that was not seen before, if it has one."""
        if task.inserted_by:  # its plugin stands in its tasks' ids
            return
        step = task.step
        self.seen.add(step)
        other = self._first.setdefault(step.name, step)
        # Functions that one factory makes have one code.
        mine, its = unwrapped(step.fn), unwrapped(other.fn)
        if its is mine or its.__code__ is mine.__code__ or (step.name, step.fn) in self._told:
            return
        if step.name == step.fn.__name__ and other.name == other.fn.__name__:
            return
        self._told.add((step.name, step.fn))
        text = (
            f"has the name of another step: '{step.name}' is {_function(other)} and {_function(step)}; "
            "give one of them another name"
        )
        problems.append(about(task, text))


def _function(step: Step[Any, Any]) -> str:
    code = unwrapped(step.fn).__code__
    return f"{step.fn.__name__} ({Place(code.co_filename, code.co_firstlineno)})"


def _order_problems(graph: TaskGraph) -> Iterator[Problem]:
    """Find tasks that wait for a later task, for themselves, or for none that exists."""
    count = len(graph.tasks)
    for index, task in enumerate(graph.tasks):
        if task.index != index:
            yield Problem(index, f"task '{task.id}' stands at {index}, but says that its index is {task.index}")
            return
        for other in task.depends():
            if not 0 <= other < count:
                yield about(task, f"waits for task number {other}, which does not exist")
                return
    for task in graph.tasks:
        if any(other >= task.index for other in task.depends()):
            cycle = find_cycle(graph)
            if cycle:
                path = " → ".join(graph.tasks[index].id for index in [*cycle, cycle[0]])
                yield about(task, f"waits for itself: {path}")
            else:
                yield about(task, "stands before a task that it waits for")
            return


def _argument_problems(graph: TaskGraph) -> Iterator[Problem]:
    seen: set[str] = set()
    for task in graph.tasks:
        parameters, provided = task.step.signature.parameters, providers_in(task.step.signature)
        if task.id in seen:
            yield about(task, "has the id of another task")
        seen.add(task.id)
        for name in task.bindings:
            if name not in parameters:
                match = close_match(name, parameters) or f" it takes {', '.join(parameters) or 'none'}"
                yield about(task, f"has no parameter '{name}';{match}")
            elif name in provided:
                yield about(task, f"is given '{name}', which the provider '{provided[name].name}' opens; leave it out")
        for name in task.mapped:
            if name not in task.bindings:
                yield about(task, f"is mapped over '{name}', but given no list for it")
        lacking = [
            f"'{name}'"
            for name, parameter in parameters.items()
            if parameter.required
            and name not in task.bindings
            and name not in provided
            and not is_seed(parameter.annotation)
        ]
        if lacking:
            yield about(task, f"lacks the argument{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}")
