"""Who made a version: which task of which run of which workflow."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from hookline import Records, UsageError
from hookline_data.versions.lineage import Ancestry, Lineage, recorded_lineage
from hookline_data.versions.registered import Version

__all__ = ["Producer", "Producers"]

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


class Producers:
    """Tells what made versions; of a run that made many, what is known is read once.

    Args:
        store: The store, as ``hookline.open_store`` gives it.
        records: The plugin's records.
    """

    def __init__(self, store: Any, records: Records) -> None:
        self._store = store
        self._records = records
        self._kept = functools.cache(functools.partial(recorded_lineage, records))
        self._workflow = functools.cache(self._read_workflow)

    def of(self, version: Version) -> Producer:
        """Tell what made a version."""
        kept = self._kept(version.ref.run_id).get(str(version.which))
        workflow = kept.workflow if kept is not None else self._workflow(version.ref.run_id)
        return Producer(workflow, version.ref.run_id, _REGISTERED.sub("", version.ref.task_id))

    def lineage(self, version: Version) -> Lineage | None:
        """Tell what a version was made from: as it was kept, or from the journal; None where the run is gone."""
        kept = self._kept(version.ref.run_id).get(str(version.which))
        if kept is not None or not version.ref.run_id:
            return kept
        try:
            return Ancestry(self._records, self._store.run(version.ref.run_id)).of(version.ref.task_id)
        except UsageError:
            return None

    def _read_workflow(self, run_id: str) -> str:
        try:
            return str(self._store.run(run_id).workflow) if run_id else ""
        except UsageError:
            return ""  # the run was deleted
