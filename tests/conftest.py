"""What the whole suite shares."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from executors.ray.cluster import RayCluster
from hookline.model.bringing import brought
from thorough import tries

ROOT = Path(__file__).parents[1]
WITH_PLUGINS = ("docs", "examples", "plugins")
"""Folders whose tests are of hookline with the plugins that come with it; all others are of the core alone."""

ON_RAY = (
    "executors/ray/",
    "engine/test_on_ray.py",
    "examples/test_fraud_on_ray.py",
    "integration/test_ray_drivers.py",
)
"""What shares a cluster, and has to be in one process for that."""
LONG = (*ON_RAY, "docs/", "integration/", "chaos/", "examples/", "executors/", "hooks/", "engine/", "cli/", "plugins/")
"""What takes long, the longest first; the rest is quick and fills what is left of the time."""

# How long an example takes is up to the machine.
settings.register_profile(
    "hookline", max_examples=tries(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hookline")


class Scheduling(LoadFileScheduling):
    """Hands out file by file, and what shares a cluster at once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "on Ray" if file.removeprefix("tests/").startswith(ON_RAY) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Begin with what takes long: a worker that comes to it last would be busy alone in the end."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files in that order."""

    def place(item: pytest.Item) -> int:
        file = item.nodeid.removeprefix("tests/")
        return next((at for at, begin in enumerate(LONG) if file.startswith(begin)), len(LONG))

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    """Have hookline compiled once: where no bytecode is written, hundreds of processes would each do that anew.

    A shell has what it starts in the background ignore Ctrl-C, on which tests would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        for folder in ("core", "plugins"):
            compileall.compile_dir(ROOT / folder, quiet=2)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that tells of hookline as if no plugin came with it, where it stands before what is installed."""
    folder = tmp_path_factory.mktemp("bare")
    told = distribution("hookline")
    place = folder / f"hookline-{told.version}.dist-info"
    shutil.copytree(str(told.locate_file(place.name)), place)
    points = place / "entry_points.txt"
    points.write_text(re.sub(r"^\[hookline[^]]*]\n[^[]*", "", points.read_text(), flags=re.MULTILINE))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _without_our_plugins(request: pytest.FixtureRequest, bare: Path) -> Iterator[None]:
    """Tests of the core see the plugins that they install, and no other; so do the processes that they start."""
    brought()  # what an earlier file's last project was to load is none of this one's
    if request.path.relative_to(ROOT / "tests").parts[0] in WITH_PLUGINS:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(bare), *sys.path])
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(bare), os.environ.get("PYTHONPATH")])))
        yield


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
