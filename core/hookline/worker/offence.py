"""What keeps a function from travelling: the way from the function to the value at fault."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["offence"]

_DEPTH = 6


def offence(function: Callable[..., Any], travels: Callable[[object], bool]) -> str:
    """Word what can't travel, and how the function reaches it.

    Args:
        function: A function that can't be sent by value.
        travels: Tells whether a value could be sent on its own.

    Returns:
        Such as ``"closure variable 'conn' of f (churn.py:12) holds a sqlite3.Connection"``.
    """
    path, culprit = _follow(function, travels)
    kind = type(culprit)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if not path:
        return f"neither dill nor cloudpickle can pickle {_named(function)}"
    first, *further = path
    through = "".join(f", in {step}" for step in further)
    return f"{first} of {_named(function)}{through} holds {_article(name)}"


def _follow(start: Any, travels: Callable[[object], bool]) -> tuple[list[str], Any]:
    """Go from a value to the innermost part that can't travel."""
    path: list[str] = []
    culprit, seen = start, {id(start)}
    for _ in range(_DEPTH):
        for step, part in _parts(culprit):
            if id(part) not in seen and not travels(part):
                path.append(step)
                culprit = part
                seen.add(id(part))
                break
        else:
            break
    return path, culprit


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield f"[{key!r}]", value
    elif isinstance(thing, (list, tuple)):
        for index, value in enumerate(thing):
            yield f"[{index}]", value
    elif isinstance(thing, (set, frozenset)):
        for value in thing:
            yield "an element", value
    elif not isinstance(thing, (type, ModuleType)):
        for name, value in getattr(thing, "__dict__", {}).items():
            yield f"attribute '{name}'", value


def _of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            value = cell.cell_contents
        except ValueError:
            continue  # a variable that has no value yet
        yield f"closure variable '{name}'", value
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "a default", value
    for name in _names(function.__code__):
        if name in function.__globals__ and not hasattr(builtins, name):
            yield f"global variable '{name}'", function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _named(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", repr(function)).replace("<locals>.", "")
    code = getattr(function, "__code__", None)
    return name if code is None else f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})"


def _article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
