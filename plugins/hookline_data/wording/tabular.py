"""Columns of text for people to read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

__all__ = ["aligned", "one_line"]

_WIDEST = 60


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = (), indent: str = "") -> Iterator[str]:
    """Write rows so that their cells stand below each other.

    Args:
        rows: Texts; the first row is the header's.
        right: Numbers of the columns that are aligned to the right.
        indent: What each line begins with.
    """
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in shown) for at in range(len(rows[0]))]
    for row in shown:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"{indent}{'  '.join(cells)}".rstrip()


def one_line(text: object, widest: int = _WIDEST) -> str:
    """Write something on one line of limited length, and without what a terminal would take for orders."""
    clean = "".join(mark if mark.isprintable() else " " for mark in str(text))
    return clean if len(clean) <= widest else f"{clean[: widest - 1]}…"
