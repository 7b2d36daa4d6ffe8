"""What is wrong is said in one clear message with the remedy, the documented exit code, and no traceback."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Shown, call_each

Command = Callable[..., Shown]

SOUND = """
from hookline import step, workflow

@step
def load(size: int) -> bytes:
    return bytes(size)

@step
def count(data: bytes) -> int:
    return len(data)

@workflow
def sound(size: int = 10, ratio: float = 0.5):
    return count(load(size))
"""

BROKEN = """
from hookline import step, workflow

@step
def make(x: int = 1) -> int:
    return x

@step
def stream():
    return (number for number in range(3))

@workflow
def tests_a_reference():
    if make():
        return make(2)

@workflow
def computes_with_a_reference():
    return make(make() + 1)

@workflow
def stores_a_generator():
    return stream()

@workflow
def has_several_problems():
    make(y=3)
    make.map(x="text")
    return make(1, 2)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad") / "project"
    folder.mkdir()
    files = {
        "pyproject.toml": "",
        "sound.py": SOUND,
        "broken.py": BROKEN,
        "no_such_import.py": "import hookline\nimport a_module_that_is_not_there\n",
        "dies.py": "def first():\n    return 1 / 0\n\nfirst()\n",
        "exits.py": "import sys\nsys.exit(0)\n",
        "syntax.py": "def f(:\n    pass\n",
        "empty.py": "x = 1\n",
        "notes.txt": "no workflow",
        "params.json": '{"size": 3, "radius": 4}',
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


CASES = [
    ("a missing file", "run missing.py", 2, ["there is no file 'missing.py'", "help: "]),
    ("a misspelt file", "run soud.py", 2, ["did you mean 'sound.py'?"]),
    ("a folder", "run .", 2, ["'.' is a folder"]),
    ("no Python file", "run notes.txt", 2, ["'notes.txt' is no Python file"]),
    ("a missing module", "run nowhere.module:flow", 2, ["there is no module 'nowhere.module'"]),
    (
        "a missing import",
        "run no_such_import.py",
        3,
        ["a_module_that_is_not_there", "no_such_import.py:2", "help: install"],
    ),
    ("a module that dies", "run dies.py", 3, ["ZeroDivisionError", "dies.py:2 in first: return 1 / 0"]),
    ("a module that exits", "check exits.py", 3, ["exits.py:2"]),
    ("a syntax error", "run syntax.py", 3, ["SyntaxError", "syntax.py:1"]),
    ("no workflow", "run empty.py", 2, ["there is no workflow in 'empty.py'", "@workflow"]),
    ("several workflows", "run broken.py", 2, ["there are 4 workflows in 'broken.py'", "help: say which: broken.py:"]),
    ("a misspelt workflow", "run sound.py:sond", 2, ["did you mean 'sound'?"]),
    (
        "an unknown option",
        "run sound.py --sise 3",
        2,
        ["there is no option '--sise'; did you mean '--size'?", "sound.py --help"],
    ),
    ("an unknown parameter", "run sound.py -p sise=3", 2, ["there is no parameter 'sise'", "did you mean 'size'?"]),
    ("an unknown parameter in a file", "run sound.py --params params.json", 2, ["there is no parameter 'radius'"]),
    ("a missing parameter file", "run sound.py --params parms.json", 2, ["did you mean 'params.json'?"]),
    ("a value of the wrong type", "run sound.py --size many", 2, ["'size' takes a whole number, not 'many'"]),
    ("an unknown executor", "run sound.py -x thread", 2, ["there is no executor 'thread'", "threads"]),
    ("no workers", "run sound.py --workers 0", 2, ["--workers"]),
    ("no turns", "run sound.py --turns 0", 2, ["turns takes a whole number from 1, not 0"]),
    ("a file as the store", "run sound.py --store notes.txt", 2, ["the store '", "is a file", "--store PATH"]),
    ("a reference tested", "run broken.py:tests_a_reference", 3, ["task 'make'", "broken.py:14", "step.when("]),
    (
        "a reference computed with",
        "run broken.py:computes_with_a_reference",
        3,
        ["task 'make'", "broken.py:19", "inside a step"],
    ),
    (
        "several problems",
        "check broken.py:has_several_problems",
        3,
        ["problems", "broken.py:27", "broken.py:28", "broken.py:29"],
    ),
    (
        "a result that can't be stored",
        "run broken.py:stores_a_generator",
        1,
        ["generator", "hookline runs logs last stream"],
    ),
]


@pytest.fixture(scope="module")
def answers(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    lines = [case[1] for case in CASES]
    return dict(zip(lines, call_each([line.split() for line in lines], project), strict=True))


@pytest.mark.parametrize(("line", "code", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_is_answered_with_the_remedy(line: str, code: int, said: list[str], answers: dict[str, Shown]):
    """Each kind of bad input has its message, its remedy and its exit code."""
    shown = answers[line]
    assert shown.code == code, shown
    for text in said:
        assert text in shown.err
    assert "Traceback" not in shown.err + shown.out


def test_debug_shows_the_whole_traceback(project: Path, run_command: Command):
    """``--debug`` adds the traceback to the same message."""
    shown = run_command(["run", "dies.py", "--debug"], project)
    assert shown.code == 3
    assert "Traceback (most recent call last)" in shown.err
    assert "error: 'dies.py' can't be imported: ZeroDivisionError" in shown.err


def test_programs_get_errors_as_json(project: Path, run_command: Command):
    """With ``--json`` an error is the last line of standard output, too."""
    shown = run_command(["run", "sound.py", "--size", "many", "--json"], project)
    document = json.loads(shown.out.splitlines()[-1])
    assert "'size' takes a whole number" in document["error"]
    assert document["exit_code"] == shown.code == 2


@pytest.fixture(scope="module")
def recorded(project: Path, tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Path:
    """A store with one run."""
    store = tmp_path_factory.mktemp("stores") / "recorded"
    assert run_command(["run", "sound.py", "--store", str(store), "--quiet"], project).code == 0
    return store


@pytest.fixture
def store(recorded: Path, tmp_path: Path) -> Path:
    """A copy of that store, to be spoilt."""
    return Path(shutil.copytree(recorded, tmp_path / "store"))


def journal_of(store: Path) -> Path:
    (journal,) = [file for file in store.iterdir() if file.is_file() and file.read_bytes()[:15] == b"SQLite format 3"]
    return journal


def test_a_damaged_journal_is_not_written_to(store: Path, project: Path, look: Command):
    """A journal whose header is not what was written ends with exit code 5, and stays as it is."""
    journal = journal_of(store)
    journal.write_bytes(b"x" * 4096 + journal.read_bytes()[4096:])
    before = journal.read_bytes()
    shown = look(project, "runs", "list", "--store", str(store))
    assert shown.code == 5
    assert "is damaged" in shown.err
    assert "help: " in shown.err
    assert journal.read_bytes() == before


def test_a_newer_journal_is_refused(store: Path, project: Path, look: Command):
    """A store of a later hookline is left alone; the message says to upgrade."""
    journal = journal_of(store)
    with sqlite3.connect(journal) as connection:
        connection.execute("PRAGMA user_version = 4711")
    connection.close()
    shown = look(project, "runs", "list", "--store", str(store))
    assert shown.code == 5
    assert "4711" in shown.err
    assert "help: " in shown.err


def test_a_folder_that_is_no_store_is_refused(project: Path, tmp_path: Path, look: Command):
    """A folder without a journal is not mistaken for a store."""
    shown = look(project, "runs", "list", "--store", str(tmp_path))
    assert shown.code in (2, 5)
    assert str(tmp_path) in shown.err
    assert "help: " in shown.err


@pytest.mark.parametrize("place", ["/sys/hookline-store", "/proc/hookline-store"])
def test_a_place_that_can_t_be_written_is_named(place: str, project: Path, run_command: Command):
    """Where nothing can be written the message names the path and asks for another."""
    if not Path(place).parent.is_dir():
        pytest.skip("Linux only")
    shown = run_command(["run", "sound.py", "--store", place], project)
    assert shown.code == 5
    assert f"'{place}'" in shown.err
    assert "Traceback" not in shown.err


def test_a_read_only_store_can_still_be_read(store: Path, project: Path, look: Command):
    """Listing runs writes nothing, so it needs no right to write."""
    for path in (*store.rglob("*"), store):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        shown = look(project, "runs", "list", "--store", str(store))
        assert (shown.code, shown.out.count("completed")) == (0, 1)
    finally:
        for path in (store, *store.rglob("*")):
            path.chmod(0o755)


def test_a_full_disk_loses_nothing_recorded(store: Path, project: Path, run_command: Command):
    """When no more can be written the task fails with the reason; afterwards the same command completes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    line = ["run", "sound.py", "--size", str(3 << 20), "--store", str(store)]
    shown = run_command(line, project, before=limit)
    assert shown.code in (1, 5)
    assert "EFBIG" in shown.err or "too large" in shown.err
    assert "Traceback" not in shown.err
    after = run_command([*line, "--json"], project)
    assert json.loads(after.out.splitlines()[-1])["result"] == 3 << 20
    listed = json.loads(run_command(["runs", "list", "--json", "--store", str(store)], project).out)["runs"]
    assert listed[-1]["status"] == "completed"


def test_nothing_recorded_yet_is_said(tmp_path: Path, look: Command):
    """Commands about runs in a project without any say how to begin."""
    for line in ("runs list", "runs show", "runs logs", "resume", "why load"):
        shown = look(tmp_path, *line.split())
        assert shown.code == 2
        assert "nothing is recorded here" in shown.err
        assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("runs show nope", "there is no run 'nope'"),
        ("runs show last~9", "there is no run 'last~9'"),
        ("runs logs last lod", "did you mean 'load'?"),
        ("why lod", "did you mean 'load'?"),
        ("why last load more", "takes a run and a task"),
        ("runs lst", "Did you mean 'list'?"),
        ("rnu sound.py", "Did you mean 'run'?"),
        ("run", "missing argument 'TARGET'"),
        ("runs list --limit many", "--limit"),
        ("runs list --lmit 3", "did you mean '--limit'?"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(line: str, said: str, recorded: Path, project: Path, look: Command):
    """Names of runs, tasks, commands and options that don't exist exit with 2 and suggest near ones."""
    words = line.split()
    shown = look(project, *words, *(["--store", str(recorded)] if len(words) > 1 and words[0] != "rnu" else []))
    assert shown.code == 2
    assert said in shown.err
    assert "Traceback" not in shown.err
