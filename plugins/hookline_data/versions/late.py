"""Registers, when a run has ended, what its tasks could not: they ran on nodes that don't see the run's store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hookline import HooklineError, Records, Run
from hookline.ml import ArtifactRef, Schema, digest_of
from hookline_data.versions.dataset import Dataset, datasets_in
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import first, newest_of, put, value_of

__all__ = ["register_late"]

_log = logging.getLogger("hookline_data.versions")


def register_late(records: Records, run: Run, task_id: str) -> list[DatasetName]:
    """Register the data sets that a task came to; what is the newest version already makes no other.

    Args:
        records: The plugin's records.
        run: The task's run, which has ended.
        task_id: The task, which gave at least one data set without a version.

    Returns:
        The names of all its data sets, with the numbers that the task would have given them.
    """
    found = []
    for task, dataset in _datasets(records, run, task_id):
        number = dataset.version
        if number is None and dataset.schema is not None:
            try:
                number = _registered(records, run, task, dataset, dataset.schema)
            except HooklineError as error:
                _log.warning("the data set '%s' of task '%s' was not registered: %s", dataset, task, error.message)
        found.append(dataset.which._replace(version=number))
    return found


def _registered(records: Records, run: Run, task: str, dataset: Dataset, schema: Schema) -> int:
    """Register one data set as if the task had done it; give the number of its content's first version."""
    table = dataset.table
    artifact = table if isinstance(table, ArtifactRef) else records.keep(table)
    version = newest_of(records, dataset.which)
    if version is None or version.content != (artifact.digest, digest_of(schema)):
        rows = (records.load(artifact) if table is artifact else table).shape[0]
        value = value_of(dataset, schema, artifact, rows)
        value["dataset"] = replace(value["dataset"], run_id=run.id, task_id=task)
        version = put(records, dataset.which, value)
    return first(records, version).number


def _datasets(records: Records, run: Run, task_id: str) -> Iterator[tuple[str, Dataset]]:
    """Give each data set with the task or item that gave it; where it can be, with a reference instead of its table."""
    refs, counts = run.outputs(task_id), run.tasks[task_id].counts
    fields = list(Dataset.__dataclass_fields__)
    done = counts.get("reused", 0) + counts.get("completed", 0)
    if len(refs) != done * len(fields):  # of a step that gives several, or perhaps none
        yield from ((task_id, dataset) for dataset in datasets_in(run.load(task_id)))
        return
    all_of_several = 1 < done == sum(counts.values())  # else it is not known which items gave none
    for item in range(done):
        parts: list[Any] = [
            ref if field == "table" else records.load(ref)
            for field, ref in zip(fields, refs[item * len(fields) :], strict=False)
        ]
        yield f"{task_id}[{item}]" if all_of_several else task_id, Dataset(*parts)
