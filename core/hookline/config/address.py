"""Where a store is: the path of its folder, or a URL whose scheme says what kind of store it is."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["StoreAddress", "scheme_of", "without_password"]

StoreAddress = Path | str
"""A folder's path, or a URL as text."""

# One letter would be a drive of Windows.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/]*@")


def scheme_of(address: StoreAddress) -> str | None:
    """Give the scheme of a URL, in small letters; None for a path, which ``./`` in front makes of any text.

    Args:
        address: What names a store.
    """
    found = None if isinstance(address, Path) else _URL.match(address)
    return found[1].lower() if found else None


def without_password(address: StoreAddress) -> str:
    """Write an address for people: a password in a URL is left out."""
    return _PASSWORD.sub(r"\1…@", str(address))
