"""Plugins as ``hookline plugins list`` shows them: by what their metadata says."""

from __future__ import annotations

from dataclasses import dataclass

from hookline.cli.app import COMMANDS
from hookline.cli.plugin_commands import GROUP
from hookline.config import configure
from hookline.hooks.loader import choose, found_plugins
from hookline.hooks.metadata import entries

__all__ = ["ListedPlugin", "listed_plugins"]


@dataclass(frozen=True, slots=True)
class ListedPlugin:
    """A plugin in a list.

    Attributes:
        name: Its name; of a distribution that brings commands only, empty.
        state: ``"on"``, or ``"off"``.
        why: Why it is off.
        module: What is imported.
        source: The distribution and its version, or the file.
        distribution: The distribution; empty for the project's own.
        version: Its version.
        commands: The commands that its distribution brings.
    """

    name: str
    state: str
    why: str
    module: str
    source: str
    distribution: str
    version: str
    commands: tuple[str, ...]

    @property
    def brings(self) -> str:
        """Commands, or why it is off."""
        words = [self.why] if self.why else []
        return "; ".join([*words, *map(_command, self.commands)])

    def document(self) -> dict[str, object]:
        """Describe it for programs."""
        return {
            "name": self.name,
            "enabled": self.state == "on",
            "why": self.why,
            "module": self.module,
            "distribution": self.distribution,
            "version": self.version,
            "commands": list(self.commands),
        }


def listed_plugins() -> list[ListedPlugin]:
    """List the plugins that there are for the project in the working directory."""
    configuration = configure()
    found = found_plugins(configuration.root)
    _, absent = choose(configuration, found, ())
    commands: dict[str, list[str]] = {}
    for entry in entries(GROUP):
        commands.setdefault(entry.source, []).append(entry.name)
    rows = []
    for plugin in found:
        why = absent.get(plugin.name, "").removeprefix("which ")
        own = tuple(commands.pop(plugin.source, ()))
        state = "off" if why else "on"
        rows.append(
            ListedPlugin(
                plugin.name, state, why, plugin.module, plugin.source, plugin.distribution, plugin.version, own
            )
        )
    for source, names in commands.items():
        distribution, _, version = source.partition(" ")
        rows.append(ListedPlugin("", "on", "", "", source, distribution, version, tuple(names)))
    return rows


def _command(name: str) -> str:
    first = name.partition(".")[0]
    return (
        f"not '{name}', as 'hookline {first}' is taken" if first in COMMANDS else f"hookline {name.replace('.', ' ')}"
    )
