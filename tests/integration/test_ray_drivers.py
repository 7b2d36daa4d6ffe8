"""Drivers of runs on Ray that are stopped, killed or left by their cluster: what is recorded is not done again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import pytest

import hookline
from chaos.test_driver_kills import is_alive
from engine.project import Project
from executors.ray.cluster import RayCluster
from hookline import Run
from hookline.engine import api

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("plain_ray")]

AT_LAST = 60.0
"""Seconds for what is awaited."""
SOON = 20.0
"""Seconds in which all that belonged to a driver is gone."""

FLOW = """
@step(cache=False)
def send(x: int) -> int:
    note(f"send {x}")
    return x

@step(cache=False)
def hold(total: int, x: int) -> int:
    note(f"hold {x} {os.getpid()}")
    while not there("go"):
        time.sleep(0.01)
    return total + x

@step
def total(xs: list[int]) -> int:
    note("total")
    return sum(xs)

@workflow
def flow():
    return total(hold.partial(total(send.map(x=range(20)))).map(x=range(2)))
"""
SENT = sorted(f"send {x}" for x in range(20))


def wait_for(condition: Callable[[], object], what: Callable[[], object], within: float = AT_LAST) -> None:
    """Wait for something that happens elsewhere; where it does not, say what there is."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"{what()}"
        threading.Event().wait(0.02)


class Driver:
    """The command line on a cluster, in a process of its own.

    Args:
        flow: The project.
        address: The cluster's.
        command: What follows ``hookline``; by default the flow is run.
    """

    def __init__(self, flow: Project, address: str, *command: str) -> None:
        words = [*(command or ("run", str(flow.file))), "-x", "ray", "--ray-address", address, "--grace", "0.5s"]
        self.flow = flow
        self._said = (flow.folder / "said").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hookline", *words],
            cwd=flow.folder,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
        )

    def hold(self) -> Self:
        """Wait until both of the tasks are at it that do not end by themselves."""
        wait_for(lambda: len(self.workers) == 2 or self._process.poll() is not None, self.said)
        assert self._process.poll() is None, self.said()
        return self

    @property
    def workers(self) -> list[int]:
        """The processes in which tasks hold on."""
        path = self.flow.folder / "executions"
        lines = path.read_text().splitlines() if path.exists() else []
        return [int(line.split()[2]) for line in lines if line.startswith("hold") and line.count(" ") == 2]

    def said(self) -> str:
        """All that it has written."""
        return (self.flow.folder / "said").read_text()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def code(self, within: float = AT_LAST) -> int:
        """Wait for its end."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it has not ended within {within} s: {self.said()}")

    def close(self) -> None:
        """End it if it is there."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._said.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Driver]]:
    """Start drivers, and end them."""
    drivers: list[Driver] = []

    def make(flow: Project, address: str, *command: str) -> Driver:
        drivers.append(Driver(flow, address, *command))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.close()


@pytest.fixture
def flow(tmp_path: Path) -> Project:
    return Project(tmp_path, FLOW)


def last(flow: Project) -> Run:
    return hookline.open_store(flow.folder / ".hookline").run("last")


def wait_until_gone(cluster: RayCluster, workers: list[int]) -> None:
    """Wait until workers of a run are gone, and all of the cluster is free."""

    def left() -> tuple[list[int], float]:
        return [worker for worker in workers if is_alive(worker)], cluster.cpus - cluster.free().get("CPU", 0.0)

    wait_for(lambda: left() == ([], 0.0), left, SOON)


def finish(flow: Project, **where: str) -> None:
    """Go on with the run: nothing of what it had recorded is done again."""
    flow.touch("go")
    assert flow.resume(**where).result == 2 * sum(range(20)) + 1
    assert sorted(line[:6] for line in flow.executions()) == ["hold 0", "hold 1", "total"]


@pytest.mark.parametrize(("how", "code", "state"), [("ctrl-c", 130, "interrupted"), ("cancel", 6, "cancelled")])
def test_a_run_that_is_stopped_gives_the_cluster_back_and_goes_on_elsewhere(
    flow: Project, start: Callable[..., Driver], cluster: RayCluster, how: str, code: int, state: str
) -> None:
    """By Ctrl-C, or by ``hookline runs cancel`` in another process; a resume on threads does what is left."""
    driver = start(flow, cluster.address).hold()
    if how == "cancel":
        api.cancel(store=flow.folder / ".hookline", why="no longer needed")
    else:
        driver.send(signal.SIGINT)
    assert driver.code() == code, driver.said()
    assert last(flow).status == state
    workers = driver.workers
    assert not any(map(is_alive, workers))
    assert sorted(line for line in flow.executions() if not line.startswith("hold")) == [*SENT, "total"]
    finish(flow, executor="threads")
    wait_until_gone(cluster, workers)


@pytest.mark.chaos
def test_a_killed_driver_leaves_nothing_on_the_cluster_and_is_taken_over_there(
    flow: Project, start: Callable[..., Driver], cluster: RayCluster
) -> None:
    """Workers and outposts end within seconds; a resume on Ray, killed too, and one on threads repeat nothing."""
    driver, said = start(flow, cluster.address).hold(), [*SENT, "total"]
    for _ in range(2):
        driver.send(signal.SIGKILL)
        assert driver.code() == -signal.SIGKILL
        wait_until_gone(cluster, driver.workers)
        assert sorted(line for line in flow.executions() if not line.startswith("hold")) == said
        if said:
            driver, said = start(flow, cluster.address, "resume", "last").hold(), []
    finish(flow, executor="threads")


@pytest.mark.chaos
def test_a_run_whose_head_is_lost_is_interrupted_within_seconds_and_goes_on_elsewhere(
    flow: Project, start: Callable[..., Driver], cluster: RayCluster
) -> None:
    """It says so and exits with 7; what it left is resumed on threads, and just as well on another cluster."""
    (flow.folder / "pyproject.toml").write_text("[tool.hookline.ray]\nsilence = 4\n")
    with RayCluster(cpus=2) as lost:
        driver = start(flow, lost.address).hold()
        lost.kill_head()
        assert driver.code(within=60.0) == 7, driver.said()
        assert f"the head of the Ray cluster at '{lost.address}' has not answered for 4 s" in driver.said()
        assert "hookline resume" in driver.said()
        assert last(flow).status == "interrupted"
        assert not any(map(is_alive, driver.workers))
    flow.executions()
    store, aside = flow.folder / ".hookline", flow.folder / "aside"
    shutil.copytree(store, aside)
    finish(flow, executor="threads")
    shutil.rmtree(store)
    aside.rename(store)
    finish(flow, executor="ray", ray_address=cluster.address)


def test_without_the_extra_the_executor_says_what_to_install(flow: Project, tmp_path: Path) -> None:
    """Where Ray can't be imported the command ends with 2, before anything runs; everything else works."""
    places = tmp_path / "places"
    places.mkdir()
    spec = find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    for installed in Path(spec.origin).parents[1].iterdir():
        if installed.name != "ray" and not installed.name.startswith("ray-"):
            (places / installed.name).symlink_to(installed)
    flow.touch("go")
    own = [entry for entry in sys.path if entry and "site-packages" not in entry]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*own, str(places)])}

    def command(executor: str) -> subprocess.CompletedProcess[str]:
        words = ["run", str(flow.file), "-x", executor]
        # Without ``site`` Python looks nowhere else.
        call = [sys.executable, "-S", "-m", "hookline", *words]
        return subprocess.run(call, cwd=flow.folder, env=environment, capture_output=True, text=True, check=False)

    refused = command("ray")
    assert refused.returncode == 2, refused.stderr
    assert "the executor 'ray' needs Ray, which is not installed\nhelp: pip install 'hookline[ray]'" in refused.stderr
    assert flow.executions() == []
    done = command("processes")
    assert done.returncode == 0, done.stderr
