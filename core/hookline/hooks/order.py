"""In which order plugins come, whatever the order in which they were installed."""

from __future__ import annotations

import graphlib
from collections.abc import Sequence

from hookline.errors import PluginError, close_match
from hookline.hooks.module import PluginModule

__all__ = ["check_together", "in_order"]


def in_order(plugins: Sequence[PluginModule]) -> list[PluginModule]:
    """Put plugins into the order that their ``before`` and ``after`` ask for; those that are free stand by name.

    Args:
        plugins: The plugins.

    Returns:
        The same, in order.

    Raises:
        PluginError: Their wishes go round in a circle; all of it is named.
    """
    by_name = {plugin.name: plugin for plugin in plugins}
    earlier: dict[str, set[str]] = {name: set() for name in by_name}
    for plugin in plugins:
        earlier[plugin.name].update(name for name in plugin.plugin.after if name in by_name)
        for name in plugin.plugin.before:
            if name in by_name:
                earlier[name].add(plugin.name)
    sorter = graphlib.TopologicalSorter({name: sorted(earlier[name]) for name in sorted(earlier)})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        path = " → ".join(f"'{name}'" for name in error.args[1])
        raise PluginError(
            f"the order of plugins goes round in a circle: {path}",
            help="take one name out of 'before' or 'after', or switch one of them off: --without NAME",
        ) from None
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return [by_name[name] for name in order]


def check_together(plugins: Sequence[PluginModule], absent: dict[str, str]) -> None:
    """Check that what each plugin needs is there, and nothing that it can't stand.

    Args:
        plugins: The plugins.
        absent: Why others are not there, by name.

    Raises:
        PluginError: Something is missing, or too much; all of it is named.
    """
    names = {plugin.name for plugin in plugins}
    problems = []
    for plugin in plugins:
        for name in plugin.plugin.requires:
            if name not in names:
                why = absent.get(name) or "which is not installed"
                near = "" if name in absent else close_match(name, names)
                problems.append(f"the {plugin} requires '{name}', {why}{';' + near if near else ''}")
        problems.extend(
            f"the {plugin} can't be used beside '{name}'" for name in plugin.plugin.conflicts if name in names
        )
    if problems:
        raise PluginError(
            problems[0] if len(problems) == 1 else "plugins don't fit together:\n  - " + "\n  - ".join(problems),
            help="install what is missing, or switch one of them off: --without NAME",
        )
