"""What was found in a table, in a few plain values: for a record, a terminal, a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hookline_data.validation.finding import Finding, Origin, place_of
from hookline_data.wording.tabular import aligned, one_line

__all__ = ["Problem", "Report", "negated", "problem_of"]

_FIRST = 5
_WIDEST = 44


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, summed up.

    Attributes:
        column: The column; empty for the whole table.
        check: What does not hold.
        count: For how many rows; None where it is not a matter of rows.
        share: The share of the rows that this is; None where it is not a matter of rows.
        whole: Whether the table as a whole is at fault, not single rows.
        rows: Numbers of the first few of the rows.
        places: Where these came from, as ``"customers.csv:17"``; empty where that is not known.
        examples: Values of the first few; none of columns with personal data.
        help: What to do; empty where that is plain.
    """

    column: str
    check: str
    count: int | None = None
    share: float | None = None
    whole: bool = True
    rows: tuple[int, ...] = ()
    places: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    help: str = ""

    def __str__(self) -> str:
        words = negated(f"column '{self.column}'" if self.column else "the table", self.check)
        if self.count is not None:
            first = [place or f"row {row}" for row, place in zip(self.rows, self._all_places(), strict=True)]
            more = ", …" if self.count > len(first) else ""
            words += f": {self.count} row{'s' * (self.count != 1)} ({', '.join(first)}{more})"
        if self.examples:
            words += f": {', '.join(self.examples)}"
        return f"{words}; {self.help}" if self.help else words

    def _all_places(self) -> tuple[str, ...]:
        return self.places or ("",) * len(self.rows)


@dataclass(frozen=True, slots=True)
class Report:
    """How a table was found to be.

    Attributes:
        name: What the table is called.
        mode: What was to become of bad rows: ``"fail"``, ``"warn"`` or ``"quarantine"``.
        rows: How many rows were checked.
        bad_rows: How many of them have something wrong of their own.
        quarantined: How many were put aside.
        problems: What is wrong.
        schema: The schema's name; empty where it has none.
        version: Its version.
        digest: The digest of what it says, see :func:`hookline.ml.digest_of`.
        personal: The columns that it calls personal.
    """

    name: str
    mode: str
    rows: int
    bad_rows: int = 0
    quarantined: int = 0
    problems: tuple[Problem, ...] = ()
    schema: str = ""
    version: str = ""
    digest: str = ""
    personal: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of rows that are bad."""
        return self.bad_rows / self.rows if self.rows else 0.0

    @property
    def whole(self) -> bool:
        """Whether something is wrong with the table as a whole."""
        return any(problem.whole for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Say it in values that JSON has."""
        return dataclasses.asdict(self) | {"share": self.share}

    def __str__(self) -> str:
        """Say it as a table of fixed width."""
        lines = [self.headline]
        if self.problems:
            cells = [("column", "check", "rows", "share", "first", "examples"), *map(_cells, self.problems)]
            lines += aligned(cells, right={2, 3})
        return "\n".join(lines)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Report:
        """Give the report that :meth:`to_json` said."""
        fields = {name: value for name, value in said.items() if name != "share"}
        return cls(**{**fields, "problems": tuple(Problem(**one) for one in said["problems"])})

    def without_examples(self, columns: Collection[str]) -> Report:
        """Leave out the values of some columns, and those of several columns together."""
        kept = [
            dataclasses.replace(one, examples=()) if one.column in columns or not one.column else one
            for one in self.problems
        ]
        return dataclasses.replace(self, problems=tuple(kept)) if columns else self

    @property
    def headline(self) -> str:
        """Say it in one line."""
        what = self.name or "the table"
        if not self.problems:
            return f"{what}: {_many(self.rows, 'row')}, nothing wrong"
        bad = f"{self.bad_rows} of {_many(self.rows, 'row')} bad" if self.rows else "no rows"
        aside = f", {self.quarantined} put aside" if self.quarantined else ""
        return f"{what}: {_many(len(self.problems), 'problem')}, {bad}{aside}"


def negated(what: str, check: str) -> str:
    """Say that a check does not hold: ``"amount is not at least 0"`` for ``"is at least 0"``.

    Args:
        what: The column or table.
        check: The check, in its words.
    """
    if check.startswith("matches "):
        return f"{what} does not match {check[8:]}"
    if check.startswith("is not "):
        return f"{what} is {check[7:]}"
    return f"{what} is not {check[3:]}" if check.startswith("is ") else f"{what} fails '{check}'"


def problem_of(finding: Finding, rows: int, origins: Sequence[Origin]) -> Problem:
    """Sum up a finding.

    Args:
        finding: What was found.
        rows: How many rows the table has.
        origins: Where they came from.
    """
    if finding.rows is None:
        return Problem(finding.column, finding.check, examples=finding.examples, help=finding.help)
    first = tuple(int(row) for row in finding.rows[:_FIRST])
    places = tuple(place_of(row, origins) for row in first) if origins else ()
    count = len(finding.rows)
    return Problem(
        finding.column,
        finding.check,
        count,
        count / rows if rows else 0.0,
        finding.whole,
        first,
        places,
        finding.examples,
        finding.help,
    )


def _cells(problem: Problem) -> tuple[str, ...]:
    first = problem.places or tuple(map(str, problem.rows))
    count = "" if problem.count is None else str(problem.count)
    share = "" if problem.share is None else f"{problem.share:.2%}"
    cells = (problem.column or "(table)", problem.check, count, share, ", ".join(first), ", ".join(problem.examples))
    return tuple(one_line(cell, _WIDEST) for cell in cells)


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"
