"""The command line as users run it: in a process of its own, in a project's folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH = "100"


@dataclass(frozen=True)
class Shown:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

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


def environment(**changes: str) -> dict[str, str]:
    """An environment in which output does not depend on the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE", "COLUMNS", "LINES"))}
    return {
        **kept,
        "COLUMNS": WIDTH,
        "TERMINAL_WIDTH": WIDTH,
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **changes,
    }


def call(arguments: Sequence[str], folder: Path, **options: object) -> Shown:
    """Run ``hookline`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "hookline", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    return Shown(done.returncode, done.stdout, done.stderr)
