"""The arguments that a plugin gives to a task, or to a step which it inserts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from hookline.errors import close_match
from hookline.graph.bind import Binder, UnusableError, shape_of
from hookline.model.graph import Binding, Constant, Nested, TaskOutput
from hookline.model.recording import snapshot
from hookline.model.seed import is_seed
from hookline.model.step import Step

__all__ = ["VALUE", "GivenError", "bind_given", "bind_items", "free_parameter"]

_CONTAINERS = frozenset({list, tuple, dict})
_PLAIN = frozenset({int, float, str, bool, type(None), bytes})


class _Value:
    """The type of :data:`VALUE`."""

    def __repr__(self) -> str:
        return "<the value at hand>"


VALUE: Final = _Value()
"""Given to a parameter of an inserted step, says that this one takes the value at hand."""


class GivenError(Exception):
    """Arguments that don't fit; the text reads after what was tried.

    Attributes:
        cure: The remedy.
    """

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


def free_parameter(step: Step[Any, Any], bind: Mapping[str, Any], settled: Collection[str] = ()) -> str:
    """Find the parameter by which an inserted step takes the value at hand.

    Args:
        step: The step.
        bind: The arguments that it is given otherwise.
        settled: Names of those that settings give.

    Returns:
        The parameter to which :data:`VALUE` is given; else, of those that are given nothing, the one that has no
        default, or the only one.

    Raises:
        GivenError: That is none or several, or an argument has no parameter.
    """
    shape, parameters = shape_of(step.fn), step.signature.parameters
    known = [name for name in parameters if name not in (shape.var_positional, shape.var_keyword)]
    for name in bind:
        if name not in known:
            match = close_match(name, known).strip() or f"it takes {', '.join(known) or 'none'}"
            raise GivenError(f"the step has no parameter '{name}'", match)
    named = [name for name, value in bind.items() if value is VALUE]
    taken = {*bind, *settled, *shape.provided}
    free = [name for name in known if name not in taken and not is_seed(parameters[name].annotation)]
    required = [name for name in free if name in shape.required]
    for found in (named, required, free):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"'{name}'" for name in found)
            raise GivenError(
                f"the value could be taken by {names}", f"say by which: {found[0]}=graph.value, and give the others"
            )
    raise GivenError("no parameter is left to take the value", "insert a step that takes it")


def bind_given(name: str, value: Any, output: Callable[[object], TaskOutput | None]) -> Binding:
    """Bind an argument.

    Args:
        name: The parameter.
        value: A value, what stands for a task, or a list, tuple or dict of these.
        output: Gives the output of what stands for a task; None for everything else.

    Returns:
        The binding.

    Raises:
        GivenError: It can't be passed to a step.
    """
    if value is VALUE:
        raise GivenError(
            f"no value is at hand for '{name}'", "graph.value is for steps that are inserted; give a value"
        )
    try:
        return _Given(output).bind(snapshot(value))
    except UnusableError as error:
        raise GivenError(
            f"it can't take '{name}', which {error}", "give plain values, and tasks of the graph"
        ) from None
    except RecursionError:
        raise GivenError(
            f"it can't take '{name}', which is nested too deeply", "give plain lists, tuples and dicts"
        ) from None


def bind_items(name: str, values: Any, output: Callable[[object], TaskOutput | None], count: int | None) -> Binding:
    """Bind an argument that each item of a mapped task gets an element of.

    Args:
        name: The parameter.
        values: The list of elements, each as for :func:`bind_given`.
        output: As for :func:`bind_given`.
        count: How many items there are; None where only the run tells.

    Returns:
        The binding.

    Raises:
        GivenError: It is no list of that length, or an element can't be passed to a step.
    """
    if not isinstance(values, (list, tuple, range)) or hasattr(values, "_fields"):
        raise GivenError(
            f"each item takes its own '{name}', and {type(values).__name__} is no list",
            f"give one value for each item: {name}=[…]",
        )
    if count is None:
        raise GivenError(
            f"only the run tells how many items take their own '{name}'",
            "give what is one for all items, or let a step make the list: graph.connect(…), graph.insert_before(…)",
        )
    if len(values) != count:
        raise GivenError(
            f"the task has {count} item{'' if count == 1 else 's'}, but the list for '{name}' {len(values)}",
            "give one value for each item",
        )
    return bind_given(name, list(values), output)


class _Given:
    """Binds one argument; what it learns of one element helps with the others, of which there may be many."""

    def __init__(self, output: Callable[[object], TaskOutput | None]) -> None:
        self._output = output
        self._binder = Binder(())

    def bind(self, value: Any) -> Binding:
        kind = type(value)
        if kind is dict or kind is set or kind is frozenset:
            self._refuse_tasks(value)
        if kind not in _CONTAINERS:
            return self._output(value) or self._binder.value(value)
        if kind is not dict and _PLAIN.issuperset(map(type, value)):
            return Constant(value)
        parts = [self.bind(part) for part in (value.values() if kind is dict else value)]
        if any(type(part) is not Constant for part in parts):
            return Nested(kind.__name__, tuple(value) if kind is dict else (), tuple(parts))
        # Its parts are known to be fine; a dict's keys are not.
        return self._binder.value(value) if kind is dict else Constant(value)

    def _refuse_tasks(self, values: Iterable[Any]) -> None:
        """Look for tasks where their values could not be put: among a dict's keys, and in a set."""
        for value in values:
            if self._output(value) is not None:
                where = "as a dict's key" if isinstance(values, dict) else "in a set"
                raise UnusableError(f"has {value!r} {where}, whose value does not exist yet; build that in a step")
