"""What plugins and programs may know of a project: where it is, and what its settings say of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["ProjectFacts"]


def _in_the_file(_: str) -> str:
    return "pyproject.toml"


def _nothing(_: str) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What holds for a project in one environment; read only.

    Attributes:
        root: The project's folder.
        env: The environment's name; empty for none.
        store: What ``hookline.open_store`` takes: a folder's path, or a URL. Nothing need be there yet.
        sources: The tables ``[tool.hookline.source.NAME]`` by name, those of the environment laid over the others.
            Relative paths are as they were written: they are meant from the root.
    """

    root: Path
    env: str
    store: Path | str
    sources: Mapping[str, Mapping[str, Any]]
    _places: Callable[[str], str] = field(default=_in_the_file, repr=False, compare=False)
    _settings: Callable[[str], Mapping[str, Any]] = field(default=_nothing, repr=False, compare=False)

    def settings(self, plugin: str) -> Mapping[str, Any]:
        """Give what the file says in the table of a plugin, for what plugins do outside of runs; empty without one.

        Hooks ask for ``settings`` instead, which are checked.

        Args:
            plugin: The plugin's name.
        """
        return self._settings(plugin)

    def where(self, dotted: str) -> str:
        """Tell where a setting stands, for messages.

        Args:
            dotted: The setting's name below ``tool.hookline``, such as ``"source.customers.uri"``.

        Returns:
            ``"pyproject.toml:6 (env prod)"``, the name of the variable that sets it, or ``"given"`` for what the call
            gave. Of what is not set: the place of the table that lacks it.
        """
        return self._places(dotted)
