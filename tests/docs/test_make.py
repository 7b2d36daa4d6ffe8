from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs make as from a shell, not as a part of the make that may have started these tests."""
    outer = ("MAKE", "MFLAGS", "HOOKLINE_", "VENV", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)} | variables
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of a clone."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    unwanted = shutil.ignore_patterns("__pycache__", ".hookline")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=unwanted)
    return tmp_path


@pytest.fixture
def installed(clone: Path) -> Path:
    """A clone whose virtual environment is there already: the one that runs these tests."""
    bin_folder = clone / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    for name in ("python", "hookline"):
        (bin_folder / name).symlink_to(Path(sys.executable).parent / name)
    (clone / ".venv" / ".installed-examples").touch()
    return clone


def test_make_demo_runs_the_example_and_then_reuses_everything(installed: Path) -> None:
    """The README's first command trains a model, says where to look next, and does nothing twice."""
    first, second = make(installed, "demo"), make(installed, "demo")

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert "Installing" not in first.stdout + second.stdout
    assert "examples/diagnosis/README.md" in first.stdout
    assert "nothing to do" in second.stdout + second.stderr


def test_make_test_checks_layout_lint_types_imports_and_tests(installed: Path) -> None:
    """The README's second command runs all five, in this order."""
    (installed / ".venv" / ".installed-dev").touch()
    done = make(installed, "--dry-run", "test")

    words = ["ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"]
    places = [done.stdout.find(word) for word in words]
    assert -1 not in places
    assert places == sorted(places)


def test_a_changed_project_file_is_installed_again(installed: Path) -> None:
    """What is installed is as old as pyproject.toml allows, and no older."""
    assert "pip install" not in make(installed, "--dry-run", "demo").stdout
    mark = (installed / ".venv" / ".installed-examples").stat().st_mtime
    os.utime(installed / "pyproject.toml", (mark + 5, mark + 5))

    assert "pip install" in make(installed, "--dry-run", "demo").stdout


def test_a_machine_without_a_fitting_python_is_told_what_to_do(clone: Path) -> None:
    """Without Python 3.11 or newer nothing is made, and the message says how to name one."""
    tools = clone / "tools"
    tools.mkdir()
    for name in ("make", "sh", "touch", "rm"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name in ("python3", "python"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    done = make(clone, "demo", PATH=str(tools))

    assert done.returncode != 0
    assert "no Python from 3.11 to 3.14 was found" in done.stderr
    assert "make demo PYTHON=/path/to/python3" in done.stderr
    assert not (clone / ".venv").exists()
