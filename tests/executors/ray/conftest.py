"""A cluster that the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from executors.ray.cluster import RayCluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """A head with room for four workers."""
    with RayCluster(cpus=4, other=1, special=2) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _plain_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray as it is without what the environment says of it."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
