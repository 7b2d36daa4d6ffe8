"""What a version was made from: data sets and sources, as far back as the next of them, read from the run's journal."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hookline import Records, Run
from hookline_data.versions.dataset import Dataset, datasets_in
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import first, history

__all__ = ["Ancestry", "Lineage", "datasets_of", "recorded_lineage", "remember"]

_KIND = "lineage"
_AT_ONCE = 1000
_OPEN = "data.open"
_REGISTER = "data.register"
_RETURN = "return"  # what a step that calls others gives back: only of what these gave
_READ = ("data.read", "data.load")  # in runs the first stands for the second
_COUNTED = re.compile(r"a (?:dict|list) of (\d+)")


@dataclass(frozen=True)
class Lineage:
    """Where a version came from.

    Attributes:
        workflow: The workflow whose run made it.
        datasets: Versions of data sets that it was made from, as users name them.
        sources: Sources that were read for it, each with its partition or the number of its files:
            ``transactions/2026-01-05``, ``customers (1 file)``.
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
                datasets.update(dict.fromkeys(map(str, self._registered(task))))
            elif step == _OPEN:
                datasets.update(dict.fromkeys(self._opened(task)))
            elif step in _READ:
                sources[self._source(task)] = None
            else:
                pending.extend(self._last_within(task) or self._before(task))
        return Lineage(self._run.workflow, tuple(datasets), tuple(sources))

    def _before(self, task_id: str) -> Iterator[str]:
        """Give the tasks that a task took values from; of a mapped one that has as many items, the same item.

        A task that another one called may have got any of what that one was given.
        """
        while task_id:
            name, item = _split(task_id)
            for given in self._inputs(name).values():
                for task in given.tasks:
                    side_by_side = item is not None and self._length(task) == self._length(name) > 0
                    yield f"{task}[{item}]" if side_by_side else task
            caller = name.rpartition("/")[0]
            task_id = caller if caller in self._called and self._task(name).step != _RETURN else ""

    def _last_within(self, task: str) -> list[str]:
        """Give the tasks whose values make up the value of a task that called them; nothing of one that called none."""
        called = self._called.get(task, [])
        taken = {_split(before)[0] for one in called for given in self._inputs(one).values() for before in given.tasks}
        return [one for one in called if one not in taken]

    @functools.cached_property
    def _called(self) -> dict[str, list[str]]:
        """Tasks by the task, or the item, that called them."""
        there = list(self._run.tasks)
        names, found = set(there), dict[str, list[str]]()
        for task in there:
            caller = task.rpartition("/")[0]
            if _split(caller)[0] in names:  # else it is the name of a workflow within the workflow
                found.setdefault(caller, []).append(task)
        return found

    def _source(self, task: str) -> str:
        """Name the source that a task, or an item, read, with as much as the journal tells of what was read."""
        name, item = _split(task)
        given = self._inputs(name)
        source, partition = (
            _of_item(given[each].shown, item) if each in given else None for each in ("source", "partition")
        )
        if partition is not None:
            return f"{source}/{partition}"
        count = _COUNTED.fullmatch(given["files"].shown) if "files" in given else None
        if count is None:
            return str(source)
        if self._length(name) == 1 and item is None:
            return f"{source} ({count[1]} file{'' if count[1] == '1' else 's'})"
        return f"{source} ({'one of ' if item is not None else ''}{count[1]} partitions)"

    def _registered(self, task: str) -> Iterator[DatasetName]:
        """Name the versions that a task registered, or that the run's end registered for it."""
        for which in datasets_of(self._records, self._run, task):
            own = [
                version
                for version in (history(self._records, which) if which.version is None else ())
                if version.ref.run_id == self._run.id
            ]
            yield first(self._records, own[-1]).which if own else which

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
            value = _literal(given.shown)
            yield str(given.shown.strip("'\"") if value is None else value)

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


def _literal(shown: str) -> Any:
    """Read a value as it is shown; None where it is not shown whole."""
    try:
        return ast.literal_eval(shown)
    except (ValueError, SyntaxError):
        return None


def _of_item(shown: str, item: int | None) -> Any:
    """Read what an item was given, where that is known; of a task without items what it was given itself."""
    value = _literal(shown)
    if isinstance(value, list):
        return value[item] if item is not None and item < len(value) else None
    return value


def _split(task_id: str) -> tuple[str, int | None]:
    name, bracket, rest = task_id.rpartition("[")
    return (name, int(rest[:-1])) if bracket and rest[:-1].isdigit() else (task_id, None)
