"""Reads the values of settings, strictly: all tables of the file, also those of environments that do not hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hookline.config.layers import ENVIRONMENTS, Layer, Layers
from hookline.config.plugins import Plugins
from hookline.config.ray import RAY
from hookline.config.settings import ENV, LIMITS, PLUGINS, SETTINGS, TABLES, Setting
from hookline.errors import close_match

__all__ = ["KEYS", "Reader", "environment"]

_RAY = RAY[0].table
_NAMES = (*(setting.name for setting in SETTINGS), LIMITS.name, PLUGINS.name, _RAY)
_LISTS = ("allow", "deny")
KEYS = (*_NAMES, *(table.name for table in TABLES), ENVIRONMENTS)
"""All keys of ``[tool.hookline]``."""


class Reader:
    """Reads what the file, variables and a call say.

    Args:
        layers: What the file says.

    Attributes:
        problems: What is wrong, each with its place.
        origins: ``"given"`` or a variable's name, by setting, for those that do not come from the file.
    """

    def __init__(self, layers: Layers) -> None:
        self.problems: list[str] = []
        self.origins: dict[tuple[str, ...], str] = {}
        self._layers = layers
        # Problems of the base come first; what holds is read from the layers in their own order.
        self._tables = sorted(layers, key=lambda layer: bool(layer.key))

    def check_keys(self) -> None:
        """Look for keys that do not exist, and for tables that are none."""
        environments = self._layers.file.table.get(ENVIRONMENTS, {})
        if not isinstance(environments, dict):
            self._note(Layer((), {}, True), (ENVIRONMENTS,), f"is a table of environments, not {environments!r}")
            environments = {}
        for name, table in environments.items():
            if not isinstance(table, dict):
                place = self._layers.file.place(ENVIRONMENTS, name)
                self.problems.append(f"{place}: the environment '{name}' is a table of settings, not {table!r}")
        for layer in self._tables:
            known = KEYS[:-1] if layer.key else KEYS
            for key in layer.table:
                if key not in known:
                    text = f"there is no setting '{key}';{close_match(key, known)}"
                    self.problems.append(f"{self._place(layer, key)}: {text}".rstrip(";"))

    def value(self, setting: Setting, given: object) -> object:
        """Take the first value that there is; one that is passed over has to be right as well."""
        found = self._outside(setting, given)
        for layer in self._tables:
            table = layer.table.get(setting.table) if setting.table else layer.table
            if not isinstance(table, Mapping) or setting.name not in table:
                continue
            try:
                value = setting.read(table[setting.name])
            except ValueError:
                self._note(layer, setting.key, f"takes {setting.takes}, not {table[setting.name]!r}")
                continue
            if layer.active and setting.key not in self.origins:
                found = [value]  # an environment's table comes after the base
        return found[0] if found else setting.default

    def _outside(self, setting: Setting, given: object) -> list[object]:
        """Read what a call and the variable say, the call first; note which of them holds."""
        key, variable = setting.key, setting.variable
        text = os.environ.get(variable, "")
        found: list[object] = []
        try:
            if given is not None:
                found.append(setting.read(given))
                self.origins[key] = "given"
        except ValueError:
            self.problems.append(f"{'.'.join(key)} takes {setting.takes}, not {given!r}")
        try:
            if text or (setting is PLUGINS and variable in os.environ):
                found.append(setting.read_text(text))
                self.origins.setdefault(key, variable)
        except ValueError:
            self.problems.append(f"the environment variable {variable} takes {setting.takes}, not {text!r}")
        return found

    def limits(self) -> dict[str, int]:
        """Read the table of limits."""
        for layer in self._tables:
            for name, number in self._table(layer, LIMITS.name, "names and numbers").items():
                try:
                    LIMITS.read(number)
                except ValueError:
                    place = self._place(layer, LIMITS.name, name)
                    self.problems.append(f"{place}: the limit '{name}' takes {LIMITS.takes}, not {number!r}")
        return self._layers.merged(LIMITS.name)

    def ray(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Read the settings of the executor ``ray``.

        Args:
            given: What a call gives, by name; None for nothing.
        """
        names = [setting.name for setting in RAY]
        for layer in self._tables:
            for name in self._table(layer, _RAY, "settings"):
                if name not in names:
                    place, near = self._place(layer, _RAY, name), close_match(name, names)
                    known = near or f" it has {', '.join(names)}"
                    self.problems.append(f"{place}: '{_RAY}' has no key '{name}';{known}")
        values = {setting.name: self.value(setting, given.get(setting.name)) for setting in RAY}
        # Of tables in the table, the environment's are laid over the others.
        tables = {
            name: table for name, table in self._layers.merged(_RAY).items() if isinstance(values.get(name), dict)
        }
        return values | tables

    def plugins(self, given: object) -> Plugins:
        """Read which plugins may be loaded."""
        for layer in self._tables:
            for key, names in self._table(layer, PLUGINS.name, "lists of plugins").items():
                place = self._place(layer, PLUGINS.name, key)
                if key not in _LISTS:
                    near = close_match(key, _LISTS) or " it takes 'allow' and 'deny'"
                    self.problems.append(f"{place}: '{PLUGINS.name}' has no key '{key}';{near}")
                elif not _is_list(names):
                    self.problems.append(
                        f"{place}: '{PLUGINS.name}.{key}' takes a list of {PLUGINS.takes}, not {names!r}"
                    )
        lists = self._layers.merged(PLUGINS.name)
        outside: list[Any] = self._outside(PLUGINS, given)
        if self.problems:
            return Plugins()
        allow = outside[0] if outside else tuple(lists["allow"]) if "allow" in lists else None
        origin = self.origins.get(PLUGINS.key) or self._layers.origin(PLUGINS.name, "allow") or "default"
        denied_by = self._layers.origin(PLUGINS.name, "deny") or "default"
        return Plugins(allow, tuple(lists.get("deny", ())), origin, denied_by)

    def check_tables(self) -> None:
        """Check the tables that hold a table for each name."""
        for table in TABLES:
            for layer in self._tables:
                for name, entry in self._table(layer, table.name, f"{table.name}s").items():
                    if not isinstance(entry, dict):
                        place = self._place(layer, table.name, name)
                        shown = f"[tool.hookline.{'.'.join([*layer.key, table.name])}.NAME]"
                        self.problems.append(f"{place}: '{table.name}.{name}' is no table: write {shown}")

    def _table(self, layer: Layer, name: str, of: str) -> Mapping[str, Any]:
        table = layer.table.get(name, {})
        if isinstance(table, dict):
            return table
        self._note(layer, (name,), f"is a table of {of}, not {table!r}")
        return {}

    def _note(self, layer: Layer, key: tuple[str, ...], text: str) -> None:
        self.problems.append(f"{self._place(layer, *key)}: '{'.'.join(key)}' {text}")

    def _place(self, layer: Layer, *key: str) -> str:
        return self._layers.file.place(*layer.key, *key)


def _is_list(names: object) -> bool:
    try:
        PLUGINS.read(names)
    except ValueError:
        return False
    return isinstance(names, list)


def environment(given: object) -> tuple[str, str]:
    """Tell which environment is wanted, and what says so.

    Raises:
        ValueError: What was given is no name.
    """
    if given is not None:
        return str(ENV.read(given)), "given"
    text = os.environ.get(ENV.variable, "").strip()
    return text, ENV.variable if text else "default"
