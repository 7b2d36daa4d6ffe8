"""What the whole suite shares."""

from __future__ import annotations

import compileall
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Have hookline compiled once: where no bytecode is written, hundreds of processes would each do that anew."""
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        for folder in ("core", "plugins"):
            compileall.compile_dir(ROOT / folder, quiet=2)
