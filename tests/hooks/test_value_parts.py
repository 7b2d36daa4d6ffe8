"""What plugins register for values: serializers, digests, secrets, load policies."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

import hookline
from forks import fork_hookline
from hookline.errors import HooklineError, PluginError, UsageError
from hookline.testing.command import CommandResult
from hookline.values.policy import is_allowed, set_load_policy
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

    def hookline_run(*options: str) -> CommandResult:
        return fork_hookline(["run", file, "-x", "processes", *options], site.project)

    token = () if given else ("--token", "vault:door")
    done = hookline_run(*token)
    assert done.code == 0, done.err
    refused = hookline_run(*token, "--no-plugins")
    assert refused.code in (2, 3)
    assert "a secret was given in the open" in refused.err


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


def test_what_a_plugin_file_registers_ends_where_there_are_no_plugins(site: Site) -> None:
    """The next project may have none at all."""
    site.local(SECRETS.format(1))
    site.load()
    assert hookline.Secret("vault:x").reveal() == "1 x"
    (site.project / "hookline_plugins.py").unlink()
    site.load()
    with pytest.raises(HooklineError, match="a secret was given in the open"):
        hookline.Secret("vault:x")


SERIALIZER = """
import threading

class Handle:
    def __init__(self):
        self.lock = threading.Lock()

class HandleSerializer:
    version, safe = {0}, True
    def dump(self, value): return b"{0}"
    def load(self, parts, version): return [version, int(bytes(parts[0]))]

class Policy:
    def allows(self, name, safe): return {0} == 1 or safe

@hookimpl
def register_serializers(register):
    register("handles", f"{{__name__}}:HandleSerializer", types=[f"{{__name__}}:Handle"])

@hookimpl
def register_load_policies(register):
    register("own", f"{{__name__}}:Policy")
"""

SECRETS = """
def read(where): return f"{0} {{where}}"

@hookimpl
def register_secrets(register): register("vault", f"{{__name__}}:read")
"""


def test_a_plugin_file_that_was_edited_brings_its_new_parts(site: Site) -> None:
    """A notebook goes on after an edit: names are the same, and what they name is not."""
    from hookline.values.encode import decode, encode_constant

    for number in (1, 2):
        site.local(SERIALIZER.format(number))
        site.load()
        set_load_policy("own")
        _, stored = encode_constant(sys.modules["hookline_plugins"].Handle())
        assert decode(stored) == [number, number]
        assert is_allowed("pickle") is (number == 1)


WAITING = """
import threading
from hookline import step, workflow
begun, go = threading.Event(), threading.Event()

@step(cache=False)
def wait():
    begun.set()
    assert go.wait(60)

@workflow
def flow():
    wait()
"""


def test_runs_whose_plugins_differ_about_values_are_not_made_at_once(site: Site) -> None:
    """Registries are the process's: the second is refused, and the first goes on with what it began with."""
    module = site.install("geo", PLUGIN)
    first, second = load_target(site.flow(WAITING)).workflow, load_target(site.flow(WAITING)).workflow
    ended: list[str] = []
    thread = threading.Thread(target=lambda: ended.append(hookline.run(first).status))
    thread.start()
    scope = first.fn.__globals__
    assert scope["begun"].wait(60)
    try:
        with pytest.raises(PluginError) as caught:
            hookline.run(second, without=["geo"])
        with pytest.raises(UsageError) as refused:
            set_load_policy("no-pickle")
    finally:
        scope["go"].set()
        thread.join()
    assert caught.value.message == (
        "a run goes on in this process whose plugins store, read or identify values in another way: "
        "'geo.handles', 'geo.models', 'geo.strict', 'vault'"
    )
    assert caught.value.help == "run one after the other, or each in a process of its own"
    assert refused.value.message == (
        "a run goes on in this process under the load policy 'any', and 'no-pickle' is asked for"
    )
    assert ended == ["completed"]
    assert module in sys.modules
    second.fn.__globals__["go"].set()
    assert hookline.run(second, without=["geo"]).status == "completed"
