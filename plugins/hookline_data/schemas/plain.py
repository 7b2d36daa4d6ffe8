"""Schemas in the plain form of YAML and TOML: columns with their types and limits, as a mapping."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hookline import ml
from hookline_data.schemas.problems import Problems
from hookline_data.wording.words import close_to

__all__ = ["COLUMN_KEYS", "SCHEMA_KEYS", "plain_schema"]

SCHEMA_KEYS = ("columns", "key", "event_time", "open", "name", "version", "description")
"""What a schema says."""

COLUMN_KEYS = (
    "type",
    "nullable",
    "unique",
    "minimum",
    "maximum",
    "allowed",
    "pattern",
    "unit",
    "personal",
    "description",
)
"""What a schema says of a column."""

_NUMBERS = ("int", "float", "decimal")
_TIMES = ("date", "datetime")
_FLAGS = ("nullable", "unique", "personal")
_TEXTS = ("unit", "description", "pattern")


def plain_schema(document: Mapping[Any, Any], problems: Problems, name: str = "") -> ml.Schema:
    """Make a schema of its plain form.

    Args:
        document: ``{"columns": {"amount": {"type": "float", "minimum": 0}, "id": "int"}, "key": "id"}``.
        problems: Takes what is wrong; may hold problems already.
        name: The schema's name where it says none.

    Raises:
        UsageError: Something is wrong; tells all of it.
    """
    for key in document:
        if key not in SCHEMA_KEYS:
            problems.add(f"there is no key '{key}';{close_to(str(key), SCHEMA_KEYS)}", str(key))
    columns = _columns(document.get("columns"), problems)
    facts = {key: _text(document, key, problems) for key in ("name", "description", "event_time")}
    keys = _keys(document.get("key", ()), problems)
    is_open = _flag(document, "open", problems, "'open'")
    version = document.get("version", "")
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        problems.add(f"'version' must be a text, not {version!r}", "version")
    _check_whole(columns, keys, facts["event_time"], problems)
    problems.raise_any()
    return ml.Schema(
        tuple(columns.values()),
        name=facts["name"] or name,
        version=str(version),
        keys=keys,
        event_time=facts["event_time"],
        open=is_open,
        description=facts["description"],
    )


def _columns(given: object, problems: Problems) -> dict[str, ml.Column]:
    """Read the columns that can be read; what can't be is a problem."""
    if not isinstance(given, Mapping) or not given:
        problems.add("it needs columns: columns: {amount: float, …}", "columns")
        return {}
    columns = {}
    for name, form in given.items():
        if not isinstance(name, str) or not name:
            problems.add(f"the column {name!r} needs a text for a name; put it in quotes", "columns", str(name))
            continue
        said = {"type": form} if isinstance(form, str) else {} if form is None else form
        if not isinstance(said, Mapping):
            problems.add(f"column '{name}' must be a type or a table of {', '.join(COLUMN_KEYS)}", "columns", name)
            continue
        columns[name] = _column(name, said, problems)
    return columns


def _column(name: str, said: Mapping[Any, Any], problems: Problems) -> ml.Column:
    path, before = ("columns", name), len(problems.found)
    for key in said:
        if key not in COLUMN_KEYS:
            near = close_to(str(key), COLUMN_KEYS)
            problems.add(f"column '{name}' has the unknown key '{key}';{near}", *path, str(key))
    kind = said.get("type", "any")
    if not isinstance(kind, str) or (kind not in ml.TYPES and "." not in kind):
        near = close_to(str(kind), ml.TYPES)
        problems.add(f"column '{name}' has the unknown type '{kind}';{near}", *path, "type")
        kind = "any"
    flags: dict[str, Any] = {key: _flag(said, key, problems, f"'{key}' of column '{name}'", *path) for key in _FLAGS}
    texts: dict[str, Any] = {key: _text(said, key, problems, f"'{key}' of column '{name}'", *path) for key in _TEXTS}
    limits: dict[str, Any] = {key: _limit(said, key, kind, name, problems) for key in ("minimum", "maximum")}
    allowed = _allowed(said, kind, name, problems)
    _check_limits(name, kind, limits["minimum"], limits["maximum"], allowed, texts["pattern"], problems)
    if len(problems.found) > before:  # what is said of it may be of no use, but its name can be referred to
        return ml.Column(name, kind, nullable=flags["nullable"])
    try:
        return ml.Column(name, kind, **limits, allowed=allowed, **flags, **texts)
    except ValueError as error:
        problems.add(str(error), *path)
        return ml.Column(name, kind)


def _check_limits(
    name: str, kind: str, low: Any, high: Any, allowed: Sequence[Any], pattern: str, problems: Problems
) -> None:
    """Find what contradicts itself in what is said of a column."""
    if _is_over(low, high):
        problems.add(f"column '{name}' has a minimum of {low} and a maximum of {high}", "columns", name, "minimum")
    if pattern:
        _check_pattern(name, kind, pattern, allowed, problems)
    for value in allowed:
        if _is_over(low, value) or _is_over(value, high):
            problems.add(f"column '{name}' allows {value!r}, which its limits don't", "columns", name, "allowed")


def _is_over(one: Any, other: Any) -> bool:
    """Tell whether one limit or value is over another; of those that can't be compared, nothing can be told."""
    if one is None or other is None:
        return False
    try:
        if isinstance(one, str) and isinstance(other, str):
            return dt.datetime.fromisoformat(one) > dt.datetime.fromisoformat(other)
        return bool(one > other)
    except ValueError:  # texts that are no times
        return bool(one > other)
    except TypeError:  # a number and a text; or a time with a zone and one without, which may be a day apart
        return not (isinstance(one, str) and isinstance(other, str))


def _check_pattern(name: str, kind: str, pattern: str, allowed: Sequence[Any], problems: Problems) -> None:
    path = ("columns", name, "pattern")
    if kind not in ("str", "category", "any"):
        problems.add(f"column '{name}' has a pattern, which is for texts; its type is '{kind}'", *path)
        return
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        problems.add(f"column '{name}' has a pattern that is no regular expression: {error}", *path)
        return
    for value in allowed:
        if not compiled.fullmatch(str(value)):
            problems.add(f"column '{name}' allows {value!r}, which does not match its pattern", *path)


def _check_whole(columns: Mapping[str, ml.Column], keys: Sequence[str], event_time: str, problems: Problems) -> None:
    """Find what does not fit between the schema and its columns."""
    for key in keys:
        if key not in columns:
            problems.add(f"the key '{key}' is no column;{close_to(key, columns)}", "key")
        elif columns[key].nullable:
            problems.add(f"the key '{key}' may be missing (nullable), so that it identifies nothing", "key")
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        problems.add(f"the key '{key}' is there twice", "key")
    if not event_time:
        return
    if event_time not in columns:
        problems.add(f"the event time '{event_time}' is no column;{close_to(event_time, columns)}", "event_time")
    elif columns[event_time].type not in (*_TIMES, "any"):
        problems.add(f"the event time '{event_time}' is no time but '{columns[event_time].type}'", "event_time")


def _limit(said: Mapping[Any, Any], key: str, kind: str, name: str, problems: Problems) -> float | str | None:
    value = said.get(key)
    if value is None:
        return None
    path = ("columns", name, key)
    if kind in _NUMBERS or (kind == "any" and not isinstance(value, str)) or "." in kind:
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.add(f"'{key}' of column '{name}' must be a number, not {value!r}", *path)
        elif value != value:
            problems.add(f"'{key}' of column '{name}' must be a number, not nan", *path)
        else:
            return value
    elif kind in _TIMES:
        return _time(value, f"'{key}' of column '{name}'", problems, path)
    elif kind in ("str", "any"):
        if isinstance(value, str):
            return value
        problems.add(f"'{key}' of column '{name}' must be a text, not {value!r}", *path)
    else:
        problems.add(f"'{key}' of column '{name}' means nothing for values of the type '{kind}'", *path)
    return None


def _time(value: object, what: str, problems: Problems, path: tuple[str, ...]) -> str | None:
    """Read a time; one with a zone is said in UTC, so that such times are in order as texts, too."""
    text = value.isoformat() if isinstance(value, dt.date) else value  # a datetime is a date
    try:
        moment = dt.datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        problems.add(f"{what} must be a time such as 2024-05-31 or 2024-05-31T12:00:00, not {value!r}", *path)
        return None
    return str(text) if moment.tzinfo is None else moment.astimezone(dt.UTC).isoformat()


def _allowed(said: Mapping[Any, Any], kind: str, name: str, problems: Problems) -> tuple[Any, ...]:
    if "allowed" not in said:
        return ()
    values, path = said["allowed"], ("columns", name, "allowed")
    if not isinstance(values, list | tuple) or not values:
        problems.add(f"'allowed' of column '{name}' must be a list of values", *path)
        return ()
    fits = _FITS.get(kind)
    if fits is None and kind not in ("any", *_TIMES) and "." not in kind:
        problems.add(f"'allowed' of column '{name}' means nothing for values of the type '{kind}'", *path)
        return ()
    if kind in _TIMES:
        values = [_time(value, f"each of 'allowed' of column '{name}'", problems, path) for value in values]
    wrong = [value for value in values if fits is not None and not fits(value)]
    for value in wrong:
        problems.add(f"column '{name}' allows {value!r}, which is not of its type '{kind}'", *path)
    return () if wrong else tuple(values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": _is_number,
    "decimal": _is_number,
    "str": lambda value: isinstance(value, str),
    "category": lambda value: isinstance(value, str | int | float),
}


def _keys(given: object, problems: Problems) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if isinstance(names, list | tuple) and all(isinstance(one, str) and one for one in names):
        return tuple(names)
    problems.add(f"'key' must be the name of a column or a list of names, not {given!r}", "key")
    return ()


def _flag(said: Mapping[Any, Any], key: str, problems: Problems, what: str, *path: str) -> bool:
    value = said.get(key, False)
    if not isinstance(value, bool):
        problems.add(f"{what} must be true or false, not {value!r}", *path, key)
        return False
    return value


def _text(said: Mapping[Any, Any], key: str, problems: Problems, what: str = "", *path: str) -> str:
    value = said.get(key, "")
    if not isinstance(value, str):
        what = what or f"'{key}'"
        problems.add(f"{what} must be a text, not {value!r}", *path, key)
        return ""
    return value
