"""How often a table is looked at until all is told: rows that can't be read hide what else is wrong."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

from hookline_data.tables.frames import Frame
from hookline_data.validation.finding import Finding
from hookline_data.validation.inspection import Inspector
from hookline_data.validation.rows import numbered, union, without

__all__ = ["bad_rows", "judged"]

_NOT_MISSING = "is not missing"


def judged(inspector: Inspector, table: Frame, found: Sequence[Finding], *, aside: bool) -> tuple[Frame, list[Finding]]:
    """Collect all that is wrong with a table.

    Most tables are looked at once. Where cells are not of their column's type, other checks can't look at the column:
    the table is looked at again without these rows. And where bad rows are put aside, what is wrong with the table as a
    whole counts only if it is wrong without them, too.

    Args:
        inspector: Looks at a table.
        table: The table.
        found: What was found before.
        aside: Whether bad rows are put aside.

    Returns:
        The rows that are not bad, as the schema makes them; and the findings.
    """
    findings, gone, rest = list(found), array("q"), table
    while True:
        seen = inspector.look(rest)
        numbers = _left(len(table), gone) if gone else None
        told = [one if one.rows is None else replace(one, rows=numbered(one.rows, numbers)) for one in seen.findings]
        told = [one for one in (_beside(one, found) for one in told) if one is not None]
        findings = _merged([*findings, *(one for one in told if one.of_rows)])
        of_whole = [one for one in told if not one.of_rows]
        bad = bad_rows(findings)
        if len(bad) == len(table) > 0:  # no rows are left of which two could be alike
            of_whole = [one for one in of_whole if one.rows is None] if aside else of_whole
        elif seen.unreadable:
            gone = union([gone, numbered(seen.unreadable, numbers)])
            rest = without(table, gone)
            continue
        elif aside and of_whole and len(bad) > len(gone):
            gone, rest = bad, without(table, bad)
            continue
        valid = seen.data if not bad else without(seen.data, _within(bad, numbers))
        return valid, [*of_whole, *findings]


def _beside(finding: Finding, found: Sequence[Finding]) -> Finding | None:
    """Give what a finding says beside what was found before: a cell that could not be read only looks missing."""
    if finding.check != _NOT_MISSING:
        return finding
    known = {row for one in found if one.column == finding.column and one.of_rows for row in one.rows or ()}
    if not known or finding.rows is None:
        return finding
    rows = array("q", [row for row in finding.rows if row not in known])
    return replace(finding, rows=rows) if rows else None


def bad_rows(findings: Sequence[Finding]) -> array[int]:
    """Give the numbers of the rows that have something wrong of their own."""
    return union([one.rows for one in findings if one.of_rows and one.rows is not None])


def _left(count: int, gone: Sequence[int]) -> array[int]:
    """Give the numbers of the rows that are left."""
    away = set(gone)
    return array("q", [row for row in range(count) if row not in away])


def _within(rows: Sequence[int], numbers: Sequence[int] | None) -> Sequence[int]:
    """Say where rows of the whole table are in a part of it."""
    if numbers is None:
        return rows
    wanted = set(rows)
    return array("q", [at for at, number in enumerate(numbers) if number in wanted])


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Make one finding of those that say the same of other rows."""
    merged: dict[tuple[str, str, bool], Finding] = {}
    for one in findings:
        key = (one.column, one.check, one.of_rows)
        before = merged.get(key)
        if before is None or one.rows is None or before.rows is None:
            merged.setdefault(key, one)
        else:
            merged[key] = replace(
                before,
                rows=union([before.rows, one.rows]),
                examples=before.examples or one.examples,
                cells={**before.cells, **one.cells},
            )
    return list(merged.values())
