"""What becomes of the data sets that steps return: versions, in whichever run, order and number."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

import hookline
from hookline import Run, step, workflow
from hookline.ml import Column, Schema
from hookline.testing.contracts.rewrites import RewriteContract
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.names import DatasetName
from hookline_data.versions.opening import open_dataset
from hookline_data.versions.registered import PLUGIN, Version, history, newest

LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


@step
def clean(ids: list[int], library: str = "pandas", **facts: Any) -> Dataset:
    return Dataset("transactions", LIBRARIES[library]({"id": ids, "amount": [i / 2 for i in ids]}), **facts)


@step
def total(table: Any) -> float:
    return float(nw.from_native(table)["amount"].sum())


@step
def number(data: Dataset) -> int | None:
    return data.version


@workflow
def make(ids: list[int], library: str = "pandas"):
    data = clean(ids, library, key=["id"])
    return total(data.table), number(data)


@step
def day(name: str, rows: int = 2) -> Dataset:
    return Dataset("daily", pd.DataFrame({"id": range(rows), "day": name}), key=("id", "day"), partition=name)


@workflow
def days(names: list[str], rows: int = 2):
    return number.map(data=day.map(name=names, rows=[rows] * len(names)))


@step
def perhaps(rows: int) -> Dataset | None:
    return Dataset("perhaps", pd.DataFrame({"id": range(rows)})) if rows else None


@step
def is_there(data: Dataset | None) -> bool:
    return data is not None


@workflow
def maybe(rows: int):
    return is_there(perhaps(rows))


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def start(flow: Any, **params: Any) -> Run:
        done = hookline.run(flow, params, store=tmp_path / "store", executor="inline")
        assert done.status == "completed", [task.error for task in done.tasks.values()]
        return done

    return start


@pytest.fixture
def versions(tmp_path: Path) -> Any:
    def read(name: str = "transactions", partition: str = "") -> list[Version]:
        with hookline.open_store(tmp_path / "store") as store:
            return history(store.records(PLUGIN), DatasetName(name, partition))

    return read


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_data_set_that_a_step_returns_is_registered(run: Any, versions: Any, library: str) -> None:
    """The task is seen in the graph; fields of the data set are references as before."""
    done = run(make, ids=[1, 2], library=library)
    assert list(done.tasks) == ["clean", "data:register@clean", "total", "number"]
    assert done.result == (1.5, 1)
    (version,) = versions()
    assert (version.ref.rows, version.ref.run_id, version.ref.task_id) == (2, done.id, "data:register@clean")
    assert [(column.name, column.type) for column in version.schema.columns] == [("id", "int"), ("amount", "float")]
    assert version.schema.keys == ("id",)


def test_equal_content_makes_no_new_version(run: Any, versions: Any) -> None:
    """Whether the task is reused or made anew."""
    run(make, ids=[1, 2])
    again = run(make, ids=[1, 2])
    assert {task.state for task in again.tasks.values()} == {"reused"}
    hookline.run(make, {"ids": [1, 2]}, store=versions_store(again), executor="inline", fresh=True)
    assert [version.number for version in versions()] == [1]


def versions_store(run: Run) -> str:
    """Give the folder of a run's store."""
    return str(run._source._store.path)  # type: ignore[attr-defined]


def test_a_content_that_is_reused_is_the_newest_again(run: Any, versions: Any) -> None:
    """A, B, A: the third run makes nothing, and yet what it came to is what the next reader gets."""
    for ids in ([1], [1, 2], [1], [1]):
        done = run(make, ids=ids)
    assert {task.state for task in done.tasks.values()} == {"reused"}
    found = versions()
    assert [version.ref.rows for version in found] == [1, 2, 1]
    assert found[2].content == found[0].content
    assert found[2].ref.run_id not in {found[0].ref.run_id, done.id}


def test_a_content_that_came_while_a_run_went_on_stays_the_newest(run: Any, versions: Any, tmp_path: Path) -> None:
    """What a run registered has its place by when it came, not by when the run ended."""

    @step
    def meanwhile(data: Dataset, ids: list[int]) -> int | None:
        hookline.run(make, {"ids": ids}, store=tmp_path / "store", executor="inline")
        return data.version

    @workflow
    def around(ids: list[int], others: list[int]):
        return meanwhile(clean(ids, key=["id"]), others)

    assert run(around, ids=[1], others=[1, 2]).result == 1
    assert [version.ref.rows for version in versions()] == [1, 2]


def test_a_content_has_the_number_of_its_first_coming(run: Any, versions: Any, tmp_path: Path) -> None:
    """So what takes the data set has the same key, whatever came in between."""
    run(make, ids=[1])
    run(make, ids=[1, 2])
    done = hookline.run(make, {"ids": [1]}, store=tmp_path / "store", executor="inline", fresh=True)
    assert done.result == (0.5, 1)
    assert [version.number for version in versions()] == [1, 2, 3]


def test_two_results_of_one_run_under_one_name_do_not_take_turns(run: Any, versions: Any) -> None:
    """A run that is repeated changes nothing, though it comes to two contents of one name."""

    @workflow
    def both():
        first = clean([1])
        return number(clean.options(name="clean_more")([1, 2])), number(first)

    for _ in range(3):
        run(both)
    assert len(versions()) == 2


def test_items_of_a_mapped_task_are_partitions_with_versions_of_their_own(run: Any, versions: Any) -> None:
    """A partition that changed gets a version; the others keep theirs."""
    assert run(days, names=["2026-01-05", "2026-01-06"]).result == [1, 1]
    assert run(days, names=["2026-01-06", "2026-01-07"]).counts["reused"] == 3
    run(days, names=["2026-01-06"], rows=3)
    makers = [version.ref.task_id for version in versions("daily", "2026-01-06")]
    assert makers == ["data:register@day[1]", "data:register@day[0]"]
    assert [version.ref.rows for version in versions("daily", "2026-01-06")] == [2, 3]
    assert len(versions("daily", "2026-01-05")) == len(versions("daily", "2026-01-07")) == 1


def test_a_step_may_give_no_data_set(run: Any, versions: Any) -> None:
    """None stays None."""
    assert run(maybe, rows=0).result is False
    assert versions("perhaps") == []
    assert run(maybe, rows=2).result is True
    assert len(versions("perhaps")) == 1


@step
def by_day(rows: list[int]) -> list[Dataset]:
    return [Dataset("split", pd.DataFrame({"id": [row]}), partition=f"day {row}") for row in rows]


def test_a_step_may_give_several_data_sets(run: Any, versions: Any) -> None:
    """In a list whose length only the step knows; each is registered."""

    @workflow
    def flow(rows: list[int]):
        return number.map(data=by_day(rows))

    assert run(flow, rows=[1, 2]).result == [1, 1]
    run(flow, rows=[2, 3])
    run(flow, rows=[1, 2])
    assert [len(versions("split", f"day {row}")) for row in (1, 2, 3)] == [1, 1, 1]


@dataclasses.dataclass
class Tree:
    """Has parts of its own type."""

    children: list[Tree]
    size: int = 0


def test_other_annotations_are_left_alone(run: Any) -> None:
    """Types that hold themselves, that can't be hashed, or that nobody can resolve."""

    @step
    def tree() -> Tree:
        return Tree([])

    @step
    def listed() -> list[Annotated[int, ["metadata"]]]:
        return [1]

    @step
    def unknown() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return 1

    @workflow
    def flow():
        return tree().size, listed(), unknown()

    assert list(run(flow).tasks) == ["tree", "listed", "unknown"]


class Named(NamedTuple):
    """Something that has a data set."""

    name: str
    data: Dataset


def test_a_data_set_among_other_parts_of_a_value_is_refused(tmp_path: Path) -> None:
    """It would not be registered, and nobody would know."""

    @step
    def split() -> tuple[Dataset, int]:
        return Dataset("x", pd.DataFrame({"id": [1]})), 3

    @workflow
    def flow():
        return split()

    with pytest.raises(hookline.WorkflowError, match=r"'split' .* returns a data set among other parts"):
        hookline.run(flow, store=tmp_path, executor="inline")

    @step
    def several() -> list[Named | None]:
        return [Named("x", Dataset("x", pd.DataFrame({"id": [1]})))]

    @workflow
    def nested():
        return several()

    with pytest.raises(hookline.WorkflowError, match=r"'several' .* returns a data set among other parts"):
        hookline.run(nested, store=tmp_path, executor="inline")


def test_a_table_has_columns_with_names(tmp_path: Path) -> None:
    """Whoever reads it later asks for columns by these."""

    @step
    def unnamed() -> Dataset:
        return Dataset("x", pd.DataFrame([[1, 2]]))

    @workflow
    def flow():
        return unnamed()

    done = hookline.run(flow, store=tmp_path, executor="inline")
    assert "the table of the data set 'x' has columns whose names are no texts: 0, 1" in (
        done.tasks["data:register@unnamed"].error
    )


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"key": ["nope"]}, "has the key 'nope', of which there is no column"),
        ({"schema": Schema([Column("id", "int")])}, "has 'amount' besides"),
        ({"schema": Schema([Column("id", "int"), Column("x")])}, "lacks 'x' and has 'amount' besides"),
    ],
)
def test_a_schema_or_key_that_does_not_fit_fails_the_task(tmp_path: Path, facts: dict[str, Any], says: str) -> None:
    """What is remembered of a version has to be true."""

    @workflow
    def flow():
        return number(clean([1], **facts))

    done = hookline.run(flow, store=tmp_path / "store", executor="inline")
    assert says in done.tasks["data:register@clean"].error


@pytest.mark.parametrize(("first", "second"), [("", "a"), ("a", "")])
def test_a_data_set_is_partitioned_or_it_is_not(tmp_path: Path, first: str, second: str) -> None:
    """Else a name would mean two things."""

    @step
    def named(partition: str) -> Dataset:
        return Dataset("daily", pd.DataFrame({"id": [1]}), partition=partition)

    @workflow
    def flow(partition: str):
        return number(named(partition))

    errors = [
        hookline.run(flow, {"partition": partition}, store=tmp_path, executor="inline")
        .tasks["data:register@named"]
        .error
        for partition in (first, second)
    ]
    assert errors[0] == ""
    assert ("has partitions, such as 'a'" if first else "'daily' has no partitions") in errors[1]


def test_a_data_set_without_a_table_is_refused(tmp_path: Path) -> None:
    """A name alone is no content."""

    @step
    def empty() -> Dataset:
        return Dataset("transactions")

    @workflow
    def flow():
        return number(empty())

    done = hookline.run(flow, store=tmp_path, executor="inline")
    assert "'transactions' has no table" in done.tasks["data:register@empty"].error


def test_many_items_register_one_content_at_once(tmp_path: Path) -> None:
    """In threads that write at the same time; the same content gets one number, another a second one."""

    @step
    def same(item: int) -> Dataset:
        return Dataset("same", pd.DataFrame({"id": [item % 2]}))

    @workflow
    def flow(count: int = 40):
        return number.map(data=same.map(item=list(range(count))))

    done = hookline.run(flow, store=tmp_path, executor="threads", workers=8)
    assert done.status == "completed"
    with hookline.open_store(tmp_path) as store:
        found = history(store.records(PLUGIN), DatasetName("same"))
        assert [version.number for version in found] == list(range(1, len(found) + 1))
        assert all(one.content != other.content for one, other in itertools.pairwise(found))
        assert {version.content for version in found} == {found[0].content, found[1].content}


def test_registered_tables_outlive_their_runs(run: Any, tmp_path: Path) -> None:
    """What versions refer to is kept when the run that made it is deleted, and garbage collected."""
    from hookline.testing.command import run_command

    run(make, ids=[1, 2, 3])
    store = str(tmp_path / "store")
    assert run_command(["runs", "delete", "last", "--yes", "--store", store], tmp_path).code == 0
    assert run_command(["artifacts", "gc", "--yes", "--store", store], tmp_path).code == 0
    data = open_dataset("transactions", store=store)
    assert data.table["id"].tolist() == [1, 2, 3]
    with hookline.open_store(store) as opened:
        assert [version.which for version in newest(opened.records(PLUGIN))] == [DatasetName("transactions", "", 1)]


class TestTrack(RewriteContract):
    """The rewrite keeps what every rewrite keeps, also in processes, whose workers open the store themselves."""

    @staticmethod
    def rewrite_graph(graph: Any, project: Any) -> None:
        from hookline_data.versions.rewrite import track

        track(graph, project)

    workflows = ((days, {"names": ["a", "b"]}),)
