"""The rows of a table that are put aside, each with its number and all that is wrong with it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import numpy
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

    Cells that their column can't hold are missing; what they said is in full with what is wrong, also of columns that
    tell of persons: a quarantine is stored with the data, and has all of these columns as they are.

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
    return with_columns(_unfilled(take(table, rows), rows, findings), **columns)


def _unfilled(taken: Frame, rows: Sequence[int], findings: Sequence[Finding]) -> Frame:
    """Let cells be missing that pandas could not have so in columns of its plain types."""
    if not hasattr(taken, "iloc"):
        return taken
    lenient = {"int64": "Int64", "bool": "boolean"}
    for one in findings:
        unread = [row in one.cells for row in rows] if one.cells and one.column in taken.columns else []
        kind = lenient.get(str(taken[one.column].dtype)) if any(unread) else None
        if kind is not None:
            taken = taken.assign(**{one.column: taken[one.column].astype(kind).mask(numpy().array(unread))})
    return taken


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
            if row in finding.cells:
                text_of[row] = len(texts)
                texts.append("; ".join(filter(None, [texts[before], f"{words}: {finding.cells[row]}"])))
                continue
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
