"""The doctor: what is wrong with a machine or a store is found, and comes with a remedy."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import pytest

from hookline.cli.app import main
from hookline.engine.doctor import Finding, examine
from hookline.store import NewRun, open_store
from hookline.store.schema import VERSION

GOLDEN = Path(__file__).parents[1] / "store" / "golden" / "format-1"


def findings(store: Path) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(store)}


def test_a_folder_without_a_store_is_fit_for_one(tmp_path: Path) -> None:
    """Nothing fails, nothing is made there."""
    found = findings(tmp_path / ".hookline")
    assert {name for name, one in found.items() if one.level == "fail"} == set()
    assert "the first run makes it" in found["store"].text
    assert list(tmp_path.iterdir()) == []


def test_an_older_store_is_a_warning_and_a_newer_one_a_failure(tmp_path: Path) -> None:
    """Each comes with its remedy; the exit code tells failures."""
    folder = tmp_path / ".hookline"
    shutil.copytree(GOLDEN, folder)
    found = findings(folder)["store"]
    assert (found.level, found.help) == ("warn", "run `hookline store upgrade`")
    with (folder / "journal.sqlite3").open("r+b") as file:
        file.seek(60)
        file.write((VERSION + 1).to_bytes(4, "big"))
    found = findings(folder)["store"]
    assert found.level == "fail"
    assert found.help.startswith("upgrade hookline")


def test_a_failure_exits_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged journal is one line with a remedy, for people and for programs."""
    folder = tmp_path / ".hookline"
    open_store(folder, create=True).close()
    (folder / "journal.sqlite3").write_bytes(b"nothing of the kind" * 100)
    assert main(["doctor", "--store", str(folder)]) == 5
    shown = capsys.readouterr()
    assert "fail  store" in shown.out
    assert "help: nothing more is written to it" in shown.out
    assert "something fails" in shown.err
    assert main(["doctor", "--store", str(folder), "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["findings"] if one["level"] == "fail"] == ["store", "clock"]


def test_records_from_the_future_are_told(tmp_path: Path) -> None:
    """A wall clock that was set back shows in what is recorded."""
    folder = tmp_path / ".hookline"
    with open_store(folder, create=True) as store, store.start_run(NewRun("w")) as run:
        with run._writer.transaction() as cursor:
            cursor.execute("UPDATE runs SET created_us = created_us + 3600000000")
        found = findings(folder)["clock"]
    assert found.level == "warn"
    assert "in the future" in found.text
    assert "chrony" in found.help


def test_few_open_files_are_a_warning(tmp_path: Path) -> None:
    """The remedy is a command."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        found = findings(tmp_path / ".hookline")["open files"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (found.level, found.text) == ("warn", "a process may open 200")
    assert "ulimit -n" in found.help


def test_a_place_where_nothing_can_be_written_fails(tmp_path: Path) -> None:
    """Where the folder would have to be, there is a file."""
    (tmp_path / "file").touch()
    found = findings(tmp_path / "file" / ".hookline")
    assert found["permissions"].level == "fail"
    assert "is no folder" in found["permissions"].text
