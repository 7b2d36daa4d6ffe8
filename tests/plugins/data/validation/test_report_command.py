"""The command that shows what the checks of a run found, and the rows that were put aside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from hookline import HooklineError, StoreError, UsageError
from hookline.testing.project import Project
from hookline_data.validation.commands import report
from plugins.data.made_tables import LIBRARIES

FLOW = """
    from typing import Annotated, NamedTuple
    import pandas as pd
    import polars as pl
    from hookline import log_artifact, step, workflow
    from hookline.ml import Column, Schema
    from hookline_data import Checked, Dataset, load as source, validate

    PLAIN = Schema((Column("a", "int", minimum=0),), name="plain", open=True)
    WHO = Column("who", "str", pattern=".+@.+", personal=True)
    PEOPLE = Schema((Column("a", "int", minimum=0), WHO), name="people")

    @step
    def load(low: int, library: str = "pandas"):
        make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
        return make({"a": [5, low, 7, low], "who": ["x@y", "secret; a is not at least 0", "z@y", "v@y"]})

    @step
    def kept(table) -> int:
        log_artifact("report", "not of a check")
        return len(table)

    @workflow
    def flow(low: int = -1, library: str = "pandas", people: bool = False):
        return kept(validate(load(low, library), PEOPLE if people else PLAIN, mode="quarantine"))

    @workflow
    def items(lows: list[int]):
        return validate.partial(schema=PLAIN, mode="quarantine").map(table=load.map(low=lows))

    @workflow
    def failing():
        return validate(load(-1), PEOPLE)

    @workflow
    def bare():
        return kept([1])

    class Both(NamedTuple):
        old: Annotated[pd.DataFrame, Checked(PLAIN, mode="quarantine")]
        new: Annotated[pd.DataFrame, Checked(PLAIN, mode="quarantine")]

    @step
    def both() -> Both:
        return Both(pd.DataFrame({"a": [-1, 1]}), pd.DataFrame({"a": [-1, -2]}))

    @workflow
    def parts():
        return both().old

    @workflow
    def shop():
        return validate(source("shop"), PLAIN, mode="quarantine")

    @step
    def remember(table) -> Dataset:
        return Dataset("shop", table)

    @workflow
    def register():
        return remember(source("shop"))

    @workflow
    def opened(data: Dataset):
        return validate(data, PLAIN, mode="quarantine")
"""
Told = Callable[..., Any]


@pytest.fixture
def flow(project: Project) -> Project:
    """A project with workflows that check tables."""
    project.write("flow.py", FLOW)
    return project


@pytest.fixture
def told(flow: Project, capsys: pytest.CaptureFixture[str]) -> Told:
    """Call the command with the project's store, and give what it prints."""

    def call(*run: str, **options: Any) -> Any:
        report(*run, store=str(flow.store_path), **options)
        text = capsys.readouterr().out
        return json.loads(text) if options.get("json") else text

    return call


@pytest.mark.parametrize("library", LIBRARIES)
def test_reports_are_shown_with_the_first_rows_that_were_put_aside(flow: Project, told: Told, library: str) -> None:
    """Each with its number and its reasons; how many there are is told without them."""
    flow.run("flow.py:flow", {"library": library}, executor="inline")
    lines = told().splitlines()
    assert lines[:2] == ["data.validate", "  plain: 1 problem, 2 of 4 rows bad, 2 put aside"]
    assert re.fullmatch(r"  a +is at least 0 +2 +50.00% +1, 3 +-1, -1", lines[3])
    assert lines[4:] == ["  2 rows put aside; --rows 2 shows some"]
    assert told("last", rows=1).splitlines()[4:] == [
        "  put aside, the first 1 of 2:",
        "    _row  a   who                          _reasons",
        "    1     -1  secret; a is not at least 0  a is not at least 0",
    ]
    assert "  put aside:" in told(rows=9).splitlines()


def test_reused_tasks_have_the_reports_of_the_attempts_that_made_them(flow: Project, told: Told) -> None:
    """Item by item; one task, or one item, may be asked for."""
    flow.run("flow.py:items", {"lows": [-1, -2]}, executor="inline")
    run = flow.run("flow.py:items", {"lows": [1, -2, -3, -1]}, executor="inline")
    assert run.ran == ("load[0]", "load[2]", "data.validate[0]", "data.validate[2]")
    found = told(run.id[:-1], rows=5, json=True)
    assert (found["run"], found["workflow"]) == (run.id, "items")
    assert [(one["task"], one["quarantined"]) for one in found["reports"]] == [
        ("data.validate[0]", 0),
        ("data.validate[1]", 2),
        ("data.validate[2]", 2),
        ("data.validate[3]", 2),
    ]
    assert [row["a"] for one in found["reports"] for row in one.get("rows", [])] == [-2, -2, -3, -3, -1, -1]
    assert found["reports"][3]["report"]["problems"][0]["check"] == "is at least 0"
    assert [one["task"] for one in told(task="data.validate:3", json=True)["reports"]] == ["data.validate[3]"]
    assert len(told("last~1", json=True)["reports"]) == 2


def test_what_is_personal_is_not_shown(flow: Project, told: Told) -> None:
    """Neither cells nor what reasons quote of them: only what the report says, too."""
    flow.run("flow.py:flow", {"people": True}, executor="inline")
    first, second = told(rows=9, json=True)["reports"][0]["rows"]
    reasons = "a is not at least 0; who does not match '.+@.+'"
    assert first == {"_row": 1, "a": -1, "who": "(personal)", "_reasons": reasons}
    assert (second["who"], second["_reasons"]) == ("(personal)", "a is not at least 0")
    text = told(rows=9)
    assert "(personal)" in text
    assert not re.search("secret|@y", text)


SHOP = """
    [tool.hookline.source.shop]
    uri = "shop.csv"
    schema = "shop.yaml"
    personal = ["who"]
    mode = "quarantine"
"""


@pytest.fixture
def shop(flow: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a source that has personal data, one cell of which can't be read."""
    flow.settings(SHOP)
    flow.write("shop.yaml", "columns: {a: int, who: int}\n")
    flow.write("shop.csv", "a,who\n1,4471\n2,Ann Miller; a is not at least 0\n-5,4472\n")
    monkeypatch.chdir(flow.folder)
    return flow


@pytest.mark.parametrize("workflow", ["shop", "opened"])
def test_what_is_personal_in_the_source_stays_so(shop: Project, told: Told, workflow: str) -> None:
    """Though the schema of the task that checks a table of it says nothing, directly or by way of a data set."""
    shop.run("flow.py:register", executor="inline")
    run = shop.run(f"flow.py:{workflow}", {"data": "shop"} if workflow == "opened" else {}, executor="inline")
    assert run.status == "completed"
    (row,) = told(task="data.validate", rows=9, json=True)["reports"][0]["rows"]
    assert (row["a"], row["who"], row["_reasons"]) == (-5, "(personal)", "a is not at least 0")


def test_reports_show_no_values_of_what_is_personal_in_the_source(shop: Project, told: Told) -> None:
    """They were made by a schema that does not know; other columns' values are shown."""
    shop.edit("flow.py", 'name="plain", open=True', 'name="plain"')
    shop.edit(
        "flow.py",
        '(Column("a", "int", minimum=0),)',
        '(Column("a", "int", minimum=0), Column("who", "int", maximum=9))',
    )
    shop.run("flow.py:shop", executor="inline")
    a, who = told(task="data.validate", json=True)["reports"][0]["report"]["problems"]
    assert (a["examples"], a["rows"]) == (["-5"], [1])
    assert (who["column"], who["examples"], who["count"]) == ("who", [], 2)
    assert "447" not in told()


def test_texts_of_personal_cells_that_could_not_be_read_are_not_shown(shop: Project, told: Told) -> None:
    """They are in the reasons that are stored, and in the file that has all as it is stored."""
    shop.run("flow.py:register", executor="inline")
    place = shop.folder / "aside.csv"
    text = told(rows=9, out=str(place))
    assert "who is not a whole number" in text
    assert "Miller" not in text
    assert "447" not in text
    assert "Ann Miller; a is not at least 0" in place.read_text()


def test_a_report_that_does_not_say_what_is_personal_shows_no_cells() -> None:
    """Reports of old versions do not; any column might be."""
    from hookline_data.validation.quarantine_page import shown_rows
    from hookline_data.validation.report import Problem

    table = pd.DataFrame({"a": [1], "_row": [3], "_reasons": ["a is not of type int: Ann"]})
    problems = [Problem("a", "is of type int"), Problem("a", "is of type in")]
    assert shown_rows(table, 5, problems, None) == [{"_row": 3, "a": "(personal)", "_reasons": "a is not of type int"}]
    assert shown_rows(table, 5, problems, set())[0]["_reasons"] == "a is not of type int: Ann"


def test_a_task_that_failed_has_its_report(flow: Project, told: Told) -> None:
    """That is where it is looked for."""
    flow.run("flow.py:failing", executor="inline")
    assert "  people: 2 problems, 2 of 4 rows bad" in told().splitlines()
    assert "put aside" not in told(rows=3)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_all_rows_that_were_put_aside_are_written_as_they_are_stored(
    flow: Project, told: Told, library: str, suffix: str
) -> None:
    """Personal data too, whatever is shown; a file that is there is written over only where that is asked for."""
    flow.run("flow.py:flow", {"library": library, "people": True}, executor="inline")
    place = flow.folder / f"aside{suffix}"
    assert f"wrote '{place}': 2 rows of data.validate" in told(out=str(place))
    table = pl.read_csv(place) if suffix == ".csv" else pl.read_parquet(place)
    assert table.columns == ["a", "who", "_row", "_reasons"]
    assert table["who"].to_list() == ["secret; a is not at least 0", "v@y"]
    assert table["_row"].to_list() == [1, 3]
    with pytest.raises(UsageError, match="is there already") as error:
        told(out=str(place))
    assert error.value.help == "--force writes over it"
    assert told(out=str(place), force=True, json=True)["reports"][0]["quarantined"] == 2
    assert sorted(path.name for path in flow.folder.glob("*aside*")) == [place.name]


def test_parts_of_a_value_have_reports_of_their_own(flow: Project, told: Told) -> None:
    """Named with the task; which is to be written has to be said."""
    flow.run("flow.py:parts", executor="inline")
    assert [line for line in told().splitlines() if line.startswith("both")] == ["both (old)", "both (new)"]
    place = flow.folder / "aside.csv"
    with pytest.raises(UsageError, match=r"has 2 tables of rows .* aside: both \(old\), both \(new\)") as error:
        told(task="both", out=str(place))
    assert error.value.help == "write one of them: --part"
    told(part="new", out=str(place))
    assert len(pd.read_csv(place)) == 2
    with pytest.raises(UsageError, match="has no report of a part 'mew'; did you mean 'new'"):
        told(part="mew")


def test_a_run_without_reports_says_so(flow: Project, told: Told) -> None:
    """What a step of one's own keeps under the same name is none; nor is there anything to write."""
    run = flow.run("flow.py:bare", executor="inline")
    assert told() == f"run {run.id} of bare kept no reports: none of its tasks checked a table\n"
    assert told(task="kept").startswith(f"task 'kept' of run {run.id} kept no reports")
    assert told(json=True)["reports"] == []
    with pytest.raises(UsageError, match="put no rows aside, so there are none to write"):
        told(out=str(flow.folder / "aside.csv"))


def test_what_is_not_there_is_told(flow: Project, told: Told, tmp_path: Path) -> None:
    """With what is near."""
    with pytest.raises(StoreError):
        told()
    run = flow.run("flow.py:flow", executor="inline")
    with pytest.raises(UsageError, match=f"run {run.id} has no task 'data.valdate'; did you mean 'data.validate'"):
        told(task="data.valdate")
    with pytest.raises(UsageError, match="there is no run 'nine'"):
        told("nine")
    with pytest.raises(UsageError, match="-1 rows can't be shown"):
        told(rows=-1)
    with pytest.raises(UsageError, match=r"the suffix of 'aside.cvs' says no format; did you mean '.csv'") as error:
        told(out="aside.cvs")
    assert error.value.help == "call it aside.csv or aside.parquet"
    with pytest.raises(UsageError, match="there is no folder"):
        told(out=str(tmp_path / "none" / "aside.csv"))


def test_cells_that_a_format_has_no_words_for_are_told(tmp_path: Path) -> None:
    """And no half of a file is left."""
    from hookline_data.validation.quarantine_file import write_rows

    with pytest.raises(HooklineError, match=r"aside.csv' can't be written: .*") as error:
        write_rows(pl.DataFrame({"a": [[1, 2]]}), tmp_path / "aside.csv", force=False)
    assert error.value.help == "try Parquet"
    with pytest.raises(HooklineError, match=r"aside.parquet' can't be written: ") as error:
        write_rows(pd.DataFrame({"a": [1, "x", b"y"]}), tmp_path / "aside.parquet", force=False)
    assert error.value.help == "try CSV"
    assert list(tmp_path.iterdir()) == []
