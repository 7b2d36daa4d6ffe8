"""Artifacts, deletion, the store and the doctor on the command line."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3
from syrupy.assertion import SnapshotAssertion

from cli.terminal import Shown, call_each
from hookline.cli.quantities import parse_age, parse_size, size
from hookline.store import NewRun, open_store

GOLDEN = Path(__file__).parents[1] / "store" / "golden" / "format-1"
WORKFLOW = """
from dataclasses import dataclass
from pathlib import Path
from hookline import attempt, step, workflow

@dataclass
class Report:
    title: str
    rows: int

@step
def numbers(count: int) -> list[int]:
    return list(range(count))

@step
def blow_up(number: int) -> bytes:
    return bytes([number]) * 10_000

@step
def write(parts: list[bytes]) -> Path:
    print("writing")
    folder = attempt().folder / "parts"
    folder.mkdir()
    for number, part in enumerate(parts):
        (folder / f"{number}.bin").write_bytes(part)
    return folder

@step
def report(folder: Path) -> Report:
    return Report("parts", len(list(folder.iterdir())))

@step
def title(report: Report) -> str:
    return report.title

@step
def large(count: int) -> bytes:
    return bytes(2_000_000) + bytes([count])

@workflow
def story(count: int = 2):
    made = report(write(blow_up.map(number=numbers(count))))
    return [title(made), len_of(large(count))]

@step
def len_of(data: bytes) -> int:
    return len(data)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three runs, of which the second reused all of the first, and the third a part."""
    folder = tmp_path_factory.mktemp("housekeeping") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "story.py").write_text(WORKFLOW)
    lines = ["run story.py -q", "run story.py -q", "run story.py -q --count 3"]
    shown = call_each([line.split() for line in lines], folder)
    assert [one.code for one in shown] == [0, 0, 0], shown
    return folder


@pytest.fixture
def project(told: Path, tmp_path: Path) -> Path:
    """The same, to be changed by one test."""
    return Path(shutil.copytree(told, tmp_path / "project"))


@pytest.mark.parametrize(
    "line",
    [
        "artifacts list",
        "artifacts list last~2",
        "artifacts list last blow_up:1",
        "artifacts gc",
        "artifacts verify",
        "artifacts --help",
        "artifacts gc --help",
        "runs delete --help",
        "store upgrade",
    ],
)
def test_what_a_command_says(line: str, told: Path, look: Callable[..., Shown], snapshot: SnapshotAssertion) -> None:
    """Each command that changes nothing shows what it showed when this snapshot was approved."""
    assert look(told, *line.split()).text == snapshot


def test_a_story_of_deleting_and_collecting(
    project: Path, look: Callable[..., Shown], snapshot: SnapshotAssertion
) -> None:
    """What reuse still needs stays; with the last run all goes, and the store is as good as new."""
    lines = [
        "runs delete last~2 --yes",
        "runs list",
        "why last~1 blow_up",
        "artifacts verify",
        "artifacts gc",
        "runs delete --keep-last 1 --yes",
        "artifacts gc --yes",
        "artifacts verify",
        "runs delete --older-than 0s --yes",
        "artifacts gc --yes --quiet",
        "artifacts list",
    ]
    assert "\n".join(f"$ {line}\n{look(project, *line.split()).text}" for line in lines) == snapshot
    left = [path for path in (project / ".hookline" / "artifacts").rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["lock"]


def test_an_artifact_s_page_names_its_makers_and_users(told: Path, look: Callable[..., Shown]) -> None:
    """Who made it, who takes it, who reused it; the same for programs."""
    listed = json.loads(look(told, "artifacts", "list", "--json").out)["artifacts"]
    found = next(one for one in listed if one["what"] == "value" and one["size"] < 20_000)
    page = look(told, "artifacts", "show", found["digest"][:10])
    assert page.code == 0
    assert f"artifact {found['digest']}" in page.out
    document = json.loads(look(told, "artifacts", "show", found["digest"], "--json").out)
    assert document["state"] == "whole"
    assert document["place"] == "pack"
    assert document["owners"][0]["task"].startswith("blow_up[")
    assert [user["task"] for user in document["used_by"]] == ["write"]
    assert {user["task"] for user in document["reused_by"]} == {document["owners"][0]["task"]}
    assert len(document["reused_by"]) == 2


@pytest.mark.parametrize(
    ("task", "form"),
    [("numbers", "pickle"), ("blow_up:1", "bytes"), ("title", "text"), ("write", "folder"), ("blow_up", "pickle")],
)
def test_a_task_s_value_is_written_in_the_form_that_fits(
    task: str, form: str, told: Path, tmp_path: Path, look: Callable[..., Shown]
) -> None:
    """Files as they were, bytes and texts as they are, all else pickled."""
    target = tmp_path / "out"
    shown = look(told, "artifacts", "get", task, "--run", "last~2", "-o", str(target), "--json")
    assert json.loads(shown.out)["form"] == form, shown
    if form == "folder":
        assert {path.name: path.stat().st_size for path in target.iterdir()} == {"0.bin": 10_000, "1.bin": 10_000}
    else:
        data = target.read_bytes()
        expected = {"numbers": [0, 1], "blow_up": [bytes([number]) * 10_000 for number in range(2)]}
        if form == "pickle":
            assert pickle.loads(data) == expected[task]
        else:
            assert data == {"bytes": b"\1" * 10_000, "text": b"parts"}[form]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_artifact_is_written_by_its_digest(told: Path, tmp_path: Path, look: Callable[..., Shown]) -> None:
    """A file or folder as it was returned; with --raw the very bytes that the digest is of."""
    listed = json.loads(look(told, "artifacts", "list", "last", "--json").out)["artifacts"]
    folder = next(one for one in listed if one["what"] == "folder")
    assert look(told, "artifacts", "get", folder["digest"], "-o", str(tmp_path / "parts")).code == 0
    assert len(list((tmp_path / "parts").iterdir())) == 3
    for number, one in enumerate(one for one in listed if one["what"] in ("value", "file")):
        target = tmp_path / str(number)
        assert look(told, "artifacts", "get", one["digest"], "--raw", "-o", str(target)).code == 0
        assert blake3(target.read_bytes()).hexdigest() == one["digest"]


def test_nothing_is_written_over_without_force(told: Path, tmp_path: Path, look: Callable[..., Shown]) -> None:
    """What is at the path stays, and the message says how to replace it; force replaces files and folders."""
    target = tmp_path / "out"
    target.write_text("mine")
    refused = look(told, "artifacts", "get", "title", "-o", str(target))
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "--force" in refused.err
    assert target.read_text() == "mine"
    assert look(told, "artifacts", "get", "write", "-o", str(target), "--force").code == 0
    assert target.is_dir()
    assert look(told, "artifacts", "get", "title", "-o", str(target), "--force").code == 0
    assert target.read_text() == "parts"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("artifacts get nothing -o x", "has no task 'nothing'"),
        ("artifacts get write:0 -o x", "has no task 'write[0]'"),
        ("artifacts get 00000000 -o x", "there is no artifact '00000000'"),
        ("artifacts get title -o no/where", "there is no folder"),
        ("artifacts get title --raw -o x", "--raw writes one artifact"),
        ("artifacts show zzz", "'zzz' is no digest"),
        ("artifacts show 0000000", "there is no artifact '0000000'"),
        ("artifacts list last blow", "did you mean 'blow_up'?"),
        ("artifacts gc --older-than soon", "'soon' is no length of time"),
        ("artifacts gc --max-size big", "'big' is no size"),
        ("runs delete", "no run was named"),
        ("runs delete last --keep-last 1 --yes", "by name or by rule, not both"),
        ("runs delete last", "nobody can be asked here"),
        ("runs delete nothing --yes", "there is no run 'nothing'"),
    ],
)
def test_bad_input_gets_one_clear_error(line: str, words: str, told: Path, look: Callable[..., Shown]) -> None:
    """Exit code 2, a message and a remedy, and nothing is deleted."""
    shown = look(told, *line.split())
    assert shown.code == 2
    assert words in shown.err
    assert "help: " in shown.err
    assert len(json.loads(look(told, "runs", "list", "--json").out)["runs"]) == 3


def test_verify_names_what_is_damaged_and_the_next_run_makes_it_again(
    project: Path, look: Callable[..., Shown], tmp_path: Path
) -> None:
    """Exit code 5, the task, what is wrong; afterwards the store heals by running."""
    listed = json.loads(look(project, "artifacts", "list", "last", "large", "--json").out)["artifacts"]
    (digest,) = (one["digest"] for one in listed if one["place"] == "file")
    (project / ".hookline/artifacts/objects/blake3" / digest[:2] / digest[2:]).write_bytes(bytes(7))
    shown = look(project, "artifacts", "verify")
    assert shown.code == 5
    assert "has 7 bytes instead of" in shown.out
    assert "of large in " in shown.out
    assert "1 of " in shown.err
    document = json.loads(look(project, "artifacts", "verify", "--json").out)
    assert document["damaged"][0]["owners"][0]["task"] == "large"
    assert "is missing" in document["damaged"][0]["wrong"]
    # A changed consumer, so that the artifact is needed.
    text = (project / "story.py").read_text()
    (project / "story.py").write_text(text.replace("return len(data)", "return len(data) + 1"))
    (ran,) = call_each([["run", "story.py", "--count", "3"]], project)
    assert ran.code == 0, ran
    assert look(project, "artifacts", "verify").code == 0


def test_deleting_a_run_that_is_running_is_refused(tmp_path: Path, look: Callable[..., Shown]) -> None:
    """The error names the driver; by rule such runs are left out and counted."""
    (tmp_path / "pyproject.toml").touch()
    with open_store(tmp_path / ".hookline", create=True) as store, store.start_run(NewRun("w")) as run:
        shown = look(tmp_path, "runs", "delete", run.run_id, "--yes")
        assert shown.code == 75
        assert f"run {run.run_id} is running, nothing was deleted: host" in shown.err
        shown = look(tmp_path, "runs", "delete", "--keep-last", "0", "--yes")
        assert (shown.code, shown.out) == (0, "no run to delete\n")
        assert "1 run left out, still running" in shown.err
        assert len(store.runs()) == 1


def test_the_store_is_measured(told: Path, look: Callable[..., Shown]) -> None:
    """What a user sees and what programs read."""
    document = json.loads(look(told, "store", "info", "--json").out)
    assert document["runs"] == 3
    assert document["artifact_files"] == 2
    assert document["sqlite"] == sqlite3.sqlite_version
    lines = dict(line.split(maxsplit=1) for line in look(told, "store", "info").out.splitlines())
    assert lines["runs"] == "3"
    assert lines["artifacts"].endswith("in 2 files and 2 packs")


def test_an_old_store_is_upgraded_on_request(tmp_path: Path, look: Callable[..., Shown]) -> None:
    """Every command says so, info shows both formats, upgrade names the copy, and then all works."""
    shutil.copytree(GOLDEN, tmp_path / ".hookline")
    (tmp_path / "pyproject.toml").touch()
    refused = look(tmp_path, "runs", "list")
    assert refused.code == 5
    assert "run `hookline store upgrade`" in refused.err
    info = look(tmp_path, "store", "info")
    assert "(this hookline needs" in info.out
    assert "hookline store upgrade" in info.err
    done = look(tmp_path, "store", "upgrade")
    assert done.out.startswith("upgraded from format 1 to ")
    assert "journal.sqlite3.format-1" in done.err
    assert look(tmp_path, "runs", "list").code == 0


def test_the_doctor_finds_this_machine_fit(told: Path, look: Callable[..., Shown]) -> None:
    """All checks are made, a worker process too, and none fails here."""
    shown = look(told, "doctor", "--json")
    findings = {one["name"]: one for one in json.loads(shown.out)["findings"]}
    assert shown.code == 0, findings
    assert "a process started, and made an attempt" in findings["workers"]["text"]
    assert findings["store"]["text"].endswith("3 runs")
    assert findings["SQLite"]["level"] == ("warn" if sqlite3.sqlite_version_info < (3, 51, 3) else "ok")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (999_960, "1.0 MB"), (12_345_678_901, "12.3 GB")]
)
def test_sizes_are_written_for_people(number: int, text: str) -> None:
    """Three digits and a unit."""
    assert size(number) == text


def test_sizes_and_ages_are_read_as_people_write_them() -> None:
    """Decimal and binary units, with or without blanks; ages with units, or in seconds."""
    assert [parse_size(text) for text in ("4096", "10GB", "1.5 MB", "4GiB", "2k", "7B")] == [
        4096,
        10**10,
        1_500_000,
        4 << 30,
        2000,
        7,
    ]
    assert [parse_age(text) for text in ("30d", "12h", "1d 6h", "90")] == [2_592_000, 43_200, 108_000, 90]
