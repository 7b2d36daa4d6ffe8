"""Secrets on the command line: never echoed, never recorded; and variables that count as inputs."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cli.terminal import Shown, call_each

TOKEN = "hunter2-Top_Secret-ß'\"x"
FLOW = """
import logging, sys, warnings
from hookline import Secret, attempt, log_artifact, log_metric, log_params, step, workflow

@step
def tell(token: Secret[str]) -> int:
    value = token.reveal()
    print("printed", value)
    print("to stderr", value, file=sys.stderr)
    logging.getLogger("flow").warning("logged %s", value)
    attempt().note(value, {"note": value})
    log_params({value: value})
    log_metric(value, 1.0)
    log_artifact(value, 1)
    return len(value)

@step
def fail(token: Secret[str], after: int) -> int:
    value = token.reveal()
    try:
        raise KeyError(value)
    except KeyError as error:
        raise ValueError(f"it is {value}") from error

@workflow
def flow(token: Secret[str]):
    return fail(token, tell(token))

@step
def give(token: Secret[str]) -> str:
    return token.reveal()

@workflow
def returns(token: Secret[str]):
    return give(token)
"""
DEFAULTS = """
from hookline import Secret, step, workflow

@workflow
def defaults(token: Secret[str] = "hunter2-in-the-open"):
    return token
"""


@pytest.fixture
def project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (project / "flow.py").write_text(FLOW)
    (project / "defaults.py").write_text(DEFAULTS)
    (project / "token").write_text(TOKEN + "\n")
    (project / "params.yaml").write_text("token: hunter2-in-the-open\n")
    (project / "params.json").write_text('{"token": "hunter2-in-the-open"}')
    (project / "params.toml").write_text('token = "hunter2-in-the-open"\n')
    monkeypatch.setenv("TEST_TOKEN", TOKEN)
    return project


def recorded(project: Path) -> str:
    """All that the store's files hold, and what its journal says cell by cell."""
    store = project / ".hookline"
    told = [path.read_bytes().decode(errors="replace") for path in store.rglob("*") if path.is_file()]
    with closing(sqlite3.connect(store / "journal.sqlite3")) as journal:
        for (table,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in journal.execute(f"SELECT * FROM {table}"):
                told += [cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row]
    return "\n".join(told)


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
@pytest.mark.parametrize("place", ["env:TEST_TOKEN", "file:token"])
def test_a_secret_shows_nowhere(project: Path, tmp_path: Path, executor: str, place: str) -> None:
    """Not in the output of the run, not in what commands show of it, not in the store: three stars stand there."""
    lines = [
        ["run", "flow.py:flow", "--token", place, "-x", executor],
        ["run", "flow.py:flow", "-p", f"token={place}", "-x", executor, "--json", "--fresh", "-vv", "--debug"],
        ["runs", "show", "last"],
        ["runs", "show", "last", "--json"],
        ["runs", "logs", "last"],
        ["runs", "logs", "last", "--json"],
        ["why", "last"],
        ["plan", "flow.py:flow", "--token", place],
        ["config", "show", "--origin"],
    ]
    shown = call_each(lines, project)
    assert [one.code for one in shown] == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    told = "\n".join([recorded(project), *(one.out + one.err for one in shown)])
    assert "hunter2" not in told
    assert "it is ***" in shown[0].err
    logs = shown[4].out + shown[4].err
    for words in ("printed ***", "to stderr ***"):
        assert words in logs
    assert place in told


@pytest.mark.integration
def test_a_secret_in_the_open_is_refused_without_repeating_it(project: Path, tmp_path: Path) -> None:
    """As an option, with -p, in a file of any kind, as a default: exit code 2, and nothing is recorded."""
    literal = "hunter2-in-the-open"
    lines = [
        ["run", "flow.py:flow", "--token", literal],
        ["run", "flow.py:flow", f"--token={literal}", "--json", "--debug", "-vv"],
        ["run", "flow.py:flow", "-p", f"token={literal}"],
        ["plan", "flow.py:flow", "-p", f"token={literal}"],
        *(["run", "flow.py:flow", "--params", f"params.{kind}"] for kind in ("yaml", "json", "toml")),
        ["run", "defaults.py"],
        ["run", "defaults.py", "--help"],
    ]
    shown = call_each(lines, project)
    assert not [one for one in shown if "hunter2" in one.out + one.err]
    assert [one.code for one in shown] == [*[2] * 8, 0]
    for one in shown[:7]:
        assert "'token' takes a secret's place (env:NAME or file:/path), not what was given" in one.err
    assert "the default of 'token' takes a secret's place" in shown[7].err
    assert not (project / ".hookline").exists()


@pytest.mark.integration
def test_a_secret_that_is_not_there_fails_its_task_with_its_place(project: Path, tmp_path: Path) -> None:
    """It is looked for where it is used, so that a plan needs no secrets."""
    lines = [
        ["plan", "flow.py:flow", "--token", "env:NOT_SET"],
        ["run", "flow.py:flow", "--token", "env:NOT_SET"],
        ["run", "flow.py:flow", "--token", "file:nothing/here"],
    ]
    shown = call_each(lines, project)
    assert [one.code for one in shown] == [0, 1, 1]
    assert "the environment variable 'NOT_SET' of a secret is not set" in shown[1].err
    assert "the secret file 'nothing/here' can't be read: No such file or directory" in shown[2].err


@pytest.mark.integration
def test_a_returned_secret_is_stored_as_it_is(project: Path, tmp_path: Path) -> None:
    """A value is never changed: what a step returns is what the next one gets, and what the store holds."""
    (done,) = call_each([["run", "flow.py:returns", "--token", "env:TEST_TOKEN"]], project)
    assert done.code == 0
    assert "hunter2" in recorded(project)


ENV_FLOW = """
import os
from hookline import step, workflow

@step(env=("REGION", "ZONE"))
def where() -> str:
    return repr(os.environ.get("REGION"))

@workflow
def flow():
    return where()
"""


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_variable_that_is_an_input_makes_its_step_run_again(
    project: Path, monkeypatch: pytest.MonkeyPatch, run_command: Callable[..., Shown], executor: str
) -> None:
    """Unset and empty differ; what comes again is reused, another variable does not count, and why names the one."""
    (project / "env.py").write_text(ENV_FLOW)
    monkeypatch.delenv("REGION", raising=False)
    monkeypatch.delenv("ZONE", raising=False)

    def run() -> tuple[object, object]:
        done = run_command(["run", "env.py", "-x", executor, "--json"], project)
        told = json.loads(done.out.splitlines()[-1])
        return told["result"], told["counts"].get("reused", 0)

    assert run() == ("None", 0)
    assert run() == ("None", 1)
    monkeypatch.setenv("REGION", "")
    assert run() == ("''", 0)
    monkeypatch.setenv("REGION", "north")
    assert run() == ("'north'", 0)
    why = run_command(["why", "last", "where"], project)
    assert "REGION" in why.out
    assert "ZONE" not in why.out
    assert "north" not in why.out
    monkeypatch.setenv("OTHER_REGION", "x")
    assert run() == ("'north'", 1)
    monkeypatch.delenv("REGION")
    assert "REGION" not in os.environ
    assert run() == ("None", 1)
