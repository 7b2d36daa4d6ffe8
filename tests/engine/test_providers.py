"""Providers in runs: opened in workers when first needed, closed with them; their code and arguments are in the key."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.project import Project
from hookline.engine import api
from hookline.errors import UsageError, WorkflowError

Make = Callable[[str], Project]
EXECUTORS = ["inline", "threads", "processes"]
IN_THIS_PROCESS = ["inline", "threads"]

WAREHOUSE = """
import sqlite3, threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated
from hookline import Secret, provider

def here():
    return f"{os.getpid()} {threading.get_ident()}"

@provider
def warehouse(url: str = ":memory:", unit: int = 1) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(url, uri=True)
    db.execute("create table if not exists unit (size int)")
    db.execute("insert into unit values (?)", (unit,))
    note(f"open {here()}")
    yield db
    db.close()
    note(f"close {here()}")

@step
def measure(x: int, db: Annotated[sqlite3.Connection, warehouse] = warehouse.default) -> int:
    note(f"use {here()}")
    return x * db.execute("select max(size) from unit").fetchone()[0]

@workflow
def flow(n: int = 20):
    return measure.map(x=list(range(n)))
"""


def by_word(flow: Project) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for line in flow.executions():
        word, _, place = line.partition(" ")
        found.setdefault(word, Counter())[place] += 1
    return found


@pytest.mark.parametrize("executor", EXECUTORS)
def test_each_worker_opens_one_connection_and_closes_it_in_the_thread_that_opened_it(
    project: Make, executor: str
) -> None:
    """SQLite would refuse another thread."""
    flow = project(WAREHOUSE)
    run = flow.run(executor, providers={"warehouse": {"unit": 3}})
    assert run.result == [3 * x for x in range(20)]
    said = by_word(flow)
    assert said["open"] == said["close"] == dict.fromkeys(said["use"], 1)


@pytest.mark.parametrize("executor", IN_THIS_PROCESS)
def test_what_is_thread_safe_is_opened_once_in_a_process(project: Make, executor: str) -> None:
    flow = project(
        """
from collections.abc import Iterator
from typing import Annotated
from hookline import provider
import threading

met = threading.Barrier(2)

@provider(thread_safe=True)
def model() -> Iterator[dict]:
    note("open")
    yield {"factor": 2}
    note("close")

@step
def predict(x: int, together: bool, model: Annotated[dict, model]) -> int:
    if together:
        met.wait(30)
    return x * model["factor"]

@workflow
def flow(together: bool):
    return predict.partial(together=together).map(x=[1, 2])
"""
    )
    assert flow.run(executor, together=executor == "threads").result == [2, 4]
    assert flow.executions() == ["open", "close"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_an_attempt_has_to_itself_sees_how_it_ended(project: Make, executor: str) -> None:
    """A transaction is committed when the step is done and rolled back when it failed."""
    flow = project(
        WAREHOUSE
        + """
@provider(scope="attempt")
def transaction(db: Annotated[sqlite3.Connection, warehouse]) -> Iterator[sqlite3.Connection]:
    with db:
        yield db

@step(retries=1, cache=False)
def insert(size: int, db: Annotated[sqlite3.Connection, transaction]) -> int:
    db.execute("insert into unit values (?)", (size,))
    if attempt().number == 1:
        raise ValueError("again")
    return size

@workflow
def flow():
    return insert(7)
"""
    )
    place = f"file:{flow.folder}/units.db"
    assert flow.run(executor, providers={"warehouse": {"url": place}}).result == 7
    import sqlite3

    with sqlite3.connect(place, uri=True) as db:
        assert [size for (size,) in db.execute("select size from unit where size = 7")] == [7]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_async_steps_share_what_their_loop_opened(project: Make, executor: str) -> None:
    """Both an async provider and a plain one, closed in the loop's thread before the loop ends."""
    flow = project(
        WAREHOUSE
        + """
import asyncio

@provider
async def client(db: Annotated[sqlite3.Connection, warehouse], greeting: str = "hello") -> AsyncIterator[str]:
    await asyncio.sleep(0)
    note(f"open-client {here()}")
    yield greeting
    await asyncio.sleep(0)
    note(f"close-client {here()}")

@step
async def greet(x: int, api: Annotated[str, client], db: Annotated[sqlite3.Connection, warehouse]) -> str:
    await asyncio.sleep(0)
    return f"{api} {db.execute('select ?', (x,)).fetchone()[0]}"

@workflow
def flow():
    return greet.map(x=list(range(10)))
"""
    )
    run = flow.run(executor, workers=1, providers={"client": {"greeting": "hi"}})
    assert run.result == [f"hi {x}" for x in range(10)]
    said = flow.executions()
    assert [line.partition(" ")[0] for line in said] == ["open", "open-client", "close-client", "close"]
    assert len({line.partition(" ")[2] for line in said}) == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_steps_that_grow_and_those_that_they_call_have_providers(project: Make, executor: str) -> None:
    flow = project(
        WAREHOUSE
        + """
@step
def spread(n: int, db: Annotated[sqlite3.Connection, warehouse]) -> list[int]:
    return measure.map(x=list(range(n + db.execute("select max(size) from unit").fetchone()[0])))

@workflow
def flow():
    return spread(2)
"""
    )
    assert flow.run(executor, providers={"warehouse": {"unit": 2}}).result == [0, 2, 4, 6]
    again = flow.run(executor, providers={"warehouse": {"unit": 2}})
    assert again.counts["completed"] == 0
    assert flow.run(executor, providers={"warehouse": {"unit": 3}}).result == [0, 3, 6, 9, 12]


def test_arguments_of_what_only_grown_steps_need_are_checked_when_it_grows(project: Make) -> None:
    flow = project(
        WAREHOUSE
        + """
@step
def spread(n: int) -> list[int]:
    return measure.map(x=list(range(n)))

@workflow
def flow():
    return spread(2)
"""
    )
    run = flow.run(providers={"warehouse": {"unti": 2}})
    assert run.tasks["spread"].error == (
        "UsageError: the provider 'warehouse' has no argument 'unti'; did you mean 'unit'?\n"
        "help: its arguments are url, unit; set them in [tool.hookline.provider.warehouse]"
    )


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_unchanged_provider_opens_nothing_where_all_is_reused(project: Make, executor: str) -> None:
    flow = project(WAREHOUSE)
    flow.run(executor)
    flow.executions()
    assert flow.run(executor).counts["reused"] == 20
    assert flow.executions() == []


def test_the_key_counts_a_providers_arguments_and_a_why_names_them(project: Make) -> None:
    flow = project(WAREHOUSE)
    flow.run("inline", providers={"warehouse": {"unit": 2}})
    run = flow.run("inline", providers={"warehouse": {"unit": 3}})
    assert run.result[1] == 3
    assert run.why("measure") == "ran: provider 'warehouse' changed: argument 'unit' from 2 to 3"
    assert flow.run("inline", providers={"warehouse": {"unit": 2}}).counts["reused"] == 20
    run = flow.run("inline")
    assert run.why("measure") == "ran: provider 'warehouse' changed: argument 'unit' is not given any more"
    target = flow.target
    planned = api.plan(target.workflow, target=target, providers={"warehouse": {"unit": 5}})
    assert [task.why for task in planned] == ["provider 'warehouse' changed: argument 'unit' is given now (5)"]


def test_the_key_counts_a_providers_code_and_a_why_names_the_line(project: Make) -> None:
    flow = project(WAREHOUSE)
    flow.run("inline")
    flow.edit('"insert into unit values (?)"', '"insert into unit values (2 * ?)"')
    run = flow.run("inline")
    assert run.result[1] == 2
    assert "provider 'warehouse' changed: its code" in run.why("measure")
    assert '`db.execute("insert into unit values (?)", (unit,))` -> ' in run.why("measure")
    flow.edit("    db.close()\n", "    # The end.\n    db.close()\n")
    assert flow.run("inline").counts["reused"] == 20


def test_the_key_counts_what_a_provider_needs_that_was_made_without_a_decorator(project: Make) -> None:
    code = """
from collections.abc import Iterator
from typing import Annotated
from hookline import provider

def number() -> Iterator[int]:
    yield 1

numbers = provider(number)

def double(x: Annotated[int, numbers]) -> Iterator[int]:
    yield 2 * x

doubles = provider(double)

@step
def give(x: Annotated[int, doubles]) -> int:
    return x

@workflow
def flow():
    return give()
"""
    flow = project(code)
    assert flow.run("inline").result == 2
    flow.edit("yield 1", "yield 5")
    run = flow.run("inline")
    assert run.result == 10
    assert run.why("give") == "ran: provider 'number' changed: its code; provider 'double' changed: its code"


def test_a_secret_is_no_part_of_the_key_and_stays_out_of_the_store(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers get its place, and read the value where they open the provider."""
    monkeypatch.setenv("FIRST_TOKEN", "not-for-everyone")
    monkeypatch.setenv("SECOND_TOKEN", "not-for-anyone")
    flow = project(
        """
from collections.abc import Iterator
from typing import Annotated
from hookline import Secret, provider

@provider
def client(token: Secret[str], size: int = 1) -> Iterator[str]:
    value = token.reveal()
    print("opened with", value)
    yield value

@step
def ask(api: Annotated[str, client]) -> int:
    return len(api)

@workflow
def flow():
    return ask()
"""
    )
    run = flow.run("processes", providers={"client": {"token": "env:FIRST_TOKEN"}})
    assert run.result == len("not-for-everyone")
    assert flow.run(providers={"client": {"token": "env:SECOND_TOKEN"}}).counts["reused"] == 1
    for file in (flow.folder / ".hookline").rglob("*"):
        assert not file.is_file() or b"not-for-everyone" not in file.read_bytes()


def test_the_project_file_gives_arguments_and_a_call_goes_before_it(project: Make) -> None:
    """Environments are laid over the file; relative paths in it start at the project's folder."""
    flow = project(
        WAREHOUSE
        + """
@provider
def model(weights: Path, factor: int = 1) -> Iterator[int]:
    yield int(weights.read_text()) * factor

@step
def predict(x: int, model: Annotated[int, model]) -> int:
    return x * model

@workflow
def flow():
    return predict(10)
"""
    )
    (flow.folder / "weights").write_text("4")
    (flow.folder / "pyproject.toml").write_text(
        """
[tool.hookline.provider.model]
weights = "weights"
factor = 2

[tool.hookline.env.prod.provider.model]
factor = 3
"""
    )
    assert flow.run("processes").result == 80
    target = flow.target
    assert api.run(target.workflow, env="prod", target=target, executor="inline").result == 120
    assert flow.run("inline", providers={"model": {"factor": 5}}).result == 200
    (flow.folder / "weights").write_text("6")
    run = flow.run("inline")
    assert run.result == 120
    assert run.why("predict").startswith("ran: provider 'model' changed: argument 'weights' (")
    (flow.folder / "pyproject.toml").write_text('[tool.hookline.provider.model]\nweights = "weights"\nfaktor = 2\n')
    with pytest.raises(UsageError) as caught:
        flow.run("inline")
    assert str(caught.value) == (
        f"{flow.folder / 'pyproject.toml'}:3: the provider 'model' has no argument 'faktor'; did you mean 'factor'?\n"
        "help: its arguments are weights, factor; set them in [tool.hookline.provider.model]"
    )


def test_a_resumed_run_has_the_arguments_that_it_was_started_with(project: Make) -> None:
    """Unless it is given others."""
    flow = project(
        WAREHOUSE
        + """
@step
def fail(x: list[int], db: Annotated[sqlite3.Connection, warehouse]) -> int:
    if there("broken"):
        raise ValueError("broken")
    return sum(x) * db.execute("select max(size) from unit").fetchone()[0]

@workflow
def flow():
    return fail(measure.map(x=[1, 2]))
"""
    )
    flow.touch("broken")
    run = flow.run("inline", providers={"warehouse": {"unit": 2}})
    assert run.status == "failed"
    flow.remove("broken")
    assert flow.resume(run.id).result == 12
    flow.touch("broken")
    run = flow.run("inline", providers={"warehouse": {"unit": 3}}, fresh=True)
    flow.remove("broken")
    assert flow.resume(run.id, providers={"warehouse": {"unit": 5}}).result == 75


def test_arguments_that_are_not_given_by_name_are_told(project: Make) -> None:
    with pytest.raises(UsageError) as caught:
        project(WAREHOUSE).run(providers={"warehouse": 3})
    assert str(caught.value) == (
        "the provider 'warehouse' is given 3, which is no mapping\n"
        'help: give its arguments by name: providers={"warehouse": {"name": value}}'
    )


BAD: list[tuple[dict[str, dict[str, object]], str]] = [
    (
        {"warehouse": {"unti": 1}},
        (
            "the provider 'warehouse' has no argument 'unti'; did you mean 'unit'?\n"
            "help: its arguments are url, unit; set them in [tool.hookline.provider.warehouse]"
        ),
    ),
    (
        {"warehouse": {"unit": "many"}},
        (
            "the provider 'warehouse' takes a whole number as 'unit', not 'many'\n"
            "help: its arguments are url, unit; set them in [tool.hookline.provider.warehouse]"
        ),
    ),
    (
        {"warehouse": {"unit": "many", "size": 1}},
        (
            "providers can't be opened\n"
            "  - the provider 'warehouse' takes a whole number as 'unit', not 'many'\n"
            "  - the provider 'warehouse' has no argument 'size'\n"
            "help: its arguments are url, unit; set them in [tool.hookline.provider.warehouse]"
        ),
    ),
]


@pytest.mark.parametrize(("given", "told"), BAD)
def test_wrong_arguments_are_told_before_anything_runs(
    project: Make, given: dict[str, dict[str, object]], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        project(WAREHOUSE).run(providers=given)
    assert str(caught.value) == told


CLIENT = """
from collections.abc import Iterator
from typing import Annotated
from hookline import Secret, provider

@provider
def base() -> Iterator[int]:
    yield 1

@provider
def client(token: Secret[str], base: Annotated[int, base]) -> Iterator[int]:
    yield 1

@step
def ask(api: Annotated[int, client]) -> int:
    return api

@workflow
def flow():
    return ask()
"""

BAD_CLIENT: list[tuple[dict[str, dict[str, object]], str]] = [
    ({}, "the provider 'client' lacks the argument 'token'"),
    (
        {"clint": {"token": "env:A"}},
        (
            "the provider 'client' lacks the argument 'token'; there are arguments for a provider of another name; did "
            "you mean 'clint'?"
        ),
    ),
    (
        {"client": {"token": "not-for-everyone"}},
        (
            "the provider 'client' takes a secret's place (env:NAME or file:/path) as 'token', not what is given (a "
            "secret was given in the open)"
        ),
    ),
    (
        {"client": {"token": "env:A", "base": 2}},
        "the provider 'client' is given 'base', which the provider 'base' opens",
    ),
]


@pytest.mark.parametrize(("given", "told"), BAD_CLIENT)
def test_wrong_arguments_of_a_provider_that_needs_some_are_told(
    project: Make, given: dict[str, dict[str, object]], told: str
) -> None:
    """A secret in the open is not repeated."""
    with pytest.raises(UsageError) as caught:
        project(CLIENT).run(providers=given)
    assert str(caught.value) == (f"{told}\nhelp: its arguments are token; set them in [tool.hookline.provider.client]")


def test_two_providers_of_one_name_are_told(project: Make) -> None:
    flow = project(
        CLIENT.replace("def base()", "def other()")
        .replace("@provider\ndef other", '@provider(name="client")\ndef other')
        .replace("Annotated[int, base]", "Annotated[int, other]")
    )
    with pytest.raises(UsageError) as caught:
        flow.run(providers={"client": {}})
    assert "two providers have the name 'client' (" in str(caught.value)
    assert "give one of them another: @provider(name=…)" in str(caught.value)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_provider_that_can_not_be_opened_fails_the_task_as_what_it_raised(project: Make, executor: str) -> None:
    """With retries for what it raised; the message names provider and step."""
    flow = project(WAREHOUSE.replace("@step\n", "@step(retries=1, retry_on=sqlite3.OperationalError)\n"))
    run = flow.run(executor, n=1, providers={"warehouse": {"url": "/nowhere/at/all.db"}})
    task = run.tasks["measure"]
    assert task.error == (
        "sqlite3.OperationalError: the provider 'warehouse' could not be opened for the step 'measure': "
        "unable to open database file"
    )
    assert len(flow.attempts(run)) == 2


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_provider_that_can_not_be_closed_breaks_nothing(project: Make, executor: str) -> None:
    flow = project(WAREHOUSE.replace("    db.close()\n", "    raise OSError('stays open')\n"))
    assert flow.run(executor).status == "completed"
    assert "close" not in by_word(flow)


@pytest.mark.integration
def test_code_without_a_file_takes_its_providers_to_worker_processes(tmp_path: Path) -> None:
    """What is typed or piped into Python travels by value, with the providers that it asks for."""
    head = "import os\ndef note(text): pass\nfrom hookline import step, workflow\n"
    end = """
import hookline
print(hookline.run(flow, {"n": 3}, executor="processes", providers={"warehouse": {"unit": 2}}, store="store").result)
"""
    done = subprocess.run(
        [sys.executable, "-"], input=head + WAREHOUSE + end, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[0, 2, 4]\n"


@pytest.mark.parametrize("executor", IN_THIS_PROCESS)
def test_a_replaced_provider_serves_runs_of_tests_and_leaves_nothing_to_reuse(project: Make, executor: str) -> None:
    flow = project(WAREHOUSE)
    target = flow.target
    module = target.workflow.fn.__globals__

    class Fake:
        def execute(self, _: str) -> Fake:
            return self

        def fetchone(self) -> tuple[int]:
            return (10,)

    with module["warehouse"].replaced_by(Fake()):
        run = api.run(target.workflow, {"n": 3}, executor=executor, target=target)
        assert run.result == [0, 10, 20]
        assert run.why("measure") == "ran: its code can't be compared: the provider 'warehouse' is replaced"
    run = api.run(target.workflow, {"n": 3}, executor=executor, target=target)
    assert run.counts["completed"] == 3
    assert run.result == [0, 1, 2]


def test_a_replaced_provider_is_refused_where_workers_are_other_processes(project: Make) -> None:
    target = project(WAREHOUSE).target
    with target.workflow.fn.__globals__["warehouse"].replaced_by(1), pytest.raises(WorkflowError) as caught:
        api.run(target.workflow, executor="processes", target=target)
    assert str(caught.value) == (
        "the provider 'warehouse' of the step 'measure' is replaced, which worker processes do not see\n"
        "help: run it with the executor 'inline' or 'threads'"
    )


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_that_returns_what_was_opened_is_told_that_it_can_not_be_stored(project: Make, executor: str) -> None:
    flow = project(
        WAREHOUSE
        + """
@step
def leak(db: Annotated[sqlite3.Connection, warehouse]) -> object:
    return db

@workflow
def flow():
    return leak()
"""
    )
    error = flow.run(executor).tasks["leak"].error
    assert error.partition(" (")[0] == "UnstorableError: a value of type 'sqlite3.Connection' can't be stored"
    assert "keep connections, locks and open files inside the step" in error
