"""``hookline init`` begins a project that runs, and whose tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hookline.cli.app import main

pytestmark = pytest.mark.integration


def test_a_new_project_runs_and_its_tests_pass(tmp_path: Path) -> None:
    """As generated, in processes of their own; the second run reuses everything."""
    folder = tmp_path / "my project"
    assert main(["init", str(folder)]) == 0
    assert 'name = "my-project"' in (folder / "pyproject.toml").read_text()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HOOKLINE", "PYTEST"))}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", *command]
        return subprocess.run(arguments, cwd=folder, env=environment, text=True, capture_output=True)

    first = run("hookline", "run", "workflow.py")
    assert (first.returncode, first.stdout) == (0, "25% below 2, 50% below 5, 75% below 8\n"), first.stderr
    assert "nothing to do" in run("hookline", "run", "workflow.py").stderr
    tested = run("pytest", "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout


def test_nothing_that_exists_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what is in the way, and nothing is written."""
    (tmp_path / "workflow.py").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "has 'workflow.py' already; nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["workflow.py"]


def test_a_name_that_no_project_can_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is written."""
    assert main(["init", str(tmp_path / "x"), "--name", "a b/c"]) == 2
    assert "'a b/c' can't be a project's name" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
