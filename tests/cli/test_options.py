"""A workflow's own parameters as options of the command."""

from __future__ import annotations

import json

import pytest

from cli.terminal import Shown, call_each

ECHO = """
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal
from hookline import Secret, step, workflow

class Kind(Enum):
    FAST = "fast"
    SLOW = "slow"

@step
def told(**values: object) -> dict:
    return {name: repr(value) for name, value in values.items()}

@workflow
def echo(
    rate: float = 0.5,
    depths: list[int] = [3],
    names: tuple[str, ...] = (),
    flag: bool = False,
    on: bool = True,
    top: int | None = None,
    day: date = date(2026, 1, 2),
    kind: Kind = Kind.FAST,
    mode: Literal["a", "b"] = "a",
    learning_rate: float = 0.1,
    untyped=7,
    seed: int = 5,
    store: str = "shop",
    table: dict[str, int] = {},
):
    return told(
        rate=rate, depths=depths, names=names, flag=flag, on=on, top=top, day=day, kind=kind, mode=mode,
        learning_rate=learning_rate, untyped=untyped, seed=seed, store=store, table=table,
    )

@workflow
def needy(size: int, token: Secret[str] = Secret("env:TOKEN")):
    return told(size=size)
"""

LINES = {
    "nothing": ("echo.py:echo", {}),
    "a negative number": ("echo.py:echo --rate -2.5 --depths -1,2", {"rate": "-2.5", "depths": "[-1, 2]"}),
    "lists": (
        "echo.py:echo --depths 3,5 --depths 8 --names a --names b",
        {"depths": "[3, 5, 8]", "names": "('a', 'b')"},
    ),
    "switches": ("echo.py:echo --flag --no-on", {"flag": "True", "on": "False"}),
    "optional": ("echo.py:echo --top 3", {"top": "3"}),
    "dates and choices": (
        "echo.py:echo --day 2026-03-04 --kind slow --mode b",
        {"day": "datetime.date(2026, 3, 4)", "kind": "<Kind.SLOW: 'slow'>", "mode": "'b'"},
    ),
    "dashes": ("echo.py:echo --learning-rate 0.2", {"learning_rate": "0.2"}),
    "underscores": ("echo.py:echo --learning_rate=0.3", {"learning_rate": "0.3"}),
    "a default's type": ("echo.py:echo --untyped 8", {"untyped": "8"}),
    "options before the target": ("--rate 1 --flag echo.py:echo", {"rate": "1.0", "flag": "True"}),
    "named like our options": ("echo.py:echo -p seed=6 -p store=x --seed 9", {"seed": "6", "store": "'x'"}),
    "pairs": ("echo.py:echo -p depths=3,5 -p flag=true -p top=4", {"depths": "[3, 5]", "flag": "True", "top": "4"}),
    "a file": (
        "echo.py:echo --params given.yaml --rate 3",
        {"rate": "3.0", "depths": "[7, 9]", "flag": "True", "table": "{'a': 1}"},
    ),
}
WRONG = {
    "echo.py:echo --kind slwo": "slow",
    "echo.py:echo --mode c": "'mode'",
    "echo.py:echo --day tomorrow": "'day'",
    "--rate echo.py:echo": "missing argument",
    "echo.py:echo -p rate": "name=value",
    "echo.py:echo --rate 1 -p rate=2": "given twice",
    "echo.py:needy": "size",
    "echo.py:needy --size 1 --token hunter2": "in the open",
    "--rate 1 x y": "there is no",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    folder = tmp_path_factory.mktemp("options") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "echo.py").write_text(ECHO)
    (folder / "given.yaml").write_text("rate: 2\ndepths: [7, 9]\nflag: true\ntable: {a: 1}\n")
    lines = [*(line for line, _ in LINES.values()), *WRONG]
    calls = [["run", *line.split(), "--json", "--quiet"] for line in lines]
    return dict(zip(lines, call_each(calls, folder), strict=True))


@pytest.mark.parametrize("name", LINES)
def test_options_become_the_values_of_the_parameters(name: str, answers: dict[str, Shown]):
    """Each way of writing a parameter gives the typed value; what is not given keeps its default."""
    line, expected = LINES[name]
    defaults = json.loads(answers["echo.py:echo"].out.splitlines()[-1])["result"]
    assert answers[line].code == 0, answers[line].err
    result = json.loads(answers[line].out.splitlines()[-1])["result"]
    assert result == {**defaults, **expected}


@pytest.mark.parametrize("line", WRONG)
def test_what_can_t_be_a_value_is_refused(line: str, answers: dict[str, Shown]):
    """A wrong value names the parameter and exits with 2; the value of a secret is not repeated."""
    shown = answers[line]
    assert shown.code == 2
    assert WRONG[line] in shown.err
    assert "hunter2" not in shown.err + shown.out
