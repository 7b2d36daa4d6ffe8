"""Rows that were put aside, as they are shown: without what tells of persons."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hookline_data.tables.frames import Frame, as_frame
from hookline_data.validation.report import Problem, negated
from hookline_data.versions.difference import plain
from hookline_data.wording.tabular import aligned
from hookline_data.wording.words import PERSONAL

__all__ = ["shown_rows", "table_of"]


def shown_rows(
    quarantine: Frame, count: int, problems: Sequence[Problem], personal: Collection[str] | None
) -> list[dict[str, Any]]:
    """Give the first rows of a quarantine as JSON values: their numbers, their cells, what is wrong with them.

    What is wrong may have texts of cells that could not be read. Where a table has personal columns, only what the
    report says, too, is told of it.

    Args:
        quarantine: The rows as they are stored; the last two columns are their numbers and what is wrong.
        count: How many rows are wanted.
        problems: What the report says of the table.
        personal: The columns that tell of persons; None where nobody knows, so that any might.
    """
    frame = as_frame(quarantine, "the quarantine").head(count)
    columns = {str(name): _cells(frame.get_column(name)) for name in frame.columns}
    *names, number, reasons = columns
    for name in names if personal is None else personal:
        if name in names:
            columns[name] = [PERSONAL] * len(columns[name])
    if personal is None or personal:
        columns[reasons] = [_reported(text, problems) for text in columns[reasons]]
    order = (number, *names, reasons)
    return [dict(zip(order, cells, strict=True)) for cells in zip(*(columns[name] for name in order), strict=True)]


def table_of(rows: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    """Write rows below each other; what is wrong stands last, and whole."""
    *names, last = rows[0]
    lines = list(aligned([names, *[[_text(row[name]) for name in names] for row in rows]], indent=indent))
    width = max(map(len, lines))
    for line, text in zip(lines, [last, *[str(row[last]) for row in rows]], strict=True):
        yield f"{line.ljust(width)}  {_printable(text)}"


def _cells(column: Any) -> list[Any]:
    gone = column.is_null().to_list()
    return [None if missing else plain(value) for value, missing in zip(column.to_list(), gone, strict=True)]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _printable(text: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in text)


def _reported(text: str, problems: Sequence[Problem]) -> str:
    """Give of what is wrong with a row what the report says in the same words."""
    words = [negated(one.column or "the row", one.check) for one in problems]
    return "; ".join(one for one in words if re.search(rf"(?:^|; ){re.escape(one)}(?=; |: |$)", text))
