"""What versions were made from: sources and data sets, through maps and through steps that call others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hookline.testing.project import Project
from hookline_data.versions import commands

SETTINGS = """
[tool.hookline.source.visits]
uri = "visits/{day}.csv"
personal = ["mail"]
schema.columns = {n = "int", mail = "str", day = "str"}

[tool.hookline.source.shops]
uri = "shops.csv"
schema.columns = {n = "int"}
"""

FLOW = """
import datetime as dt
from hookline import step, workflow
from hookline_data import Dataset
from hookline_data.sources.loading import load

@step
def joined(name: str, one, other) -> Dataset:
    return Dataset(name, one)

@step
def daily(table, partition: str) -> Dataset:
    return Dataset("daily", table, partition=partition)

@step
def loaded(source: str):
    return load(source)

@step
def called(table):
    return named(table, "called")

@step
def named(table, name: str) -> Dataset:
    return Dataset(name, table)

@step
def further(data: Dataset) -> Dataset:
    return Dataset("further", data.table)

@workflow
def whole():
    return joined("whole", load("visits", columns=["n", "mail"]), load("shops"))

@workflow
def part():
    return named(load("visits", "2026-01-02"), "part")

@workflow
def mapped(days: list[str]):
    return daily.map(table=load.partial("visits").map(partition=days), partition=days)

@workflow
def dated(days: list[dt.date]):
    return daily.map(table=load.partial("visits").map(partition=days), partition=["a", "b"])

@workflow
def grown():
    return named(loaded("shops"), "grown")

@workflow
def calling():
    return further(called(load("shops")))
"""


@pytest.fixture
def made_from(project: Project, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Give what runs a workflow and tells what a data set was made from."""
    project.settings(SETTINGS)
    project.write("flow.py", FLOW)
    project.write("shops.csv", "n\n1\n")
    for day in ("2026-01-01", "2026-01-02"):
        project.write(f"visits/{day}.csv", "n,mail\n1,a@example.org\n")

    def told(workflow: str, name: str, **params: Any) -> Any:
        run = project.run(f"flow.py:{workflow}", params, executor="inline")
        assert run.run.status == "completed", [task.error for task in run.run.tasks.values()]
        capsys.readouterr()
        commands.show(name, store=str(project.store_path), json=True)
        return json.loads(capsys.readouterr().out)["made_from"]

    return told


def test_sources_are_named_with_their_files_or_partitions(made_from: Any) -> None:
    """As far as the journal tells: long lists, and dates, are counted there."""
    assert made_from("whole", "whole")["sources"] == ["visits (2 files)", "shops (1 file)"]
    assert made_from("part", "part")["sources"] == ["visits/2026-01-02"]
    days = ["2026-01-01", "2026-01-02"]
    assert made_from("mapped", "daily/2026-01-02", days=days)["sources"] == ["visits/2026-01-02"]
    assert made_from("dated", "daily/b", days=days)["sources"] == ["visits (one of 2 partitions)"]


def test_sources_are_found_through_steps_that_call_others(made_from: Any) -> None:
    """Loads that a step called count for it, and what it was given counts for what it called."""
    assert made_from("grown", "grown")["sources"] == ["shops (1 file)"]
    assert made_from("calling", "further") == {"datasets": ["called@1"], "sources": []}
    assert made_from("calling", "called") == {"datasets": [], "sources": ["shops (1 file)"]}
