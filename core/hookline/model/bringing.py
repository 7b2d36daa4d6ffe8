"""How plugins are loaded before a run asks for them, or without one: when a name is met that one of them may bring."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["bring", "bring_with", "brought"]

_pending: list[Callable[[], object]] = []


def bring_with(load: Callable[[], object]) -> None:
    """Say what loads the plugins; it is called once, and only if need be.

    Args:
        load: Loads them, and lets what they register hold in this process.
    """
    _pending[:] = [load]


def bring() -> None:
    """Load the plugins now, where that was put off."""
    while _pending:
        _pending.pop()()


def brought() -> None:
    """Say that plugins have been loaded; what was put off would put others in their place."""
    _pending.clear()
