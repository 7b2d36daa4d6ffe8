"""Projects to work in, and ways to call ``hookline`` there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import WIDTH, Shown, call
from hookline.cli.app import main


@pytest.fixture(scope="session")
def run_command() -> Callable[..., Shown]:
    """Runs ``hookline`` in a process of its own: ``run_command(arguments, folder)``."""
    return call


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """Runs ``hookline`` in this process: ``look(folder, *arguments)``; for commands that load no workflow."""

    def run(folder: Path, *arguments: str) -> Shown:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", WIDTH)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.delenv("HOOKLINE_STORE", raising=False)
        capsys.readouterr()
        code = main(arguments)
        shown = capsys.readouterr()
        return Shown(code, shown.out, shown.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder
