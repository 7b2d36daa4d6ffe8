"""``hookline data sources``."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3

import polars as pl
import pytest

from hookline import UsageError
from hookline_data.sources.commands import sources

SETTINGS = """
[tool.hookline.source.customers]
uri = "data/customers.csv"
owner = "growth"
key = ["id"]
freshness = "1h"
schema.columns = {id = "int", name = {type = "str", personal = true}}

[tool.hookline.source.payments]
uri = "data/{day}.parquet"

[tool.hookline.source.sales]
uri = "sqlite:///sales.db"
table = "sales"

[tool.hookline.source.web]
uri = "https://user@example.org/a.csv?token=hush-hush"

[tool.hookline.env.broken.source.customers]
mode = "drop"
"""


@pytest.fixture
def inside(project):
    project.settings(SETTINGS)
    project.write("data/customers.csv", "id,name\n1,Ann\n")
    os.utime(project.folder / "data/customers.csv", (1_767_225_600, 1_767_225_600))
    for day in (1, 2):
        pl.DataFrame({"x": [1, 2]}).write_parquet(project.folder / f"data/{day}.parquet")
    connection = sqlite3.connect(project.folder / "sales.db")
    connection.execute("CREATE TABLE sales (x)")
    connection.close()
    with contextlib.chdir(project.folder):
        yield project


def test_all_sources_are_listed_with_what_there_is(inside, capsys):
    """Files, sizes, rows where that is cheap, and whether they are fresh."""
    assert sources() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["source", "customers", "payments", "sales", "web"]
    assert "2026-01-01 00:00  stale  growth" in lines[1]
    assert lines[2].split()[:4] == ["payments", "parquet", "data/{day}.parquet", "2"]
    assert lines[2].split()[6] == "4"
    assert "hush-hush" not in lines[4]


def test_by_an_event_time_only_a_load_tells_whether_data_are_fresh(inside, capsys):
    """A file may have come today, with the events of last year."""
    inside.settings('[tool.hookline.source.a]\nuri = "data/customers.csv"\nfreshness = "900d"\nevent_time = "at"\n')
    assert sources("a", json=True) == 0
    (state,) = json.loads(capsys.readouterr().out)
    assert (state["fresh"], state["newest"][:10]) == (None, "2026-01-01")


def test_one_source_is_shown_with_all_that_is_said_of_it(inside, capsys):
    """As JSON, too."""
    assert sources("customers") == 0
    text = capsys.readouterr().out
    for wanted in ("pyproject.toml:2", "personal     name", "key          id", "owner        growth", "stale"):
        assert wanted in text
    assert sources("customers", json=True) == 0
    (state,) = json.loads(capsys.readouterr().out)
    assert (state["files"], state["bytes"], state["fresh"], state["personal"]) == (1, 14, False, ["name"])


def test_what_a_schema_says_is_shown_with_its_source(inside, capsys):
    """Its key, its event time, its columns, and what becomes of rows that break it."""
    inside.settings(
        '[tool.hookline.source.a]\nuri = "data/customers.csv"\nmode = "quarantine"\n'
        'schema = {key = "id", event_time = "at", columns = {id = "int", at = "date"}}\n'
    )
    sources("a")
    text = capsys.readouterr().out
    for wanted in (
        "key          id",
        "event time   at",
        "columns      id: int, at: date",
        "bad rows     are put aside",
    ):
        assert wanted in text


def test_what_is_wrong_is_told_and_the_command_fails(inside, capsys):
    """Contracts that are wrong, files that are not there, names that nobody has."""
    (inside.folder / "data/customers.csv").unlink()
    assert sources() == 1
    assert "pyproject.toml:2: there is no file 'data/customers.csv'" in capsys.readouterr().out
    assert sources("customers", env="broken") == 1
    assert "takes fail, warn or quarantine as 'mode', not 'drop'" in capsys.readouterr().out
    with pytest.raises(UsageError, match="did you mean 'customers'"):
        sources("custmers")


def test_a_project_without_sources_is_told_how_to_write_one(project, capsys):
    """The table's name."""
    with contextlib.chdir(project.folder):
        assert sources() == 0
    assert "[tool.hookline.source.NAME]" in capsys.readouterr().out
