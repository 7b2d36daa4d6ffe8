"""Damaged and missing artifacts: no step ever sees them, and the next run makes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.project import Project

OWN, PACKED = 2_000_000, 100_000
CODE = """
@step
def make(n: int) -> bytes:
    note("make")
    return bytes(i % 251 for i in range(1000)) * (n // 1000)

@step
def write(n: int) -> Path:
    note("write")
    path = attempt().folder / "data.bin"
    path.write_bytes(bytes(i % 241 for i in range(1000)) * (n // 1000))
    return path

@step(retries=3)
def use(data: bytes, file: Path, k: int) -> int:
    note("use")
    assert data == bytes(i % 251 for i in range(1000)) * (len(data) // 1000)
    read = file.read_bytes()
    assert read == bytes(i % 241 for i in range(1000)) * (len(data) // 1000)
    return len(read) + k

@workflow
def flow(n: int, k: int = 0):
    return use(make(n), write(n), k)
"""


def _flip(place: float) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        at = int((path.stat().st_size - 1) * place)
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes((byte ^ 1,)))

    return flip


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def _to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _to_dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


WAYS: dict[str, Callable[[Path], object]] = {
    "early bit": _flip(0.1),
    "middle bit": _flip(0.5),
    "last bit": _flip(1),
    "empty": lambda path: os.truncate(path, 0),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "one byte less": lambda path: os.truncate(path, path.stat().st_size - 1),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "garbage": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "short garbage": lambda path: path.write_bytes(b"garbage"),
    "gone": lambda path: path.unlink(),
    "a folder": _to_folder,
    "a pipe": _to_pipe,
    "a dead link": _to_dead_link,
}


def _stored(project: Project) -> list[Path]:
    folder = project.folder / ".hookline" / "artifacts"
    stored = [*folder.glob("packs/*"), *folder.glob("objects/*/*/*")]
    files = [path for path in stored if path.is_file() and "damaged" not in path.name]
    for path in files:
        path.chmod(0o644)
    assert files
    return files


def _is_healed(project: Project, n: int, executor: str) -> None:
    """Run with another consumer until it completes; at most one run may fail, and it tells the truth."""
    project.executions()
    run = project.run(executor, n=n, k=1)
    if run.status != "completed":
        assert "use" not in project.executions()
        record = run.tasks["use"]
        assert record.error is not None
        assert record.error.startswith("ArtifactError: artifact ")
        assert record.attempts == 1
        run = project.run(executor, n=n, k=1)
        assert run.status == "completed", run.tasks["use"].error
    assert run.result == n + 1
    assert {"make", "write"} & set(project.executions())


@pytest.mark.parametrize("n", [OWN, PACKED], ids=["own file", "pack"])
@pytest.mark.parametrize("way", WAYS)
def test_damage_never_reaches_a_step_and_the_next_run_heals_it(tmp_path: Path, way: str, n: int) -> None:
    """Whatever happened to the bytes: the producer runs again, and the consumer sees what it made."""
    project = Project(tmp_path, CODE)
    assert project.run(n=n).result == n
    for path in _stored(project):
        WAYS[way](path)
    first = project.run(n=n, k=1)
    if first.status != "completed":
        # Of two damaged inputs one is found at a time.
        assert first.tasks["use"].attempts == 1
    _is_healed_soon(project, n)


def _is_healed_soon(project: Project, n: int) -> None:
    for _ in range(2):
        run = project.run(n=n, k=1)
        if run.status == "completed":
            break
    assert run.status == "completed", run.tasks["use"].error
    assert run.result == n + 1
    assert project.run(n=n, k=2).result == n + 2


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("n", [OWN, PACKED], ids=["own file", "pack"])
def test_one_failure_at_most_on_every_executor(tmp_path: Path, executor: str, n: int) -> None:
    """The consumer that meets the damage fails once, without a retry; the run after it completes."""
    project = Project(tmp_path, CODE)
    assert project.run(executor, n=n).result == n
    _flip(0.9)(min(_stored(project)))
    _is_healed(project, n, executor)


@pytest.mark.parametrize("n", [OWN, PACKED], ids=["own file", "pack"])
def test_a_resume_makes_anew_what_was_damaged(tmp_path: Path, n: int) -> None:
    """A run that failed for a damaged artifact is completed by resuming it."""
    project = Project(tmp_path, CODE)
    project.run(n=n)
    _flip(0.9)(min(_stored(project)))
    failed = project.run(n=n, k=1)
    assert failed.status == "failed"
    resumed = project.resume(failed.id)
    assert resumed.status == "completed"
    assert resumed.result == n + 1


def test_a_missing_artifact_is_noticed_before_anything_relies_on_it(tmp_path: Path) -> None:
    """A hit without its file is no hit: the task runs, and says why."""
    project = Project(tmp_path, CODE)
    project.run(n=OWN)
    for path in _stored(project):
        path.unlink()
    run = project.run(n=OWN, k=1)
    assert run.status == "completed"
    assert run.why("make") == "ran: its recorded artifact is missing or damaged"


def test_a_side_effect_is_not_repeated_for_its_artifact(tmp_path: Path) -> None:
    """Resuming keeps a completed cache=False task; who needs its lost artifact fails, and the help names --rerun."""
    project = Project(tmp_path, CODE.replace("@step\ndef make", "@step(cache=False)\ndef make"))
    project.write(project.code.replace('note("use")', 'note("use")\n    assert there("ready")'))
    run = project.run(n=OWN)
    assert run.status == "failed"
    (project.folder / "ready").touch()
    for path in _stored(project):
        path.unlink()
    project.executions()
    resumed = project.resume(run.id)
    assert "make" not in project.executions()
    assert "artifact" in (resumed.tasks["use"].error or "")
    assert project.resume(run.id, rerun=["make"]).result == OWN
