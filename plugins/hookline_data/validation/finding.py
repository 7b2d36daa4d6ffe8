"""What a check found: which column, which rows, and where these came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Finding", "Origin", "place_of"]


class Origin(NamedTuple):
    """Where rows of a table came from: from one row on, up to the next origin's.

    Attributes:
        row: The first row in the table, from 0.
        name: The file, as the user knows it.
        line: The line of the file in which the first of these rows stands; 0 where the format has no lines.
    """

    row: int
    name: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with a column, or with the table as a whole.

    Attributes:
        column: The column; empty for the whole table.
        check: What does not hold, such as ``"at least 0"`` or ``"of type float"``.
        rows: Numbers of the rows where it does not, rising, from 0; None where it is not a matter of single rows. A
            compact sequence, such as an ``array``, where there are many.
        examples: Values that were found, as text: of the first few of the rows.
        help: What to do; empty where that is plain.
        whole: Whether the table as a whole is at fault although rows are known: of rows that are there twice, none is
            the wrong one.
        cells: What cells say that the table can't hold, in full, by the numbers of their rows. It is told with the
            reasons in a quarantine, which is stored with the data, and in no message: it may be of persons.
    """

    column: str
    check: str
    rows: Sequence[int] | None = None
    examples: tuple[str, ...] = field(default=())
    help: str = ""
    whole: bool = False
    cells: Mapping[int, str] = field(default_factory=dict)

    @property
    def of_rows(self) -> bool:
        """Whether single rows are at fault, without which the table would be right."""
        return self.rows is not None and not self.whole


def place_of(row: int, origins: Sequence[Origin]) -> str:
    """Tell where a row came from: ``"customers.csv:17"``; empty where that is not known.

    Args:
        row: Its number in the table.
        origins: Where rows came from, in order.
    """
    at = bisect_right(origins, row, key=lambda one: one.row) - 1
    if at < 0:
        return ""
    origin = origins[at]
    return f"{origin.name}:{origin.line + row - origin.row}" if origin.line else origin.name
