"""A project in a temporary folder: files written by a test, run in this process or by the command line."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hookline.config import configure
from hookline.engine import api
from hookline.errors import UsageError
from hookline.executors.protocol import Executor
from hookline.hooks.stores import open_configured
from hookline.model.events import Event, Observer
from hookline.model.plan import Plan
from hookline.store.protocol import Store
from hookline.testing.command import CommandResult, run_command
from hookline.testing.result import RunResult
from hookline.worker.target import Target, load_target

__all__ = ["Project"]


class Project:
    """A folder with a ``pyproject.toml``, and ways to run what is in it.

    Args:
        folder: The folder; made if need be.

    Attributes:
        folder: The same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.settings("")
        self._modules = set(sys.modules)
        self._path = [*sys.path]
        self._main = sys.modules["__main__"]

    @property
    def store_path(self) -> Path:
        """Where the project's runs are recorded, unless its settings say otherwise."""
        return self.folder / ".hookline"

    def write(self, name: str, text: str) -> Path:
        """Write a file; code that was imported from this project is imported anew from now on.

        Args:
            name: Its path within the project.
            text: Its text; indentation that all lines have is taken away.

        Returns:
            Its path.
        """
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        if file.suffix == ".py":
            # Python tells by size and second whether what it cached of a file is still good.
            Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
        self._forget()
        return file

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file in the one place where a text stands.

        Raises:
            UsageError: The text stands nowhere, or in several places.
        """
        text = (self.folder / name).read_text()
        if text.count(old) != 1:
            raise UsageError(
                f"'{old}' stands in {text.count(old)} places of '{name}'", help="give a text that is unique"
            )
        self.write(name, text.replace(old, new))

    def settings(self, toml: str) -> None:
        """Write the project's ``pyproject.toml``.

        Args:
            toml: Its text, such as ``[tool.hookline]`` and what follows.
        """
        (self.folder / "pyproject.toml").write_text(textwrap.dedent(toml))

    def target(self, spec: str) -> Target:
        """Load a workflow of the project.

        Args:
            spec: What follows ``hookline run``: ``"flow.py"`` or ``"flow.py:churn"``.
        """
        with self._inside():
            return load_target(spec)

    def run(
        self,
        spec: str,
        params: Mapping[str, object] | None = None,
        /,
        *,
        executor: str | Executor | None = None,
        observers: Sequence[Observer] = (),
        **options: Any,
    ) -> RunResult:
        """Run a workflow in this process, in the project's folder.

        Args:
            spec: What follows ``hookline run``: ``"flow.py"`` or ``"flow.py:churn"``.
            params: The workflow's parameters.
            executor: As for ``hookline.run``.
            observers: Called with events, beside the result's own list.
            **options: Further options of ``hookline.run``: ``fresh``, ``workers``, ``only``, ``clock`` ….

        Returns:
            What to look at, whatever the run's outcome.
        """
        events: list[Event] = []
        with self._inside():
            target = load_target(spec)
            run = api.run(
                target.workflow,
                params,
                executor=executor,
                observers=[events.append, *observers],
                target=target,
                **options,
            )
        return RunResult(run, lambda: self._open(options), events)

    def resume(self, run: RunResult | str = "last", /, **options: Any) -> RunResult:
        """Go on with a run.

        Args:
            run: Which; the last one by default.
            **options: As for ``hookline.resume``.
        """
        events: list[Event] = []
        with self._inside():
            name = run if isinstance(run, str) else run.id
            found = api.resume(name, observers=[events.append], **options)
        return RunResult(found, lambda: self._open(options), events)

    def plan(self, spec: str, params: Mapping[str, object] | None = None, /, **options: Any) -> Plan:
        """Tell what a run would do now, and why.

        Args:
            spec: As for :meth:`run`.
            params: The workflow's parameters.
            **options: As for ``hookline.plan``.
        """
        with self._inside():
            target = load_target(spec)
            return api.plan(target.workflow, params, target=target, **options)

    def cli(self, *arguments: str, text: str | None = None, **environment: str) -> CommandResult:
        """Run ``hookline`` in a process of its own, in the project's folder.

        Args:
            *arguments: What follows ``hookline``.
            text: What stands on its standard input.
            **environment: Further variables.
        """
        return run_command(arguments, self.folder, environment=environment, text=text)

    def store(self) -> Store:
        """Open the store that the project's settings name."""
        return self._open({})

    def close(self) -> None:
        """Leave this process as it was before: without the project's modules, with its own path."""
        self._forget()
        sys.path[:] = self._path
        sys.modules["__main__"] = self._main

    def _open(self, options: Mapping[str, Any]) -> Store:
        with self._inside():
            return open_configured(configure(store=options.get("store") or None, env=options.get("env")))

    def _forget(self) -> None:
        """Take modules that come from the project out of the process, so that today's code is imported."""
        here = f"{self.folder}{os.sep}"
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(here):
                sys.modules.pop(name, None)
        if "__main__" not in sys.modules:
            sys.modules["__main__"] = self._main

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        with contextlib.chdir(self.folder):
            yield
