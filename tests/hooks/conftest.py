"""What the tests of plugins share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hooks.site import Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A project, and a folder for installed plugins."""
    made = Site(tmp_path, monkeypatch)
    yield made
    made.close()
