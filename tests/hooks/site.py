"""Plugins as users have them: distributions in a folder on the path, and a file in the project."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest

from hookline.config import configure
from hookline.hooks.loader import load_plugins
from hookline.hooks.plugin_set import NO_PLUGINS, PluginSet

_NUMBERS = itertools.count()

FLOW = """
from hookline import attempt, step, workflow

@step
def load(path: str) -> int:
    return len(path)

@step
def double(x: int) -> int:
    return 2 * x

@workflow
def flow(path: str = "abc"):
    return double(load(path))
"""


class Site:
    """A project, and a folder of installed distributions of its own.

    Attributes:
        project: The project's folder.
        folder: Where distributions are.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = folder / "project"
        self.folder = folder / "site"
        self.project.mkdir()
        self.folder.mkdir()
        (self.project / "pyproject.toml").touch()
        self._hide_own_plugins()
        monkeypatch.syspath_prepend(str(self.folder))
        monkeypatch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        )
        monkeypatch.chdir(self.project)
        # Modules of earlier tests are not to stand in for those of this one.
        self._before = set(sys.modules)

    def close(self) -> None:
        """Forget the modules that came from here, and what they registered for values."""
        NO_PLUGINS.activate()
        for name in set(sys.modules) - self._before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(self.project.parent)):
                del sys.modules[name]

    def install(self, name: str, code: str = "", *, version: str = "1.0", distribution: str = "", **groups: str) -> str:
        """Install a distribution ``acme-<name>`` with one plugin; gives its module's name.

        Args:
            name: The plugin's name.
            code: Its module, below the imports and ``plugin = Plugin(name)`` where it says no other.
            version: The distribution's version.
            distribution: Another name for the distribution.
            **groups: Further lines of entry points, by group with ``_`` for ``.``.
        """
        distribution = distribution or f"acme-{name}"
        module = f"acme_{name}_{next(_NUMBERS)}"
        body = textwrap.dedent(code)
        own = "" if "plugin =" in body else f"plugin = Plugin({name!r})\n"
        imports = "import hookline\nfrom hookline import Plugin, PluginError, Veto, hookimpl, hookspec, step\n"
        (self.folder / f"{module}.py").write_text(imports + own + body)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n\nAbout.\n")
        lines = [f"[hookline]\n{name} = {module}\n"] if name else []
        lines += [f"[{group.replace('_', '.')}]\n{line.format(module=module)}\n" for group, line in groups.items()]
        (info / "entry_points.txt").write_text("\n".join(lines))
        return module

    def _hide_own_plugins(self) -> None:
        """Let hookline be installed without the plugins that it brings, whose names tests may use."""
        own = metadata.distribution("hookline")
        info = self.folder / f"hookline-{own.version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(own.read_text("METADATA") or "")
        kept = [entry for entry in own.entry_points if entry.group.partition(".")[0] != "hookline"]
        lines = [f"[{entry.group}]\n{entry.name} = {entry.value}\n" for entry in kept]
        (info / "entry_points.txt").write_text("".join(lines))

    def local(self, code: str) -> None:
        """Write the project's own plugin."""
        imports = "import os\nimport hookline\nfrom hookline import Plugin, hookimpl, step\n"
        (self.project / "hookline_plugins.py").write_text(imports + textwrap.dedent(code))

    def settings(self, text: str) -> None:
        """Write the project's settings."""
        (self.project / "pyproject.toml").write_text(textwrap.dedent(text))

    def flow(self, code: str = FLOW) -> str:
        """Write a workflow file; gives its path."""
        file = self.project / f"plugged_{next(_NUMBERS)}.py"
        file.write_text(textwrap.dedent(code))
        return str(file)

    def load(self, *without: str) -> PluginSet:
        """Load the plugins of the project."""
        return load_plugins(configure(self.project), without)
