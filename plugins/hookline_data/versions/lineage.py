"""What a version was made from: data sets and sources, as far back as the next of them, read from the run's journal."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hookline import Records, Run
from hookline_data.versions.dataset import Dataset, datasets_in
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import Version

__all__ = ["Lineage", "datasets_of", "lineage_of", "recorded_lineage", "remember"]

_KIND = "lineage"
_OPEN = "data.open"
_REGISTER = "data.register"
_LOAD = "data.load"


@dataclass(frozen=True)
class Lineage:
    """Where a version came from.

    Attributes:
        workflow: The workflow whose run made it.
        datasets: Versions of data sets that it was made from, as users name them.
        sources: Sources that were loaded for it.
    """

    workflow: str
    datasets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def datasets_of(records: Records, run: Run, task_id: str) -> Iterator[DatasetName]:
    """Name the data sets that a task came to, without reading their tables.

    Args:
        records: The plugin's records.
        run: The task's run.
        task_id: The task, or an item.
    """
    counts = run.tasks[task_id].counts
    items = counts.get("reused", 0) + counts.get("completed", 0)
    if not items:
        return
    refs = run.outputs(task_id)
    fields = list(Dataset.__dataclass_fields__)
    if len(refs) != items * len(fields):  # of a step that gives several, or perhaps none
        yield from (dataset.which for dataset in datasets_in(run.load(task_id)))
        return
    wanted = [fields.index(field) for field in DatasetName._fields]
    for begin in range(0, len(refs), len(fields)):
        yield DatasetName(*[records.load(refs[begin + at]) for at in wanted])


def lineage_of(records: Records, run: Run, task_id: str) -> Lineage:
    """Find out what the value of a task was made from.

    Args:
        records: The plugin's records.
        run: The task's run.
        task_id: The task, or the item.

    Raises:
        UsageError: The run has no such task.
    """
    datasets: dict[str, None] = {}
    sources: dict[str, None] = {}
    pending, seen = list(_before(run, task_id)), set[str]()
    while pending:
        task = pending.pop(0)
        if task in seen:
            continue
        seen.add(task)
        step = run.tasks[task].step
        if step == _REGISTER:
            datasets.update(dict.fromkeys(map(str, datasets_of(records, run, task))))
        elif step == _OPEN:
            datasets.update(dict.fromkeys(_opened(records, run, task)))
        else:
            if step == _LOAD:
                sources.update(dict.fromkeys(_shown(run, task, "source")))
            pending.extend(_before(run, task))
    return Lineage(run.workflow, tuple(datasets), tuple(sources))


def remember(records: Records, version: Version, lineage: Lineage) -> None:
    """Keep what a version was made from, for when its run is deleted.

    Args:
        records: The plugin's records.
        version: The version.
        lineage: What it was made from.
    """
    value = {"workflow": lineage.workflow, "datasets": lineage.datasets, "sources": lineage.sources}
    records.put(_KIND, str(version.which), value)


def recorded_lineage(records: Records, version: Version) -> Lineage | None:
    """Give what :func:`remember` kept; None for nothing."""
    record = records.get(_KIND, str(version.which))
    if record is None:
        return None
    value = record.value
    return Lineage(value["workflow"], tuple(value["datasets"]), tuple(value["sources"]))


def _before(run: Run, task_id: str) -> Iterator[str]:
    """Give the tasks that a task took values from; of a mapped one that has as many items, the same item."""
    name, item = _split(task_id)
    for given in run.inputs(task_id).values():
        for task in given.tasks:
            side_by_side = item is not None and _length(run, task) == _length(run, name) > 0
            yield f"{task}[{item}]" if side_by_side else task


def _opened(records: Records, run: Run, task: str) -> Iterator[str]:
    """Name the versions that a task opened: as the rewrite called them, or, of an item, by what it gave."""
    _, item = _split(task)
    named = list(datasets_of(records, run, task)) if item is not None else []
    if named and all(which.version is not None for which in named):
        yield from map(str, named)
    else:
        yield from _shown(run, task, "of")


def _shown(run: Run, task: str, parameter: str) -> Iterator[str]:
    """Give the text that a task was given for a parameter."""
    given = run.inputs(task).get(parameter)
    if given is not None and given.shown:
        try:
            value: Any = ast.literal_eval(given.shown)
        except (ValueError, SyntaxError):
            value = given.shown.strip("'\"")  # too long to be shown whole
        yield str(value)


def _split(task_id: str) -> tuple[str, int | None]:
    name, bracket, rest = task_id.rpartition("[")
    return (name, int(rest[:-1])) if bracket and rest[:-1].isdigit() else (task_id, None)


def _length(run: Run, task_id: str) -> int:
    """Tell how many items a task has."""
    return sum(run.tasks[task_id].counts.values())
