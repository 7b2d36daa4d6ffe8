"""Checks of single parts of a step's value, such as one field of a NamedTuple."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hookline_data.validation.checked import Checked
from hookline_data.validation.steps import checked_table

__all__ = ["checking"]


def checking(names: Sequence[str], parts: Mapping[str, Sequence[Checked]], *, asynchronous: bool) -> Callable[..., Any]:
    """Make a wrapper for a step that checks parts of its value.

    Args:
        names: The names of all parts, in order.
        parts: The checks of some of them.
        asynchronous: Whether the step is async.
    """
    if asynchronous:

        async def checked_later(call: Callable[..., Any], /, **arguments: Any) -> Any:
            return _checked(await call(**arguments), names, parts)

        return checked_later

    def checked(call: Callable[..., Any], /, **arguments: Any) -> Any:
        return _checked(call(**arguments), names, parts)

    return checked


def _checked(value: Any, names: Sequence[str], parts: Mapping[str, Sequence[Checked]]) -> Any:
    found = {}
    for name, checks in parts.items():
        found[name] = _part(value, name, names)
        for check in checks:
            called = check.name or name
            found[name] = checked_table(found[name], check.schema, check.mode, check.max_bad, called, f"{name}.").valid
    if isinstance(value, dict):
        return {**value, **found}
    if hasattr(value, "_replace"):
        return value._replace(**found)
    if isinstance(value, tuple):
        return tuple(found.get(name, part) for name, part in zip(names, value, strict=True))
    made = copy.copy(value)
    for name, part in found.items():
        object.__setattr__(made, name, part)  # a dataclass, perhaps a frozen one
    return made


def _part(value: Any, name: str, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return value[name]
    return value[list(names).index(name)] if isinstance(value, tuple) else getattr(value, name)
