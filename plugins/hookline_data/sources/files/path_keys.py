"""Whether rows belong to the partition that their file's name says they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from hookline.ml import Column
from hookline_data.sources.files.cells import Cells
from hookline_data.validation.finding import Finding

__all__ = ["PathKeys", "says"]

_EXAMPLES = 5
_LONGEST = 60


class PathKeys:
    """Collects rows whose own column says another thing of a key than the name of their file."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[int]] = {}
        self._values: dict[tuple[str, str], list[Any]] = {}

    def look(self, column: Column, text: str, cells: Sequence[Any], first: int) -> None:
        """Compare cells with what their file's name says.

        Args:
            column: The key's column.
            text: What the name says.
            cells: The cells, as they come.
            first: The number of the first one's row in the whole table.
        """
        known: dict[str, bool] = {}
        for row, cell in enumerate(cells, first):
            if cell == text:
                continue
            fits = known.get(cell) if isinstance(cell, str) else says(cell, text, column)
            if fits is None:
                fits = known[cell] = says(cell, text, column)
            if not fits:
                self._rows.setdefault((column.name, text), []).append(row)
                self._values.setdefault((column.name, text), []).append(cell)

    def findings(self, columns: Mapping[str, Column], masked: str) -> list[Finding]:
        """Word what was found.

        Args:
            columns: The columns that are declared.
            masked: What is shown in the place of values that tell of persons.
        """
        found = []
        for (name, text), rows in self._rows.items():
            examples = tuple(dict.fromkeys(_shown(one) for one in self._values[name, text]))[:_EXAMPLES]
            personal = name in columns and columns[name].personal
            check = f"is '{text}', as its file's name says"
            found.append(Finding(name, check, rows, (masked,) if personal else examples))
        return found


def says(cell: Any, text: str, column: Column) -> bool:
    """Tell whether a cell says what a file's name says; what can't be read is told elsewhere, so it counts as right.

    Args:
        cell: A text or a value; None for a missing one, which says nothing.
        text: What the name says.
        column: The column, whose type says how to read both: ``01`` is the whole number 1, but another text than ``1``.
    """
    wanted, had = Cells(column), Cells(column)
    (expected,) = wanted.texts([text])
    (value,) = had.texts([cell]) if isinstance(cell, str) else had.values([cell])
    if had.bad:
        return True
    if wanted.bad or value is None:
        return False
    return bool(value == expected) or (column.type == "any" and _plainly(value) == _plainly(text))


def _plainly(value: Any) -> str:
    """Say a value of a type that nobody declared, so that it can be compared with a part of a name."""
    if isinstance(value, datetime) and value.time() == time.min:
        value = value.date()
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.lstrip("0") or "0" if text.isdigit() else text


def _shown(cell: Any) -> str:
    text = "nothing" if cell is None or cell == "" else str(cell)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
