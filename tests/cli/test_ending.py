"""What is said when a run has ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from hookline.cli.ending import ending_document, tell_ending
from hookline.cli.exits import ExitCode, exit_code_of
from hookline.cli.tally import Tally
from hookline.model.events import RunFinished, TaskEnded, TaskRetrying
from hookline.model.run import Run, TaskRecord
from hookline.model.states import RunState, TaskState


class Recorded:
    """A run that is over, held in memory."""

    def __init__(self, status: str, counts: Mapping[str, int], result: object = None) -> None:
        self._status, self._counts, self._result = status, dict(counts), result

    def status(self) -> str:
        return self._status

    def counts(self) -> dict[str, int]:
        return self._counts

    def partitions(self) -> dict[str, str]:
        return {}

    def task_ids(self) -> list[str]:
        return []

    def task(self, task_id: str) -> TaskRecord:
        raise KeyError(task_id)

    def why(self, task_id: str) -> str:
        raise KeyError(task_id)

    def load(self, task_id: str) -> Any:
        raise KeyError(task_id)

    def result(self) -> Any:
        return self._result


def ended(status: str, failures: int = 0, result: object = None, error: str = "", **counts: int) -> tuple[Run, Tally]:
    run = Run("20260101-120000-abcd", "churn", Recorded(status, counts, result))
    tally = Tally(lambda: 0.0)
    for number in range(failures):
        tally.take(
            TaskEnded(
                f"train[{number}]",
                TaskState.FAILED,
                "ValueError: bad depth \x1b]0;x\x07",
                "churn.py:14 in train: raise ValueError(depth)",
            )
        )
    tally.take(RunFinished(run.id, RunState(status), counts, 3.21, error))
    return run, tally


CASES = {
    "completed": ended("completed", completed=10, reused=2),
    "one thing reused": ended("completed", reused=1),
    "all reused": ended("completed", reused=12),
    "reused and skipped": ended("completed", reused=11, skipped=1),
    "skipped by a condition": ended("completed", completed=1, skipped=3),
    "no tasks": ended("completed"),
    "one failure": ended("failed", 1, completed=10, failed=1, skipped=3),
    "many failures": ended("failed", 12, completed=10, failed=12),
    "interrupted": ended("interrupted", completed=10, cancelled=1, pending=4),
    "lost": ended(
        "interrupted", error="the cluster was \x1b]0;x\x07lost\nhelp: start it again", completed=10, cancelled=1
    ),
    "cancelled": ended("cancelled", completed=10, pending=4),
}


@pytest.mark.parametrize("case", CASES)
def test_each_ending_says_what_happened_and_what_to_do_next(
    case: str, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion
):
    """A run's end is told in a line; failures with the user's own frame; the last lines are commands to go on with."""
    tell_ending(*CASES[case], store="", quiet=False)
    assert capsys.readouterr().err == snapshot


def test_a_quiet_success_says_nothing(capsys: pytest.CaptureFixture[str]):
    """``--quiet`` keeps silent unless something went wrong."""
    tell_ending(*CASES["completed"], store="", quiet=True)
    assert capsys.readouterr().err == ""
    tell_ending(*CASES["one failure"], store="", quiet=True)
    assert "ValueError: bad depth" in capsys.readouterr().err


def test_a_failure_shows_all_lines_of_its_error(capsys: pytest.CaptureFixture[str]):
    """What is wrong in detail and what to do about it stand below the first line, before the frame."""
    run, tally = ended("failed", failed=1)
    tally.take(
        TaskEnded(
            "load", TaskState.FAILED, "HooklineError: 2 problems", "a.py:1 in a", " - one\n - \x1btwo\nhelp: mend"
        )
    )
    tell_ending(run, tally, store="", quiet=False)
    told = capsys.readouterr().err.splitlines()
    first = told.index("load failed: HooklineError: 2 problems")
    assert told[first + 1 : first + 5] == ["   - one", "   - \\x1btwo", "  help: mend", "  a.py:1 in a"]


def test_commands_name_a_store_that_they_would_not_find(capsys: pytest.CaptureFixture[str]):
    """A store elsewhere stands in the suggested commands."""
    tell_ending(*CASES["one failure"], store="/data/my store", quiet=False)
    last = capsys.readouterr().err.splitlines()[-2:]
    assert last == [
        "hookline resume last --store '/data/my store'",
        "hookline runs logs last 'train[0]' --store '/data/my store'",
    ]


def test_retries_are_counted(capsys: pytest.CaptureFixture[str]):
    """A run that needed retries says how many."""
    run, tally = ended("completed", completed=1)
    tally.take(TaskRetrying("a", 1, 3, 0.0, "x"))
    tell_ending(run, tally, store="", quiet=False)
    assert "1 done, 1 retry" in capsys.readouterr().err


def test_programs_get_the_same_facts():
    """The JSON document holds run, workflow, status, counts, result and failures."""
    run, tally = ended("completed", result={"accuracy": 0.9, "model": object}, completed=2, failed=0)
    document = ending_document(run, tally, Path("/s"), None)
    assert document["result"] == {"accuracy": 0.9, "model": {"type": "type", "repr": "<class 'object'>"}}
    assert document["counts"] == {"completed": 2}
    assert (document["status"], document["exit_code"], document["seconds"]) == ("completed", 0, 3.21)
    run, tally = ended("failed", 1, failed=1)
    document = ending_document(run, tally, Path("/s"), None)
    assert document["result"] is None
    assert document["failures"] == [
        {
            "task": "train[0]",
            "state": "failed",
            "error": "ValueError: bad depth \x1b]0;x\x07",
            "frame": "churn.py:14 in train: raise ValueError(depth)",
        }
    ]


@pytest.mark.parametrize(
    ("status", "signal_number", "code"),
    [
        ("completed", None, 0),
        ("waiting", None, 0),
        ("failed", None, 1),
        ("cancelled", None, 6),
        ("interrupted", None, 7),
        ("interrupted", 2, 130),
        ("interrupted", 15, 143),
        ("completed", 2, 0),
        ("failed", 2, 130),
    ],
)
def test_exit_codes_are_the_documented_ones(status: str, signal_number: int | None, code: int):
    """Scripts can rely on the numbers; a run that completed in spite of a signal is done."""
    assert exit_code_of(status, signal_number) == code


def test_exit_codes_of_errors_are_in_the_table():
    """Each error class exits with a number that the table names."""
    from hookline import errors

    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HooklineError)
    ]
    assert {kind.exit_code for kind in kinds} <= set(ExitCode)
