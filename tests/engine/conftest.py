"""What the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Project]:
    """Make a project of one workflow file from its code."""

    def make(code: str) -> Project:
        return Project(tmp_path, code)

    return make
