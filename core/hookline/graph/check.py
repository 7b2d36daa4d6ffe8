"""Checks a task graph: everything that can be known to be wrong before anything runs, all at once."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NoReturn

from hookline.errors import WorkflowError, close_match
from hookline.graph.annotations import (
    ListOf,
    by_value,
    can_meet,
    collection_element,
    constant_fits,
    type_text,
)
from hookline.graph.items import collection_length, known_counts
from hookline.graph.network import find_cycle
from hookline.graph.problem import Problem
from hookline.model.graph import Binding, Constant, Nested, Task, TaskGraph, TaskOutput, task_outputs
from hookline.model.parameter import Parameter
from hookline.model.place import Place
from hookline.model.recording import Form
from hookline.model.reference import WHOLE
from hookline.model.seed import is_seed
from hookline.model.step import Step

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
    edges = _Edges(graph)
    names = _Names()
    problems: list[Problem] = []
    zipped: list[Task] = []
    for task in graph.tasks:
        if task.step not in names.seen:
            names.check(task, problems)
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


class _Wanted:
    """What one parameter takes, and what was found to fit it before."""

    __slots__ = ("annotation", "by_value", "fitting", "optional", "spread")

    def __init__(self, parameter: Parameter) -> None:
        self.annotation = parameter.annotation
        self.optional = parameter.default is None
        self.spread = parameter.kind in (parameter.kind.VAR_POSITIONAL, parameter.kind.VAR_KEYWORD)
        self.by_value = by_value(parameter.annotation)
        self.fitting: set[Any] = set()


class _Edges:
    """Compares types along edges; each pair of types once."""

    def __init__(self, graph: TaskGraph) -> None:
        self._tasks = graph.tasks
        self._wanted: dict[Callable[..., Any], dict[str, _Wanted]] = {}

    def check(self, task: Task, problems: list[Problem]) -> None:
        """Add the problems of one task's arguments and condition."""
        step = task.step
        wanted = self._wanted.get(step.fn)
        if wanted is None:
            parameters = step.signature.parameters
            wanted = self._wanted[step.fn] = {name: _Wanted(parameters[name]) for name in parameters}
        mapped = task.mapped
        for name, binding in task.bindings.items():
            want = wanted[name]
            kind = type(binding)
            token: Any = None
            if mapped and name in mapped:
                pass
            elif kind is Constant:
                token = type(binding.value)  # type: ignore[union-attr]
            elif kind is TaskOutput:
                source = self._tasks[binding.task]  # type: ignore[union-attr]
                token = (source.step.fn, binding.slot, source.form is Form.CALL)  # type: ignore[union-attr]
            if token in want.fitting:
                continue
            texts = list(self._argument(task, name, binding, want))
            if not texts and token is not None and not want.by_value:
                want.fitting.add(token)
            problems.extend([_problem(task, text) for text in texts])
        if task.condition is not None:
            problems.extend([_problem(task, text) for text in self._condition(task.condition)])

    def _argument(self, task: Task, name: str, binding: Binding, want: _Wanted) -> Iterator[str]:
        if name in task.mapped:
            yield from self._collection(name, binding, want)
        elif want.spread and isinstance(binding, Nested):
            for key, item in zip(binding.keys or [name] * len(binding.items), binding.items, strict=True):
                yield from self._value(key, item, want)
        else:
            yield from self._value(name, binding, want)

    def _value(self, name: str, binding: Binding, want: _Wanted) -> Iterator[str]:
        if isinstance(binding, Constant):
            if not _fits(binding.value, want):
                yield f"takes {type_text(want.annotation)} as '{name}', not {_shown(binding.value)}"
        elif isinstance(binding, Nested):
            value = {"list": [], "tuple": (), "dict": {}}[binding.kind]  # type: ignore[var-annotated]
            if not constant_fits(value, want.annotation):
                yield f"takes {type_text(want.annotation)} as '{name}', not a {binding.kind}"
        else:
            for output in task_outputs(binding):
                produced = self._produced(output)
                if not can_meet(produced, want.annotation):
                    yield (
                        f"takes {type_text(want.annotation)} as '{name}', but "
                        f"{self._source(output)} is {type_text(produced)}"
                    )

    def _collection(self, name: str, binding: Binding, want: _Wanted) -> Iterator[str]:
        if isinstance(binding, Constant):
            yield from self._constants(name, binding.value, want)
        elif isinstance(binding, Nested):
            for item in binding.items:
                texts = list(self._value(name, item, want))
                if texts:
                    yield texts[0]
                    return
        else:
            for output in task_outputs(binding):
                produced = self._produced(output)
                is_list, element = collection_element(produced)
                if not is_list:
                    yield (f"is mapped over '{name}', but {self._source(output)} is {type_text(produced)} and no list")
                elif not can_meet(element, want.annotation):
                    yield (
                        f"takes {type_text(want.annotation)} as '{name}', but the items of "
                        f"{self._source(output)} are {type_text(element)}"
                    )

    def _constants(self, name: str, values: list[Any], want: _Wanted) -> Iterator[str]:
        if not want.by_value:
            # A million items have few types; one value stands for all of its type.
            examples = {type(value): value for value in values}
            if all(_fits(value, want) for value in examples.values()):
                return
        for index, value in enumerate(values):
            if not _fits(value, want):
                takes = type_text(want.annotation)
                yield f"takes {takes} as '{name}', but item {index} of its list is {_shown(value)}"
                return

    def _condition(self, condition: Binding) -> Iterator[str]:
        if isinstance(condition, Nested):
            yield f"has a {condition.kind} as its condition, which holds always; reduce it to one value in a step"
            return
        for output in task_outputs(condition):
            produced = self._produced(output)
            if isinstance(produced, ListOf):
                yield (
                    f"has the results of the mapped task '{self._tasks[output.task].id}' as its condition; "
                    "reduce them to one value in a step"
                )
            elif produced is None or produced is type(None):
                yield f"has {self._source(output)} as its condition, which is None and never holds"

    def _produced(self, output: TaskOutput) -> Any:
        source = self._tasks[output.task]
        outputs = source.outputs
        if source.form is not Form.CALL:
            return ListOf(outputs.returns)
        return outputs.returns if output.slot == WHOLE else outputs.types[output.slot]

    def _source(self, output: TaskOutput) -> str:
        source = self._tasks[output.task]
        if output.slot != WHOLE and source.form is Form.CALL:
            return f"'{source.outputs.names[output.slot]}' of task '{source.id}' ({source.place})"
        return f"what task '{source.id}' ({source.place}) returns"


def _fits(value: object, want: _Wanted) -> bool:
    return (value is None and want.optional) or constant_fits(value, want.annotation)


def _shown(value: object) -> str:
    if value is None:
        return "None"
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def _problem(task: Task, text: str) -> Problem:
    return Problem(task.index, f"task '{task.id}' ({task.place}) {text}")


def _length_problems(graph: TaskGraph, zipped: list[Task], broken: Collection[int]) -> Iterator[Problem]:
    counts = known_counts(graph, broken)
    for task in zipped:
        lengths = {name: collection_length(task.bindings[name], graph.tasks, counts) for name in task.mapped}
        if len({length for length in lengths.values() if length is not None}) > 1:
            told = ", ".join(f"'{name}' has {length}" for name, length in lengths.items() if length is not None)
            yield _problem(
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
        step = task.step
        self.seen.add(step)
        other = self._first.setdefault(step.name, step)
        # Functions that one factory makes have one code.
        if other.fn is step.fn or other.fn.__code__ is step.fn.__code__ or (step.name, step.fn) in self._told:
            return
        if step.name == step.fn.__name__ and other.name == other.fn.__name__:
            return
        self._told.add((step.name, step.fn))
        text = (
            f"has the name of another step: '{step.name}' is {_function(other)} and {_function(step)}; "
            "give one of them another name"
        )
        problems.append(_problem(task, text))


def _function(step: Step[Any, Any]) -> str:
    code = step.fn.__code__
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
                yield _problem(task, f"waits for task number {other}, which does not exist")
                return
    for task in graph.tasks:
        if any(other >= task.index for other in task.depends()):
            cycle = find_cycle(graph)
            if cycle:
                path = " → ".join(graph.tasks[index].id for index in [*cycle, cycle[0]])
                yield _problem(task, f"waits for itself: {path}")
            else:
                yield _problem(task, "stands before a task that it waits for")
            return


def _argument_problems(graph: TaskGraph) -> Iterator[Problem]:
    seen: set[str] = set()
    for task in graph.tasks:
        parameters = task.step.signature.parameters
        if task.id in seen:
            yield _problem(task, "has the id of another task")
        seen.add(task.id)
        for name in task.bindings:
            if name not in parameters:
                match = close_match(name, parameters) or f" it takes {', '.join(parameters) or 'none'}"
                yield _problem(task, f"has no parameter '{name}';{match}")
        for name in task.mapped:
            if name not in task.bindings:
                yield _problem(task, f"is mapped over '{name}', but given no list for it")
        lacking = [
            f"'{name}'"
            for name, parameter in parameters.items()
            if parameter.required and name not in task.bindings and not is_seed(parameter.annotation)
        ]
        if lacking:
            yield _problem(task, f"lacks the argument{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}")
