"""What a worker process imports before its first attempt: nothing that takes its time and is hardly ever needed."""

from __future__ import annotations

from pathlib import Path

import hookline
from hookline.worker.target import load_target

NEEDLESS = ["argparse", "difflib", "hookline.config.configuration", "hookline.hooks.loader", "shutil", "sqlite3"]
"""For settings, command lines, words about misspelt names, archives, the journal: none of a worker's business."""

FLOW = """
import sys
from hookline import step, workflow

@step(cache=False)
def imported(names: list[str]) -> list[str]:
    return [name for name in names if name in sys.modules]

@workflow
def asking(names: list[str]) -> list[str]:
    return imported(names)
"""


def test_a_worker_imports_nothing_that_it_hardly_ever_needs(tmp_path: Path) -> None:
    """Its start is most of what a quick task on processes takes; settings and hooks come from the driver."""
    # A file of its own: what pytest imports is no module that a worker finds by its name, and so needs dill.
    file = tmp_path / "start_up_flow.py"
    file.write_text(FLOW)
    names = [*NEEDLESS, "hookline.worker.process"]
    run = hookline.run(load_target(file).workflow, {"names": names}, executor="processes", store=tmp_path / "store")
    assert run.result == ["hookline.worker.process"]
