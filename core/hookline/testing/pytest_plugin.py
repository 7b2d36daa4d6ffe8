"""Fixtures for tests of workflows and plugins; nothing else of hookline is imported before one of them is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hookline.testing.clock import Clock
    from hookline.testing.project import Project
    from hookline.testing.recording_executor import RecordingExecutor

# A failed assertion in a contract shows what it compared, as in a test of one's own.
pytest.register_assert_rewrite("hookline.testing.contracts", "hookline.testing.rig")

__all__ = ["clock", "executor", "memory_store", "project", "recording_executor"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project in a folder of its own; variables named ``HOOKLINE_…`` don't reach it."""
    from hookline.testing.project import Project

    for name in [name for name in os.environ if name.startswith("HOOKLINE_")]:
        monkeypatch.delenv(name)
    made = Project(tmp_path / "project")
    yield made
    made.close()


@pytest.fixture(params=["inline", "threads", "processes"])
def executor(request: pytest.FixtureRequest) -> str:
    """The name of each executor that comes with hookline: a test that takes it runs once with each."""
    name: str = request.param
    return name


@pytest.fixture
def recording_executor() -> RecordingExecutor:
    """An executor that makes attempts in this process, notes what it is given, and goes wrong when told to."""
    from hookline.testing.recording_executor import RecordingExecutor

    return RecordingExecutor()


@pytest.fixture
def clock() -> Clock:
    """A clock that jumps over the waits between attempts, and notes them."""
    from hookline.testing.clock import Clock

    return Clock()


@pytest.fixture
def memory_store(tmp_path: Path) -> Iterator[Path]:
    """The folder of a store, in memory where the system has a file system there; removed afterwards."""
    from hookline.testing.stores import store_in_memory

    with store_in_memory(tmp_path) as folder:
        yield folder
