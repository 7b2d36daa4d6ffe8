"""A project of one file whose steps leave a line for each execution; its code can be edited between runs."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path
from typing import Any

import hookline
from hookline import Run
from hookline.engine import api
from hookline.store import AttemptRow, SqliteStore, open_store
from hookline.worker.target import Target, load_target

_NAMES = itertools.count()
_HEAD = """
import os, sys, time
from dataclasses import dataclass
from pathlib import Path
from hookline import attempt, completed, first, log_artifact, log_metric, log_params, Seed, step, workflow

HERE = Path({folder!r})

def note(text):
    file = os.open(HERE / "executions", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, (str(text) + "\\n").encode())
    os.close(file)

def there(name):
    return (HERE / name).exists()

"""


class Project:
    """One workflow file in a folder of its own.

    Args:
        folder: The folder.
        code: What follows the common imports and ``note``, which notes an execution.
    """

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        (folder / "pyproject.toml").touch()
        self.file = folder / f"flow_{next(_NAMES)}.py"
        self.write(code)

    def write(self, code: str) -> None:
        """Put other code into the file."""
        self.code = textwrap.dedent(code)
        self.file.write_text(_HEAD.format(folder=str(self.folder)) + self.code)

    def edit(self, old: str, new: str) -> None:
        """Change the code in one place."""
        assert self.code.count(old) == 1
        self.write(self.code.replace(old, new))

    @property
    def target(self) -> Target:
        """The workflow in today's file."""
        return load_target(str(self.file))

    def run(self, executor: str = "threads", workers: int | None = 2, **options: Any) -> Run:
        """Run the workflow with parameters or engine options."""
        known = (
            "fresh",
            "fail_fast",
            "seed",
            "name",
            "tags",
            "observers",
            "stop",
            "providers",
            "to",
            "rewriters",
            "ray_address",
            "grace",
        )
        engine = {name: options.pop(name) for name in known if name in options}
        target = self.target
        return api.run(target.workflow, options, executor=executor, workers=workers, target=target, **engine)

    def resume(self, run_id: str = "last", **options: Any) -> Run:
        """Go on with a run."""
        return hookline.resume(run_id, store=self.folder / ".hookline", **options)

    def executions(self) -> list[str]:
        """What was noted since the last time, in order."""
        path = self.folder / "executions"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def touch(self, name: str) -> None:
        """Make a file that steps can ask for."""
        (self.folder / name).touch()

    def remove(self, name: str) -> None:
        """Remove it again."""
        (self.folder / name).unlink()

    def store(self) -> SqliteStore:
        """The journal."""
        return open_store(self.folder / ".hookline")

    def attempts(self, run: Run) -> list[AttemptRow]:
        """All recorded attempts of a run."""
        with self.store() as store:
            return list(store.attempts(run.id))
