"""All that is wrong with a schema, collected with the lines, so that it is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hookline import UsageError

__all__ = ["Problems"]


@dataclass
class Problems:
    """What is wrong with one schema.

    Attributes:
        what: What the schema is called: ``"the schema 'customers'"``.
        file: The file that it stands in, as the user knows it; empty where it is in none.
        lines: The line of each key of the file, by its path: ``("columns", "amount", "type")``.
        found: What was found so far: line and text.
    """

    what: str
    file: str = ""
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, text: str, *path: str) -> None:
        """Add a problem.

        Args:
            text: What is wrong.
            *path: The keys that lead to where it stands; the nearest one whose line is known counts.
        """
        while path and path not in self.lines:
            path = path[:-1]
        self.found.append((self.lines.get(path, 0), text))

    def raise_any(self) -> None:
        """Raise one error for all problems, if there are any.

        Raises:
            UsageError: There are.
        """
        if not self.found:
            return
        found = [f"{self._place(line)}{text}" for line, text in sorted(self.found, key=lambda one: one[0])]
        if len(found) == 1:
            place = f" ({self.file})" if self.file and not self.found[0][0] else ""
            raise UsageError(f"{self.what} can't be right: {found[0]}{place}")
        place = f" ({self.file})" if self.file else ""
        lines = "".join(f"\n  - {one}" for one in found)
        raise UsageError(f"{self.what} can't be right, for {len(found)} reasons{place}:{lines}")

    def _place(self, line: int) -> str:
        return f"{self.file}:{line}: " if line else ""
