"""What the tests of the executor share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _plain_ray(plain_ray: None) -> None:
    """All of them want it so."""
