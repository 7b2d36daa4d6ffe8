"""What is left to do about data sets when a run has ended: reused contents are the newest again, lineage is kept."""

from __future__ import annotations

from collections.abc import Sequence

from hookline import Records, Run, RunEvent, open_store
from hookline_data.versions.lineage import Ancestry, datasets_of, remember
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import PLUGIN, Version, exact, newest_of, put_again

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
        records, run = store.records(PLUGIN), store.run(event.run_id)
        made: dict[str, list[tuple[str, DatasetName]]] = {}
        for task in [task for task in run.tasks if _REGISTER in task]:
            for which in datasets_of(records, run, task):
                made.setdefault(which.record, []).append((task, which))
        ancestry = Ancestry(records, run)
        versions = [version for named in made.values() if (version := _renewed(records, run, named)) is not None]
        remember(
            records,
            run,
            {str(each.which): ancestry.of(each.ref.task_id) for each in versions if each.ref.run_id == run.id},
        )


def _renewed(records: Records, run: Run, named: Sequence[tuple[str, DatasetName]]) -> Version | None:
    """Let what a run came to be the newest version of its name, where it is not; give that."""
    newest = newest_of(records, named[-1][1])
    if newest is None or newest.number in {which.version for _, which in named}:
        return newest
    versions = [version for _, which in named if (version := exact(records, which)) is not None]
    if not versions or newest.content in {version.content for version in versions}:
        return newest
    return put_again(records, versions[-1], newest, run.id, named[-1][0])
