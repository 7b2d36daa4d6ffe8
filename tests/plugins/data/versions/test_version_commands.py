"""The commands that list, show and compare versions of data sets, and what they tell of where data came from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import hookline
from hookline import Run, StoreMissingError, UsageError, step, workflow
from hookline.ml import Column, Schema
from hookline_data.versions import commands
from hookline_data.versions.dataset import Dataset

PEOPLE = Schema([Column("id", "int"), Column("mail", "str", personal=True)], name="people", version="2")


@step
def people(count: int, library: str = "pandas") -> Dataset:
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    table = make({"id": list(range(count)), "mail": [f"p{row}@example.org" for row in range(count)]})
    return Dataset("people", table, ("id",), PEOPLE, description="who is there")


@step
def features(data: Dataset, extra: bool) -> Dataset:
    table = pd.DataFrame({"id": list(data.table["id"])}).assign(**({"extra": 1} if extra else {}))
    return Dataset("features", table, key=("id",))


@step
def part(data: Dataset, day: str) -> Dataset:
    return Dataset("daily", pd.DataFrame({"id": list(data.table["id"]), "day": day}), ("id",), partition=day)


@workflow
def make(count: int, library: str = "pandas"):
    return people(count, library)


@workflow
def derive(data: Dataset, extra: bool = False):
    return features(data, extra)


@workflow
def chain(count: int, days: list[str]):
    return part.partial(features(people(count), False)).map(day=days)


@workflow
def again(parts: list[Dataset]):
    return anew.map(data=parts)


@step
def anew(data: Dataset) -> Dataset:
    return Dataset("anew", data.table, partition=data.partition)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    def start(flow: Any, **params: Any) -> Run:
        done = hookline.run(flow, params, store=tmp_path / "store", executor="inline")
        assert done.status == "completed", [task.error for task in done.tasks.values()]
        return done

    return start


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def call(command: Callable[..., Any], *names: str, **options: Any) -> Any:
        command(*names, store=str(tmp_path / "store"), **options)
        text = capsys.readouterr().out
        return json.loads(text) if options.get("json") else re.sub(r" +", " ", text)

    return call


def test_versions_lists_data_sets(run: Any, told: Any) -> None:
    """One line for each, with what made it; one with partitions is summed up."""
    run(make, count=2)
    done = run(chain, count=3, days=["a", "b"])
    lines = told(commands.versions).splitlines()
    assert lines[0] == "name version content schema rows made by run when"
    assert lines[1].startswith(f"daily 2 partitions 6 chain: part[1] {done.id} ")
    assert lines[2].startswith("features 1 ")
    assert re.match(rf"people 2 [0-9a-f]{{12}} 2 3 chain: people {done.id} \d{{4}}-", lines[3])
    document = told(commands.versions, json=True)["data_sets"]
    assert [(one["name"], one.get("version"), one["rows"]) for one in document] == [
        ("daily", None, 6),
        ("features", 1, 3),
        ("people", 2, 3),
    ]
    assert document[2]["made"]["workflow"] == "chain"


def test_versions_of_one_data_set_are_listed_newest_first(run: Any, told: Any) -> None:
    """A content that came back names the version that it is equal to; lines may be limited."""
    for count in (1, 2, 1):
        run(make, count=count)
    lines = told(commands.versions, "people").splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["3", "2", "1"]
    assert "= @1" in lines[1]
    assert told(commands.versions, "people", limit=1).splitlines()[-1] == "… 2 more; --limit 3 shows them"
    document = told(commands.versions, "people", json=True)["versions"]
    assert [(one["version"], one["same_as"]) for one in document] == [(3, 1), (2, None), (1, None)]


def test_partitions_are_listed_with_their_newest_versions_and_a_total(run: Any, told: Any) -> None:
    """Each partition has numbers of its own."""
    run(chain, count=1, days=["a"])
    run(chain, count=2, days=["a", "b/c"])
    lines = told(commands.versions, "daily").splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["daily/a", "2"], ["daily/b/c", "1"]]
    assert lines[3] == "2 partitions, 4 rows in their newest versions"
    assert len(told(commands.versions, "daily/a").splitlines()) == 3
    assert len(told(commands.versions, "daily", json=True)["partitions"]) == 2


def test_show_tells_all_and_no_personal_data(run: Any, told: Any) -> None:
    """Rows only where they are asked for; what tells of persons never."""
    done = run(make, count=3)
    page = told(commands.show, "people", rows=2)
    for line in (
        "people@1",
        " about who is there",
        " rows 3",
        " key id",
        " made by people of make",
        f" run {done.id}",
        " mail str personal",
        " 0 (personal)",
    ):
        assert line in page.splitlines()
    assert "example.org" not in page
    assert "(personal)" not in told(commands.show, "people")
    document = told(commands.show, "people@1", rows=1, json=True)
    assert document["head"] == {"id": [0], "mail": ["(personal)"]}
    assert document["schema"]["columns"][1]["personal"] is True


def test_show_names_what_a_version_was_made_from(run: Any, told: Any) -> None:
    """Data sets that were opened or made on the way; the nearest ones."""
    run(make, count=1)
    run(make, count=2)
    run(derive, data="people@1")
    assert " made from people@1" in told(commands.show, "features").splitlines()
    run(chain, count=3, days=["a", "b"])
    assert told(commands.show, "features", json=True)["made_from"]["datasets"] == ["people@3"]
    assert told(commands.show, "daily/b", json=True)["made_from"]["datasets"] == ["features@2"]
    run(again, parts=["daily/a", "daily/b"])
    assert told(commands.show, "anew/b", json=True)["made_from"]["datasets"] == ["daily/b@1"]
    assert told(commands.show, "people", json=True)["made_from"] == {"datasets": [], "sources": []}


def test_lineage_outlives_the_run(run: Any, told: Any, tmp_path: Path) -> None:
    """Who deletes runs keeps what versions were made from, and by which workflow."""
    from hookline.testing.command import run_command

    run(make, count=1)
    run(derive, data="people")
    assert run_command(["runs", "delete", "last", "--yes", "--store", "store"], tmp_path).code == 0
    page = told(commands.show, "features")
    assert " made from people@1" in page
    assert " made by features of derive" in page


def test_diff_counts_and_shows_what_changed(run: Any, told: Any) -> None:
    """By names with versions, or by a name and two numbers."""
    run(make, count=1)
    run(make, count=3)
    text = told(commands.diff, "people@1", "people@2", limit=1)
    assert text == "people@1 → people@2\n rows 1 → 3: 2 added, 0 removed, 0 changed\n + id=1\n … 1 more added\n"
    assert told(commands.diff, "people", "1", "2", limit=1) == text
    assert told(commands.diff, "people", "1", "@2", json=True)["rows"]["added"] == 2
    assert "no difference: 3 rows" in told(commands.diff, "people@2", "people")


def test_diff_compares_versions_of_both_libraries(run: Any, told: Any) -> None:
    """A workflow that goes over to polars can see that nothing else changed."""
    run(make, count=2)
    run(make, count=2, library="polars")
    assert "no difference: 2 rows" in told(commands.diff, "people", "1", "2")


def test_diff_shows_columns_and_cells(run: Any, told: Any) -> None:
    """Other columns, of other data sets, with a key that is given."""
    run(make, count=2)
    run(derive, data="people")
    run(derive, data="people", extra=True)
    assert " column + extra: int" in told(commands.diff, "features", "1", "2").splitlines()
    assert " column - mail: str" in told(commands.diff, "people", "features", key="id").splitlines()


@pytest.mark.parametrize(("wanted", "code"), [(False, 0), (True, 1)])
def test_diff_ends_with_1_only_where_it_is_asked_to(run: Any, tmp_path: Path, wanted: bool, code: int) -> None:
    """As git diff does."""
    run(make, count=1)
    run(make, count=2)
    store = str(tmp_path / "store")
    assert commands.diff("people", "1", "2", store=store, exit_code=wanted) == code
    assert commands.diff("people", "1", "1", store=store, exit_code=wanted) == 0


def test_what_is_not_there_is_told(run: Any, told: Any, tmp_path: Path) -> None:
    """With what there is."""
    with pytest.raises(StoreMissingError, match="there are no data sets"):
        told(commands.versions)
    run(chain, count=1, days=["a"])
    with pytest.raises(UsageError, match="there is no data set 'peple'; did you mean 'people'"):
        told(commands.versions, "peple")
    with pytest.raises(UsageError, match="'people@1' is one version") as error:
        told(commands.versions, "people@1")
    assert error.value.help == "see it: hookline data show people@1"
    with pytest.raises(UsageError, match="'daily' has partitions") as error:
        told(commands.show, "daily")
    assert "name one, such as daily/a@1" in str(error.value.help)
    with pytest.raises(UsageError, match="has no version 9"):
        told(commands.diff, "people", "1", "9")
    with pytest.raises(UsageError, match="'people@1' is one version, and two more are given"):
        told(commands.diff, "people@1", "1", "2")


def test_an_empty_store_has_no_data_sets(tmp_path: Path, told: Any) -> None:
    """And says how they come to be."""

    @workflow
    def flow():
        return 1

    hookline.run(flow, store=tmp_path / "store", executor="inline")
    assert told(commands.versions) == "no data sets yet: a step that returns a Dataset registers one\n"
    assert told(commands.versions, json=True) == {"data_sets": []}


def test_diff_without_a_key_never_calls_other_contents_equal(run: Any, told: Any, tmp_path: Path) -> None:
    """The exit code is that of a difference; equal contents in another order are equal."""

    @step
    def keyless(values: list[int]) -> Dataset:
        return Dataset("keyless", pd.DataFrame({"x": values}))

    @workflow
    def flow(values: list[int]):
        return keyless(values)

    for values in ([1, 2], [1, 3], [2, 1]):
        run(flow, values=values)
    lines = told(commands.diff, "keyless", "1", "2").splitlines()
    assert lines[1:] == [
        " rows 2 → 2: 1 added, 1 removed; which of them only changed a key would tell: --key COLUMN",
        " + x=3",
        " - x=2",
    ]
    store = str(tmp_path / "store")
    assert commands.diff("keyless", "1", "2", store=store, exit_code=True) == 1
    assert commands.diff("keyless", "1", "3", store=store, exit_code=True) == 0
