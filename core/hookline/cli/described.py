"""Any Python value as JSON: plain data as it is, everything else by a description."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath

__all__ = ["as_json", "as_text"]

_DEEPEST = 50
_LONGEST_TEXT = 2000


def as_json(value: object, depth: int = 0) -> object:
    """Describe a value with what JSON has.

    Numbers, texts, lists, tuples and dicts whose keys are texts or ints stay what they are; paths and times become
    text, arrays and numbers of other libraries what they hold, bytes and all other objects
    ``{"type": …, "repr": …}``.

    Args:
        value: Anything.
        depth: How deep inside the whole value this one is.

    Returns:
        A value that ``json.dumps(…, allow_nan=False)`` takes.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if depth > _DEEPEST:
        return _description(value)
    if type(value) is float:
        return value if math.isfinite(value) else _description(value)
    if isinstance(value, Enum):
        return as_json(value.value, depth + 1)
    if isinstance(value, (PurePath, datetime, date, time)):
        return str(value) if isinstance(value, PurePath) else value.isoformat()
    if isinstance(value, Mapping) and all(type(key) in (str, int) for key in value):
        return {str(key): as_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_json(item, depth + 1) for name, item in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return _items(value, depth)
    if isinstance(value, (set, frozenset)):
        return _items(sorted(value, key=repr), depth)
    return _other(value, depth)


def as_text(value: object) -> str:
    """Write a value for people, cut where it is long."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, PurePath):
        text = str(value)
    else:
        from pprint import pformat

        try:
            text = pformat(value, width=100, compact=True, sort_dicts=False)
        except Exception:  # noqa: BLE001 - a __repr__ of the user's may raise anything
            text = f"<{type(value).__qualname__}>"
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}… ({len(text) - _LONGEST_TEXT:,} more characters)"


def _items(items: Iterable[object], depth: int) -> list[object]:
    return [as_json(item, depth + 1) for item in items]


def _other(value: object, depth: int) -> object:
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: as_json(getattr(value, field.name, None), depth + 1) for field in fields}
    for base in (bool, int, float, str):
        if isinstance(value, base):
            return as_json(base(value), depth + 1)
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and type(value).__module__.partition(".")[0] == "numpy":
        return as_json(to_list(), depth + 1)
    return _description(value)


def _description(value: object) -> dict[str, str]:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"type": name, "repr": f"{len(value)} bytes"}
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - see as_text
        text = f"<{name}>"
    return {"type": name, "repr": text if len(text) <= 500 else text[:499] + "…"}
