"""``hookline backfill``: ranges on the command line, lists of partitions, endings that count them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from cli.terminal import Shown, call_each
from hookline.cli.tally import Tally
from hookline.model.events import RunStarted, TasksChanged
from hookline.model.states import TaskState

WORKFLOW = """
import datetime as dt
from pathlib import Path

from hookline import step, workflow


@step
def load(day: dt.date) -> int:
    return day.day


@step
def train(rows: int, depth: int) -> int:
    if Path("broken").exists() and rows in (2, 4):
        raise ValueError(f"bad day {rows}")
    return rows * depth


@workflow
def daily(day: dt.date, depth: int = 3):
    return train(load(day), depth)


@workflow
def counted(names: dict[str, int]):
    return train(1, 1)


@workflow
def weekly(days: list[dt.date]):
    return train(len(days), 1)
"""

DAYS = "-p day=2026-01-01..2026-01-05"
STORY: list[tuple[str, Callable[[Path], object] | None, str]] = [
    ("all missing", None, f"backfill daily.py:daily {DAYS} --missing"),
    ("a single run", None, "run daily.py:daily --day 2026-01-03 --quiet"),
    ("missing and stale", None, f"backfill daily.py:daily {DAYS} --missing --stale"),
    (
        "failing",
        lambda folder: (folder / "broken").touch(),
        f"backfill daily.py:daily {DAYS} --executor inline --name first --quiet",
    ),
    ("what failed is missing", None, f"backfill daily.py:daily {DAYS} --missing --quiet"),
    ("shown", None, "runs show last"),
    ("resumed", lambda folder: (folder / "broken").unlink(), "resume --executor inline"),
    ("nothing to do", None, f"backfill daily.py:daily {DAYS}"),
    ("for programs", None, "backfill daily.py:daily --day 2026-01-05..2026-01-06 --json --quiet -x inline"),
    (
        "stale",
        lambda folder: edit(folder, "return rows * depth", "return rows * depth + 1"),
        f"backfill daily.py:daily {DAYS} --stale",
    ),
    ("stale for programs", None, "backfill daily.py:daily -p day=2026-01-05..2026-01-07 --stale --missing --json"),
    ("combined", None, "backfill daily.py:daily -p day=2026-01..2026-02 --depth 2,3 -x inline --quiet"),
    ("a list", None, "backfill daily.py:weekly -p days=2026-01-01..2026-01-05 -x inline --quiet"),
    ("a list is not listed", None, "backfill daily.py:weekly -p days=2026-01-01..2026-01-05 --missing"),
    ("no range", None, "backfill daily.py:daily --day 2026-01-01"),
    ("nothing to map over", None, "backfill daily.py:counted --names {}"),
    ("misspelt", None, "backfill daily.py:daily -p dya=2026-01-01..2026-01-02"),
    ("not by run", None, "run daily.py:daily -p day=2026-01-01..2026-01-02 --depth 2"),
    ("reversed", None, "backfill daily.py:daily -p day=2026-02-01..2026-01-01"),
    ("bad date", None, "backfill daily.py:daily -p day=2026-02-01..2026-02-30 --json"),
]


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "daily.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """The whole story, told once."""
    folder = tmp_path_factory.mktemp("story") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "daily.py").write_text(WORKFLOW)
    shown: dict[str, Shown] = {}
    chapter: list[tuple[str, str]] = []

    def tell() -> None:
        lines = [line.split() for _, line in chapter]
        names = [name for name, _ in chapter]
        shown.update(zip(names, call_each(lines, folder), strict=True))
        chapter.clear()

    for name, before, line in STORY:
        if before is not None:
            tell()
            before(folder)
        chapter.append((name, line))
    tell()
    return shown


@pytest.mark.parametrize("name", [name for name, _, _ in STORY])
def test_what_a_backfill_says(name: str, told: dict[str, Shown], snapshot: SnapshotAssertion):
    """Each command of the story shows what it showed when this snapshot was approved."""
    assert told[name].text == snapshot


def test_lists_can_be_piped(told: dict[str, Shown]):
    """Standard output has a partition a line and nothing else; what else there is to say goes to standard error."""
    assert told["all missing"].out.splitlines() == [f"2026-01-0{day}" for day in range(1, 6)]
    assert told["what failed is missing"].out.splitlines() == ["2026-01-02", "2026-01-04"]
    assert told["what failed is missing"].err == ""


def test_exit_codes(told: dict[str, Shown]):
    """A failed partition is a failed run; a range that makes no sense is a wrong usage; lists are no failures."""
    codes = {name: shown.code for name, shown in told.items()}
    assert codes["failing"] == 1
    assert [name for name, code in codes.items() if code == 2] == [
        "a list is not listed",
        "no range",
        "nothing to map over",
        "misspelt",
        "not by run",
        "reversed",
        "bad date",
    ]
    assert sum(codes.values()) == 1 + 7 * 2


def test_programs_get_the_state_of_each_partition(told: dict[str, Shown]):
    """The last line of a run's output says how each partition ended; a list's says why each would run."""
    run: dict[str, Any] = json.loads(told["for programs"].out)
    assert run["partitions"] == {"2026-01-05": "reused", "2026-01-06": "completed"}
    assert run["result"] == {"2026-01-05": 15, "2026-01-06": 18}
    listed: dict[str, Any] = json.loads(told["stale for programs"].out)
    assert [(one["partition"], one["state"]) for one in listed["partitions"]] == [
        ("2026-01-05", "stale"),
        ("2026-01-06", "stale"),
        ("2026-01-07", "missing"),
    ]
    assert listed["partitions"][0]["values"] == {"day": "2026-01-05"}
    assert listed["counts"] == {"done": 0, "missing": 1, "stale": 2}


# -- progress -----------------------------------------------------------------------------------------------------


def changed(*tasks: str, state: TaskState = TaskState.COMPLETED) -> TasksChanged:
    return TasksChanged({task: {state: 1} for task in tasks}, dict.fromkeys(tasks, 1), {}, {})


def test_progress_has_a_line_for_each_task_of_a_partition():
    """The tasks of all partitions share the lines of one, and the partitions that are over are counted."""
    tally = Tally(lambda: 0.0)
    tasks = tuple((f"{day}/{name}", 1) for day in ("a", "b", "c") for name in ("load", "train", "train-2"))
    tally.take(RunStarted("r1", "daily", (*tasks, ("tell", 1)), mapped_over=("day",)))
    tally.take(changed("a/load", "a/train", "b/load"))
    assert [(line.name, line.progress()) for line in tally.lines()] == [
        ("load", "2/3"),
        ("train", "1/6"),
        ("tell", "0/1"),
    ]
    assert tally.overall().startswith("0 of 3 partitions, 3 of 10 tasks")
    tally.take(changed("a/train-2", state=TaskState.FAILED))
    tally.take(changed("a/load/grown", "c/load/grown"))
    tally.take(changed("tell"))
    assert tally.overall().startswith("1 of 3 partitions")
