"""``hookline config show``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Shown

Command = Callable[..., Shown]
SETTINGS = """[tool.hookline]
executor = "inline"
store = "kept"

[tool.hookline.limits]
gpu = 2
"""


def test_every_setting_is_shown_with_its_origin(project: Path, look: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, value, and the file and line, the variable, or that it is the default."""
    (project / "pyproject.toml").write_text(SETTINGS)
    monkeypatch.setenv("HOOKLINE_WORKERS", "3")
    shown = look(project, "config", "show", "--origin")
    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()] == [
        ["store", str(project / "kept"), "pyproject.toml:3"],
        ["executor", "inline", "pyproject.toml:2"],
        ["workers", "3", "HOOKLINE_WORKERS"],
        ["durability", "full", "default"],
        ["grace", "10.0", "default"],
        ["seed", "0", "default"],
        ["load_policy", "any", "default"],
        ["turns", "1000000", "default"],
        ["limits.gpu", "2", "pyproject.toml:6"],
    ]
    assert "pyproject.toml" not in look(project, "config", "show").out


def test_scripts_get_the_same_as_data(project: Path, look: Command) -> None:
    """Numbers are numbers, what is not set is null, and origins are always there."""
    (project / "pyproject.toml").write_text(SETTINGS)
    told = json.loads(look(project, "config", "show", "--json").out)
    assert told["project"] == str(project)
    found = {one["name"]: (one["value"], one["origin"]) for one in told["settings"]}
    assert found["workers"] == (None, "default")
    assert found["turns"] == (1_000_000, "default")
    assert found["limits.gpu"] == (2, "pyproject.toml:6")


@pytest.mark.parametrize("command", [["config", "show"], ["runs", "list"], ["resume"]])
def test_a_wrong_setting_is_a_usage_error_of_every_command(project: Path, look: Command, command: list[str]) -> None:
    """Exit code 2, the place and the near name; a typo is never passed over."""
    (project / "pyproject.toml").write_text("[tool.hookline]\nexectuor = 'inline'\n")
    shown = look(project, *command)
    assert shown.code == 2
    assert "pyproject.toml:2: there is no setting 'exectuor'; did you mean 'executor'?" in shown.err


@pytest.mark.integration
def test_options_come_before_everything(project: Path, run_command: Command) -> None:
    """A run takes the file's store and executor, an option's seed, and refuses what an option can't be."""
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "flow.py").write_text(
        "from hookline import Seed, step, workflow\n\n@step\ndef pick(seed: Seed) -> int:\n    return 1\n\n"
        "@workflow\ndef flow():\n    return pick()\n"
    )
    assert run_command(["run", "flow.py", "--grace", "1s", "--durability", "fast"], project).code == 0
    assert (project / "kept").is_dir()
    assert run_command(["plan", "flow.py", "--seed", "7"], project).out.startswith("▶")
    wrong = run_command(["run", "flow.py", "--durability", "slow", "--grace", "soon"], project)
    assert wrong.code == 2
    assert "durability takes 'full' or 'fast', not 'slow'" in wrong.err
    assert "grace takes seconds, or a time such as '30s', not 'soon'" in wrong.err
