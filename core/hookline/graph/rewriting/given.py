"""The arguments that a plugin gives to a step which it inserts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from hookline.errors import close_match
from hookline.graph.bind import Binder, UnusableError, shape_of
from hookline.model.graph import Binding, Constant, Nested, TaskOutput
from hookline.model.recording import snapshot
from hookline.model.seed import is_seed
from hookline.model.step import Step

__all__ = ["VALUE", "GivenError", "bind_given", "free_parameter"]

_CONTAINERS = (list, tuple, dict)


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
    """Bind an argument of an inserted step.

    Args:
        name: The parameter.
        value: A value, what stands for a task, or a list, tuple or dict of these.
        output: Gives the output of what stands for a task; None for everything else.

    Returns:
        The binding.

    Raises:
        GivenError: It can't be passed to a step.
    """
    try:
        return _bound(snapshot(value), output)
    except UnusableError as error:
        raise GivenError(
            f"it can't take '{name}', which {error}", "give plain values, and tasks of the graph"
        ) from None
    except RecursionError:
        raise GivenError(
            f"it can't take '{name}', which is nested too deeply", "give plain lists, tuples and dicts"
        ) from None


def _bound(value: Any, output: Callable[[object], TaskOutput | None]) -> Binding:
    found = output(value)
    if found is not None:
        return found
    kind = type(value)
    if kind in _CONTAINERS:
        parts = [_bound(part, output) for part in (value.values() if kind is dict else value)]
        if not all(type(part) is Constant for part in parts):
            return Nested(kind.__name__, tuple(value) if kind is dict else (), tuple(parts))
    return Binder(()).value(value)
