"""``hookline plugins new``: what it writes can be installed, passes its own tests, and the doctor finds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import call, environment
from forks import fork_hookline
from hookline.testing.command import CommandResult


@pytest.mark.integration
def test_a_new_plugin_passes_its_tests_and_the_doctor(tmp_path: Path) -> None:
    """Installed with pip, as its README says."""
    made = call(["plugins", "new", "my-data"], tmp_path)
    assert made.code == 0
    assert made.err == "next: cd hookline-my-data && pip install -e '.[dev]' && python -m pytest\n"
    project, site = tmp_path / "hookline-my-data", tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(project)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr

    def hookline(*arguments: str) -> CommandResult:
        return fork_hookline(arguments, project, environment={"PYTHONPATH": path})

    doctor = hookline("plugins", "doctor", "my-data")
    assert doctor.code == 0, doctor.out
    assert "✗" not in doctor.out
    assert hookline("my-data", "hello", "--name", "you").out == "hello you, from my-data\n"
    assert "my-data.scale" in hookline("steps", "list").out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My Data", "'My Data' can't be a plugin's name"),
        ("class", "'class' can't be a plugin's name"),
        ("hookline", "'hookline' can't be a plugin's name"),
        ("runs", "'runs' is a command of hookline itself, and the plugin's command would be called so"),
    ],
)
def test_a_name_that_can_not_be_used_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """Before anything is written."""
    shown = call(["plugins", "new", name], tmp_path)
    assert (shown.code, list(tmp_path.iterdir())) == (2, [])
    assert message in shown.err


def test_nothing_that_exists_is_changed(tmp_path: Path) -> None:
    """A second call writes nothing."""
    call(["plugins", "new", "data", "--folder", "here"], tmp_path)
    (tmp_path / "here/README.md").write_text("mine")
    shown = call(["plugins", "new", "data", "--folder", "here"], tmp_path)
    assert shown.code == 2
    assert "nothing was written" in shown.err
    assert (tmp_path / "here/README.md").read_text() == "mine"
