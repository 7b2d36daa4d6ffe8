"""Fills a plugin's settings type from its table in the project's file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from hookline.errors import HooklineError, PluginError, UsageError, close_match
from hookline.hooks.faults import raised

__all__ = ["fill_settings"]

Where = Callable[[str], str]
"""Tells where a key of the table stands: ``pyproject.toml:12``."""


def fill_settings(plugin: str, kind: type[Any] | None, table: Mapping[str, object], where: Where) -> Any:
    """Make a plugin's settings.

    Args:
        plugin: Its name.
        kind: The type; None where it has no settings.
        table: What is set.
        where: Tells where a key stands, for messages.

    Returns:
        An object of the type; None without one.

    Raises:
        UsageError: Keys are unknown or missing, or values are wrong; all of them are named with their places.
        PluginError: The type can't be filled, or raised something of its own.
    """
    if kind is None:
        if table:
            key = next(iter(table))
            raise UsageError(f"{where(key)}: the plugin '{plugin}' has no settings", help="take its table out")
        return None
    known = _fields_of(kind)
    problems = [
        f"{where(key)}: the plugin '{plugin}' has no setting '{key}';{close_match(key, known)}".rstrip(";")
        for key in table
        if key not in known
    ]
    made: Any = None
    if not problems:
        try:
            made, problems = _validated(plugin, kind, table, where)
        except HooklineError:
            raise
        except Exception as error:  # the type's own code may raise anything
            raise _unfillable(plugin, kind, raised(error)) from error
    if problems:
        takes = f"its settings are {', '.join(known)}" if known else "it has none"
        several = f"{len(problems)} settings of plugin '{plugin}' are wrong"
        raise UsageError(problems[0] if len(problems) == 1 else "\n  - ".join([several, *problems]), help=takes)
    return made


def _validated(plugin: str, kind: type[Any], table: Mapping[str, object], where: Where) -> tuple[Any, list[str]]:
    if not table and not (dataclasses.is_dataclass(kind) and _required(kind)) and not hasattr(kind, "model_fields"):
        return kind(), []  # without importing pydantic, which takes longer than most plugins
    import pydantic

    try:
        adapter = pydantic.TypeAdapter(kind)
    except pydantic.PydanticUserError as error:
        raise _unfillable(plugin, kind, str(error).splitlines()[0]) from error
    try:
        return adapter.validate_python(dict(table)), []
    except pydantic.ValidationError as error:
        return None, [_problem(plugin, detail, where) for detail in error.errors(include_url=False)]


def _unfillable(plugin: str, kind: type[Any], why: str) -> PluginError:
    return PluginError(
        f"the settings type '{kind.__name__}' of plugin '{plugin}' can't be filled: {why}",
        help="report it to whoever wrote the plugin: settings are a dataclass or a pydantic model",
    )


def _problem(plugin: str, detail: Any, where: Where) -> str:
    path = [str(part) for part in detail["loc"]]
    name = ".".join(path) or "its table"
    text = str(detail["msg"])
    text = text[:1].lower() + text[1:]
    if detail["type"] == "missing" and len(path) == 1:
        return f"{where('')}: the plugin '{plugin}' needs the setting '{name}'"
    return f"{where(path[0] if path else '')}: '{name}' of plugin '{plugin}' is wrong: {text}"


def _fields_of(kind: type[Any]) -> list[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind) if field.init]
    fields = getattr(kind, "model_fields", None)
    if isinstance(fields, dict):
        return [getattr(field, "alias", None) or name for name, field in fields.items()]
    return list(getattr(kind, "__annotations__", {}))


def _required(kind: Any) -> bool:
    missing = dataclasses.MISSING
    return any(
        field.init and field.default is missing and field.default_factory is missing
        for field in dataclasses.fields(kind)
    )
