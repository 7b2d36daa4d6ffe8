"""What versions were made from: sources and data sets, through maps and through steps that call others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hookline.testing.project import Project
from hookline_data.versions import commands
from hookline_data.versions.opening import open_dataset

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
import pandas as pd
from hookline import step, workflow
from hookline.ml import Column, Schema
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

@workflow
def passed_on():
    return named(load("visits"), "passed")

@workflow
def called_for():
    return called(load("visits"))

@workflow
def loaded_within():
    return named(loaded("visits"), "late")

@step
def stated() -> Dataset:
    schema = Schema([Column("mail", "str", personal=True)])
    return Dataset("stated", pd.DataFrame({"mail": ["a@example.org"]}), schema=schema)

@step
def left_open(table) -> Dataset:
    return Dataset("open", table, schema=Schema([Column("n", "int")], open=True))

@workflow
def open_schema():
    return left_open(load("visits"))

@workflow
def within():
    return further(stated())

@workflow
def opening(data: Dataset):
    return further(data)
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


@pytest.fixture
def shown(
    made_from: Any, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Give what runs a workflow and shows a row of a data set, in the project."""
    monkeypatch.chdir(project.folder)

    def head(workflow: str, name: str, **params: Any) -> Any:
        made_from(workflow, name, **params)
        commands.show(name, store=str(project.store_path), rows=1, json=True)
        document = json.loads(capsys.readouterr().out)
        personal = [column["name"] for column in document["schema"]["columns"] if column.get("personal")]
        return document["head"]["mail"], personal

    return head


HIDDEN = (["(personal)"], ["mail"])


def test_what_is_personal_in_a_source_is_so_in_what_is_made_of_it(shown: Any, project: Project) -> None:
    """By the column's name, as long as it has that; also for steps that load or make data sets themselves."""
    assert shown("whole", "whole") == HIDDEN
    assert open_dataset("whole", store=str(project.store_path)).schema.column("mail").personal
    assert shown("passed_on", "passed") == HIDDEN
    assert shown("mapped", "daily/2026-01-02", days=["2026-01-01", "2026-01-02"]) == HIDDEN
    assert shown("called_for", "called") == HIDDEN
    assert open_dataset("called", store=str(project.store_path)).schema.column("mail").personal
    assert shown("loaded_within", "late") == HIDDEN
    assert shown("open_schema", "open") == HIDDEN


def test_what_is_personal_in_a_data_set_is_so_in_what_is_made_of_it(shown: Any, project: Project) -> None:
    """Of one that was opened, and of one that the same run makes."""
    assert shown("within", "further") == HIDDEN
    assert shown("opening", "further", data="stated") == HIDDEN
    assert open_dataset("further", store=str(project.store_path)).schema.column("mail").personal


def test_differences_hide_what_is_personal_where_it_came_from(
    shown: Any, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole rows are shown where there is no key."""
    shown("loaded_within", "late")
    project.write("visits/2026-01-02.csv", "n,mail\n1,b@example.org\n")
    shown("loaded_within", "late")
    commands.diff("late", "1", "2", store=str(project.store_path))
    text = capsys.readouterr().out
    assert "+ n=1, mail=(personal), day=2026-01-02" in text
    assert "example.org" not in text
