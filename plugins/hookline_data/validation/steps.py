"""The steps that check tables: one gives the table on, one gives all that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, NamedTuple

from hookline import HooklineError, log_artifact, log_metric, step
from hookline_data.schemas.recognition import AnySchema
from hookline_data.tables.frames import Frame
from hookline_data.validation.checked import Mode
from hookline_data.validation.finding import Finding, Origin
from hookline_data.validation.report import Report
from hookline_data.validation.screen import BadDataError, Screened, screen

__all__ = ["QUARANTINE", "REPORT", "REPORT_TABLE", "ScreenedParts", "checked_table", "screen_step", "validate"]

REPORT = "report"
REPORT_TABLE = "report_table"
QUARANTINE = "quarantine"
"""The names of what is kept with an attempt, behind a prefix where parts of its value are checked."""


class ScreenedParts(NamedTuple):
    """What comes of a table that is screened.

    Attributes:
        valid: The rows that may be used.
        quarantined: The rows that may not, with their numbers (``_row``) and what is wrong (``_reasons``).
        report: What was found, in values that JSON has.
    """

    valid: Any
    quarantined: Any
    report: dict[str, Any]


@step(name="data.validate")
def validate(table: Any, schema: Any, mode: Mode = "fail", max_bad: float = 1.0, name: str = "") -> Any:
    """Check a table with a schema, and give its valid rows on.

    The report is an artifact of the attempt, as JSON (``report``) and as a table (``report_table``); so are rows that
    are put aside (``quarantine``). Metrics are ``rows``, ``bad_rows`` and ``bad_share``.

    Args:
        table: A frame of pandas or polars; or a data set, which is given on with its valid rows.
        schema: A schema or model class of pandera's, or a ``hookline.ml.Schema``; or what names one: a source, a YAML
            file from the project's root on, ``"module:Name"``.
        mode: ``fail`` fails for anything that is wrong; ``warn`` logs it and gives the table on as it is;
            ``quarantine`` puts bad rows aside, and fails for what is wrong with the table as a whole.
        max_bad: The share of bad rows above which a quarantine fails, too.
        name: What the table is called; the schema's name by default, and that of a data set.

    Returns:
        The table, or the data set, without the rows that were put aside.

    Raises:
        HooklineError: A data set has no table.
        BadDataError: The table is not what the schema says.
    """
    if not _is_dataset(table):
        return checked_table(table, schema, mode, max_bad, name).valid
    if not table.opened:
        raise HooklineError(
            f"the data set '{table}' has no table, so it can't be checked",
            help="return it with one: Dataset(name, table)",
        )
    return replace(table, table=checked_table(table.table, schema, mode, max_bad, name or table.name).valid)


@step(name="data.screen")
def screen_step(
    table: Any, schema: Any, mode: Mode = "quarantine", max_bad: float = 1.0, name: str = ""
) -> ScreenedParts:
    """Check a table with a schema, and give the valid rows, those that are put aside, and a report.

    Args:
        table: A frame of pandas or polars.
        schema: As for ``data.validate``.
        mode: As for ``data.validate``.
        max_bad: The share of bad rows above which a quarantine fails.
        name: What the table is called; the schema's name by default.
    """
    screened = checked_table(table, schema, mode, max_bad, name)
    return ScreenedParts(screened.valid, screened.quarantined, screened.report.to_json())


def checked_table(
    table: Frame,
    schema: Any,
    mode: Mode,
    max_bad: float,
    name: str,
    prefix: str = "",
    *,
    origins: Sequence[Origin] = (),
    found: Sequence[Finding] = (),
) -> Screened:
    """Screen a table, and keep with the attempt what was found, also where that is an error.

    Args:
        table: The table.
        schema: The schema, or what names it.
        mode: What becomes of what is wrong.
        max_bad: The share of bad rows above which a quarantine fails.
        name: What the table is called.
        prefix: Stands before the names of metrics and artifacts.
        origins: Where its rows come from.
        found: What was found before.
    """
    try:
        screened = screen(table, _found(schema), mode=mode, max_bad=max_bad, origins=origins, found=found, name=name)
    except BadDataError as error:
        if error.report is not None:
            _keep(error.report, error.quarantined, prefix)
        raise
    _keep(screened.report, screened.quarantined, prefix)
    return screened


def _keep(report: Report, quarantined: Frame | None, prefix: str) -> None:
    log_metric(f"{prefix}rows", report.rows)
    log_metric(f"{prefix}bad_rows", report.bad_rows)
    log_metric(f"{prefix}bad_share", report.share)
    log_artifact(f"{prefix}{REPORT}", report.to_json())
    log_artifact(f"{prefix}{REPORT_TABLE}", str(report))
    if report.quarantined:
        log_artifact(f"{prefix}{QUARANTINE}", quarantined)


def _is_dataset(value: Any) -> bool:
    """Tell whether a value is a data set, whose class is not loaded for those who have none."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}" == "hookline_data.versions.dataset.Dataset"


def _found(schema: Any) -> AnySchema:
    """Give the schema that is meant: one that is named was looked up before, or else the key would not know it."""
    if not isinstance(schema, str | PurePath):
        return schema
    raise HooklineError(
        f"the schema '{schema}' is a name, which was not looked up",
        help="the plugin 'data' does that before a run, so don't leave it out; elsewhere, give read_schema(…)",
    )
