"""The command line as users run it, and what it shows without what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from forks import fork_hookline
from hookline.testing.command import WIDTH, CommandResult, command_environment, run_command

__all__ = ["WIDTH", "Shown", "call", "call_each", "environment", "normalised"]

environment = command_environment


class Shown(CommandResult):
    """How a command ended, and what it wrote."""

    @property
    def text(self) -> str:
        """All of it, without what differs from run to run."""
        return normalised(f"{self.out}--- stderr ---\n{self.err}--- exit {self.code} ---\n")


def normalised(text: str) -> str:
    """Put stand-ins for run ids, times, durations and folders, and take out the padding that depends on them."""
    text = re.sub(r"\d{8}-\d{6}-\w+", "RUN", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", text)
    text = re.sub(r"<?\b\d+(\.\d+)? s\b", "TIME", text)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": TIME', text)
    text = re.sub(r"/[^\s'\"]*?/project\b", "/project", text)
    text = re.sub(r"\(\d+\.\d+\.\d+[^)]*\)", "(VERSION)", text)
    return re.sub(r"(?<=\S) {2,}", "  ", text)


def call(arguments: Sequence[str], folder: Path, *, before: Callable[[], object] | None = None) -> Shown:
    """Run ``hookline`` in a process of its own; in a new interpreter where something comes before it."""
    done = fork_hookline(arguments, folder) if before is None else run_command(arguments, folder, before=before)
    return Shown(done.code, done.out, done.err)


def call_each(lines: Sequence[Sequence[str]], folder: Path) -> list[Shown]:
    """Run ``hookline`` several times."""
    return [call(line, folder) for line in lines]
