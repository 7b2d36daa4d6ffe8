"""``hookline data report``: what the checks of a run found, and the rows that they put aside."""

from __future__ import annotations

import json as form
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hookline
from hookline import HooklineError, Records, Run, UsageError
from hookline.ml import ArtifactRef
from hookline_data.validation.quarantine_file import check_place, write_rows
from hookline_data.validation.quarantine_page import shown_rows, table_of
from hookline_data.validation.recorded import Recorded, recorded_reports
from hookline_data.wording.tabular import one_line

__all__ = ["report"]

_PLUGIN = "data"
_WIDEST = 1000
_Shown = tuple[Recorded, list[dict[str, Any]]]
"""A report, and rows that were put aside, as they may be seen."""


def report(
    run: str = "last",
    /,
    task: str = "",
    part: str = "",
    rows: int = 0,
    out: str = "",
    force: bool = False,
    store: str | None = None,
    env: str | None = None,
    json: bool = False,
) -> None:
    """Show what the checks of a run found, and which rows were put aside; of reused tasks, too.

    Args:
        run: A run's id or its beginning, 'last', 'last~1'.
        task: One task, or an item of one: 'data.load[7]'; all without.
        part: Where parts of a task's value are checked, one of them.
        rows: How many of the rows that were put aside to show of each table; personal data are not shown.
        out: A file for all rows that were put aside, as they are stored, personal data too: .csv or .parquet.
        force: Write over a file that is there.
        store: The store's folder or URL; that of the project without.
        env: The environment whose store is meant.
        json: Print a JSON document.
    """
    if rows < 0:
        raise UsageError(f"{rows} rows can't be shown", help="give a number from 0")
    place = Path(out) if out else None
    if place is not None:
        check_place(place, force=force)
    with hookline.open_store(store if store is not None else hookline.project(env=env).store) as opened:
        found, records = opened.run(run), opened.records(_PLUGIN)
        reports = recorded_reports(found, records, task, part)
        shown = [_shown(opened, records, found, env, rows, one) for one in reports]
        _print(found, shown, task, json)
        if place is not None:
            one, ref = _only_quarantine(found, reports, task)
            write_rows(records.load(ref), place, force=force)
            if not json:
                print(f"wrote '{one_line(place, _WIDEST)}': {_counted(one.rows)} of {one_line(one.title, _WIDEST)}")


def _print(run: Run, shown: Sequence[_Shown], task: str, json: bool) -> None:
    if json:
        document = {
            "run": run.id,
            "workflow": run.workflow,
            "reports": [_document(one, rows) for one, rows in shown],
        }
        print(form.dumps(document, indent=2, ensure_ascii=False))
        return
    if not shown:
        what = f"task '{one_line(task)}' of run {run.id}" if task else f"run {run.id} of {one_line(run.workflow)}"
        print(f"{what} kept no reports: none of its tasks checked a table")
    for at, (one, rows) in enumerate(shown):
        if at:
            print()
        for line in _lines(one, rows):
            print(line)


def _document(one: Recorded, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "task": one.task,
        "part": one.part or None,
        "quarantined": one.rows,
        "report": one.report.to_json(),
        **({"rows": rows} if rows else {}),
    }


def _lines(one: Recorded, rows: list[dict[str, Any]]) -> Iterator[str]:
    yield one_line(one.title, _WIDEST)
    yield from (f"  {one_line(line, _WIDEST)}".rstrip() for line in str(one.report).splitlines())
    if rows:
        left = one.rows - len(rows)
        yield f"  put aside{f', the first {len(rows):,} of {one.rows:,}' if left else ''}:"
        yield from table_of(rows, indent="    ")
    elif one.rows:
        yield f"  {_counted(one.rows)} put aside; --rows {min(one.rows, 10)} shows {'it' if one.rows == 1 else 'some'}"


def _shown(store: Any, records: Records, run: Run, env: str | None, count: int, one: Recorded) -> _Shown:
    """Load the rows that are wanted, and leave out all that tells of persons."""
    aside = one.quarantine if count else None
    if aside is None and not one.has_examples:
        return one, []
    before = _personal_before(store, records, run, env, one.task)
    seen = replace(one, report=one.report.without_examples(before))
    if aside is None:
        return seen, []
    personal = before.union(one.report.personal) if one.tells else None
    return seen, shown_rows(records.load(aside), count, one.report.problems, personal)


def _personal_before(store: Any, records: Records, run: Run, env: str | None, task: str) -> set[str]:
    """Name the columns that are personal where a task's table came from, whatever its own schema says."""
    from hookline_data.versions.inherited import declared, personal_before
    from hookline_data.versions.lineage import Ancestry
    from hookline_data.versions.producer import Producers

    try:
        of_source = declared(hookline.project(env=env))
    except HooklineError:
        of_source = None  # away from projects, whose store alone is looked at
    return personal_before(records, Producers(store, records), Ancestry(records, run).of(task), of_source)


def _only_quarantine(run: Run, reports: Sequence[Recorded], task: str) -> tuple[Recorded, ArtifactRef]:
    """Give the one quarantine that can be meant."""
    found = [(one, one.quarantine) for one in reports if one.quarantine is not None]
    if not found:
        what = f"task '{task}' of run {run.id}" if task else f"run {run.id}"
        raise UsageError(f"{what} put no rows aside, so there are none to write")
    if len(found) > 1:
        several = ", ".join(one.title for one, _ in found[:5]) + (", …" if len(found) > 5 else "")
        option = "--part" if len({one.task for one, _ in found}) == 1 else "--task"
        raise UsageError(
            f"run {run.id} has {len(found)} tables of rows that were put aside: {several}",
            help=f"write one of them: {option}",
        )
    return found[0]


def _counted(rows: int) -> str:
    return f"{rows:,} row{'s' * (rows != 1)}"
