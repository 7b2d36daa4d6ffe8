"""Examines one plugin in a process of its own: ``python -m hookline.cli.plugins.examine NAME``.

Each finding is a line of JSON, written when it is made, so that what was found before a hang or a crash is not lost.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hookline.cli.plugins.suites import run_suites
from hookline.config import configure
from hookline.errors import HooklineError
from hookline.hooks.discovery import FoundPlugin
from hookline.hooks.loader import build_from, found_plugins
from hookline.hooks.module import PluginModule, import_plugin
from hookline.hooks.plugin_set import PluginSet
from hookline.worker.declared import find_step

__all__ = ["DONE", "Finding", "examine"]

Finding = dict[str, Any]
"""``check``, ``ok``, ``text``, and where there is one ``help``."""

DONE = "done"
"""The check of the last line: nothing ended the process before it was through."""

_PUBLIC = ("hookline", "hookline.ml", "hookline.testing")
_SLOW = 0.3
"""Seconds that a plugin's import may take: it is paid by each run, and by each worker process."""

_HEAVY = frozenset(
    {"mlflow", "numpy", "pandas", "polars", "pyarrow", "pydantic", "ray", "scipy", "sklearn", "tensorflow", "torch"}
)


def examine(name: str) -> Iterator[Finding]:
    """Look a plugin over, from its import to what it registers.

    Args:
        name: Its name.

    Yields:
        What was found, check by check; after a failed import nothing more.
    """
    configuration = configure()
    everything = {plugin.name: plugin for plugin in found_plugins(configuration.root)}
    found = everything[name]
    before = set(sys.modules)
    begun = time.perf_counter()
    try:
        module = import_plugin(found)
    except HooklineError as error:
        yield _finding("import", False, error.message, error.help)
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an import may raise anything
        yield _finding("import", False, f"importing '{found.module}' raises {type(error).__name__}: {error}")
        return
    seconds = time.perf_counter() - begun
    yield _finding("import", True, f"'{found.module}' can be imported")
    yield _start_up(seconds, set(sys.modules) - before)
    yield _imports(found, module)
    try:
        plugins = build_from(configuration, _with_required(module, everything), {})
    except HooklineError as error:
        yield _finding("hooks", False, error.message, error.help)
        return
    hooks = next(plugin.hooks for plugin in plugins.plugins if plugin.name == module.name)
    yield _finding("hooks", True, f"implements {', '.join(hooks)}" if hooks else "implements no hook")
    yield from _names(plugins, found.source)
    for _, passed, text in run_suites(plugins, found.source):
        yield _finding("contract", passed, text, "" if passed else "see hookline.testing.contracts")


def _with_required(module: PluginModule, everything: dict[str, FoundPlugin]) -> list[PluginModule]:
    """Give the plugin with those that it needs, and those that these need."""
    modules, pending = {module.name: module}, [*module.plugin.requires]
    while pending:
        name = pending.pop()
        if name not in modules and name in everything:
            modules[name] = import_plugin(everything[name])
            pending += modules[name].plugin.requires
    return list(modules.values())


def _start_up(seconds: float, imported: set[str]) -> Finding:
    heavy = sorted(_HEAVY & imported)
    text = f"its import takes {seconds * 1e3:.0f} ms" + (f" and brings in {', '.join(heavy)}" if heavy else "")
    fits = seconds <= _SLOW and not heavy
    return _finding("start-up", fits, text, "" if fits else "import heavy libraries inside the functions that use them")


def _imports(found: FoundPlugin, module: PluginModule) -> Finding:
    """Look for imports of what is hookline's own business."""
    private = [
        f"{file.name}:{line}: {name}"
        for file in _files(found, Path(module.module.__file__ or ""))
        for line, name in _private_imports(file)
    ]
    if not private:
        return _finding("imports", True, "imports hookline's public names only")
    shown = "; ".join(private[:5]) + (f" and {len(private) - 5} more" if len(private) > 5 else "")
    remedy = f"import from {', '.join(_PUBLIC)} only; what is missing there is worth an issue"
    return _finding("imports", False, f"imports what is private to hookline: {shown}", remedy)


def _files(found: FoundPlugin, file: Path) -> list[Path]:
    """Give the files of a plugin: its module, or all of the package that this is in."""
    depth = found.module.count(".") - (file.name != "__init__.py")
    if found.file or depth < 0:
        return [file]
    return sorted(file.parents[depth].rglob("*.py"))


def _private_imports(file: Path) -> Iterator[tuple[int, str]]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            public = name in _PUBLIC or name.startswith("hookline.testing.")
            if name.partition(".")[0] == "hookline" and not public:
                yield node.lineno, name


def _names(plugins: PluginSet, source: str) -> Iterator[Finding]:
    """Import whatever the plugin registered under a name."""
    problems, count = [], 0
    for name in plugins.steps.names():
        if plugins.steps.entry(name).source == source:
            count += 1
            try:
                find_step(name, lambda: plugins.steps)
            except HooklineError as error:
                problems.append(error.message)
    for registry in (plugins.executors, plugins.stores):
        for name in registry.names():
            if registry.entry(name).source == source:
                count += 1
                try:
                    registry.target(name)
                except HooklineError as error:
                    problems.append(error.message)
    if problems:
        yield _finding("names", False, "; ".join(problems), "mend what 'package.module:name' names")
    elif count:
        yield _finding("names", True, f"everything that it registers can be imported ({count})")


def _finding(check: str, ok: bool, text: str, remedy: str = "") -> Finding:
    return {"check": check, "ok": ok, "text": text, "help": remedy}


def main() -> None:
    """Write what was found; the plugin's own output goes to standard error."""
    # A plugin that prints while it is imported must not get in between.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for finding in examine(sys.argv[1]):
        print(json.dumps(finding), file=out, flush=True)
    print(json.dumps(_finding(DONE, True, "")), file=out, flush=True)


if __name__ == "__main__":
    main()
