"""The keys that a source's table may have: what each takes, and how it is read."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hookline import UsageError
from hookline_data.sources.contracts.contract import FORMATS
from hookline_data.tables.times import read_length

__all__ = ["KEYS", "Key"]


class Key(NamedTuple):
    """A key of a source's table.

    Attributes:
        takes: What values it takes, as it reads after "takes".
        read: Makes a value of what the file says; raises ``ValueError`` where it can't be meant so.
    """

    takes: str
    read: Callable[[Any], Any]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value),)
    if not isinstance(value, list) or len(set(map(str, value))) < len(value):
        raise ValueError
    return tuple(_text(one) for one in value)


def _word(*words: str) -> Key:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Key(f"{', '.join(words[:-1])} or {words[-1]}", read)


def _seconds(value: object) -> float:
    try:
        seconds = read_length(_text(value), "the length").total_seconds()
    except UsageError as error:
        raise ValueError from error
    if seconds <= 0:
        raise ValueError
    return seconds


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError
    return float(value)


def _schema(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) and value else _text(value)


def _connect(value: object) -> str:
    text = _text(value)
    module, _, function = text.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *function.split(".")]):
        raise ValueError
    return text


def _character(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n\0':
        raise ValueError
    return value


def _encoding(value: object) -> str:
    try:
        return codecs.lookup(_text(value)).name
    except LookupError as error:
        raise ValueError from error


KEYS: Mapping[str, Key] = {
    "uri": Key("a path or URL", _text),
    "format": _word(*FORMATS),
    "schema": Key('the path of a file, "module:Model" or a table of columns', _schema),
    "key": Key("a list of columns", _texts),
    "event_time": Key("a column", _text),
    "personal": Key("a list of columns", _texts),
    "freshness": Key('a length of time such as "2d" or "6h"', _seconds),
    "stale": _word("warn", "fail"),
    "mode": _word("fail", "warn", "quarantine"),
    "max_bad": Key("a share between 0 and 1", _share),
    "query": Key("a query in SQL", _text),
    "table": Key("a table's name", _text),
    "connect": Key('"module:function"', _connect),
    "snapshot": Key("a text", _text),
    "version_query": Key("a query in SQL", _text),
    "separator": Key("one character", _character),
    "decimal": _word(".", ","),
    "encoding": Key("the name of an encoding", _encoding),
    "owner": Key("a text", _text),
    "description": Key("a text", _text),
}
"""All keys by name."""
