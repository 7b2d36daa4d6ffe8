"""What a version was made from: data sets and sources, as far back as the next of them, read from the run's journal."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hookline import Records, Run
from hookline_data.versions.dataset import Dataset, datasets_in
from hookline_data.versions.names import DatasetName

__all__ = ["Ancestry", "Lineage", "datasets_of", "recorded_lineage", "remember"]

_KIND = "lineage"
_AT_ONCE = 1000
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


class Ancestry:
    """Finds out what the values of a run's tasks were made from.

    Args:
        records: The plugin's records.
        run: The run; it has ended, or what is not there yet is not seen.
    """

    def __init__(self, records: Records, run: Run) -> None:
        self._records = records
        self._run = run
        # Asked for once per item otherwise, and each time read from the store.
        self._inputs = functools.cache(run.inputs)
        self._task = functools.cache(run.tasks.__getitem__)

    def of(self, task_id: str) -> Lineage:
        """Tell what the value of a task, or of an item, was made from.

        Raises:
            UsageError: The run has no such task.
        """
        datasets: dict[str, None] = {}
        sources: dict[str, None] = {}
        pending, seen = list(self._before(task_id)), set[str]()
        while pending:
            task = pending.pop(0)
            if task in seen:
                continue
            seen.add(task)
            step = self._task(_split(task)[0]).step
            if step == _REGISTER:
                datasets.update(dict.fromkeys(map(str, datasets_of(self._records, self._run, task))))
            elif step == _OPEN:
                datasets.update(dict.fromkeys(self._opened(task)))
            else:
                if step == _LOAD:
                    sources.update(dict.fromkeys(self._shown(task, "source")))
                pending.extend(self._before(task))
        return Lineage(self._run.workflow, tuple(datasets), tuple(sources))

    def _before(self, task_id: str) -> Iterator[str]:
        """Give the tasks that a task took values from; of a mapped one that has as many items, the same item."""
        name, item = _split(task_id)
        for given in self._inputs(name).values():
            for task in given.tasks:
                side_by_side = item is not None and self._length(task) == self._length(name) > 0
                yield f"{task}[{item}]" if side_by_side else task

    def _opened(self, task: str) -> Iterator[str]:
        """Name the versions that a task opened: as the rewrite called them, or, of an item, by what it gave."""
        _, item = _split(task)
        named = list(datasets_of(self._records, self._run, task)) if item is not None else []
        if named and all(which.version is not None for which in named):
            yield from map(str, named)
        else:
            yield from self._shown(task, "of")

    def _shown(self, task: str, parameter: str) -> Iterator[str]:
        """Give the text that a task was given for a parameter."""
        given = self._inputs(_split(task)[0]).get(parameter)
        if given is not None and given.shown:
            try:
                value: Any = ast.literal_eval(given.shown)
            except (ValueError, SyntaxError):
                value = given.shown.strip("'\"")  # too long to be shown whole
            yield str(value)

    def _length(self, task: str) -> int:
        """Tell how many items a task has."""
        return sum(self._task(task).counts.values())


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


def remember(records: Records, run: Run, found: Mapping[str, Lineage]) -> None:
    """Keep what versions were made from, for when their run is deleted.

    Args:
        records: The plugin's records.
        run: The run that made them.
        found: What each was made from, by its name with the number.
    """
    left = iter(found.items())
    number = 0
    while some := list(islice(left, _AT_ONCE)):
        said = {name: {"datasets": one.datasets, "sources": one.sources} for name, one in some}
        records.put(_KIND, f"{run.id}/{number}", {"workflow": run.workflow, "versions": said})
        number += 1


def recorded_lineage(records: Records, run_id: str) -> dict[str, Lineage]:
    """Give what :func:`remember` kept of a run, by the versions' names with their numbers."""
    return {
        name: Lineage(record.value["workflow"], tuple(said["datasets"]), tuple(said["sources"]))
        for record in (records.list(_KIND, f"{run_id}/") if run_id else ())
        for name, said in record.value["versions"].items()
    }


def _split(task_id: str) -> tuple[str, int | None]:
    name, bracket, rest = task_id.rpartition("[")
    return (name, int(rest[:-1])) if bracket and rest[:-1].isdigit() else (task_id, None)
