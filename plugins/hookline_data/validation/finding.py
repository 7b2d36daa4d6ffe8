"""What a check found: which column, which rows, and where these came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Finding", "Origin"]


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
        check: What does not hold, such as ``"at least 0"`` or ``"is a float"``.
        rows: Numbers of the rows where it does not, rising, from 0; None where it is not a matter of single rows.
        examples: Values that were found, as text: of the first few of the rows.
        help: What to do; empty where that is plain.
    """

    column: str
    check: str
    rows: Sequence[int] | None = None
    examples: tuple[str, ...] = field(default=())
    help: str = ""
