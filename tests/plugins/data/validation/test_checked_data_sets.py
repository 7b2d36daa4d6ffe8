"""Checks of data sets: they look at the table, and only what passes is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest

import hookline
from hookline import ml, step, workflow
from hookline.testing.contracts.rewrites import RewriteContract
from hookline_data import Checked, Dataset
from hookline_data.plugin import rewrite_graph
from hookline_data.settings import DataSettings
from hookline_data.validation.steps import validate
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import PLUGIN, history
from plugins.data.validation.stepped import PLAIN, Numbers

WIDE = ml.Schema((ml.Column("a", "int", minimum=-9),))


@step
def strict(values: list[int]) -> Annotated[Dataset, Numbers, Checked(PLAIN)]:
    return Dataset("strict", pd.DataFrame({"a": values}))


@step
def kept(values: list[int]) -> Annotated[Dataset, Checked(PLAIN, mode="quarantine")]:
    return Dataset("kept", pd.DataFrame({"a": values}), partition=f"of {len(values)}")


@step
def perhaps(values: list[int]) -> Annotated[Dataset | None, Checked(PLAIN, mode="quarantine")]:
    return Dataset("perhaps", pd.DataFrame({"a": values}))


@step
def size(table: Any) -> int:
    return len(table)


@step
def rows(data: Dataset) -> int:
    return len(data.table)


@step
def number(data: Dataset) -> int | None:
    return data.version


@workflow
def one(values: list[int]):
    data = strict(values)
    return size(data.table), number(data)


@workflow
def each(values: list[list[int]]):
    return rows.map(data=kept.map(values=values)), number(perhaps(values[0]))


@pytest.fixture
def versions(tmp_path: Path) -> Any:
    def read(name: str, partition: str = "") -> list[int | None]:
        with hookline.open_store(tmp_path) as store:
            return [version.ref.rows for version in history(store.records(PLUGIN), DatasetName(name, partition))]

    return read


def test_a_data_set_is_checked_by_its_table_and_then_registered(tmp_path: Path, versions: Any) -> None:
    """What takes parts of it takes those of the checked one."""
    run = hookline.run(one, {"values": [1, 2]}, executor="inline", store=tmp_path)
    assert run.result == (2, 1), [task.error for task in run.tasks.values()]
    assert list(run.tasks)[:4] == [
        "strict",
        "data:validate@strict",
        "data:validate@data:validate@strict",
        "data:register@strict",
    ]
    assert versions("strict") == [2]


def test_a_data_set_that_fails_its_check_is_no_version(tmp_path: Path, versions: Any) -> None:
    """Nobody finds it later."""
    run = hookline.run(one, {"values": [1, -1]}, executor="inline", store=tmp_path)
    assert run.status == "failed"
    assert "strict" in run.tasks["data:validate@data:validate@strict"].error
    assert versions("strict") == []


def test_what_is_put_aside_is_not_registered(tmp_path: Path, versions: Any) -> None:
    """Item by item, and where there may be no data set."""
    run = hookline.run(each, {"values": [[1, -1], [1, 2, -1]]}, executor="inline", store=tmp_path)
    assert run.result == ([1, 2], 1), [task.error for task in run.tasks.values()]
    assert (versions("kept", "of 2"), versions("kept", "of 3"), versions("perhaps")) == ([1], [2], [1])


def test_a_check_that_is_called_takes_a_data_set_too(tmp_path: Path) -> None:
    """And gives it on."""

    @workflow
    def flow():
        return number(validate(kept([1, -1]), WIDE))

    assert hookline.run(flow, executor="inline", store=tmp_path).result == 1


def test_a_data_set_without_a_table_can_not_be_checked() -> None:
    """A name alone holds no rows."""
    with pytest.raises(hookline.HooklineError, match="'x' has no table, so it can't be checked"):
        validate.fn(Dataset("x"), PLAIN)


class TestInsert(RewriteContract):
    """Checks and registration together keep what each rewrite keeps."""

    rewrite_graph = staticmethod(rewrite_graph)
    workflows = ((each, {"values": [[1], [2, 3]]}),)
    settings = DataSettings()
    plugin = "data"
