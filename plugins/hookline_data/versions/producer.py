"""Who made a version: which task of which run of which workflow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hookline import Records, UsageError
from hookline_data.versions.lineage import Ancestry, Lineage, recorded_lineage
from hookline_data.versions.registered import Version

__all__ = ["Producer", "lineage_in", "producer_of"]

_REGISTERED = re.compile(r"data:register@")


@dataclass(frozen=True)
class Producer:
    """What made a version.

    Attributes:
        workflow: The workflow; empty where that is not known any more.
        run: The run's id; empty for none.
        task: The task, or the item.
    """

    workflow: str
    run: str
    task: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.workflow, self.task)))


def producer_of(store: Any, records: Records, version: Version) -> Producer:
    """Tell what made a version.

    Args:
        store: The store, as ``hookline.open_store`` gives it.
        records: The plugin's records.
        version: The version.
    """
    kept = recorded_lineage(records, version)
    workflow = kept.workflow if kept is not None else _workflow(store, version.ref.run_id)
    return Producer(workflow, version.ref.run_id, _REGISTERED.sub("", version.ref.task_id))


def lineage_in(store: Any, records: Records, version: Version) -> Lineage | None:
    """Tell what a version was made from: as it was kept, or from the journal; None where the run is gone.

    Args:
        store: The store.
        records: The plugin's records.
        version: The version.
    """
    kept = recorded_lineage(records, version)
    if kept is not None or not version.ref.run_id:
        return kept
    try:
        return Ancestry(records, store.run(version.ref.run_id)).of(version.ref.task_id)
    except UsageError:
        return None


def _workflow(store: Any, run_id: str) -> str:
    try:
        return str(store.run(run_id).workflow) if run_id else ""
    except UsageError:
        return ""  # the run was deleted
