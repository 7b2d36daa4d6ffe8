"""The command line as a whole."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

from cli.terminal import Shown
from hookline.cli.app import COMMANDS, load_command

Command = Callable[..., Shown]


@pytest.mark.parametrize("name", COMMANDS)
def test_summaries_are_those_of_the_commands(name: str):
    """What ``hookline --help`` says of a command, without importing it, is the first line of its own help."""
    assert (load_command(name).help or "").splitlines()[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, project: Path, look: Command):
    """Each command explains itself, and its options' sections end with the one about output."""
    shown = look(project, name, "--help")
    assert shown.code == 0
    assert shown.out.startswith(f"Usage: hookline {name} ")
    assert COMMANDS[name][1].split(",")[0] in shown.out


def test_every_option_has_a_help_text():
    """No option of any command is left unexplained."""
    pending = [(name, get_command(importlib.import_module(module).app)) for name, (module, _) in COMMANDS.items()]
    while pending:
        name, command = pending.pop()
        pending += [(f"{name} {inner}", child) for inner, child in getattr(command, "commands", {}).items()]
        for param in command.params:
            assert getattr(param, "help", None), f"{name}: {param.name}"


def test_the_version_is_shown(project: Path, look: Command):
    """``--version`` names the program and its version."""
    assert look(project, "--version").out == f"hookline {version('hookline')}\n"


def test_without_a_command_the_help_is_shown(project: Path, look: Command):
    """``hookline`` alone lists the commands."""
    shown = look(project)
    assert shown.code == 0
    assert all(name in shown.out for name in COMMANDS)
    assert "list" in look(project, "runs").out


def test_a_defect_of_ours_is_called_one(project: Path, look: Command, monkeypatch: pytest.MonkeyPatch):
    """An unexpected error is one clear message with a request to report it; --debug shows the traceback."""
    broken = {**COMMANDS, "broken": ("a_module_that_is_not_there", "Never works.")}
    monkeypatch.setattr("hookline.cli.app.COMMANDS", broken)
    shown = look(project, "broken")
    assert shown.code == 70
    assert shown.err.startswith("internal error: ModuleNotFoundError")
    assert "please report it" in shown.err
    assert "Traceback" not in shown.err
    assert "Traceback" in look(project, "broken", "--debug").err
