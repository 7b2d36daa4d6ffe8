"""Which plugins there are: read from metadata and the project's folder; nothing of them is imported."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hookline.errors import PluginError
from hookline.hooks.metadata import Entry, entries

__all__ = ["GROUP", "LOCAL", "FoundPlugin", "Stamp", "find_plugins", "stamp_of"]

GROUP = "hookline"
"""The group of entry points that name plugins."""

LOCAL = "hookline_plugins"
"""The module of the project's own plugin: a file of that name in the project root."""


Stamp = tuple[int, int]
"""When a file was changed, in nanoseconds, and its size."""


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin that is installed, or lies in the project.

    Attributes:
        name: What its entry point is called; of the project's own, its module.
        module: What is imported.
        source: Who brings it, for messages: the distribution and its version, or the file.
        file: The file of the project's own plugin; empty for installed ones.
        distribution: The distribution's name; empty for the project's own.
        version: Its version.
        stamp: When the file was changed and how large it is: a notebook goes on after an edit.
    """

    name: str
    module: str
    source: str
    file: str = ""
    distribution: str = ""
    version: str = ""
    stamp: Stamp = (0, 0)


def find_plugins(root: Path) -> list[FoundPlugin]:
    """List the plugins that are installed, and the project's own.

    Args:
        root: The project root.

    Returns:
        The plugins by name; the project's own is last.

    Raises:
        PluginError: Two distributions bring plugins of one name.
    """
    found = list(_installed(entries(GROUP)))
    local = root / f"{LOCAL}.py"
    stamp = stamp_of(local)
    if stamp is not None:
        found.append(FoundPlugin(LOCAL, LOCAL, local.name, str(local), stamp=stamp))
    return found


def stamp_of(file: Path) -> Stamp | None:
    """Tell when a file was changed and how large it is; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


def _installed(named: Iterable[Entry]) -> Iterable[FoundPlugin]:
    by_name: dict[str, FoundPlugin] = {}
    for entry in named:
        plugin = FoundPlugin(entry.name, entry.value, entry.source, "", entry.distribution, entry.version)
        other = by_name.setdefault(entry.name, plugin)
        if other != plugin:
            raise PluginError(
                f"the plugin '{entry.name}' is installed twice: by {other.source} and by {plugin.source}",
                help=f"uninstall one of the two: pip uninstall {plugin.distribution}",
            )
    return [by_name[name] for name in sorted(by_name)]
