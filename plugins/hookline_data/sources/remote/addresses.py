"""Addresses as they may be shown, and messages about them: without what could let others in."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

from hookline import Secret

__all__ = ["shown_url", "told_of"]

_MASK = "***"
_SHORT = 3  # of parts of a query, what is shorter is no secret, and may stand in any word
_PASSWORD = re.compile(r"\w://[^:@/]*:(.*)@", re.DOTALL)  # up to the last "@": it may have any sign in it
_SETTING = re.compile(r"""(?:password|passwd|pwd|token|secret)\s*=\s*('[^']*'|"[^"]*"|[^\s;&]+)""", re.IGNORECASE)


def shown_url(place: Secret[str] | str) -> str:
    """Give an address without user, password and query; a secret one by its place."""
    if isinstance(place, Secret):
        return place.reference
    try:
        parts = urllib.parse.urlsplit(place)
    except ValueError:
        return _MASK
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def told_of(error: BaseException, url: str, *, secret: bool) -> str:
    """Give the first line of another library's message, without what is secret of an address.

    Args:
        error: What was raised.
        url: The address that it may quote.
        secret: Whether all of it is secret, or only a password and what a query says.
    """
    text = str(error).partition("\n")[0]
    try:
        parts = {*_secrets(url), *(_whole(url) if secret else ())}
    except ValueError:  # it is no address, and what of it a message quotes can't be told
        return type(error).__name__
    for part in sorted(filter(None, parts), key=len, reverse=True):
        text = text.replace(part, _MASK)
    return text or type(error).__name__


def _secrets(url: str) -> Iterator[str]:
    """Give a password and what a query says, as they are written and as they are meant."""
    parts = urllib.parse.urlsplit(url)
    passwords = [parts.password or "", *_PASSWORD.findall(url), *(one.strip("'\"") for one in _SETTING.findall(url))]
    values = [parts.query, parts.fragment, *(value.partition("=")[2] for value in re.split("[&;]", parts.query))]
    for text in [*passwords, *(value for value in values if len(value) > _SHORT)]:
        yield from (text, urllib.parse.unquote(text), urllib.parse.unquote_plus(text), repr(text)[1:-1])


def _whole(url: str) -> Iterator[str]:
    """Give the longer parts of an address of which all is secret: also its path may be a token."""
    parts = urllib.parse.urlsplit(url)
    for text in (url, parts.netloc, parts.path):
        if len(text) > _SHORT:
            yield from (text, urllib.parse.unquote(text))
