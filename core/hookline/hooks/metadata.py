"""Entry points of installed distributions, read without importing ``importlib.metadata``.

That takes 25 ms, a good part of what ``hookline --help`` takes in all; what is needed of it is the text of one small
file per distribution.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Entry", "entries"]

_FOLDERS = (".dist-info", ".egg-info")
_FILE = "entry_points.txt"


class Entry(NamedTuple):
    """An entry point.

    Attributes:
        name: Its name.
        value: What it names: ``"package.module"`` or ``"package.module:attribute"``.
        distribution: The name of the distribution that brings it.
        version: Its version.
    """

    name: str
    value: str
    distribution: str
    version: str

    @property
    def source(self) -> str:
        """Distribution and version, for messages."""
        return f"{self.distribution} {self.version}".strip()


def entries(group: str, path: Sequence[str] | None = None) -> list[Entry]:
    """List the entry points of a group.

    Args:
        group: The group.
        path: Where to look; ``sys.path`` by default. Of a distribution that is found twice, the first counts.

    Returns:
        Them, by name, then by distribution.
    """
    found: list[Entry] = []
    seen: set[str] = set()
    for folder in sys.path if path is None else path:
        for place in _distributions(Path(folder)):
            text = _read(place / _FILE)
            name = _plain(place.name.partition("-")[0])
            if name in seen:
                continue
            seen.add(name)
            if f"[{group}]" in text:
                distribution, version = _identity(place)
                found += [Entry(key, value, distribution, version) for key, value in _lines_of(text, group)]
    return sorted(found, key=lambda entry: (entry.name, entry.distribution))


def _distributions(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if place.name.endswith(_FOLDERS))
    except OSError:  # no folder, or a zip file
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _lines_of(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            # Extras behind the value are what older tools wrote.
            yield name.strip(), value.partition("[")[0].strip()


def _identity(place: Path) -> tuple[str, str]:
    """Read the name as its author spells it, and the version; else take them from the folder's name."""
    found = dict.fromkeys(("Name", "Version"), "")
    for line in (_read(place / "METADATA") or _read(place / "PKG-INFO")).splitlines():
        key, colon, value = line.partition(": ")
        if not colon:
            break
        if key in found:
            found[key] = value.strip()
    name, _, version = place.stem.partition("-")
    return found["Name"] or name, found["Version"] or version.partition("-")[0]


def _plain(name: str) -> str:
    """Spell a distribution's name as it is compared."""
    return name.lower().replace("-", "_").replace(".", "_")
