"""What the command line says of executors whose places come and go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Shown

Command = Callable[..., Shown]

PLUGIN = """
from hookline import Gone, Lost, Places, Started, Traits, hookimpl

class Cluster:
    traits = Traits(kills=True, remote=True, shares_memory=False)

    def __init__(self, workers=None):
        pass

    def start(self, run, deliver):
        self.deliver = deliver
        deliver(Places("cluster", 3, 8, 5))

    def capacity(self):
        return 8

    def submit(self, batch):
        self.deliver(Started(batch.number, 0))
        self.deliver(Gone("the cluster at 'head:6379' was lost", "see that its head runs"))

    def cancel(self, batches, grace):
        for number in batches:
            self.deliver(Lost(number, 0, "the cluster was lost", cancelled=True))

    def close(self, grace):
        pass

@hookimpl
def register_executors(register):
    register("cluster", Cluster)
"""

FLOW = """
from hookline import step, workflow

@step
def load(x: int) -> int:
    return x

@workflow
def flow():
    return load(1)
"""


@pytest.fixture
def project(project: Path) -> Path:
    (project / "hookline_plugins.py").write_text(PLUGIN)
    (project / "flow.py").write_text(FLOW)
    return project


@pytest.mark.integration
def test_a_lost_cluster_is_told_with_what_to_do(project: Path, run_command: Command) -> None:
    """The reason, its remedy, exit code 7 and the command that goes on; ``runs show`` repeats it, and that works."""
    shown = run_command(["run", "flow.py", "-x", "cluster", "--json"], project)
    assert shown.code == 7
    lines = shown.err.splitlines()
    assert "  cluster: 3 nodes, 8 slots" in lines
    at = lines.index("the cluster at 'head:6379' was lost")
    assert "interrupted in" in lines[at - 1]
    assert lines[at + 1 :] == ["help: see that its head runs", "hookline resume last"]
    told = json.loads(shown.out)
    error = "the cluster at 'head:6379' was lost\nhelp: see that its head runs"
    assert (told["status"], told["error"], told["exit_code"]) == ("interrupted", error, 7)
    assert told["failures"] == []

    shown = run_command(["runs", "show", "last"], project)
    assert "error       the cluster at 'head:6379' was lost help: see that its head runs" in shown.out
    shown = run_command(["runs", "show", "last", "--json"], project)
    assert json.loads(shown.out)["error"] == error

    shown = run_command(["resume", "last", "-x", "threads", "--quiet"], project)
    assert (shown.code, shown.out, shown.err) == (0, "1\n", "")
    shown = run_command(["runs", "show", "last", "--json"], project)
    assert json.loads(shown.out)["error"] is None


@pytest.mark.integration
def test_wrong_addresses_are_usage_errors(project: Path, run_command: Command) -> None:
    """Of both commands that run something."""
    run_command(["run", "flow.py", "-x", "cluster"], project)
    for command in (["run", "flow.py"], ["resume"]):
        shown = run_command([*command, "--ray-address", "ray://head:10001"], project)
        assert shown.code == 2
        assert "ray.address takes 'HOST:PORT', 'auto' or 'local', not 'ray://head:10001'" in shown.err


@pytest.mark.integration
def test_without_ray_nothing_is_run_with_it(project: Path, run_command: Command) -> None:
    """The error says what to install, and its exit code is that of a wrong option."""
    (project / "hookline_plugins.py").write_text("import sys\nsys.modules['ray'] = None  # as if it were not there\n")
    shown = run_command(["run", "flow.py", "-x", "ray"], project)
    assert shown.code == 2
    assert shown.err == (
        "error: the executor 'ray' needs Ray, which is not installed\nhelp: pip install 'hookline[ray]'\n"
    )
