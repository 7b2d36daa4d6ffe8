"""Functions with another one around them, which may change their arguments and their result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from hookline.model.calling import caller_of
from hookline.model.parameter import read_signature

__all__ = ["unwrapped", "wrapped", "wrapping"]

Function = Callable[..., Any]

_PARTS = "__hookline_wrapping__"


@functools.lru_cache(maxsize=4096)
def wrapped(function: Function, wrapper: Function) -> Function:
    """Put a function around another one.

    Args:
        function: A step's function.
        wrapper: Called as ``wrapper(call, **arguments)`` with the arguments by parameter name, those of ``*args`` and
            ``**kwargs`` as one tuple and one dict; ``call(**arguments)`` calls the function. Async where that is.

    Returns:
        A function that declares what the inner one does, and takes arguments by parameter name only; for the same two
        functions the same one.
    """
    by_position = caller_of(function, read_signature(function)) if wrapping(function) is None else None

    def call(**arguments: Any) -> Any:
        return function(**arguments) if by_position is None else by_position(arguments)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def around(**arguments: Any) -> Any:
            return await wrapper(call, **arguments)
    else:

        @functools.wraps(function)
        def around(**arguments: Any) -> Any:
            return wrapper(call, **arguments)

    setattr(around, _PARTS, (function, wrapper))
    return around


def wrapping(function: Function) -> tuple[Function, Function] | None:
    """Take a wrapped function apart.

    Args:
        function: Any function.

    Returns:
        The function inside and the one around it; None where :func:`wrapped` did not make it.
    """
    parts: tuple[Function, Function] | None = getattr(function, _PARTS, None)
    return parts


def unwrapped(function: Function) -> Function:
    """Give the innermost function; that is the function itself where nothing is around it."""
    while (parts := wrapping(function)) is not None:
        function = parts[0]
    return function
