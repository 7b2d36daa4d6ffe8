"""Killing what a run on Ray consists of: workers, outposts, nodes, the gateway; the run comes to its result."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

import hookline
from chaos.test_driver_kills import is_alive
from engine.project import Project
from executors.ray.cluster import RayCluster
from hookline.executors.supervisor import descendants, processes, send
from hookline.model.states import Kind
from hookline.store import open_store
from hookline.store.ids import task_ids

KILLS = int(os.environ.get("HOOKLINE_RAY_KILLS", "5"))
SEED = int(os.environ.get("HOOKLINE_RAY_SEED", "2"))
"""With 2, five kills are of all four kinds."""
AT_LAST = 120.0
"""Seconds for what is awaited, however busy the machine."""

SOON = 15.0
"""Seconds in which all that belonged to a run is gone."""

PAUSE = 0.003 * KILLS
"""Seconds that a task takes, so that there is something to kill to the end."""

WIDTH, CHAINS, LENGTH = 700, 4, 100
TASKS = 2 * WIDTH + CHAINS * LENGTH + WIDTH // 4 + 25
FLOW = """
def said():
    now = attempt()
    note(f"{{now.task_id}} {{now.number}} {{time.time_ns() // 1000}} {{os.getpid()}}")
    time.sleep({pause})

@step
def grind(x: int) -> int:
    said()
    return x * 1000

@step
def pad(x: int) -> bytes:
    said()
    return bytes([x % 251]) * 6000

@step
def count(parts: list[bytes]) -> int:
    said()
    return sum(map(len, parts))

@step
def more(x: int) -> int:
    said()
    return x + 1

@step(cache=False)
def publish(x: int) -> int:
    said()
    return x

@step
def link(x: int) -> int:
    said()
    return x + 1

@step
def total(xs: list[int]) -> int:
    said()
    return sum(xs)

@workflow
def flow(width: int, chains: int, length: int):
    ground = more.map(x=grind.map(x=range(width)))
    ends = []
    for value in range(chains):
        for _ in range(length):
            value = link(value)
        ends.append(value)
    published = publish.map(x=range(width // 4))
    return total(ground), total(published), ends, count(pad.map(x=range(20)))
"""
EXPECTED = (
    sum(x * 1000 + 1 for x in range(WIDTH)),
    sum(range(WIDTH // 4)),
    [value + LENGTH for value in range(CHAINS)],
    20 * 6000,
)


class Ordeal:
    """A run on a cluster of three nodes, of which this or that is killed.

    Args:
        flow: The project.
        cluster: The cluster.
        seed: Of what happens by chance.
    """

    def __init__(self, flow: Project, cluster: RayCluster, seed: int) -> None:
        self.flow = flow
        self.cluster = cluster
        self.chance = random.Random(seed)
        self.nodes = [cluster.add_node(cpus=1)]
        self.coming = threading.Thread(target=self.add_node)
        self.coming.start()
        numbers = (WIDTH, CHAINS, LENGTH)
        given = [f"--{name}={number}" for name, number in zip(("width", "chains", "length"), numbers, strict=True)]
        self.start("run", str(flow.file), *given)

    def start(self, *command: str) -> None:
        """Start a driver."""
        words = [*command, "-x", "ray", "--ray-address", self.cluster.address]
        with (self.flow.folder / "said").open("a") as said:
            self.driver = subprocess.Popen(
                [sys.executable, "-m", "hookline", *words], cwd=self.flow.folder, stdout=said, stderr=said
            )

    def said(self) -> str:
        """All that drivers have written."""
        return (self.flow.folder / "said").read_text()

    def lines(self) -> list[list[str]]:
        """Task, attempt, time in microseconds and process of each execution, as they began."""
        log = self.flow.folder / "executions"
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def wait_for(self, condition: Callable[[], object], within: float = AT_LAST) -> None:
        """Wait for something that happens elsewhere."""
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, self.said()
            threading.Event().wait(0.01)

    def go_on(self, count: int) -> None:
        """Wait until so many executions more have begun, or the run has ended."""
        count += len(self.lines())
        self.wait_for(lambda: len(self.lines()) >= count or self.driver.poll() is not None)
        threading.Event().wait(self.chance.random() * 0.05)

    def kill(self, what: str) -> None:
        """Kill something, by chance, as soon as there is any."""
        act: Callable[[], bool] = getattr(self, f"kill_{what}")
        self.wait_for(lambda: self.driver.poll() is not None or act())
        assert self.driver.poll() is None, self.said()

    def kill_worker(self) -> bool:
        """Kill a process in which steps have run lately."""
        return self._kill([pid for pid in {int(line[3]) for line in self.lines()[-20:]} if is_alive(pid)])

    def kill_outpost(self) -> bool:
        """Kill a process of Ray's that has a worker."""
        return self._kill(outposts())

    def kill_node(self) -> bool:
        """Have a node die, and another one come by and by."""
        self.coming.join()
        self.cluster.remove_node(self.nodes.pop(self.chance.randrange(len(self.nodes))))
        self.coming = threading.Thread(target=self.add_node)
        self.coming.start()
        return True

    def add_node(self) -> None:
        """Add a node, which takes seconds."""
        self.nodes.append(self.cluster.add_node(cpus=1))

    def kill_gateway(self) -> bool:
        """Kill the driver's connection to Ray: the run is interrupted, and is resumed."""
        under = descendants(processes(), self.driver.pid)
        if not self._kill([pid for pid in under if b"hookline.executors.ray.gateway" in command_line(pid)]):
            return False
        self.wait_for(lambda: self.driver.poll() is not None)
        assert self.driver.returncode == 7, self.said()
        assert "the process that was connected to Ray is gone: killed by signal 9 (SIGKILL)" in self.said()
        self.start("resume", "last")
        return True

    def _kill(self, candidates: list[int]) -> bool:
        if candidates:
            send(self.chance.choice(sorted(candidates)), signal.SIGKILL)
        return bool(candidates)

    def check(self) -> None:
        """Every task has one good outcome, which came of its last execution; nothing is left but the cluster."""
        self.wait_for(lambda: self.driver.poll() is not None)
        assert self.driver.returncode == 0, self.said()
        run = hookline.open_store(self.flow.folder / ".hookline").run("last")
        assert run.result == EXPECTED
        last: dict[str, list[str]] = {line[0]: line for line in self.lines()}
        with open_store(self.flow.folder / ".hookline") as store:
            nodes = list(store.nodes(run.id))
            ids, shapes = task_ids(nodes), {node.node: node.shape for node in nodes}
            good = defaultdict(list)
            for row in store.attempts(run.id):
                if Kind(row.kind).succeeded:
                    name = f"{ids[row.node]}[{row.item}]" if shapes[row.node] else ids[row.node]
                    good[name].append(row)
        assert len(good) == len(last)
        for name, (_, number, at, _) in last.items():
            (row,) = good[name]
            assert row.attempt == int(number), name
            assert row.started_us <= int(at) <= row.started_us + row.duration_us, name
        assert not any(is_alive(int(line[3])) for line in self.lines())
        self.coming.join()
        self.wait_for(lambda: not outposts() and self.cluster.free().get("CPU") == 4.0, SOON)


def command_line(pid: int) -> bytes:
    """Give what a process was started with."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def outposts() -> list[int]:
    """List the processes of Ray's below this one that serve a driver."""
    return [pid for pid in descendants(processes(), os.getpid()) if command_line(pid).startswith(b"ray::Outpost")]


@pytest.mark.chaos
@pytest.mark.usefixtures("plain_ray")
def test_whatever_is_killed_a_run_on_ray_comes_to_its_result(tmp_path: Path) -> None:
    """Nothing recorded is done again, each task has one outcome, and no process stays behind."""
    with RayCluster(cpus=2) as cluster:
        ordeal = Ordeal(Project(tmp_path, FLOW.format(pause=PAUSE)), cluster, SEED)
        kinds: list[str] = []
        try:
            for _ in range(KILLS):
                if not kinds:
                    kinds = [*("worker", "outpost") * 3, "node", "gateway"]
                    ordeal.chance.shuffle(kinds)
                ordeal.go_on(2 * TASKS // (3 * KILLS))
                ordeal.kill(kinds.pop())
            ordeal.check()
        finally:
            ordeal.coming.join()
            ordeal.driver.kill()
            ordeal.driver.wait()
