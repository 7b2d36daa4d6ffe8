"""What becomes of a graph: schemas that are named are looked up, and what annotations ask for is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hookline import GraphEditor, PluginError, ProjectFacts, TaskMatch, WorkflowError
from hookline_data.schemas.recognition import is_pandera
from hookline_data.settings import DataSettings
from hookline_data.validation.checked import Checked, wanted
from hookline_data.validation.naming import named_schema
from hookline_data.validation.parts import checking
from hookline_data.validation.steps import screen_step, validate

__all__ = ["holding", "insert"]


def insert(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Look up the schemas that tasks name, and check the values whose annotations ask for it.

    Args:
        graph: The graph.
        project: Where names are looked up.
        settings: The plugin's settings.
    """
    del settings
    for step in (validate, screen_step):
        for task in graph.tasks(step):
            _look_up(graph, task, project)
    for task in graph.tasks():
        _refuse_unread(task)
        last = task
        for check in wanted(task.metadata):
            last = _insert_after(graph, last, check, project)
        parts = {name: wanted(said) for name, said in task.part_metadata.items()}
        if any(parts.values()):
            _wrap(graph, task, {name: checks for name, checks in parts.items() if checks}, project)


def _refuse_unread(task: TaskMatch) -> None:
    """Refuse what seems to ask for a check or a version in words that can't be read: nothing is left out silently."""
    if any(word in task.unread for word in ("Annotated", "Checked", "Dataset")):
        raise WorkflowError(
            f"task '{task.id}' ({task.place}) returns '{task.unread}', which can't be evaluated: "
            "what it asks for would be left out",
            help="import what it names when the program runs, not only if TYPE_CHECKING",
        )


def _look_up(graph: GraphEditor, task: TaskMatch, project: ProjectFacts) -> None:
    given = task.constants.get("schema")
    if "schema" in task.mapped and isinstance(given, list | tuple):
        found = [named_schema(one, project) for one in given]
        if any(map(_is_name, given)):
            graph.give(task, schema=found)
    elif _is_name(given) or is_pandera(given):
        found = named_schema(given, project)
        if not _hold(graph, task, found) and found is not given:
            graph.give(task, schema=found)


def _is_name(given: object) -> bool:
    return isinstance(given, str) or hasattr(given, "__fspath__")


def _insert_after(graph: GraphEditor, task: TaskMatch, check: Checked, project: ProjectFacts) -> TaskMatch:
    facts = {"mode": check.mode, "max_bad": check.max_bad, "name": check.name}
    said = {name: value for name, value in facts.items() if value != getattr(Checked, name)}
    found = named_schema(check.schema, project)
    new = graph.insert_after(task, validate, schema=found, **said)
    _hold(graph, new, found)
    return new


def _hold(graph: GraphEditor, task: TaskMatch, schema: Any) -> bool:
    """Give a task a schema of pandera's, if it is one, as code.

    As a value its lambdas would count with the numbers of their lines; as code they count by what they do, and reasons
    name what changed.
    """
    if not is_pandera(schema):
        return False
    graph.give(task, schema=schema.__name__ if isinstance(schema, type) else schema.name or "a schema of pandera's")
    graph.wrap(task, holding(schema))
    return True


def holding(schema: Any) -> Callable[..., Any]:
    """Make a wrapper for a step that gives it a schema."""

    def held(call: Callable[..., Any], /, **arguments: Any) -> Any:
        return call(**{**arguments, "schema": schema})

    return held


def _wrap(graph: GraphEditor, task: TaskMatch, parts: Mapping[str, list[Checked]], project: ProjectFacts) -> None:
    """Check parts of a value where they are made: a step behind the task would have to give all of its parts."""
    found = {
        name: [replace(check, schema=named_schema(check.schema, project)) for check in checks]
        for name, checks in parts.items()
    }
    try:
        graph.wrap(task, checking(task.parts, found, asynchronous=False))
    except PluginError:  # a step that is async wants a wrapper that is
        graph.wrap(task, checking(task.parts, found, asynchronous=True))
