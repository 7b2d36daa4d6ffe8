"""What becomes of data sets that workflows and notebooks name: found in the store, and opened by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import hookline
from hookline import HooklineError, PluginError, Run, StoreMissingError, UsageError, step, workflow
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.opening import open_dataset

LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


@step
def made(name: str, ids: list[int], partition: str = "", library: str = "pandas") -> Dataset:
    columns: dict[str, Any] = {"id": ids, "day": [partition] * len(ids)}
    return Dataset(name, LIBRARIES[library](columns), key=["id"], partition=partition, description="for tests")


@workflow
def make(name: str, ids: list[int], partition: str = "", library: str = "pandas"):
    return made(name, ids, partition, library)


@step
def told(data: Dataset) -> tuple[str, list[int]]:
    return f"{data} {data.key} {data.description}", list(data.table["id"])


@step
def ids(table: pd.DataFrame) -> list[int]:
    return list(table["id"])


@step
def all_told(sets: list[Dataset], by_name: dict[str, Any]) -> list[Any]:
    return [str(each) for each in sets] + [len(table) for table in by_name.values()]


@workflow
def use(data: Dataset):
    return told(data)


@workflow
def use_table(data: Dataset):
    return ids(data.table)


@workflow
def use_each(sets: list[Dataset]):
    return told.map(data=sets), ids.map(table=[each.table for each in sets])


@workflow
def use_all(sets: list[Dataset]):
    return all_told(sets, {str(each): each.table for each in sets})


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def start(flow: Any, **params: Any) -> Run:
        return hookline.run(flow, params, store=tmp_path / "store", executor="inline")

    return start


def error_of(run: Any, **params: Any) -> str:
    with pytest.raises(HooklineError) as error:
        run(use, **params)
    assert not isinstance(error.value, PluginError)  # it is not the plugin that is at fault
    return f"{error.value.message}; {error.value.help}"


def test_a_parameter_names_a_version_and_the_step_gets_it_opened(run: Any) -> None:
    """By default the newest; the task that opens it is seen in the graph."""
    run(make, name="t", ids=[1])
    run(make, name="t", ids=[1, 2])
    done = run(use, data="t")
    assert list(done.tasks) == ["data:open@told", "told"]
    assert done.result == ("t@2 ('id',) for tests", [1, 2])
    assert run(use, data="t@1").result == ("t@1 ('id',) for tests", [1])
    assert run(use, data=Dataset.named("t@1")).result[1] == [1]


def test_the_table_alone_can_be_passed_on_in_a_workflow(run: Any) -> None:
    """As with a data set that a step returns: to steps that know nothing of data sets."""
    run(make, name="t", ids=[1, 2])
    assert run(use_table, data="t").result == [1, 2]


def test_equal_content_is_reused_whatever_its_number(run: Any) -> None:
    """Keys go by content: an older version that came back, asked for by name or number, runs nothing anew."""
    run(make, name="t", ids=[1])
    first = run(use, data="t")
    run(make, name="t", ids=[2])
    run(make, name="t", ids=[1])
    for name in ("t", "t@3", "t@1"):
        again = run(use, data=name)
        assert again.counts["reused"] == 2, [again.why(task) for task in again.tasks]
        assert again.result == first.result
    assert run(use, data="t@2").counts["reused"] == 0


def test_why_names_the_version_that_changed(run: Any) -> None:
    """The task that opens it says what it opens."""
    run(make, name="t", ids=[1])
    run(use, data="t")
    run(make, name="t", ids=[2])
    assert "'t@1' to 't@2'" in run(use, data="t").why("data:open@told")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_data_set_with_partitions_is_opened_whole_or_in_part(run: Any, library: str) -> None:
    """Whole, it is the newest of each, by name; a partition has versions of its own."""
    for partition, rows in (("b", [3]), ("a", [1]), ("a", [1, 2])):
        run(make, name="daily", ids=rows, partition=partition, library=library)
    assert run(use, data="daily").result == ("daily ('id',) for tests", [1, 2, 3])
    assert run(use, data="daily/a").result[1] == [1, 2]
    assert run(use, data="daily/a@1").result[1] == [1]


def test_lists_of_data_sets_are_opened_one_by_one(run: Any) -> None:
    """A map over them has an item each; in a list or dict that is passed whole all are opened at once."""
    for name in ("t", "u"):
        run(make, name=name, ids=[len(name)])
    told_each, ids_each = run(use_each, sets=["t", "u@1"]).result
    assert [text[:3] for text, _ in told_each] == ["t@1", "u@1"]
    assert ids_each == [[1], [1]]
    assert run(use_all, sets=["t", "u"]).result == ["t@1", "u@1", 1, 1]


def test_what_is_not_there_is_told_before_anything_runs(run: Any) -> None:
    """With the nearest name, and with what there is."""
    run(make, name="transactions", ids=[1])
    run(make, name="daily", ids=[1], partition="2026-01-05")
    assert "no data set 'transactios'; did you mean 'transactions'?; the data sets are daily, transactions" in error_of(
        run, data="transactios"
    )
    assert "'transactions' has no version 7; it has 1" in error_of(run, data="transactions@7")
    assert "'transactions' has no partitions, and so no 'x'" in error_of(run, data="transactions/x")
    assert "no partition '2026-01-06'; did you mean '2026-01-05'?" in error_of(run, data="daily/2026-01-06")
    assert "name a partition: daily/2026-01-05@1" in error_of(run, data="daily@1")


def test_a_store_that_is_not_there_is_told(run: Any) -> None:
    """Nothing was registered yet, so nothing can be found."""
    assert "the data set 't' can't be found" in error_of(run, data="t")


def test_names_are_no_paths(run: Any, tmp_path: Path) -> None:
    """What stands in a name is looked up, and never opened."""
    (tmp_path / "secret.csv").write_text("id\n1\n")
    run(make, name="t", ids=[1])
    assert "there is no data set '..'" in error_of(run, data="../secret.csv")
    with pytest.raises(UsageError, match="it is empty"):
        run(use, data=str(tmp_path / "secret.csv"))


def test_partitions_that_do_not_go_together_are_named(run: Any) -> None:
    """Other columns, or frames of several libraries."""

    @step
    def odd() -> Dataset:
        return Dataset("daily", pd.DataFrame({"id": [1], "more": [2]}), partition="z")

    @workflow
    def flow():
        return odd()

    run(make, name="daily", ids=[1], partition="a")
    run(flow)
    error = run(use, data="daily").tasks["data:open@told"].error
    assert "'a' has id, day; 'z' has id, more" in error
    run(make, name="mixed", ids=[1], partition="a")
    run(make, name="mixed", ids=[1], partition="b", library="polars")
    assert "pandas and polars" in run(use, data="mixed").tasks["data:open@told"].error


def test_a_notebook_opens_data_sets_without_a_run(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the store's folder, or from the project in the working directory."""
    run(make, name="t", ids=[1, 2])
    assert list(open_dataset("t@1", store=str(tmp_path / "store")).table["id"]) == [1, 2]
    opened = open_dataset(Dataset.named("t"), store=str(tmp_path / "store"))
    assert (opened.version, opened.key, repr(opened)) == (1, ("id",), "<data set t@1: 2 rows>")
    assert open_dataset(opened) is opened
    (tmp_path / "pyproject.toml").write_text("[tool.hookline]\nstore = 'store'\n")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("t").version == 1
    with pytest.raises(StoreMissingError):
        open_dataset("t", store=str(tmp_path / "nothing"))


def test_without_the_plugin_a_named_data_set_says_what_is_lacking(run: Any, tmp_path: Path) -> None:
    """Nothing opens it; the step that needs its table fails with the reason."""
    run(make, name="t", ids=[1])
    done = hookline.run(use, {"data": "t"}, store=tmp_path / "store", executor="inline", without=["data"])
    assert "the data set 't' is only named here" in done.tasks["told"].error


def test_a_data_set_that_is_given_with_its_table_stays_as_it_is(run: Any) -> None:
    """A content that nobody registered can be passed, too."""
    assert run(use, data=Dataset("own", pd.DataFrame({"id": [7]}))).result[1] == [7]


@step
def grown(names: list[str]) -> list[Any]:
    return [told(Dataset.named(name)) for name in names] + [told(made("own", [7]))]


def test_a_step_that_calls_steps_names_and_makes_data_sets(run: Any) -> None:
    """What grows while a run executes is rewritten like the workflow's own graph."""

    @workflow
    def flow(names: list[str]):
        return grown(names)

    run(make, name="t", ids=[1])
    done = run(flow, names=["t"])
    assert done.result == [("t@1 ('id',) for tests", [1]), ("own@1 ('id',) for tests", [7])]
    assert "grown/data:open@told" in done.tasks
    assert run(use, data="own").result[1] == [7]
