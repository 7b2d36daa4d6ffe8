"""Which plugins may be loaded, as far as settings say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Plugins"]


@dataclass(frozen=True, slots=True)
class Plugins:
    """What settings say of plugins. Whatever allows a plugin, a plugin that the file denies is not loaded.

    Attributes:
        allow: Names of those that alone may be loaded; None for all.
        deny: Names of those that may not.
        origin: Where ``allow`` comes from: ``"given"``, a variable's name, the file's path with the line, or
            ``"default"``.
        denied_by: The same of ``deny``.
    """

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    origin: str = "default"
    denied_by: str = "default"

    def refusal(self, name: str) -> str:
        """Say why a plugin may not be loaded, as it reads after its name; empty where it may."""
        if name in self.deny:
            return f"is denied by {self.denied_by}"
        if self.allow is not None and name not in self.allow:
            if self.origin == "given":
                return "is not among those asked for" if self.allow else "is left out: --no-plugins"
            return f"is not among those of {self.origin}"
        return ""
