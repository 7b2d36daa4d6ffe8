"""The rows of a table that are put aside, each with its number and all that is wrong with it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from hookline_data.frames import Frame
from hookline_data.validation.finding import Finding
from hookline_data.validation.report import negated
from hookline_data.validation.rows import take, with_columns

__all__ = ["REASONS", "ROW", "put_aside"]

ROW = "_row"
"""The column with the row's number in the table that was checked; with more underscores where that name is taken."""

REASONS = "_reasons"
"""The column that says what is wrong with the row."""


def put_aside(table: Frame, rows: Sequence[int], findings: Sequence[Finding]) -> Frame:
    """Give rows as they are, with two columns more: their numbers, and what is wrong.

    Args:
        table: The table.
        rows: The numbers of the rows, rising.
        findings: What was found; of what is wrong with the table as a whole, nothing is said.
    """
    taken = {str(name) for name in table.columns}
    columns: dict[str, Sequence[Any]] = {
        _free(ROW, taken): array("q", rows),
        _free(REASONS, taken): _reasons(rows, findings),
    }
    return with_columns(take(table, rows), **columns)


def _reasons(rows: Sequence[int], findings: Sequence[Finding]) -> list[str]:
    """Word all that is wrong with each row; rows of which the same is said share the text."""
    texts = [""]
    text_of = dict.fromkeys(rows, 0)
    longer: dict[tuple[int, int], int] = {}
    for at, finding in enumerate(findings):
        if not rows or not finding.of_rows or finding.rows is None:
            continue
        words = negated(finding.column or "the row", finding.check)
        for row in finding.rows:
            before = text_of[row]
            after = longer.get((before, at))
            if after is None:
                after = longer[before, at] = len(texts)
                texts.append(f"{texts[before]}; {words}" if texts[before] else words)
            text_of[row] = after
    return [texts[text_of[row]] for row in rows]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name
