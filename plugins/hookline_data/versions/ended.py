"""What is left to do about data sets when a run has ended: reused contents are the newest again, lineage is kept."""

from __future__ import annotations

from hookline import Records, Run, RunEvent, UsageError, open_store
from hookline_data.versions.lineage import datasets_of, lineage_of, remember
from hookline_data.versions.registered import PLUGIN, Version, find, newest, put_again

__all__ = ["settle"]

_REGISTER = f"{PLUGIN}:register@"


def settle(event: RunEvent) -> None:
    """Look after the data sets of a run that has ended.

    A content that a run reused is as new as one that it made: where another came in between, the reused one gets a
    version of its own.

    Args:
        event: The end of the run.
    """
    with open_store(event.store) as store:
        records = store.records(PLUGIN)
        if not newest(records):
            return
        run = store.run(event.run_id)
        tasks = [task for task in run.tasks if _REGISTER in task]
        if tasks:
            _renew(records, run, tasks)
            for version in newest(records):
                if version.ref.run_id == run.id:
                    remember(records, version, lineage_of(records, run, version.ref.task_id))


def _renew(records: Records, run: Run, tasks: list[str]) -> None:
    """Let contents that were reused be the newest again."""
    if not any(run.tasks[task].counts.get("reused") for task in tasks):
        return
    made: dict[str, list[tuple[str, Version]]] = {}
    for task in tasks:
        for which in datasets_of(records, run, task):
            try:
                (version,) = find(records, which)
            except UsageError:
                continue  # its record was trimmed
            made.setdefault(which.record, []).append((task, version))
    for versions in made.values():
        task, last = versions[-1]
        put_again(records, last, [version for _, version in versions], run.id, task)
