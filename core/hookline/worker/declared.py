"""Workflows in YAML files, and the steps that they name: those of plugins, or a project's own as ``module:name``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookline.errors import PluginError, UsageError, WorkflowError, close_match
from hookline.model.place import place_of
from hookline.model.registry import Registry
from hookline.model.step import Step
from hookline.model.workflow import Workflow
from hookline.worker.importing import extend_path, import_beside
from hookline.worker.naming import Naming, name_of_file

if TYPE_CHECKING:
    from hookline.hooks.plugin_set import PluginSet

__all__ = ["find_step", "find_step_here", "is_declared", "load_declared", "registered_steps"]


def is_declared(place: str) -> bool:
    """Tell whether a file's name is that of a YAML file."""
    return place.endswith((".yaml", ".yml"))


def load_declared(naming: Naming, plugins: Callable[[], PluginSet]) -> Workflow[Any, Any]:
    """Read a workflow from its file.

    Args:
        naming: The file, and where imports look for what is beside it.
        plugins: Loads the plugins whose steps it may name; not asked where it names none.

    Returns:
        The workflow.

    Raises:
        UsageError: The file can't be read, is no YAML, or is empty.
        WorkflowError: What it declares is wrong; all problems are named, with their lines.
        PluginError: A plugin is faulty.
    """
    from hookline.graph.declared.workflow import declared_workflow

    extend_path(naming.search_path)
    known = functools.cache(lambda: plugins().steps)
    return declared_workflow(_text(naming.file), naming.file, lambda uses: find_step(uses, known))


def registered_steps(root: Path | None = None) -> Registry[Step[..., Any]]:
    """Give the steps that a project's plugins register."""
    # A worker never asks, and is not to wait for the import of what this takes.
    from hookline.config import configure
    from hookline.hooks.loader import load_plugins

    return load_plugins(configure(root)).steps


def find_step(uses: str, known: Callable[[], Registry[Step[..., Any]]]) -> Step[..., Any]:
    """Find a step.

    Args:
        uses: A registered name, such as ``data.validate``, or ``module:name``.
        known: Gives the registered ones; not asked where a module is named, so that no plugin is loaded for that.

    Returns:
        The step.

    Raises:
        UsageError: Nothing has that name.
        WorkflowError: Its module can't be imported, or what has that name is no step.
        PluginError: What a plugin registered can't be imported.
    """
    module, colon, name = uses.partition(":")
    if not colon:
        return _registered(uses, known())
    parts = [*module.split("."), *name.split(".")]
    if not all(part.isidentifier() for part in parts):
        raise UsageError(f"'{uses}' names no step", help="write module:name, such as my_package.steps:train")
    found: Any = import_beside(module)
    for part in name.split("."):
        if not hasattr(found, part):
            steps = [key for key, value in getattr(found, "__dict__", {}).items() if isinstance(value, Step)]
            near = close_match(part, steps) or (f" it has {', '.join(sorted(steps))}" if steps else "")
            raise UsageError(f"there is no step '{name}' in module '{module}'{near and ';' + near}")
        found = getattr(found, part)
    if not isinstance(found, Step):
        raise WorkflowError(f"'{uses}' is no step", help="decorate the function with @step")
    return found


def find_step_here(uses: str) -> tuple[Step[..., Any], str]:
    """Find a step as a YAML file in the working directory would.

    Args:
        uses: As for :func:`find_step`.

    Returns:
        The step, and where it comes from: the plugin's distribution, or the line of its definition.

    Raises:
        HooklineError: As for :func:`find_step`.
    """
    naming = name_of_file(Path.cwd() / "workflow.yaml")
    extend_path(naming.search_path)
    known = functools.cache(lambda: registered_steps(naming.root))
    step = find_step(uses, known)
    return step, str(place_of(step.fn)) if ":" in uses else known().entry(uses).source


def _registered(uses: str, known: Registry[Step[..., Any]]) -> Step[..., Any]:
    if uses not in known.names():
        module, _, name = uses.rpartition(".")
        near = close_match(uses, known.names())
        own = f"{module or 'my_module'}:{name}"
        raise UsageError(
            f"no plugin has a step '{uses}'{near and ';' + near}",
            help="" if near else f"a step of your own is named by its module: {own}",
        )
    found = known.target(uses)
    if not isinstance(found, Step):
        raise PluginError(
            f"the step '{uses}' of {known.entry(uses).source} is {found!r}, which is no step",
            help="the plugin has to decorate it with @step",
        )
    # Under the name by which it was asked for: settings speak of it by that.
    return found if found.name == uses else found.options(name=uses)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"'{file.name}' is not UTF-8 text", help="save it as UTF-8") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"'{file.name}' can't be read: {reason}", help="give a file that can be read") from error
