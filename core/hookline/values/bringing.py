"""How plugins are loaded late, by commands that only read a store: when something is met that one of them may bring."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["bring", "bring_with"]

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
