"""Fills in what loads and writes of sources need, before a run is planned: what decides a result is an argument."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hookline import GraphEditor, HooklineError, ProjectFacts, TaskMatch, UsageError
from hookline_data.settings import DataSettings
from hookline_data.sources.loading import load
from hookline_data.sources.reading_step import read_source
from hookline_data.sources.resolving import Resolver
from hookline_data.sources.writing import write
from hookline_data.sources.writing_step import write_source

__all__ = ["fill"]

Step = Any
"""What ``graph.replace`` takes."""

LookUp = Callable[[str, Any], dict[str, Any]]

_LOOKED_UP = ("source", "partition")


def fill(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Give each load and each write of a source its contract, and what it is to read.

    Args:
        graph: The graph.
        project: Where sources are looked up.
        settings: The plugin's settings.

    Raises:
        UsageError: Sources are missing or wrong, or can't be asked; all of them are told.
    """
    loads, writes = graph.tasks(load), graph.tasks(write)
    if not loads and not writes:
        return
    resolver = Resolver(project, settings.frames)
    problems: list[HooklineError] = []
    work: list[tuple[TaskMatch, Step, LookUp]] = [(task, read_source, resolver.for_load) for task in loads]
    work += [(task, write_source, resolver.for_write) for task in writes]
    for task, step, look_up in work:
        try:
            _fill(graph, task, step, look_up, resolver)
        except HooklineError as error:
            problems.append(_with_place(error, task, project))
    if len(problems) == 1 and isinstance(problems[0], UsageError):
        raise problems[0]
    if len(problems) == 1:  # a database that does not answer is no fault of the plugin's
        raise UsageError(problems[0].message, help=problems[0].help) from problems[0]
    if problems:
        told = dict.fromkeys(str(error).replace("\n", "\n    ") for error in problems)
        raise UsageError("\n  - ".join(["the workflow's sources can't be used as they are", *told]))


def _fill(graph: GraphEditor, task: TaskMatch, step: Step, look_up: LookUp, resolver: Resolver) -> None:
    known = task.constants
    for name in _LOOKED_UP:
        if name in task.bindings and name not in known:
            raise _unknown(task, name)
    _replace(graph, task, step)
    looked = [name for name in _LOOKED_UP if name in task.mapped]
    if not looked:
        given = look_up(known["source"], known.get("partition"))
        graph.give(task, **given)
        _limit_reuse(graph, task, resolver, [known["source"]])
        return
    lists = {name: known[name] for name in looked}
    count = len(next(iter(lists.values())))
    if any(len(values) != count for values in lists.values()):
        raise UsageError(
            f"task '{task.id}' ({task.place}) is mapped over combinations of sources and partitions",
            help="list the pairs that are meant: load.map(source=[…], partition=[…])",
        )
    items = []
    for number in range(count):
        one: dict[str, Any] = {name: values[number] for name, values in lists.items()}
        if "source" not in one:
            one["source"] = known["source"]
        items.append(look_up(one["source"], one.get("partition", known.get("partition"))))
    _give_items(graph, task, items)
    _limit_reuse(graph, task, resolver, lists.get("source", [known.get("source")]))


def _replace(graph: GraphEditor, task: TaskMatch, step: Step) -> None:
    """Put the step that is given everything in the place of the one that looks it up, with the task's own options."""
    options = task.options
    graph.replace(task, step)
    given = {one.name: getattr(options, one.name) for one in dataclasses.fields(options)}
    changed = {name: value for name, value in given.items() if value != getattr(task.options, name)}
    if changed:
        graph.set_options(task, **changed)


def _give_items(graph: GraphEditor, task: TaskMatch, items: list[dict[str, Any]]) -> None:
    """Give what is the same for all items once, and the rest item by item."""
    if not items:
        return
    each: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for item in items for name in item):
        first = items[0].get(name)
        if name != "files" and all(item.get(name) == first for item in items):
            graph.give(task, **{name: first})
        else:
            each[name] = [item.get(name, _NOTHING.get(name)) for item in items]
    graph.give_each(task, **each)


_NOTHING: Mapping[str, Any] = {"place": "", "version": ""}
"""What is given to an item for which nothing was found, where others have something."""


def _limit_reuse(graph: GraphEditor, task: TaskMatch, resolver: Resolver, sources: Iterable[str]) -> None:
    """Load anew each time what nothing tells the state of."""
    if task.options.cache and not all(resolver.contract(source).versioned for source in set(sources)):
        graph.set_options(task, cache=False)


def _with_place(error: HooklineError, task: TaskMatch, project: ProjectFacts) -> HooklineError:
    """Say which task asks for a source that there is none of; of one that is wrong, its contract's place is told."""
    source = task.constants.get("source")
    if not isinstance(source, str) or source in project.sources:
        return error
    return UsageError(f"task '{task.id}' ({task.place}): {error.message}", help=error.help)


def _unknown(task: TaskMatch, name: str) -> HooklineError:
    what = "which source" if name == "source" else "which partitions"
    return UsageError(
        f"task '{task.id}' ({task.place}) is told only by the run {what} it is for, but data are looked up before",
        help="name it in the workflow, or by a parameter; for all that there are: "
        "load.partial('transactions').map(partition=partitions('transactions')); "
        "or call it in a step that gets the value, and return what it gives",
    )
