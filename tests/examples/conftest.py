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


@pytest.fixture(scope="session")
def copy_of() -> Callable[[str, Path], Path]:
    """Copies an example's folder to another place, where a test may edit it."""

    def copy(name: str, place: Path) -> Path:
        unwanted = shutil.ignore_patterns("__pycache__", ".hookline", "data")
        return Path(shutil.copytree(EXAMPLES / name, place / name, ignore=unwanted))

    return copy


@pytest.fixture(scope="session")
def play() -> Callable[[Path, str], Any]:
    """Runs code in a folder, in a new interpreter, and gives what it sets ``said`` to."""

    def run(folder: Path, code: str) -> Any:
        script = f"import json\n{code}\nprint()\nprint(json.dumps(said))\n"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "RAY_ADDRESS"))
        }
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
