from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.data.sources.source_kit import LIBRARIES, Source


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., Source]:
    def make(**table: Any) -> Source:
        return Source(tmp_path, table)

    return make


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
