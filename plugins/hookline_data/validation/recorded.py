"""Reports and quarantines that the attempts of a run kept, read from its store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hookline import Records, Run, UsageError
from hookline.ml import ArtifactRef
from hookline_data.validation.report import Report
from hookline_data.validation.steps import QUARANTINE, REPORT, REPORT_TABLE
from hookline_data.wording.words import close_to

__all__ = ["Recorded", "recorded_reports"]


@dataclass(frozen=True)
class Recorded:
    """A report, and where the rows are that were put aside.

    Attributes:
        task: The task that kept it, or the item.
        part: Which part of the task's value it is of; empty for the whole.
        report: What was found.
        tells: Whether it says which columns are personal, which old ones did not.
        quarantine: The rows that were put aside; None where there are none.
    """

    task: str
    part: str
    report: Report
    tells: bool
    quarantine: ArtifactRef | None

    @property
    def title(self) -> str:
        """Name the task, and the part."""
        return f"{self.task} ({self.part})" if self.part else self.task

    @property
    def rows(self) -> int:
        """How many rows were put aside."""
        return self.report.quarantined if self.quarantine is not None else 0

    @property
    def has_examples(self) -> bool:
        """Whether the report shows values."""
        return any(one.examples for one in self.report.problems)


def recorded_reports(run: Run, records: Records, task: str = "", part: str = "") -> list[Recorded]:
    """Find the reports of a run, in the order of its tasks.

    Args:
        run: The run.
        records: The plugin's records, which load artifacts.
        task: A task, or an item of one; all without.
        part: Which part of tasks' values; all without.

    Raises:
        UsageError: There is no such task, or no report of such a part.
    """
    found = [
        one
        for task_id, artifacts in run.artifacts(task).items()
        for one in _of_attempt(task_id, artifacts, records, part)
    ]
    if part and not found:
        parts = {one.part for one in recorded_reports(run, records, task)} - {""}
        where = f"task '{task}' of run {run.id}" if task else f"run {run.id}"
        raise UsageError(f"{where} has no report of a part '{part}';{close_to(part, sorted(parts))}")
    return found


def _of_attempt(task: str, artifacts: dict[str, ArtifactRef], records: Records, wanted: str) -> Iterator[Recorded]:
    for name, ref in artifacts.items():
        prefix = name.removesuffix(REPORT)
        part = prefix.removesuffix(".")
        if not name.endswith(REPORT) or (prefix and part == prefix) or f"{prefix}{REPORT_TABLE}" not in artifacts:
            continue  # something of the user's own
        if not wanted or part == wanted:
            said = records.load(ref)
            aside = artifacts.get(f"{prefix}{QUARANTINE}")
            yield Recorded(task, part, Report.from_json(said), "personal" in said, aside)
