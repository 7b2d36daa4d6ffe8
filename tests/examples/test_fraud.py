"""The fraud example, from files with known faults to a training set."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import pytest

import hookline
from hookline.testing.project import Project
from hookline.worker.loading import FileOpener, load_outcome

pytestmark = pytest.mark.integration

Copy = Callable[[str, Path], Path]

DAYS = [date(2026, 1, 1) + timedelta(number) for number in range(10)]
LAST = DAYS[-1]
OPTIONS = ["--days", "10", "--rows", "100", "--dirt", "0.08", "--fraud", "0.1"]
FOUND_BY_CONTRACT = {
    "amount is not a number": "amount_no_number",
    "amount is not at least": "amount_negative",
    "card_id": "card_missing",
    "category": "category_misspelt",
    "country": "country_unknown",
    "currency": "currency_unknown",
    "time": "time_unreadable",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, copy_of: Copy) -> Path:
    """The example's folder, with ten days of data."""
    folder = copy_of("fraud", tmp_path_factory.mktemp("data"))
    subprocess.run([sys.executable, "generate.py", *OPTIONS], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def filled(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same, after a backfill over all days."""
    project = project_of(data, tmp_path_factory.mktemp("filled"))
    assert backfill(project).status == "completed"
    project.close()
    return project.folder


@pytest.fixture
def fresh(data: Path, tmp_path: Path) -> Iterator[Project]:
    """A project with the data, in which nothing has run."""
    project = project_of(data, tmp_path / "fresh")
    yield project
    project.close()


@pytest.fixture
def known(filled: Path, tmp_path: Path) -> Iterator[Project]:
    """A project in which all days have run."""
    project = project_of(filled, tmp_path / "known")
    yield project
    project.close()


def project_of(folder: Path, place: Path) -> Project:
    """Make a project of a copy of a folder."""
    project = Project(place)
    shutil.copytree(folder, place, dirs_exist_ok=True)
    return project


def backfill(project: Project, **options: Any) -> Any:
    target = project.target("workflow.py:daily")
    mapped = replace(target, workflow=target.workflow.over("day"))
    options = {"executor": "inline", "store": project.store_path, **options}
    return hookline.run(mapped.workflow, {"day": DAYS}, target=mapped, **options)


def truth_of(project: Project) -> Any:
    return json.loads((project.folder / "data" / "truth.json").read_text())


def rows_of(project: Project, source: str, *days: date) -> list[dict[str, str]]:
    """Give the rows of the files of some days, as text."""
    texts = [(project.folder / "data" / source / f"day={day}.csv").read_text() for day in days]
    return [row for text in texts for row in csv.DictReader(text.splitlines())]


def kept(project: Project, run: Any, name: str) -> Iterator[tuple[str, int, Any]]:
    """Give each artifact of a name that attempts of a run kept: of which task, of which item, and the artifact."""
    with project.store() as store:
        tasks = {row.node: row.name for row in store.nodes(run.id)}
        for note in store.notes(run.id):
            if (note.kind, note.name) == ("artifact", name):
                opener = FileOpener(store.artifacts, lambda: project.folder)
                yield tasks[note.node], note.item, load_outcome(opener, note.outputs, 0)


def column(table: Any, name: str) -> list[Any]:
    values: list[Any] = nw.from_native(table, eager_only=True)[name].to_list()
    return values


def found_faults(project: Project, run: Any, days: list[date]) -> dict[str, dict[str, list[int]]]:
    """Tell the lines of each day's file with a fault of each kind, as the workflow found them."""
    found: dict[str, dict[str, list[int]]] = {f"{day}": defaultdict(list) for day in days}
    for task, item, table in kept(project, run, "quarantine"):
        day = days[item]
        if task == "data.load":
            for row, reasons in zip(column(table, "_row"), column(table, "_reasons"), strict=True):
                (kind,) = [kind for words, kind in FOUND_BY_CONTRACT.items() if reasons.startswith(words)]
                found[f"{day}"][kind].append(row + 2)
        else:
            assert task == "data.validate"
            lines = {row["transaction_id"]: line for line, row in enumerate(rows_of(project, "transactions", day), 2)}
            found[f"{day}"]["time_of_other_day"] += [lines[name] for name in column(table, "transaction_id")]
    for _, item, table in kept(project, run, "repeated"):
        lines = {
            row["transaction_id"]: line for line, row in enumerate(rows_of(project, "transactions", days[item]), 2)
        }  # the last
        found[f"{days[item]}"]["id_repeated"] += [lines[name] for name in column(table, "transaction_id")]
    return {day: {kind: sorted(lines) for kind, lines in kinds.items()} for day, kinds in found.items()}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_faults_are_found_exactly(fresh: Project, library: str) -> None:
    """Each line that the generator spoilt is put aside for its fault, no other line is, and the counts are equal."""
    run = fresh.run("workflow.py:daily", {"day": LAST, "history": 9}, executor="inline", **env(library))
    truth = truth_of(fresh)

    assert run.status == "completed"
    found = found_faults(fresh, run, DAYS)
    wanted = {day: {kind: at for kind, at in facts["faults"].items() if at} for day, facts in truth["days"].items()}
    assert found == wanted
    counted = Counter(dict.fromkeys(truth["faults"], 0))
    for kinds in found.values():
        counted.update({kind: len(lines) for kind, lines in kinds.items()})
    assert dict(counted) == truth["faults"]
    left = len(column(run.value.table, "transaction_id"))
    assert left == truth["days"][f"{LAST}"]["rows"] - sum(map(len, wanted[f"{LAST}"].values()))


def test_results_are_the_same_on_every_executor_and_with_each_library(fresh: Project) -> None:
    """What a day's features are does not depend on where tasks ran; pandas and polars give equal values."""
    results = {
        (executor, library): fresh.run(
            "workflow.py:daily", {"day": DAYS[1]}, executor=executor, workers=1, fresh=True, **env(library)
        ).value
        for executor, library in [
            ("inline", "pandas"),
            ("threads", "pandas"),
            ("processes", "pandas"),
            ("inline", "polars"),
        ]
    }
    first, *others = [
        nw.from_native(result.table, eager_only=True).to_dict(as_series=False) for result in results.values()
    ]
    plain = [{name: list(map(plainly, values)) for name, values in table.items()} for table in (first, *others)]

    assert len(plain[0]["transaction_id"]) > 50
    assert plain[1:] == plain[:1] * 3
    # Equal content is no new version: what the executors made has one digest.
    assert results["inline", "pandas"].version == results["processes", "pandas"].version == 1


def test_a_second_backfill_reuses_everything(known: Project) -> None:
    """All that is recorded is reused, and each day's features are known as a part of one data set."""
    again = backfill(known)

    assert {word for word, count in again.counts.items() if count} == {"reused"}
    assert again.partitions == {f"{day}": "reused" for day in DAYS}
    assert [f"{result}" for result in again.result.values()] == [f"features/{day}@1" for day in DAYS]


def test_a_changed_day_runs_again_with_what_depends_on_it(known: Project) -> None:
    """Another amount in the file of day 3 of 10 changes that day and the seven days that look back at it, no others.

    What day 10 looks back at begins with day 3, so days 1 and 2 alone are left out.
    """
    spoilt = {line for lines in truth_of(known)["days"][f"{DAYS[2]}"]["faults"].values() for line in lines}
    line = next(line for line in range(5, 100) if not {line, line - 1, line + 1} & spoilt)
    change(known, DAYS[2], line, "amount", "77.77")

    ran = ran_in(known, backfill(known))
    joins = {"data.join_asof", "data.join_asof-2", "data.join_asof-3", "data.join_asof-4"}
    made = {"make_features", "data:register@make_features"}
    assert set(ran) == {f"{day}" for day in DAYS[2:]}
    for day in DAYS[2:]:
        later = {task for task in ran[f"{day}"] if not shared({task})}
        assert {"card_totals", "data.join_asof", "data.join_asof-2"} <= later <= {"card_totals", *joins, *made}
    assert {*joins, *made} <= ran[f"{DAYS[2]}"]
    # What several partitions need is done in one of them.
    assert sorted(name for tasks in ran.values() for name in shared(tasks)) == [
        "data.load",
        "data.validate",
        "data:validate@once",
        "once",
    ]


def test_a_change_that_is_put_aside_changes_nothing_else(known: Project) -> None:
    """A row that was bad and is bad in another way is told anew; the rows that are left are the same."""
    day, facts = next((day, facts) for day, facts in truth_of(known)["days"].items() if facts["faults"]["card_missing"])
    change(known, date.fromisoformat(day), facts["faults"]["card_missing"][0], "currency", "???")

    (tasks,) = ran_in(known, backfill(known)).values()
    assert shared(tasks) == ["data.load"]
    assert len(tasks) == 1


def test_the_declared_workflow_shares_what_the_programmed_one_loaded(known: Project) -> None:
    """workflow.yaml loads with the same keys; without Python it finds what the contract knows of, and repeated rows."""
    day = max(truth_of(known)["days"], key=lambda day: len(truth_of(known)["days"][day]["faults"]["id_repeated"]))
    repeated = truth_of(known)["days"][day]["faults"]["id_repeated"]

    run = known.run("workflow.yaml", {"day": day}, executor="inline")
    assert run.status == "completed"
    assert {"payments", "chargebacks"} <= set(run.reused)
    ((_, _, report),) = kept(known, run, "report")
    (problem,) = report["problems"]
    assert (problem["column"], problem["check"]) == ("transaction_id", "is unique")
    assert problem["count"] == 2 * len(repeated)


def test_features_say_what_was_known_at_the_time(known: Project) -> None:
    """Counts of payments and disputes are those of earlier moments, as a slow and simple count gives them."""
    rows = [row for day in DAYS for row in good_rows(known, day)]
    disputed = rows_of(known, "chargebacks", *DAYS)
    table = known.run("workflow.py:daily", {"day": LAST}, executor="inline").value.table
    found = nw.from_native(table, eager_only=True).rows(named=True)

    assert len(found) == len(good_rows(known, LAST)) > 50
    payments = {row["transaction_id"]: row for row in rows}
    for features in found:
        row = payments[features["transaction_id"]]
        moment = datetime.fromisoformat(row["time"])
        earlier = [
            other
            for other in rows
            if other["card_id"] == row["card_id"]
            and moment - timedelta(days=1) < datetime.fromisoformat(other["time"]) < moment
        ]
        known_by_then = [
            other
            for other in disputed
            if other["merchant_id"] == row["merchant_id"] and datetime.fromisoformat(other["reported_at"]) <= moment
        ]
        assert features["card_payments_1d"] == len(earlier)
        assert features["merchant_disputes"] == len(known_by_then)
    assert sum(features["merchant_disputes"] for features in found) > 0
    assert sum(features["card_payments_1d"] for features in found) > 10


def test_the_training_set_is_labelled_and_split_without_leaks(known: Project) -> None:
    """Labels are what was reported by then of payments that are old enough; the test's payments are the later ones."""
    params = {"as_of": LAST, "delay": "3d", "gap": "1d"}
    run = known.run("workflow.py:training_set", params, executor="inline")

    assert run.status == "completed", run.error("data.check_leakage")
    training, test = (nw.from_native(run.value[part].table, eager_only=True) for part in ("training", "test"))
    assert training["time"].max() + timedelta(days=1) <= test["time"].min()
    assert test["time"].max() <= datetime.fromisoformat(f"{LAST + timedelta(1)}T00:00:00Z") - timedelta(days=3)
    reported = {row["transaction_id"] for row in rows_of(known, "chargebacks", *DAYS)}
    for part in (training, test):
        for name, label in zip(part["transaction_id"].to_list(), part["label"].to_list(), strict=True):
            assert label == int(name in reported)
    assert training["label"].sum() > 0
    assert run.value["without leaks"] is True
    report = run.run.load("data.check_leakage")
    assert [check.name for check in report.failed] == ["entity overlap: training, test"]
    assert [str(run.value[part]) for part in ("training", "test")] == ["training@1", "test@1"]


def env(library: str) -> dict[str, str]:
    """Say how a run gets the frames of a library."""
    return {"env": "polars"} if library == "polars" else {}


def plainly(value: Any) -> Any:
    """Give a value as both libraries would: missing as None, moments as texts, without the last bits of quotients."""
    if value is None or value != value:
        return None
    if isinstance(value, float):
        return round(value, 9)
    return f"{value:%Y-%m-%d %H:%M:%S%z}" if isinstance(value, datetime) else value


def change(project: Project, day: date, line: int, name: str, text: str) -> None:
    """Write another value into a line of a day's file; the header is line 1."""
    path = project.folder / "data" / "transactions" / f"day={day}.csv"
    lines = path.read_text().splitlines()
    cells = next(csv.reader([lines[line - 1]]))
    cells[lines[0].split(",").index(name)] = text
    lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


def ran_in(project: Project, run: Any) -> dict[str, set[str]]:
    """Tell which tasks ran in each partition; of each mapped one of the example's a single item, or this fails."""
    assert run.status == "completed"
    with project.store() as store:
        nodes = {row.node: row.name for row in store.nodes(run.id)}
        attempts = [nodes[row.node] for row in store.attempts(run.id)]
    assert len(attempts) == len(set(attempts))
    ran: dict[str, set[str]] = defaultdict(set)
    for task in attempts:
        day, _, name = task.partition("/")
        ran[day].add(name)
    return dict(ran)


def shared(tasks: set[str]) -> list[str]:
    """Name the tasks that clean a day's payments, which days that look back at it share."""
    names = sorted(re.sub(r"-\d$", "", task) for task in tasks)
    return [name for name in names if name in ("data.load", "data.validate", "once", "data:validate@once")]


def good_rows(project: Project, day: date) -> list[dict[str, str]]:
    """Give the rows of a day's file in which there is no fault."""
    bad = {line for lines in truth_of(project)["days"][f"{day}"]["faults"].values() for line in lines}
    return [row for line, row in enumerate(rows_of(project, "transactions", day), 2) if line not in bad]
