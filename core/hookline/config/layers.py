"""The tables that hold for a project: the file's own, and above it that of the environment that was chosen."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hookline.config.file import SettingsFile
from hookline.errors import UsageError, close_match

__all__ = ["ENVIRONMENTS", "Layer", "Layers"]

ENVIRONMENTS = "env"
"""The key below which environments have their tables."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One table of settings.

    Attributes:
        key: Where it stands below ``[tool.hookline]``: nowhere deeper, or ``env`` and a name.
        table: What stands there.
        active: Whether it holds, or belongs to an environment that was not chosen.
    """

    key: tuple[str, ...]
    table: Mapping[str, Any]
    active: bool


@dataclass(frozen=True, slots=True)
class Layers:
    """What a project's file says in one environment.

    Attributes:
        file: The file.
        env: The environment's name; empty for none.
    """

    file: SettingsFile
    env: str = ""

    @property
    def environments(self) -> dict[str, Mapping[str, Any]]:
        """The tables of all environments by name; what is no table is left out."""
        tables = self.file.table.get(ENVIRONMENTS)
        if not isinstance(tables, dict):
            return {}
        return {name: table for name, table in tables.items() if isinstance(table, dict)}

    def __iter__(self) -> Iterator[Layer]:
        """Yield all tables, the chosen environment's first, then the file's own, then those that do not hold."""
        environments = self.environments
        if self.env in environments:
            yield Layer((ENVIRONMENTS, self.env), environments[self.env], True)
        yield Layer((), {name: value for name, value in self.file.table.items() if name != ENVIRONMENTS}, True)
        for name, table in environments.items():
            if name != self.env:
                yield Layer((ENVIRONMENTS, name), table, False)

    def check(self, origin: str) -> None:
        """Make sure that the environment exists.

        Args:
            origin: What named it: ``"given"``, or a variable.

        Raises:
            UsageError: It does not.
        """
        environments = self.environments
        if not self.env or self.env in environments:
            return
        place = "" if origin == "given" else f"{origin}: "
        near = close_match(self.env, environments)
        known = f"the environments of {self.file.path} are {', '.join(environments)}"
        none = f"{self.file.path} has no environments; they are tables such as [tool.hookline.{ENVIRONMENTS}.prod]"
        raise UsageError(
            f"{place}there is no environment '{self.env}';{near}".rstrip(";"), help=known if environments else none
        )

    def merged(self, name: str) -> dict[str, Any]:
        """Give a table as it holds: the environment's entries laid over the file's own, table by table."""
        found: dict[str, Any] = {}
        for layer in reversed([layer for layer in self if layer.active]):
            table = layer.table.get(name)
            if isinstance(table, dict):
                found = _laid_over(found, table)
        return found

    def origin(self, *key: str) -> str:
        """Tell where the value of a key stands, and in which environment; empty where it stands nowhere."""
        for layer in self:
            if layer.active and _has(layer.table, key):
                place = self.file.place(*layer.key, *key)
                return f"{place} ({ENVIRONMENTS} {self.env})" if layer.key else place
        return ""


def _laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two tables into a new one; only tables are merged, whatever else is above replaces what is below."""
    merged = dict(base)
    for name, value in top.items():
        below = merged.get(name)
        if isinstance(value, dict):
            merged[name] = _laid_over(below if isinstance(below, dict) else {}, value)
        else:
            merged[name] = copy.deepcopy(value)  # the parser's own is kept
    return merged


def _has(table: Any, key: tuple[str, ...]) -> bool:
    for part in key:
        if not isinstance(table, dict) or part not in table:
            return False
        table = table[part]
    return True
