"""What has to stay secret in this process, and how it is kept out of what is recorded.

Known are the values that were revealed here, and those that the secrets which came through here stand for: the driver
reads what a killed worker printed, and revealed nothing itself. A value that was changed before it was printed (cut,
hashed, base64) is not recognised, nor is one of fewer than four characters.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

__all__ = ["expect", "keep_out", "mask", "mask_cut"]

_LEAST = 4
_LEAST_LINE = 8
_STAND_IN = "***"
_CHEAP = ("env:", "file:")
"""What may be read each time; other places are far away, and are looked at once."""

_lock = threading.Lock()
_expected: dict[str, Callable[[], str | None]] = {}
_peeked: set[str] = set()
_values: set[str] = set()
_forms: tuple[str, ...] = ()
_bytes: tuple[bytes, ...] = ()


def keep_out(value: str) -> None:
    """Mask a value from now on, as it is and as it looks in a ``repr`` or in JSON."""
    global _forms, _bytes
    if len(value) < _LEAST or value in _values:
        return
    with _lock:
        _values.add(value)
        found: set[str] = set()
        for known in _values:
            found |= _looks(known)
            found.update(*(_looks(line) for line in known.splitlines() if len(line.strip()) >= _LEAST_LINE))
        # The longest first: one secret may be a part of another.
        _forms = tuple(sorted(found, key=lambda form: (-len(form), form)))
        _bytes = tuple(form.encode("utf-8", "backslashreplace") for form in _forms)


def expect(reference: str, peek: Callable[[], str | None]) -> None:
    """Note where the value of a secret lies that may be printed by a worker of this process.

    Args:
        reference: Its place.
        peek: Reads the value; gives None where it is not there, or can be read only once.
    """
    with _lock:
        if reference not in _peeked:
            _expected[reference] = peek


def mask(text: str) -> str:
    """Put three stars in the place of every secret."""
    _look()
    for form in _forms:
        if form in text:
            text = text.replace(form, _STAND_IN)
    return text


def mask_cut(head: bytes, tail: bytes | None = None) -> tuple[bytes, bytes]:
    """Do the same with printed bytes.

    Args:
        head: All of it, or what comes before a gap.
        tail: What comes after the gap; a secret that the gap cut into is masked on both sides.
    """
    _look()
    stars = _STAND_IN.encode()
    for form in _bytes:
        head = head.replace(form, stars)
        tail = tail.replace(form, stars) if tail is not None else None
    if tail is None:
        return head, b""
    for form in _bytes:
        sizes = range(len(form) - 1, _LEAST - 1, -1)
        size = next((size for size in sizes if head.endswith(form[:size])), 0)
        head = head[: len(head) - size] + stars if size else head
        size = next((size for size in sizes if tail.startswith(form[-size:])), 0)
        tail = stars + tail[size:] if size else tail
    return head, tail


def _looks(value: str) -> set[str]:
    told = {value, value.strip(), repr(value)[1:-1], repr(value.encode("utf-8", "surrogateescape"))[2:-1]}
    return {form for form in (*told, json.dumps(value)[1:-1]) if len(form) >= _LEAST}


def _look() -> None:
    """Read what is expected; what is not there now may be there later, when it is noted again."""
    while _expected:
        with _lock:
            reference, peek = _expected.popitem() if _expected else ("", None)
        if peek is not None and not reference.startswith(_CHEAP):
            _peeked.add(reference)
        value = None if peek is None else peek()
        if value is not None:
            keep_out(value)
