"""Whatever plugins do with a secret, its value is in no error, no warning, and no byte of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from forks import fork_hookline
from hooks.site import Site

VALUE = "canary-of-the-vault"

PLUGIN = """
from dataclasses import dataclass
from hookline import Secret

@dataclass(frozen=True)
class Settings:
    token: Secret[str]
    at: str = ""

plugin = Plugin("leaky", settings=Settings)

def leak(settings, here):
    if settings.at == here:
        raise ValueError("token " + settings.token.reveal())

@hookimpl
def rewrite_graph(graph, settings):
    leak(settings, "rewrite_graph")
    for task in graph.tasks(step="double"):
        graph.set_options(task, tags=[settings.token.reveal()])

@hookimpl
def plan_made(plan, settings):
    leak(settings, "plan_made")
    if settings.at == "veto":
        raise Veto("token " + settings.token.reveal())

@hookimpl
def worker_started(worker, settings):
    leak(settings, "worker_started")
    yield
    leak(settings, "the end of worker_started")

@hookimpl
def around_attempt(attempt, settings):
    token = settings.token.reveal()
    attempt.metadata[token] = token
    leak(settings, "around_attempt")
    yield
    leak(settings, "the end of around_attempt")

@hookimpl
def task_finished(task, settings):
    leak(settings, "task_finished")

@hookimpl
def run_finished(run, settings):
    leak(settings, "run_finished")
"""

PLACES = [
    "rewrite_graph",
    "plan_made",
    "veto",
    "worker_started",
    "the end of worker_started",
    "around_attempt",
    "the end of around_attempt",
    "task_finished",
    "run_finished",
]


def hookline_says(*arguments: str) -> str:
    """Give all that a command writes."""
    done = fork_hookline(arguments, Path.cwd())
    return done.out + done.err


@pytest.mark.parametrize("at", PLACES)
def test_a_secret_that_a_plugin_tells_is_masked(site: Site, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """In names and values of metadata, in changes of the graph, and in whatever it raises, wherever it does."""
    monkeypatch.setenv("LEAKY", VALUE)
    site.install("leaky", PLUGIN)
    site.settings(f'[tool.hookline.plugin.leaky]\ntoken = "env:LEAKY"\nat = "{at}"\n')
    executor = "inline" if "worker" in at else "processes"  # a worker process says nothing at its end
    said = hookline_says("run", site.flow(), "-x", executor, "--debug")
    assert "token ***" in said
    said += hookline_says("runs", "show", "last") + hookline_says("runs", "show", "last", "--json")
    assert VALUE not in said
    assert "tags=['***']" in said or at in ("rewrite_graph", "plan_made", "veto")
    stored = [file for file in Path(".hookline").rglob("*") if file.is_file()]
    assert not [file for file in stored if VALUE.encode() in file.read_bytes()]
