"""The decorators that plugins put on their hook implementations, and on hooks of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import pluggy

__all__ = ["MARK", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "hookline"
"""What pluggy calls the hooks of this program."""

MARK = f"{PROJECT}_impl"
"""The attribute by which an implementation is known."""

F = TypeVar("F", bound=Callable[..., Any])

_marker = pluggy.HookimplMarker(PROJECT)

hookspec = pluggy.HookspecMarker(PROJECT)
"""Marks a function as a hook of a plugin's own, to be handed to ``register`` in ``register_hooks``."""


@overload
def hookimpl(function: F, /) -> F: ...
@overload
def hookimpl(*, optionalhook: bool = ...) -> Callable[[F], F]: ...


def hookimpl(function: F | None = None, /, *, optionalhook: bool = False) -> Any:
    """Mark a function as the implementation of the hook of the same name.

    Args:
        function: The function, when the decorator is used without arguments.
        optionalhook: Whether it may be that nobody has such a hook: for hooks of another plugin.

    Returns:
        The function, or a decorator that gives it back.
    """
    mark: Callable[[F], F] = _marker(optionalhook=optionalhook)
    return mark if function is None else mark(function)
