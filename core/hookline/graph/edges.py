"""Compares what tasks are given with what their parameters take: constants, and types along edges."""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Iterator
from typing import Any

from hookline.graph.annotations import ListOf, by_value, can_meet, collection_element, constant_fits, type_text
from hookline.graph.parameter_types import holds_secret, secret_in_the_open
from hookline.graph.problem import Problem, about
from hookline.model.graph import Binding, Constant, Nested, Task, TaskGraph, TaskOutput, task_outputs
from hookline.model.parameter import Parameter, read_signature
from hookline.model.recording import Form
from hookline.model.reference import WHOLE

__all__ = ["Edges"]


class Edges:
    """Compares types along edges; each pair of types once."""

    def __init__(self, graph: TaskGraph) -> None:
        self._tasks = graph.tasks

    def check(self, task: Task, problems: list[Problem]) -> None:
        """Add the problems of one task's arguments and condition."""
        wanted = _wanted_by(task.step.fn)
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
            problems.extend([about(task, text) for text in texts])
        if task.condition is not None:
            problems.extend([about(task, text) for text in self._condition(task.condition)])

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
                yield f"takes {type_text(want.annotation)} as '{name}', not {_shown(binding.value, want)}"
        elif isinstance(binding, Nested):
            value = {"list": [], "tuple": (), "dict": {}}[binding.kind]  # type: ignore[var-annotated]
            if not constant_fits(value, want.annotation):
                yield f"takes {type_text(want.annotation)} as '{name}', not a {binding.kind}"
            elif want.secret and secret_in_the_open(_known(binding), want.annotation):
                yield f"takes {type_text(want.annotation)} as '{name}', not {_shown(binding, want)}"
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
                yield f"takes {takes} as '{name}', but item {index} of its list is {_shown(value, want)}"
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


class _Wanted:
    """What one parameter takes, and what was found to fit it before."""

    __slots__ = ("annotation", "by_value", "fitting", "optional", "secret", "spread")

    def __init__(self, parameter: Parameter) -> None:
        self.annotation = parameter.annotation
        self.optional = parameter.default is None
        self.spread = parameter.kind in (parameter.kind.VAR_POSITIONAL, parameter.kind.VAR_KEYWORD)
        self.secret = holds_secret(parameter.annotation)
        self.by_value = self.secret or by_value(parameter.annotation)
        self.fitting: set[Any] = set()


@functools.lru_cache(maxsize=4096)
def _wanted_by(function: Callable[..., Any]) -> dict[str, _Wanted]:
    # Kept beyond one graph: a step that grows has its few calls checked in each of its attempts.
    return {name: _Wanted(parameter) for name, parameter in read_signature(function).parameters.items()}


def _fits(value: object, want: _Wanted) -> bool:
    if want.secret and secret_in_the_open(value, want.annotation):
        return False
    return (value is None and want.optional) or constant_fits(value, want.annotation)


def _known(binding: Binding) -> Any:
    """Give what of an argument is known before anything has run, with None for the rest."""
    if isinstance(binding, Constant):
        return binding.value
    if not isinstance(binding, Nested):
        return None
    items = [_known(item) for item in binding.items]
    if binding.kind == "dict":
        return dict(zip(binding.keys or (), items, strict=True))
    return tuple(items) if binding.kind == "tuple" else items


def _shown(value: object, want: _Wanted) -> str:
    if value is None:
        return "None"
    if want.secret:
        return "what is given, which is not shown because it may be a secret"
    return f"{reprlib.repr(value)} ({type(value).__name__})"
