"""Recipes: what a step that grew called, as plain data that is stored like any outcome.

A recipe is one slot. Its bytes are the canonical encoding of :class:`Recipe`; values that are too large to stand in it
are artifacts of their own, to which the slot refers as to files.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from hookline.errors import HooklineError
from hookline.model.graph import Binding, Constant, FirstOf, Kept, Nested, Task, TaskGraph, TaskOutput
from hookline.model.options import Options
from hookline.model.place import Place
from hookline.model.recording import Form
from hookline.model.step import Step
from hookline.store.artifacts import Artifacts
from hookline.store.outputs import ONE_INLINE, Stored, pack_outputs, unpack_outputs
from hookline.values.encode import decode
from hookline.values.plain import encode_plain
from hookline.values.plain_reader import load_pickle
from hookline.worker.storing import Storer

__all__ = ["PlantedCall", "Recipe", "StepName", "make_recipe", "options_of", "read_recipe"]

_FORMAT = 1
_FORMS = {Form.CALL: 0, Form.MAP: 1, Form.PRODUCT: 2}
_FORM_OF = {number: form for form, number in _FORMS.items()}

Written = Any
"""A binding as plain data: the packed bytes of a value, the number of one that lies apart, or a tagged tuple."""


class StepName(NamedTuple):
    """How a recipe names a step.

    Attributes:
        module: Where its function is defined.
        qualname: The function's name there.
        name: What its tasks are called.
        options: Its pickled options, where they are others than those that the function was decorated with.
    """

    module: str
    qualname: str
    name: str
    options: bytes


class PlantedCall(NamedTuple):
    """One call of a recipe.

    Attributes:
        id: The task's name within the one that grew it.
        step: Which of the recipe's steps.
        form: How it was called.
        bindings: Per parameter.
        mapped: Names of mapped parameters.
        condition: What decides whether it runs; None for always.
        place: Where the call was written.
    """

    id: str
    step: int
    form: Form
    bindings: dict[str, Binding]
    mapped: tuple[str, ...]
    condition: Binding | None
    place: Place


class Recipe(NamedTuple):
    """What a step that grew called.

    Attributes:
        steps: The steps.
        calls: In an order in which they can run.
        returns: What the step returned.
        result: Which call's outcome is the step's own as it is; None where it has to be put together.
    """

    steps: list[StepName]
    calls: list[PlantedCall]
    returns: Binding
    result: int | None


def make_recipe(graph: TaskGraph, result: int | None, storer: Storer) -> bytes:
    """Store a recipe.

    Args:
        graph: The calls, bound and checked.
        result: See :class:`Recipe`.
        storer: Stores the values that the calls were given.

    Returns:
        The packed outputs, durable after the writer's ``sync``.

    Raises:
        HooklineError: A value can't be stored; names the task and the argument.
    """
    writer = _Writer(storer)
    calls = [writer.call(task) for task in graph.tasks]
    assert graph.returns is not None
    returns = writer.value(graph.returns)
    stream = encode_plain((_FORMAT, [tuple(name) for name in writer.steps], calls, returns, result))
    return storer.pack(stream, writer.apart)


def read_recipe(blob: bytes, artifacts: Artifacts, first: int = 0) -> Recipe:
    """Read a stored recipe; the values in it stay as they are stored.

    Args:
        blob: The packed outputs of an attempt that grew.
        artifacts: Where large recipes lie.
        first: The number of its first task; the others follow.

    Returns:
        The recipe.

    Raises:
        HooklineError: It is of a format that this version does not know, or its artifact is missing or damaged.
    """
    stored = unpack_outputs(blob)[0]
    data = stored.data if stored.data is not None else artifacts.read(stored)
    form, *rest = cast("tuple[Any, ...]", decode(data))
    if form != _FORMAT:
        raise HooklineError(f"a recipe of format {form} is not known here", help="use the hookline that recorded it")
    names, calls, returns, result = rest
    reader = _Reader(stored.files, first)
    planted = [
        PlantedCall(
            name,
            step,
            _FORM_OF[shape],
            {key: reader.value(binding) for key, binding in bindings.items()},
            mapped,
            None if condition is None else reader.value(condition),
            Place(*place),
        )
        for name, step, shape, bindings, mapped, condition, place in calls
    ]
    return Recipe([StepName(*name) for name in names], planted, reader.value(returns), result)


class _Writer:
    def __init__(self, storer: Storer) -> None:
        self._storer = storer
        self._numbers: dict[int, int] = {}
        self._known: dict[int, bytes | int] = {}
        self.steps: list[StepName] = []
        self.apart: list[Stored] = []

    def call(self, task: Task) -> tuple[Any, ...]:
        bindings = {}
        for name, binding in task.bindings.items():
            try:
                bindings[name] = self._elements(binding) if name in task.mapped else self.value(binding)
            except HooklineError as error:
                what = f"argument '{name}' of task '{task.id}' ({task.place})"
                raise HooklineError(f"{what}: {error.message}", help=error.help) from error
        condition = None if task.condition is None else self.value(task.condition)
        place = (task.place.file, task.place.line)
        return (task.id, self._step(task.step), _FORMS[task.form], bindings, task.mapped, condition, place)

    def value(self, binding: Binding) -> Written:
        if isinstance(binding, TaskOutput):
            return ("t", binding.task, binding.slot, binding.completed)
        if isinstance(binding, Constant):
            return self._kept(binding.value)
        if isinstance(binding, Nested):
            items = [self.value(item) for item in binding.items]
            return ("n", binding.kind, self._kept(binding.keys) if binding.keys else b"", items)
        if isinstance(binding, FirstOf):
            return ("f", [self.value(option) for option in binding.options])
        raise AssertionError(binding)  # nothing else comes from calls

    def _elements(self, binding: Binding) -> Written:
        """Store a known list that is mapped over element by element, for each is an input of its own."""
        if not isinstance(binding, Constant):
            return self.value(binding)
        return ("n", "list", b"", [self._kept(element) for element in binding.value])

    def _kept(self, value: object) -> bytes | int:
        # The graph holds all values, so that an id stays its own; the same array given to several calls is stored once.
        known = self._known.get(id(value))
        if known is None:
            stored = self._storer.slot(value)
            known = pack_outputs([stored])
            if known[0] != ONE_INLINE:
                self.apart.append(stored)
                known = len(self.apart) - 1
            self._known[id(value)] = known
        return known

    def _step(self, step: Step[Any, Any]) -> int:
        number = self._numbers.get(id(step))
        if number is None:
            number = self._numbers[id(step)] = len(self.steps)
            fn = step.fn
            options = b"" if step.as_decorated else pickle.dumps(step.declared, 5)
            self.steps.append(StepName(fn.__module__, fn.__qualname__, step.name, options))
        return number


class _Reader:
    def __init__(self, apart: Sequence[Stored], first: int) -> None:
        self._apart = apart
        self._first = first

    def value(self, written: Written) -> Binding:
        kind = type(written)
        if kind is bytes:
            return Kept(written, written[1:33])
        if kind is int:
            stored = self._apart[written]
            return Kept(pack_outputs([stored]), stored.digest)
        tag = written[0]
        if tag == "t":
            _, task, slot, completed = written
            return TaskOutput(task + self._first, slot, completed)
        if tag == "f":
            return FirstOf(tuple(cast("list[TaskOutput]", [self.value(option) for option in written[1]])))
        _, form, keys, items = written
        return Nested(form, self._keys(keys), tuple([self.value(item) for item in items]))

    def _keys(self, written: bytes | int) -> tuple[Any, ...]:
        if written == b"":
            return ()
        kept = cast("Kept", self.value(written))
        stored = unpack_outputs(kept.blob)[0]
        if stored.data is None:
            raise HooklineError("the keys of a dict with references in it are too large", help="build it in a step")
        return cast("tuple[Any, ...]", decode(stored.data))


def options_of(name: StepName) -> Options | None:
    """Give the options that a recipe's step has of its own; None where it has those of its decoration."""
    return cast("Options", load_pickle(name.options)) if name.options else None
