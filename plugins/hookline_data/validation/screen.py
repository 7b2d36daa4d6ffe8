"""A table, looked at with a schema: what is valid, what is put aside with the reasons, and a report.

No row is lost: each one of the table is in the valid part or in the quarantine.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from hookline import HooklineError, UsageError, ml
from hookline_data.schemas.convert import schema_of_pandera, to_pandera
from hookline_data.schemas.recognition import AnySchema, is_pandera, library_of_schema, pandera_schema
from hookline_data.tables.frames import Frame, library_of
from hookline_data.validation.checked import Mode
from hookline_data.validation.finding import Finding, Origin
from hookline_data.validation.inspection import Inspector
from hookline_data.validation.judging import bad_rows, judged
from hookline_data.validation.quarantine import put_aside
from hookline_data.validation.report import Report, problem_of
from hookline_data.wording.words import clipped, close_to

__all__ = ["BadDataError", "Screened", "screen"]

_log = logging.getLogger("hookline_data.validation")

_MOST_TOLD = 20
_MANY = 0.5  # where more rows than these are bad, it is hardly the rows that are wrong


class BadDataError(HooklineError):
    """A table that is not what its schema says.

    Attributes:
        report: All that was found; None where the error came from another process.
        quarantined: The rows that were put aside; None where there are none.
    """

    report: Report | None = None
    quarantined: Frame | None = None


class Screened(NamedTuple):
    """What became of a table.

    Attributes:
        valid: The rows that may be used, in their order, as the schema makes them.
        quarantined: The rows that may not, as they came, with their numbers (``_row``) and what is wrong with each
            (``_reasons``).
        report: What was found.
    """

    valid: Frame
    quarantined: Frame
    report: Report


def screen(
    table: Frame,
    schema: AnySchema,
    *,
    mode: Mode = "fail",
    max_bad: float = 1.0,
    origins: Sequence[Origin] = (),
    found: Sequence[Finding] = (),
    name: str = "",
) -> Screened:
    """Look at a table with a schema, and collect all that is wrong.

    Args:
        table: A frame of pandas or polars.
        schema: A :class:`hookline.ml.Schema`, or a schema or model class of pandera's for this library.
        mode: ``"fail"`` raises one error with all problems; ``"warn"`` logs them and gives the table on as it is;
            ``"quarantine"`` puts bad rows aside, and raises for what is wrong with the table as a whole, as judged by
            the rows that stay.
        max_bad: The share of bad rows above which a quarantine raises, too. Any is borne by default; it is logged as a
            warning where more than half of the rows are put aside.
        origins: Where the rows came from.
        found: What was found before, such as cells that could not be read.
        name: What the table is called; the schema's name by default.

    Returns:
        The valid rows, those that were put aside, and the report.

    Raises:
        BadDataError: Something is wrong that the mode does not bear.
        UsageError: There is no such mode, or share.
        HooklineError: The table is no frame, or the schema is not for it.
    """
    _check_options(mode, max_bad)
    facts = _facts(schema)
    twice = _twice(table)
    if twice:
        valid, findings = table, [*found, *twice]
    else:
        library = library_of(table)
        inspector = Inspector(_for_library(schema, library), library)
        valid, findings = judged(inspector, table, found, aside=mode == "quarantine")
    count = len(table)
    bad = bad_rows(findings)
    aside = bad if mode == "quarantine" else array("q")
    name = name or facts.name
    problems = tuple(problem_of(finding, count, origins) for finding in findings)
    report = Report(
        name,
        mode,
        count,
        len(bad),
        len(aside),
        problems,
        facts.name,
        facts.version,
        ml.digest_of(facts),
        tuple(column.name for column in facts.columns if column.personal),
    )
    quarantined = put_aside(table, aside, findings)
    if findings and mode == "warn":
        _log.warning("%s", report)
        return Screened(table, quarantined, report)
    if (findings and mode == "fail") or report.whole:
        raise _error(report, "", quarantined)
    if report.share > max_bad:
        raise _error(report, f"{report.share:.2%} of the rows are bad, at most {max_bad:.2%} may be", quarantined)
    if report.share > _MANY:
        left = "no row is left" if report.share == 1 else "most rows are put aside"
        _log.warning("%s: %s; max_bad=… lets that fail", report.headline, left)
    return Screened(valid, quarantined, report)


def _check_options(mode: str, max_bad: float) -> None:
    if mode not in get_args(Mode):
        raise UsageError(f"there is no mode '{mode}' of validation;{close_to(str(mode), get_args(Mode))}")
    share: object = max_bad
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UsageError(f"max_bad is {max_bad!r}, but must be a share from 0 to 1", help="for 2 %, give 0.02")


def _facts(schema: AnySchema) -> ml.Schema:
    if isinstance(schema, ml.Schema):
        return schema
    if not is_pandera(schema):
        raise UsageError(
            f"{clipped(schema)} is no schema",
            help="give an ml.Schema, or a DataFrameModel or DataFrameSchema of pandera.pandas or pandera.polars",
        )
    return schema_of_pandera(schema)


def _for_library(schema: AnySchema, library: str) -> Any:
    if isinstance(schema, ml.Schema):
        return to_pandera(schema, library)
    meant = library_of_schema(schema)
    made = pandera_schema(schema)
    if meant != library:
        raise HooklineError(
            f"the schema '{made.name}' is of pandera.{meant}, but the table is of {library}",
            help=f"define it with pandera.{library}, or convert the table before",
        )
    return made


def _twice(table: Frame) -> list[Finding]:
    """Find columns of one name, of which nothing else can be said."""
    if not hasattr(table, "iloc"):  # polars has no such columns
        return []
    names = [str(name) for name in getattr(table, "columns", ())]
    several = sorted({name for name in names if names.count(name) > 1})
    return [Finding(name, "is there once", help=f"it is there {names.count(name)} times") for name in several]


def _error(report: Report, reason: str, quarantined: Frame) -> BadDataError:
    """Word what is wrong: the first line, which is all that some places show, has the first problem, too."""
    problems = [str(problem) for problem in report.problems]
    more = len(problems) - 1
    first = f": {problems[0]}" + (f"; and {more} more" if more else "") if problems else ""
    message = report.headline + (f"; {reason}" if reason else "") + first
    if more:
        left = len(problems) - _MOST_TOLD
        told = [*problems[:_MOST_TOLD], *([f"and {left} more"] if left > 0 else [])]
        message += "".join(f"\n  - {one}" for one in told)
    error = BadDataError(message, help=_HELP["share" if reason else report.mode])
    error.report = report
    error.quarantined = quarantined if report.quarantined else None
    return error


_HELP = {
    "fail": "mend the data or the schema; mode='quarantine' puts bad rows aside, mode='warn' lets them pass",
    "quarantine": "what is wrong with the table as a whole can't be put aside: mend the data or the schema",
    "share": "mend the data or the schema, or bear more: max_bad",
}
