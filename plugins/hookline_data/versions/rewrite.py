"""Puts what registers data sets behind the tasks that return them, and what opens them before those that name them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from hookline import GraphEditor, ProjectFacts, Records, StoreMissingError, TaskMatch, WorkflowError, open_store
from hookline_data.versions.contents import Contents
from hookline_data.versions.dataset import Dataset, Unopened
from hookline_data.versions.inherited import read_by
from hookline_data.versions.names import DatasetName, parse_name
from hookline_data.versions.opening import missing_store, resolved
from hookline_data.versions.personal import personal_in
from hookline_data.versions.registered import PLUGIN
from hookline_data.versions.steps import open_all, open_table, open_version, register, register_all

__all__ = ["registers", "track"]

# So that the end of a run that has no data sets, as most have not, costs nothing.
_registering: set[str] = set()

# By workflow and by the task that called for a part of it: the columns that are personal in what was read by then.
_personal: dict[str, dict[str, set[str]]] = {}

_LOOKED_INTO = frozenset({list, tuple, dict, Dataset, Unopened})


def track(graph: GraphEditor, project: ProjectFacts) -> None:
    """Let a workflow's data sets be registered and opened.

    Args:
        graph: The workflow's graph.
        project: The project, in whose store data sets are found.

    Raises:
        UsageError: A data set, partition or version that is named is not there.
        StoreMissingError: One is named, and there is no store.
    """
    tasks = graph.tasks()
    named = [(task, arg) for task in tasks for arg in _naming(graph, task)]
    personal = read_by(graph.tasks("data.read"))
    if named:
        personal |= _open(graph, project, named)
    given = _of_callers(graph, personal)
    for task in tasks:
        if _mentions_data_sets(task.returns) and task.step != register.name:
            _register(graph, task, given)


def registers(workflow: str) -> bool:
    """Tell whether a workflow that was rewritten in this process registers data sets.

    Args:
        workflow: Its name.
    """
    return workflow in _registering


def _naming(graph: GraphEditor, task: TaskMatch) -> Iterator[str]:
    """Give the parameters that are given names of data sets."""
    constants = task.constants
    takes = None if graph.grown is None else task.takes
    for arg in constants:
        # What a step gave to one that it called is stored: it is read only where a data set is taken.
        if (takes is None or _mentions_data_sets(takes.get(arg))) and _names_any(constants[arg]):
            yield arg


def _register(graph: GraphEditor, task: TaskMatch, personal: list[str]) -> None:
    if task.returns is not Dataset and (task.parts or _in_fields(task.returns)):
        raise WorkflowError(
            f"task '{task.id}' ({task.place}) returns a data set among other parts, where it can't be registered",
            help="return it from a step of its own, or return a list of data sets",
        )
    said = {"personal": personal} if personal else {}
    graph.insert_after(task, register_all if task.returns is not Dataset else register, **said)
    _registering.add(graph.workflow)


def _open(graph: GraphEditor, project: ProjectFacts, named: list[tuple[TaskMatch, str]]) -> set[str]:
    """Let tasks get the data sets that they are given the names of; give the columns that are personal there."""
    personal: set[str] = set()
    first_task, first_arg = named[0]
    try:
        store = open_store(project.store)
    except StoreMissingError as error:
        raise missing_store(_first_name(first_task.constants[first_arg]), error) from None
    with store:
        records = store.records(PLUGIN)
        for task, arg in named:
            value = task.constants[arg]
            found = _resolved(records, value)
            graph.give(task, **{arg: found})
            graph.insert_before(task, arg, _opener(value if arg in task.mapped else [value]), of=_called(found))
            personal.update(*[personal_in(contents.schema) for contents in _contents_in(found)])
    return personal


def _of_callers(graph: GraphEditor, personal: set[str]) -> list[str]:
    """Add to the columns that are personal in what a part of a graph reads those of the parts that called for it."""
    if graph.grown is None:
        _personal[graph.workflow] = {"": personal}
        return sorted(personal)
    known, caller = _personal.setdefault(graph.workflow, {}), graph.grown
    while caller and caller not in known:
        caller = caller.rpartition("/")[0]
    found = personal | known.get(caller, set())
    if personal:
        known[graph.grown] = found
    return sorted(found)


def _resolved(records: Records, value: Any) -> Any:
    """Find the contents of all data sets that a value names, in lists, tuples and dicts at any depth."""
    kind = type(value)
    if kind is dict:
        return {key: _resolved(records, each) for key, each in value.items()}
    if kind in (list, tuple):
        return kind([_resolved(records, each) for each in value])
    if isinstance(value, Unopened):
        return resolved(records, parse_name(value.of), whole=False)
    if isinstance(value, Dataset) and isinstance(value.table, Unopened):
        return resolved(records, value.which)
    return value


def _called(found: Any) -> str:
    """Say which versions were found, for those who ask why a task ran or what its value was made from."""
    return ", ".join(dict.fromkeys(contents.called for contents in _contents_in(found)))


def _contents_in(found: Any) -> Iterator[Contents]:
    kind = type(found)
    if kind is Contents:
        yield found
    elif kind in (list, tuple, dict):
        for each in found.values() if kind is dict else found:
            yield from _contents_in(each)


def _opener(values: list[Any]) -> Any:
    """Choose what opens values: each of them a data set, each the table of one, or anything."""
    if all(isinstance(value, Dataset) and not value.opened for value in values):
        return open_version
    return open_table if all(isinstance(value, Unopened) for value in values) else open_all


def _names_any(value: Any) -> bool:
    return type(value) in _LOOKED_INTO and next(_named_in(value), None) is not None


def _first_name(value: Any) -> DatasetName:
    return next(_named_in(value))


def _mentions_data_sets(annotation: Any) -> bool:
    """Tell whether what is declared to be returned is a data set, or has one in it."""
    try:
        return _mentions_known(annotation)
    except TypeError:  # annotations may hold anything, such as lists, which can't be remembered
        return _mentions(annotation)


def _mentions(annotation: Any) -> bool:
    pending, seen = [annotation], list[Any]()
    while pending:
        one = pending.pop()
        if one is Dataset:
            return True
        if not any(one is other for other in seen):  # what has fields may have some of its own type
            seen.append(one)
            pending.extend(typing.get_args(one) or _fields(one))
    return False


def _in_fields(annotation: Any) -> bool:
    """Tell whether a data set is declared to be in a field of something, at any depth of lists, tuples and dicts."""
    inside = [] if annotation is Dataset else typing.get_args(annotation)
    return any(map(_in_fields, inside)) or (annotation is not Dataset and any(map(_mentions, _fields(annotation))))


_mentions_known = functools.lru_cache(maxsize=4096)(_mentions)


def _fields(kind: Any) -> Iterable[Any]:
    """Give the types of the parts that a class splits into."""
    if not isinstance(kind, type) or kind.__module__ == "builtins":
        return ()
    named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    if named or dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        with contextlib.suppress(Exception):  # evaluating annotations may raise anything; then they say nothing
            return typing.get_type_hints(kind).values()
    return ()


def _named_in(value: Any) -> Iterator[DatasetName]:
    pending = [value]
    while pending:
        one = pending.pop()
        kind = type(one)
        if kind is dict:
            pending.extend(reversed(one.values()))
        elif kind is list or kind is tuple:
            pending.extend(reversed(one))
        elif kind is Unopened:
            yield parse_name(one.of)
        elif kind is Dataset and isinstance(one.table, Unopened):
            yield one.which
