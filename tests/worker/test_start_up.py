"""What a worker process imports before its first attempt: nothing that takes its time and is hardly ever needed."""

from __future__ import annotations

import sys
from pathlib import Path

import hookline
from hookline import step, workflow

NEEDLESS = ["argparse", "difflib", "hookline.config.configuration", "hookline.hooks.loader", "shutil", "sqlite3"]
"""For settings, command lines, words about misspelt names, archives, the journal: none of a worker's business."""


@step(cache=False)
def imported(names: list[str]) -> list[str]:
    return [name for name in names if name in sys.modules]


@workflow
def asking(names: list[str]) -> list[str]:
    return imported(names)


def test_a_worker_imports_nothing_that_it_hardly_ever_needs(tmp_path: Path) -> None:
    """Its start is most of what a quick task on processes takes; settings and hooks come from the driver."""
    names = [*NEEDLESS, "hookline.worker.process"]
    run = hookline.run(asking, {"names": names}, executor="processes", store=tmp_path / "store")
    assert run.result == ["hookline.worker.process"]
