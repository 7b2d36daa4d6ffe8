"""What the whole suite shares."""

from __future__ import annotations

import compileall
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.ray.cluster import RayCluster

ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Have hookline compiled once: where no bytecode is written, hundreds of processes would each do that anew."""
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        for folder in ("core", "plugins"):
            compileall.compile_dir(ROOT / folder, quiet=2)


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """A Ray cluster with room for four workers, for all files whose tests leave it as it was."""
    with RayCluster(cpus=4, other=1, special=2, turn=1) as cluster:
        yield cluster


@pytest.fixture
def plain_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray as it is without what the environment says of it."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
