"""What a plugin changed in a task graph, for those who look at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["INSERTED", "Change", "described"]

INSERTED = "inserted"
"""The kind of change that made a task."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a plugin did to a graph.

    Attributes:
        plugin: The plugin's name.
        kind: ``"inserted"``, ``"wrapped"``, ``"replaced"``, ``"connected"``, ``"given"``, ``"removed"`` or
            ``"options"``.
        text: All of it: ``"inserted 'data:validate@load' after 'load'"``.
    """

    plugin: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.text}"


def described(changes: Iterable[Change]) -> list[dict[str, str]]:
    """Give changes as plain data."""
    return [{"plugin": change.plugin, "kind": change.kind, "text": change.text} for change in changes]
