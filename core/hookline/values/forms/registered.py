"""Forms of values whose types plugins registered: what a stored stream says of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hookline.values.registered import Identity, load_part

__all__ = ["KeptValue", "load_value", "open_kept", "opening_kept"]

_local = threading.local()


class KeptValue:
    """Stands for a value that lies apart, where nothing opens it.

    Attributes:
        identity: What the value is.
    """

    __slots__ = ("identity",)

    def __init__(self, identity: Identity) -> None:
        self.identity = identity


def load_value(name: str, version: int, *parts: Any) -> Any:
    """Load a value from the pieces that a registered serializer made of it."""
    return load_part(name, version, parts)


def open_kept(name: str, version: int, identity: bytes) -> Any:
    """Give a value that has a digest of its own, and lies apart from the stream.

    Args:
        name: The digest's name.
        version: The digest's version.
        identity: What it told.

    Returns:
        The value, as opened by the opener in force; outside of :func:`opening_kept` what stands for it.
    """
    opener: Callable[[Identity], Any] | None = getattr(_local, "opener", None)
    told = (name, version, identity)
    return KeptValue(told) if opener is None else opener(told)


@contextlib.contextmanager
def opening_kept(opener: Callable[[Identity], Any]) -> Iterator[None]:
    """Say how values that lie apart are opened while something is loaded in this thread.

    Args:
        opener: Loads a value.
    """
    before = getattr(_local, "opener", None)
    _local.opener = opener
    try:
        yield
    finally:
        _local.opener = before
