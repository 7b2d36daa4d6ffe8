"""Runs take the project's settings, however they are started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline.errors import UsageError

CODE = """
@step
def where() -> str:
    import threading
    return f"{os.getpid()} {threading.current_thread().name}"

@step
def loop(n: int) -> int:
    return loop(n - 1) if n else 0

@workflow
def flow(n: int = 5):
    return [where(), loop(n)]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("STORE", "EXECUTOR", "WORKERS", "DURABILITY", "GRACE", "SEED", "TURNS"):
        monkeypatch.delenv(f"HOOKLINE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, CODE)


def settings(project: Project, text: str) -> None:
    (project.folder / "pyproject.toml").write_text(f"[tool.hookline]\n{text}\n")


def test_a_call_in_python_takes_the_files_settings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as the command line: store, executor, workers and seed; a variable and an argument go before them."""
    settings(project, 'store = "kept"\nexecutor = "inline"\nworkers = 3\nseed = 4')
    run = hookline.run(project.target.workflow)
    with hookline.store.open_store(project.folder / "kept") as store:
        row = store.run(run.id)
    recorded = json.loads(row.options)
    assert (recorded["executor"], recorded["workers"], row.seed) == ("inline", 3, 4)
    monkeypatch.setenv("HOOKLINE_EXECUTOR", "threads")
    run = hookline.run(project.target.workflow, workers=1, fresh=True)
    with hookline.store.open_store(project.folder / "kept") as store:
        recorded = json.loads(store.run(run.id).options)
    assert (recorded["executor"], recorded["workers"]) == ("threads", 1)


def test_turns_of_the_file_end_a_loop(project: Project) -> None:
    """A loop that is longer than the project allows fails with the limit."""
    settings(project, 'executor = "inline"\nturns = 3')
    run = hookline.run(project.target.workflow)
    assert run.status == "failed"
    assert "more than 3 turns" in run.tasks["loop/3"].error
    assert hookline.run(project.target.workflow, turns=10).status == "completed"


def test_a_resumed_run_goes_on_with_what_it_was_started_with(project: Project) -> None:
    """Its executor and workers, although the file now says others; a call changes them, and turns are today's."""
    settings(project, 'executor = "inline"\nworkers = 2\nturns = 3')
    run = hookline.run(project.target.workflow)
    settings(project, 'executor = "no such thing"\nworkers = 7\nturns = 100')
    resumed = hookline.resume(run.id)
    assert resumed.status == "completed"


def test_an_unknown_executor_is_told_with_its_place(project: Project) -> None:
    """The file and line that name it, before anything is recorded."""
    settings(project, 'executor = "thread"')
    with pytest.raises(UsageError, match=r"pyproject.toml:2: there is no executor 'thread'; did you mean 'threads'\?"):
        hookline.run(project.target.workflow)
    assert not (project.folder / ".hookline").exists()


def test_durability_reaches_the_journal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file says is what transactions are made with: SQLite's own word for it."""
    from hookline.engine import project as module

    opened = []
    original = module.open_configured

    def watch(*args: object, **options: object) -> object:
        opened.append(original(*args, **options))
        return opened[-1]

    monkeypatch.setattr(module, "open_configured", watch)
    settings(project, 'durability = "fast"')
    hookline.run(project.target.workflow)
    assert [store.durability for store in opened] == ["fast"]
    hookline.run(project.target.workflow, durability="full")
    assert opened[-1].durability == "full"
