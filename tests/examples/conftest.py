"""Runs examples as their users do: in a folder of their own, in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """Gives a copy of an example's folder, which a test may edit."""

    def copy(name: str) -> Path:
        unwanted = shutil.ignore_patterns("__pycache__", ".hookline")
        return Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=unwanted))

    return copy


@pytest.fixture
def play() -> Callable[..., Any]:
    """Runs code in a folder, in a new interpreter, and gives what it sets ``said`` to."""

    def run(folder: Path, code: str) -> Any:
        script = f"import json\n{code}\nprint()\nprint(json.dumps(said))\n"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
