"""The facts of a project, as plugins, commands and plain programs get them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hookline.config.configuration import Configuration, configure
from hookline.config.layers import ENVIRONMENTS
from hookline.errors import UsageError
from hookline.model.project_facts import ProjectFacts

__all__ = ["project", "project_facts"]


def project(folder: Path | str | None = None, *, env: str | None = None) -> ProjectFacts:
    """Tell what holds for a project: its folder, its store, its sources of data.

    Args:
        folder: A folder of the project, or a file in it; the working directory by default.
        env: The environment in ``[tool.hookline.env]`` that is meant; by default what ``HOOKLINE_ENV`` says. An empty
            text stands for none.

    Returns:
        The facts.

    Raises:
        UsageError: There is no such folder or environment, or settings are wrong.
    """
    if folder is not None and not Path(folder).exists():
        raise UsageError(f"there is no folder '{folder}'", help="name a folder of the project")
    return project_facts(configure(folder, env=env))


def project_facts(configuration: Configuration) -> ProjectFacts:
    """Give the facts of a project whose settings are known.

    Args:
        configuration: The settings.
    """
    sources = {name: MappingProxyType(dict(table)) for name, table in configuration.sources.items()}
    return ProjectFacts(
        configuration.root,
        configuration.env,
        configuration.store,
        MappingProxyType(sources),
        functools.partial(_where, configuration),
        configuration.plugin_settings,
    )


def _where(configuration: Configuration, dotted: str) -> str:
    parts = dotted.split(".")
    outside = configuration.origins.get(tuple(parts))
    if outside is not None:
        return outside
    layers = configuration.layers
    found = [(*_deepest(layer.table, parts), layer.key) for layer in layers if layer.active]
    # What an environment sets stands there; what nobody sets is lacking in the file's own table, which comes last.
    whole = [each for each in found if each[0] == len(parts)]
    depth, key, within = whole[0] if whole else max(reversed(found), key=lambda each: each[0])
    place = layers.file.place(*within, *key) if depth else layers.file.path
    return f"{place} ({ENVIRONMENTS} {layers.env})" if depth and within else place


def _deepest(table: Any, parts: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Follow a dotted name as far as tables go; keys may have dots themselves.

    Returns:
        How many of its parts were found, and by which keys.
    """
    at, keys = 0, list[str]()
    while at < len(parts) and isinstance(table, dict):
        ends = range(len(parts), at, -1)
        end = next((end for end in ends if ".".join(parts[at:end]) in table), at)
        if end == at:
            break
        keys.append(".".join(parts[at:end]))
        at, table = end, table[keys[-1]]
    return at, tuple(keys)
