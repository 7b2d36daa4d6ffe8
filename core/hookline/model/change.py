"""What a plugin changed in a task graph, for those who look at it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INSERTED", "Change"]

INSERTED = "inserted"
"""The kind of change that made a task."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a plugin did to a graph.

    Attributes:
        plugin: The plugin's name.
        kind: ``"inserted"``, ``"wrapped"``, ``"replaced"``, ``"connected"``, ``"removed"`` or ``"options"``.
        text: All of it: ``"inserted 'data:validate@load' after 'load'"``.
    """

    plugin: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.text}"

    def described(self) -> dict[str, str]:
        """Give it as plain data."""
        return {"plugin": self.plugin, "kind": self.kind, "text": self.text}
