"""Values that count by content alone: plain data, paths and the files they name, arrays, and what is inert."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import io
import logging
import os
import pathlib
import re
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

from hookline.values.files import digest_file

__all__ = ["Values"]

_ATOMS = frozenset({type(None), bool, int, float, complex, bytes, type(...), type(NotImplemented)})
_DATA = frozenset(
    {dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone, decimal.Decimal,
     fractions.Fraction, uuid.UUID}
)  # fmt: skip
_LOGGING = (logging.Logger, logging.LoggerAdapter, logging.Handler, logging.Formatter, logging.Filter)
_LOCKS = frozenset(
    {type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Semaphore,
     threading.BoundedSemaphore, threading.Event, threading.Barrier}
)  # fmt: skip


class Values:
    """Digests plain values.

    Args:
        root: Project root; texts and paths under it count relative to it.
        digest: Canonical digest of plain data, None where there is none.
    """

    def __init__(self, root: str, digest: Callable[[object], bytes | None]) -> None:
        self._root = root
        self._digest = digest
        self._refused: set[int] = set()
        self._files: dict[pathlib.Path, str] = {}
        self._kept: list[object] = []

    def content(self, value: Any) -> str | None:
        """Digest a value that reaches no code; None for all others.

        Raises:
            OSError: It is the path of a file that can't be read.
        """
        kind = type(value)
        if kind is str:
            return self._text(str(value))
        if kind in _ATOMS:
            return f"{kind.__name__} {value!r}" if kind is not int else f"int {value:x}"
        if isinstance(value, pathlib.PurePath) and kind.__module__.startswith("pathlib"):
            return f"{kind.__name__} {self._text(str(value))} {self.file(value)}"
        if kind in _DATA:
            return self._canonical(value) or f"{kind.__name__} {value!r}"
        if kind is re.Pattern:
            return f"pattern {value.pattern!r} {value.flags}"
        if kind in (list, tuple, dict, set, frozenset):
            return self._container(value)
        return self._canonical(value) if kind.__module__ == "numpy" and _is_array(value) else None

    def file(self, value: object) -> str:
        """Digest the file that a path names; empty for folders, which code mostly writes to, and all else."""
        if not isinstance(value, pathlib.Path):
            return ""
        found = self._files.get(value)
        if found is None:
            found = self._files[value] = digest_file(value).hex() if value.is_file() else ""
        return found

    def _container(self, value: Any) -> str | None:
        if id(value) in self._refused:
            return None
        held = self._plain_containers(value)
        found = self._canonical(value) if held is not None else None
        if found is None and held is not None:
            self._refused |= held  # too deep: its parts would be looked through again and again
            self._kept.append(value)
        return found

    def inert(self, value: object) -> str:
        """Name the kind of a value whose state never decides a result: loggers, locks, standard streams."""
        if isinstance(value, _LOGGING):
            return "logging"
        kind = type(value)
        if kind in _LOCKS:
            return kind.__name__
        if isinstance(value, io.IOBase) and self._is_stream(value):
            return "stream"
        return "environment" if value is os.environ or value is getattr(os, "environb", None) else ""

    @staticmethod
    def _is_stream(value: object) -> bool:
        streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)
        return any(value is stream for stream in streams) or getattr(value, "name", "") in (
            "<stdin>",
            "<stdout>",
            "<stderr>",
        )

    def _text(self, text: str) -> str:
        if self._root and text.startswith(self._root) and text[len(self._root) : len(self._root) + 1] in ("", os.sep):
            return f"under the root {text[len(self._root) :].replace(os.sep, '/')!r}"
        return f"str {text!r}"

    def _canonical(self, value: object) -> str | None:
        found = self._digest(value)
        return None if found is None else f"data {found.hex()}"

    def _plain_containers(self, value: Any) -> set[int] | None:
        """Look through built-in containers; None if anything in them reaches code or lies under the root."""
        waiting: list[Any] = [value]
        seen: set[int] = set()
        while waiting:
            item = waiting.pop()
            kind = type(item)
            if kind in _ATOMS or kind in _DATA:
                continue
            if kind is str:
                if self._root and str(item).startswith(self._root):
                    return None
                continue
            if kind not in (list, tuple, dict, set, frozenset):
                return None
            if id(item) in seen and kind is not tuple and kind is not frozenset:
                return None  # shared or cyclic: let the graph tell
            seen.add(id(item))
            if isinstance(item, dict):
                waiting.extend(item)
                waiting.extend(item.values())
            else:
                waiting.extend(item)
        return seen


def _is_array(value: Any) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and (type(value) is numpy.ndarray or isinstance(value, numpy.generic))
