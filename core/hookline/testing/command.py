"""The command line as users run it: ``hookline`` in a process of its own, in a project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WIDTH", "CommandResult", "command_environment", "run_command"]

WIDTH = "100"
"""How wide output is."""


@dataclass(frozen=True)
class CommandResult:
    """How a command ended, and what it wrote.

    Attributes:
        code: The exit code.
        out: Standard output.
        err: Standard error.
    """

    code: int
    out: str
    err: str


def command_environment(**changes: str) -> dict[str, str]:
    """Give an environment in which output does not depend on the machine.

    Args:
        **changes: Further variables.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE", "COLUMNS", "LINES"))}
    return {**kept, "COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", **changes}


def run_command(
    arguments: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
    timeout: float = 120,
    before: Callable[[], object] | None = None,
) -> CommandResult:
    """Run ``hookline`` in a process of its own.

    Args:
        arguments: What follows ``hookline``.
        folder: Where it runs.
        environment: Further variables.
        text: What stands on its standard input; nothing by default.
        timeout: Seconds after which it is killed.
        before: Called in the new process before it begins, to set limits, for one.

    Returns:
        How it ended.

    Raises:
        subprocess.TimeoutExpired: It took longer.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hookline", *arguments],
        cwd=folder,
        env=command_environment(**(environment or {})),
        input=text,
        stdin=None if text is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        preexec_fn=before,
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)
