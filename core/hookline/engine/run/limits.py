"""How many attempts may go on at once: of a step that says so, and of all that have a name or a tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hookline.engine.run.opening import OpenTask

__all__ = ["Gates", "Limits"]

Gates = tuple[tuple[Any, int], ...]
"""What limits attempts, each with how many may run at once: a step's function for its own limit, or a name."""


class Limits:
    """Counts the attempts that go on behind each gate.

    Args:
        named: How many attempts may run at once of all steps that have a name or a tag.
    """

    def __init__(self, named: Mapping[str, int]) -> None:
        self._named = named
        self._passed: dict[Any, int] = {}

    def gates(self, opened: OpenTask) -> Gates:
        """Give what limits a task's attempts."""
        limit, named = opened.options.limit, self._named
        own: Gates = () if limit is None else ((opened.work.function, limit),)
        if not named:
            return own
        names = dict.fromkeys((opened.step, *opened.options.tags))
        return (*own, *((name, named[name]) for name in names if name in named))

    def are_named(self, step: str, tags: tuple[str, ...]) -> bool:
        """Whether steps with such a name, or one of the tags, are limited together."""
        return bool(self._named) and not self._named.keys().isdisjoint((step, *tags))

    def width(self, gates: Gates) -> int:
        """How many more attempts may pass."""
        return min(limit - self._passed.get(gate, 0) for gate, limit in gates)

    def enter(self, gates: Gates, count: int) -> None:
        """Let attempts pass."""
        for gate, _ in gates:
            self._passed[gate] = self._passed.get(gate, 0) + count

    def leave(self, gates: Gates, count: int) -> None:
        """Note that attempts which had passed ended."""
        for gate, _ in gates:
            self._passed[gate] -= count
