"""What plugins register for values: serializers, digests, secrets, load policies."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hookline
from hookline.errors import HooklineError, PluginError
from hookline.values.policy import set_load_policy
from hookline.worker.target import load_target
from hooks.site import Site

PLUGIN = """
import threading

class Handle:
    def __init__(self, number):
        self.number, self.lock = number, threading.Lock()

class HandleSerializer:
    version, safe = 1, True
    def dump(self, value): return str(value.number).encode()
    def load(self, parts, version): return Handle(int(bytes(parts[0])))

class Model:
    def __init__(self, weight, moment):
        self.weight, self.moment = weight, moment

class ModelDigest:
    version = 1
    def canonical(self, value): return str(value.weight).encode()

class Strict:
    def allows(self, name, safe): return name == "geo.handles"

def read(where): return "opened " + where

@hookimpl
def register_serializers(register):
    register("handles", f"{__name__}:HandleSerializer", types=[f"{__name__}:Handle"])

@hookimpl
def register_digests(register):
    register("models", f"{__name__}:ModelDigest", types=[f"{__name__}:Model"])

@hookimpl
def register_secrets(register):
    register("vault", f"{__name__}:read")

@hookimpl
def register_load_policies(register):
    register("geo.strict", f"{__name__}:Strict")
"""

FLOW = """
import time
from hookline import Secret, step, workflow
import MODULE as geo

@step
def make(token: Secret[str]):
    assert token.reveal() == "opened door"
    return geo.Handle(7)

@step(cache=False)
def train(handle):
    return handle.number

@step
def model(number: int):
    return number

@workflow
def flow(token: Secret[str] = Secret("vault:door")):
    return model(train(make(token)))
"""


@pytest.fixture(autouse=True)
def _any_policy() -> object:
    yield
    set_load_policy("any")


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_plugins_register_for_values_holds_on_every_executor(site: Site, executor: str) -> None:
    """In the driver and in each worker: values are stored and loaded, secrets read, the policy kept."""
    module = site.install("geo", PLUGIN)
    site.settings('[tool.hookline]\nload_policy = "geo.strict"')
    target = load_target(site.flow(FLOW.replace("MODULE", module)))
    run = hookline.run(target.workflow, executor=executor)
    assert run.status == "completed", [run.tasks[name].error for name in run.tasks]


@pytest.mark.parametrize("given", ["", '= Secret("vault:door")'])
def test_a_command_line_names_secrets_at_a_plugins_place(site: Site, given: str) -> None:
    """Whether the file has it as a default or the command line gives it: both are read before the run is set up."""
    module = site.install("geo", PLUGIN)
    file = site.flow(FLOW.replace("MODULE", module).replace('= Secret("vault:door")', given))

    def hookline_run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hookline", "run", file, "-x", "processes", *options]
        return subprocess.run(command, cwd=site.project, capture_output=True, text=True, check=False)

    token = () if given else ("--token", "vault:door")
    done = hookline_run(*token)
    assert done.returncode == 0, done.stderr
    refused = hookline_run(*token, "--no-plugins")
    assert refused.returncode in (2, 3)
    assert "a secret was given in the open" in refused.stderr


def test_whoever_reads_a_store_loads_plugins_when_a_value_needs_one(site: Site) -> None:
    """Nothing of a plugin is imported to find a run; a value of its serializer brings it in."""
    module = site.install("geo", PLUGIN + "\nprint('geo is imported')\n")
    file = site.flow(FLOW.replace("MODULE", module))
    assert hookline.run(load_target(file).workflow, {"token": "vault:door"}).status == "completed"

    code = "import hookline; run = hookline.open_store('.hookline').run(); print('listed'); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(run.load('make').number)"],
        cwd=site.project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:3] == ["listed", "geo is imported", "7"]


def test_two_plugins_for_one_type_are_refused(site: Site) -> None:
    """With both names, before anything runs."""
    code = "@hookimpl\ndef register_serializers(register): register('x', 'm:f', types=['lib:Thing'])"
    site.install("one", code.format("one"))
    site.install("two", code.format("two"))
    with pytest.raises(PluginError) as caught:
        site.load()
    assert caught.value.message == (
        "the type 'lib:Thing' has two serializers: 'one.x' of acme-one 1.0 and 'two.x' of acme-two 1.0"
    )


def test_what_one_project_registers_does_not_hold_in_the_next(site: Site) -> None:
    """One process may drive runs of several projects."""
    site.install("geo", PLUGIN)
    site.load()
    assert hookline.Secret("vault:x").reveal() == "opened x"
    site.load("geo")
    with pytest.raises(HooklineError, match="a secret was given in the open"):
        hookline.Secret("vault:x")
