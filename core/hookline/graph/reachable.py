"""Which steps a function can call: those that its code names, closes over or has as a default, and on through these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from hookline.model.place import is_foreign
from hookline.model.step import Step
from hookline.model.wrapping import wrapping

__all__ = ["steps_of"]


def steps_of(function: Callable[..., Any] | Step[Any, Any]) -> Iterator[Step[Any, Any]]:
    """Yield the steps that a function can call, each once; a step itself comes first."""
    seen: set[int] = set()
    pending: list[object] = [function]
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, FunctionType) and (parts := wrapping(thing)) is not None:
            pending.extend(parts)
        elif isinstance(thing, Step):
            yield thing
            pending.append(thing.fn)
        elif isinstance(thing, FunctionType):
            if not is_foreign(thing.__code__.co_filename):
                pending.extend(_named_by(thing))
        elif isinstance(thing, (list, tuple, set, frozenset)):
            pending.extend(thing)
        elif isinstance(thing, dict):
            pending.extend(thing.values())
        elif hasattr(thing, "fn") and isinstance(thing.fn, FunctionType):
            pending.append(thing.fn)  # a workflow, whose steps are called under its name


def _named_by(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    if hasattr(function, "__wrapped__"):
        yield function.__wrapped__
    space = function.__globals__
    for name in _names(function.__code__):
        value = space.get(name)
        # A table of steps is worth a look, a table of anything else would be one without end.
        if isinstance(value, (Step, FunctionType)) or hasattr(value, "fn") or _holds_steps(value):
            yield value


def _holds_steps(value: object) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return any(isinstance(part, Step) for part in parts)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
