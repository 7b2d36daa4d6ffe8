"""What type checkers and editors see of a workflow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"

WORKFLOW = """
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple
from hookline.model.provider import provider
from hookline.model.reference import completed, first
from hookline.model.step import step
from hookline.model.workflow import workflow

class Split(NamedTuple):
    train: list[int]
    test: list[int]

@step
def load(path: Path) -> list[int]:
    return []

@step(retries=2, timeout="10m")
def train(rows: list[int], depth: int) -> float:
    return 0.0

@step
def split(rows: list[int]) -> Split:
    return Split([], [])

@provider
def warehouse(url: str = "") -> Iterator[sqlite3.Connection]:
    yield sqlite3.connect(url)

@provider(scope="attempt")
async def client() -> AsyncIterator[bytes]:
    yield b""

@step
def count(table: str, db: Annotated[sqlite3.Connection, warehouse] = warehouse.default) -> int:
    return 0

@workflow
def inner(path: Path) -> list[int]:
    return load(path)

@workflow
def churn(path: Path = Path("x.csv")) -> str:
    reveal_type(load(path))                                   # list[int]
    reveal_type(train(load(path), depth=3))                   # float
    reveal_type(train.map(rows=[[1]], depth=[1]))             # list[float]
    reveal_type(train.partial([1]).map(depth=[3, 5]))         # list[float]
    reveal_type(train.partial([1]).product(depth=[3, 5]))     # list[float]
    reveal_type(train.partial([1])(depth=3))                  # float
    reveal_type(train.when(True)([1], 3))                     # float | None
    reveal_type(train.options(retries=1)([1], 3))             # float
    reveal_type(first(train.when(True)([1], 3), train([1], 3)))  # float
    reveal_type(completed(train.map(depth=[1])))              # list[float]
    reveal_type(split([1]).test)                              # list[int]
    reveal_type(inner(path))                                  # list[int]
    reveal_type(train.fn([1], 2))                             # float
    reveal_type(count("t"))                                   # int
    reveal_type(warehouse.open(url="x").__enter__())          # sqlite3.Connection
    reveal_type(client.default)                               # bytes
    train([1], "3")                                           # error: arg-type
    train([1])                                                # error: call-arg
    train.when(True)([1], dept=3)                             # error: call-arg
    load("x.csv")                                             # error: arg-type
    return ""
"""


@pytest.mark.integration
def test_types_are_carried_through_calls_maps_and_conditions(tmp_path: Path) -> None:
    """A call has its value's type, a map a list of it, a condition adds None; wrong arguments are flagged."""
    file = tmp_path / "churn.py"
    file.write_text(WORKFLOW)
    command = [
        *(sys.executable, "-m", "mypy", "--config-file=", "--strict", "--no-error-summary", "--follow-imports=silent"),
        *("--cache-dir", str(CORE.parent / ".mypy_cache" / "typing"), str(file)),
    ]
    checked = subprocess.run(
        command, env={"MYPYPATH": str(CORE)}, capture_output=True, text=True, check=False, timeout=300
    )
    found: dict[int, str] = {}
    # Not by the file's whole path: mypy's cache may remember another folder with the same text.
    for line, kind, message in re.findall(r"churn\.py:(\d+): (\w+): (.*)", checked.stdout):
        if "Revealed type" in message:
            found[int(line)] = message.split('"')[1].replace("builtins.", "")
        elif kind == "error":
            found[int(line)] = f"error: {message.rpartition('[')[2][:-1]}"
    expected = {
        number: line.rpartition("# ")[2] for number, line in enumerate(WORKFLOW.splitlines(), 1) if "  # " in line
    }
    assert found == expected, checked.stdout + checked.stderr
