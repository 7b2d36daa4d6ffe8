"""What is left to do about data sets when a run has ended: late and reused ones become the newest, lineage is kept."""

from __future__ import annotations

from collections.abc import Sequence

from hookline import Records, Run, RunEvent, open_store
from hookline_data.versions.late import register_late
from hookline_data.versions.lineage import Ancestry, datasets_of, remember
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import PLUGIN, Version, history, put_again

__all__ = ["settle"]

_REGISTER = f"{PLUGIN}:register@"


def settle(event: RunEvent) -> None:
    """Look after the data sets of a run that has ended.

    What a task could not register, because its node does not see the store, is registered now. A content that a run
    reused is as new as one that it made: where another came in between, the reused one gets a version of its own.

    Args:
        event: The end of the run.
    """
    with open_store(event.store) as store:
        records, run = store.records(PLUGIN), store.run(event.run_id)
        made: dict[str, list[tuple[str, DatasetName]]] = {}
        for task in [task for task in run.tasks if _REGISTER in task]:
            named = list(datasets_of(records, run, task))
            if any(which.version is None for which in named):
                named = register_late(records, run, task)
            for which in named:
                made.setdefault(which.record, []).append((task, which))
        ancestry = Ancestry(records, run)
        written = [version for named in made.values() for version in _written(records, run, named)]
        remember(records, run, {str(each.which): ancestry.of(each.ref.task_id) for each in written})


def _written(records: Records, run: Run, named: Sequence[tuple[str, DatasetName]]) -> list[Version]:
    """Give the versions of one name that a run wrote, once what it only reused is the newest again."""
    versions = history(records, named[-1][1])
    own = [version for version in versions if version.ref.run_id == run.id]
    if own or not versions:
        return own  # what it registered had its place when it came, and another run may have come after it
    came_to = {which.version for _, which in named}
    if versions[-1].content in {version.content for version in versions if version.number in came_to}:
        return []
    there = {version.number: version for version in versions}
    reused = [
        (task, there[which.version])
        for task, which in named
        if which.version in there and run.tasks[task].counts.get("reused")
    ]
    again = put_again(records, reused[-1][1], versions[-1], run.id, reused[-1][0]) if reused else None
    return [] if again is None else [again]
