"""The values of secrets stay out of the store, the output and the error messages, whatever a step does with them."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.project import Project
from hookline import Run
from hookline.errors import UsageError, WorkflowError
from hookline.executors.tape import Tape, tape_size
from hookline.model.masking import keep_out, mask

TOKEN = "hunter2-Secret_ß\"quoted'"
CODE = """
import ctypes, logging, signal, subprocess, warnings
from hookline import Secret

@step(retries=1)
def leak(token: Secret[str], way: str) -> int:
    value = token.reveal()
    if way == "print": print("it is", value)
    elif way == "pieces": [print(part, end="") for part in value]
    elif way == "bytes": sys.stdout.buffer.write(value.encode())
    elif way == "log": logging.getLogger("x").warning("it is %s", value)
    elif way == "repr": print({"token": value}, [value.encode()])
    elif way == "warning": warnings.warn(value)
    elif way == "json": import json; print(json.dumps({"token": value}))
    elif way == "raise": raise ValueError("bad " + value)
    elif way == "key": raise KeyError(value)
    elif way == "cause":
        try: raise ValueError(value)
        except ValueError as error: raise RuntimeError("because") from error
    elif way == "exit": sys.exit(value)
    elif way == "much": print("." * 70_000 + value * 2000 + "." * 10)
    elif way == "note": attempt().note("used", {"token": [value]}); log_params({"token": value, "n": object()})
    elif way == "child": subprocess.run(["echo", value])
    elif way == "die": print(value, flush=True); os.kill(os.getpid(), signal.SIGKILL)
    return 1

@workflow
def flow(token: Secret[str], way: str):
    return leak(token, way)
"""
WAYS = ["print", "pieces", "bytes", "log", "repr", "warning", "json", "raise", "key", "cause", "exit", "much", "note"]
FAILING = ["warning", "raise", "key", "cause", "exit", "die"]  # this suite turns warnings into errors
PROCESS_WAYS = ["print", "raise", "much", "note", "child", "die"]


def _told(project: Project, run: Run) -> str:
    """Everything that was recorded, as text."""
    told = [repr(run.tasks[name]) for name in run.tasks]
    files = [path for path in (project.folder / ".hookline").rglob("*") if path.is_file()]
    told += [path.read_bytes().decode(errors="replace") for path in files]
    with closing(sqlite3.connect(project.folder / ".hookline" / "journal.sqlite3")) as journal:
        for (table,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in journal.execute(f"SELECT * FROM {table}"):
                told += [cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row]
    return "\n".join(told)


def _leak(project: Project, executor: str, way: str) -> str:
    run = project.run(executor, token="env:TEST_TOKEN", way=way)
    assert run.status == ("failed" if way in FAILING else "completed")
    return _told(project, run)


@pytest.mark.parametrize(
    ("executor", "way"), [*(("threads", way) for way in WAYS), *(("processes", way) for way in PROCESS_WAYS)]
)
def test_a_revealed_value_is_recorded_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str, way: str
) -> None:
    """Printed, logged, noted, raised, by a child process, or by a worker that is killed: three stars stand there."""
    monkeypatch.setenv("TEST_TOKEN", TOKEN)
    told = _leak(Project(tmp_path, CODE), executor, way)
    assert "***" in told
    assert "hunter2" not in told


def test_a_secret_file_of_many_lines_is_masked_line_by_line(tmp_path: Path) -> None:
    """A private key that is printed a line at a time, or indented, does not show either."""
    key = "-----BEGIN KEY-----\nabcdefgh12345678\nijklmnop12345678\n-----END KEY-----\n"
    (tmp_path / "key").write_text(key)
    project = Project(
        tmp_path, CODE.replace('print("it is", value)', 'print("\\n".join("  " + x for x in value.splitlines()))')
    )
    run = project.run("inline", token=f"file:{tmp_path / 'key'}", way="print")
    assert "12345678" not in _told(project, run)


@pytest.mark.parametrize("value", ["four", "x" * 50, "ein Geheimnis mit Lücken", '"', "a\nb\nc"])
@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_cut_in_the_middle_of_a_secret_leaves_none_of_it(value: str, at: int) -> None:
    """Where head and tail of long output meet, at most three characters of a secret are left on each side."""
    keep_out(value)
    tape = Tape(bytearray(tape_size(200)))
    tape.write(("." * (100 - at) + value + "." * (200 - at) + value + "." * 60).encode())
    output = tape.output()
    assert output is not None
    shown = output.text.decode(errors="replace")
    if len(value) >= 4:
        assert all(value[low : low + 4] not in shown for low in range(len(value) - 3))


def test_what_is_masked_in_json_is_still_json() -> None:
    """Stars replace what stands between quotation marks only."""
    keep_out("a\"b'c\\d")
    assert json.loads(mask(json.dumps({"k": "a\"b'c\\d"}))) == {"k": "***"}


def test_short_values_are_left_alone() -> None:
    """A secret of three characters would take half the words with it."""
    keep_out("ab7")
    assert mask("ab7") == "ab7"


LITERALS = """
from typing import NamedTuple, TypedDict
from pydantic import BaseModel
from hookline import Secret

@step
def give(token: Secret[str]) -> int: return 1

@step
def many(tokens: list[Secret[str]]) -> int: return 1

@step
def named(tokens: dict[str, Secret[str]]) -> int: return 1

@dataclass
class Login:
    user: str
    token: Secret[str]

@dataclass
class Longer(Login):
    others: list[Login]

class Pair(NamedTuple):
    user: str
    token: Secret[str] | None

class Model(BaseModel):
    token: Secret[str]

class Shape(TypedDict):
    token: Secret[str]

@step
def enter(login: Login) -> int: return 1

@step
def pair(pairs: list[Pair]) -> int: return 1

@step
def model(model: Model) -> int: return 1

@step
def shape(shape: Shape) -> int: return 1

@step
def place() -> Secret[str]: return Secret("env:X")

@workflow
def flow():
    return CALL
"""


@pytest.mark.parametrize(
    "call",
    [
        "give('hunter2')",
        "many(['hunter2'])",
        "many([Secret('env:X'), 'hunter2'])",
        "named({'a': 'hunter2'})",
        "give.map(token=['hunter2'])",
        "give.map(token=[Secret('env:X'), 'hunter2'])",
        "many([place(), 'hunter2'])",
        "named({'a': place(), 'b': 'hunter2'})",
        "enter(Login('me', 'hunter2'))",
        "enter(Longer('me', Secret('env:X'), [Login('me', 'hunter2')]))",
        "enter.map(login=[Login('me', Secret('env:X')), Login('me', 'hunter2')])",
        "pair([Pair('me', None), Pair('me', 'hunter2')])",
        "model(Model.model_construct(token='hunter2'))",
        "shape({'token': 'hunter2'})",
    ],
)
def test_a_literal_passed_to_a_step_is_refused_and_not_repeated(tmp_path: Path, call: str) -> None:
    """A constant would be stored as it is; the message names the parameter, at any depth of what is passed."""
    project = Project(tmp_path, LITERALS.replace("CALL", call))
    with pytest.raises(WorkflowError) as caught:
        project.run()
    assert "which is not shown because it may be a secret" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / ".hookline").exists()


def test_a_literal_in_a_field_of_a_steps_argument_is_refused_by_name(tmp_path: Path) -> None:
    """The message names the step, the place of the call, and the parameter, and not what was given."""
    project = Project(tmp_path, LITERALS.replace("CALL", "enter(Login('me', 'hunter2'))"))
    with pytest.raises(WorkflowError) as caught:
        project.run()
    said = "takes Login as 'login', not what is given, which is not shown because it may be a secret"
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        "enter(Longer('me', Secret('env:X'), [Login('hunter2', Secret('env:Y'))]))",
        "pair([Pair('hunter2', None), Pair('me', Secret('env:X'))])",
        "model(Model(token='env:X'))",
        "shape({'token': Secret('env:X')})",
    ],
)
def test_a_secrets_place_in_a_field_is_taken(tmp_path: Path, call: str) -> None:
    """Only what stands where a secret is declared has to be a place."""
    assert Project(tmp_path, LITERALS.replace("CALL", call)).run().status == "completed"


GIVEN = """
from typing import NamedTuple
from hookline import Secret

@dataclass
class Login:
    user: str
    token: Secret[str]

class Pair(NamedTuple):
    user: str
    token: Secret[str]

@workflow
def flow(login: Login = Login("me", "DEFAULT"), pairs: list[Pair] = []):
    return 1
"""


@pytest.mark.parametrize(
    ("given", "default", "takes", "at"),
    [
        (lambda of: {"login": of.Login("me", "hunter2")}, "env:X", "'login' takes a JSON object of 'Login'", ""),
        (
            lambda of: {"login": {"user": "me", "token": "hunter2"}},
            "env:X",
            "'login' takes a JSON object of 'Login'",
            "'token': ",
        ),
        (
            lambda of: {"pairs": [of.Pair("me", "hunter2")]},
            "env:X",
            "'pairs' takes a list of 'Pair' values",
            "item 1, 'token': ",
        ),
        (lambda of: {}, "hunter2", "the default of 'login' takes a JSON object of 'Login'", ""),
    ],
    ids=["dataclass", "JSON", "named tuple", "default"],
)
def test_a_literal_in_a_field_of_a_parameter_is_refused(
    tmp_path: Path, given: Callable[[Any], dict[str, object]], default: str, takes: str, at: str
) -> None:
    """A workflow's parameters and defaults are looked into as well; nothing is recorded."""
    literal = f'"{default}"' if default == "hunter2" else f'Secret("{default}")'
    project = Project(tmp_path, GIVEN.replace('"DEFAULT"', literal))
    module = sys.modules[project.target.workflow.fn.__module__]
    with pytest.raises(UsageError) as caught:
        project.run(**given(module))
    assert caught.value.message == (
        f"workflow 'flow': {takes}, not what was given ({at}a secret was given in the open)"
    )
    assert not (tmp_path / ".hookline").exists()
