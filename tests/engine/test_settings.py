"""Runs take the project's settings, however they are started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import hookline
from engine.project import Project
from hookline import Run
from hookline.errors import UsageError
from hookline.executors.threads import ThreadsExecutor
from hookline.hooks.plugin_set import NO_PLUGINS

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


class Noted(ThreadsExecutor):
    """Stands for the executor of that name: it notes what it is made with."""

    made: ClassVar[list[dict[str, object]]] = []

    def __init__(self, workers: int | None = None, **options: object) -> None:
        super().__init__(workers)
        self.made.append(options)


@pytest.fixture
def made() -> Iterator[list[dict[str, object]]]:
    """What executors called ``ray`` are made with: no test here starts a cluster."""
    executors = NO_PLUGINS.executors
    real = executors.entry("ray")
    executors.forget("ray")
    executors.register("ray", Noted, source="tests")
    Noted.made.clear()
    yield Noted.made
    executors.forget("ray")
    executors.register("ray", real.target, source=real.source, needs=real.needs)


def recorded_options(project: Project, run: Run) -> dict[str, object]:
    with project.store() as store:
        found: dict[str, object] = json.loads(store.run(run.id).options)
        return found


def test_an_executor_is_made_with_its_own_settings(project: Project, made: list[dict[str, object]]) -> None:
    """Those of the file and of the call; whoever gives an address and no executor runs there."""
    settings(project, 'executor = "inline"\nray.port = 7000\nray.runtime_env.pip = ["a"]')
    flow = project.target.workflow
    run = hookline.run(flow, ray_address="head:6379", strict_resources=True, plugins=[])
    assert run.status == "completed"
    assert made.pop() == {
        "address": "head:6379",
        "strict_resources": True,
        "port": 7000,
        "silence": 45.0,
        "runtime_env": {"pip": ["a"]},
    }
    found = recorded_options(project, run)
    assert (found["executor"], found["ray_address"]) == ("ray", "head:6379")

    run = hookline.run(flow, ray_address="head:6379", executor="threads", plugins=[])
    assert made == []
    assert "ray_address" not in recorded_options(project, run)
    with pytest.raises(UsageError, match=r"ray\.address takes 'HOST:PORT', 'auto' or 'local', not 'head'"):
        hookline.run(flow, ray_address="head", plugins=[])


def test_a_resumed_run_goes_on_at_its_cluster_unless_told_otherwise(
    project: Project, made: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its recorded address goes before today's settings; a call goes before that, and another executor needs none."""

    def resumed(**options: Any) -> list[object]:
        settings(project, "turns = 3")
        run = hookline.run(project.target.workflow, ray_address="head:6379", fresh=True, plugins=[])
        assert run.status == "failed"
        made.clear()
        settings(project, 'turns = 100\nray.address = "other:1"')
        again = hookline.resume(run.id, **options)
        assert again.status == "completed"
        return [options.get("address") for options in made]

    assert resumed() == ["head:6379"]
    assert resumed(ray_address="third:2") == ["third:2"]
    assert resumed(ray_address="local") == ["local"]
    assert resumed(executor="threads") == []


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
