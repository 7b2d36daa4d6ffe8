"""What several store tests start from."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hookline.store import SqliteStore, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store can be made."""
    return tmp_path / ".hookline"


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with open_store(folder, create=True) as opened:
        yield opened


@pytest.fixture
def python() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python process with a program text and arguments; its output is read line by line."""

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )

    return start


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB of its own; skipped where mounting is not allowed."""
    point = tmp_path / "disk"
    point.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(point)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a file system needs root")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)
