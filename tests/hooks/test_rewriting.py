"""``rewrite_graph`` of installed and local plugins: what it is given, in runs and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import hookline
from cli.terminal import call
from hookline import Run
from hookline.engine import api
from hookline.errors import PluginError, UsageError
from hookline.worker.target import load_target
from hooks.site import Site

FLOW = """
from hookline import step, workflow

@step
def load(n: int) -> list[int]:
    return list(range(n))

@step(tags=["model"])
def train(x: int) -> int:
    return 10 * x

@step
def total(xs: list[int]) -> int:
    return sum(xs)

@step
def part(n: int) -> int:
    return total(train.map(x=load(n)))

@workflow
def flow(n: int = 3):
    return total(train.map(x=load(n))), part(2)
"""

DATA = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    least: int = 1

plugin = Plugin("data", settings=Settings)
seen = []

@step
def check(rows: list[int], least: int, most: int = 100) -> list[int]:
    return [row for row in rows if least <= row <= most]

@hookimpl
def rewrite_graph(graph, workflow, params, grown, settings):
    seen.append((workflow, dict(params), grown))
    for task in graph.tasks("load"):
        graph.insert_after(task, check, least=settings.least)
"""

LOCAL = """
FACTOR = 2

def doubled(call, /, **arguments):
    return FACTOR * call(**arguments)

@hookimpl
def rewrite_graph(graph):
    for task in graph.tasks(tag="model"):
        graph.wrap(task, doubled)
"""

PLAN = """\
▶  load                run        first run of this workflow
?  data:check@load     undecided  waits for 'load', which will run             [data]
?  train            ?  undecided  waits for 'data:check@load', which will run  [hookline_plugins]
?  total               undecided  waits for 'train', which will run
▶  part                run        first run of this workflow
data: inserted 'data:check@load' after 'load'
hookline_plugins: wrapped 'train' in 'doubled'
flow: 2 to run, 3 undecided; a map whose length is not known yet counts as one
"""


def run(site: Site, executor: str = "threads", **options: Any) -> Run:
    """Run the workflow of a file."""
    target = load_target(site.flow(FLOW))
    return hookline.run(target.workflow, {}, executor=executor, workers=2, **options)


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_plugins_rewrite_what_runs_on_every_executor(site: Site, executor: str) -> None:
    """Installed and local ones; functions of a plugin's module reach workers."""
    site.install("data", DATA)
    site.local(LOCAL)
    found = run(site, executor)
    assert found.result == (60, 20)
    assert "data:check@load" in found.tasks
    assert "part/data:check@load" in found.tasks


def test_an_implementation_is_given_names_parameters_and_what_grew(site: Site) -> None:
    """It takes what it names; the parameters can't be changed."""
    module = site.install("data", DATA)
    site.local("@hookimpl\ndef rewrite_graph(graph, params):\n    params['n'] = 5\n")
    with pytest.raises(PluginError) as caught:
        run(site)
    assert caught.value.message == (
        "the plugin 'hookline_plugins' failed in 'rewrite_graph' (hookline_plugins.py:6): "
        "TypeError: 'mappingproxy' object does not support item assignment"
    )
    assert run(site, without=["hookline_plugins"]).status == "completed"
    import sys

    seen = sys.modules[module].seen
    assert seen[-2:] == [("flow", {"n": 3}, None), ("flow", {"n": 3}, "part")]


PROJECT = """
seen = []

@hookimpl
def rewrite_graph(graph, grown, project):
    uri = project.sources["customers"]["uri"]
    seen.append((grown, project.root, project.env, project.store, uri, project.where("source.customers.uri")))
    for task in graph.tasks("load"):
        graph.give(task, n=len(uri))
"""

SOURCES = """
[tool.hookline.source.customers]
uri = "abc"
[tool.hookline.env.prod.source.customers]
uri = "abcd"
"""


def test_an_implementation_is_given_the_facts_of_the_project(site: Site) -> None:
    """In a run, where a step grew, in a plan, in a graph and when a run goes on: with the store and the environment."""
    module = site.install("facts", PROJECT)
    site.settings(SOURCES)
    first = run(site, env="prod", store=site.project / "team")
    assert first.result == (60, 60)
    target = load_target(site.flow(FLOW))
    assert run(site).result == (30, 30)
    api.plan(target.workflow, target=target)
    api.graph(target.workflow, target=target)
    hookline.resume(first.id, store=site.project / "team")
    import sys

    root = site.project.resolve()
    prod = (root, "prod", root / "team", "abcd", "pyproject.toml:5 (env prod)")
    base = (root, "", root / ".hookline", "abc", "pyproject.toml:3")
    seen = sys.modules[module].seen
    assert {facts[1:] for facts in seen} == {prod, base}
    assert {facts[0] for facts in seen if facts[1:] == prod} == {None, "part"}
    assert seen[:2] == [(None, *prod), ("part", *prod)]
    assert seen[-2:] == seen[:2]


def test_what_was_given_is_shown_and_recorded(site: Site) -> None:
    """By ``graph``, ``plan`` and the page of a run: the names of parameters, and no values."""
    site.install("facts", PROJECT)
    site.settings(SOURCES)
    flow = site.flow(FLOW)
    for command in (["graph", flow], ["plan", flow], ["run", flow, "--executor", "inline"], ["runs", "show", "last"]):
        shown = call(command, site.project)
        assert shown.code == 0, shown.err
        assert ("facts: gave n to 'load'" in shown.out) is (command[0] != "run")


def test_settings_of_a_step_hold_for_what_plugins_insert(site: Site) -> None:
    """What a plugin leaves open can be set, also without a default; that is not what takes the value, then."""
    site.install("data", DATA.replace(", least=settings.least)", ")"))
    site.settings("[tool.hookline.step.check]\nleast = 2\nmost = 5\n")
    found = run(site)
    assert found.load("data:check@load") == [2]
    assert found.load("part/data:check@load") == []
    site.settings("[tool.hookline.step.check]\nleast = 'two'\n")
    with pytest.raises(UsageError, match=r"^pyproject\.toml:2: "):
        run(site)


def test_one_option_switches_a_plugin_s_rewrites_off(site: Site) -> None:
    """In runs, plans and graphs; what does not depend on it is reused."""
    site.install("data", DATA)
    site.local(LOCAL)
    run(site)
    target = load_target(site.flow(FLOW))
    plain = api.graph(target.workflow, without=["data", "hookline_plugins"], target=target)
    assert [task.id for task in plain.tasks] == ["load", "train", "total", "part"]
    made = api.plan(target.workflow, without=["hookline_plugins"], target=target)
    assert [str(change) for change in made.changes][:1] == ["data: inserted 'data:check@load' after 'load'"]
    assert made.task("train").verdict.word == "run"
    assert made.task("data:check@load").verdict.word == "reuse"
    assert made.task("data:check@load").changes == made.changes[:1]
    found = run(site, without=["hookline_plugins"])
    assert found.result == (30, 10)
    assert found.tasks["data:check@load"].state == "reused"
    assert run(site).counts["completed"] == 0


def test_a_resumed_run_is_rewritten_by_the_plugins_that_it_had(site: Site) -> None:
    """One that was left out stays out."""
    site.install("data", DATA)
    site.local(LOCAL.replace("    return FACTOR", '    assert not os.path.exists("broken")\n    return FACTOR'))
    Path("broken").touch()
    failed = run(site, without=["data"])
    assert failed.status == "failed"
    Path("broken").unlink()
    resumed = hookline.resume(failed.id)
    assert resumed.result == (60, 20)
    assert not any("data:" in name for name in resumed.tasks)


def test_the_command_line_shows_who_did_what(site: Site) -> None:
    """In plan, graph, run and runs show; as JSON, too; --without hides it."""
    site.install("data", DATA)
    site.local(LOCAL)
    flow = Path(site.flow(FLOW)).name

    def told(*arguments: str) -> str:
        shown = call(arguments, site.project)
        assert shown.code == 0, shown.err
        return shown.out

    assert told("plan", flow) == PLAN
    document = json.loads(told("plan", flow, "--json"))
    assert document["rewrites"][0] == {
        "plugin": "data",
        "kind": "inserted",
        "text": "inserted 'data:check@load' after 'load'",
    }
    assert [task["rewrites"] for task in document["tasks"]][:2] == [[], document["rewrites"][:1]]
    assert json.loads(told("plan", flow, "--json", "--without", "data,hookline_plugins"))["rewrites"] == []
    assert "hookline_plugins: wrapped 'train' in 'doubled'\n" in told("graph", flow)
    assert "data:" not in told("graph", flow, "--without", "data")
    assert "5 tasks" in told("check", flow)
    assert "4 tasks" in told("check", flow, "--without", "data")
    told("run", flow)
    page = told("runs", "show", "last")
    assert "rewrites    data: inserted 'data:check@load' after 'load'\n" in page
    assert "data: inserted 'part/data:check@load' after 'part/load'\n" in page
    shown = json.loads(told("runs", "show", "last", "--json"))
    assert {each["plugin"] for each in shown["rewrites"]} == {"data", "hookline_plugins"}
    assert "first run" in told("why", "data:check@load")
    assert "first run" in told("why", "train:0")
    assert "data:check@load" in told("artifacts", "list", "last", "data:check@load")


def test_a_call_sets_arguments_of_a_step_that_a_plugin_inserts(site: Site) -> None:
    """It is looked for once plugins have had their say; what nobody brings is still an error."""
    site.install("data", DATA)
    found = run(site, step_arguments={"check.most": 1})
    assert found.load("data:check@load") == [1]
    with pytest.raises(hookline.UsageError, match=r"workflow 'flow' has no step 'chek'"):
        run(site, step_arguments={"chek.most": 1})
    with pytest.raises(hookline.UsageError, match=r"workflow 'flow' has no step 'check'"):
        run(site, step_arguments={"check.most": 1}, without=["data"])
