"""The worker that executors of plugins make attempts with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hookline import Finished, Started, Worker
from hookline.executors.threads import ThreadsExecutor
from hookline.model.batch import Batch, Message
from hookline.model.states import Kind
from hookline.testing.rig import Rig, value_of


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    # Of its executor nothing is used: the worker makes attempts here, and leaves this process's streams alone.
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with Rig(ThreadsExecutor(1), tmp_path, capture=False) as rig:
        yield rig


def made(worker: Worker, batch: Batch) -> list[Message]:
    """Have a batch made, and give what was told."""
    told: list[Message] = []
    worker.run(batch, told.append)
    return told


def test_a_batch_is_told_from_its_start_to_its_end(rig: Rig) -> None:
    """Started comes first, then outcomes, and the last message says that it is."""
    worker = Worker(rig.run, 3)
    started, *rest = made(worker, rig.batch("same", 1, 2))
    worker.close()

    assert started == Started(1, 3)
    assert all(isinstance(message, Finished) and message.worker == 3 for message in rest)
    assert [message.done for message in rest if isinstance(message, Finished)][-1]
    outcomes = [outcome for message in rest if isinstance(message, Finished) for outcome in message.outcomes]
    assert [value_of(outcome, rig.folder) for outcome in outcomes] == [1, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "import nowhere_at_all",
            "can't be imported: ModuleNotFoundError: No module named 'nowhere_at_all' (",
        ),
        ("raise SystemExit(0)", "ends the program while it is imported ("),
        ("raise KeyboardInterrupt", ""),
    ],
)
def test_what_keeps_the_worker_from_beginning_fails_its_batches(rig: Rig, line: str, message: str) -> None:
    """The executor's process goes on, and each batch that it is given ends with the reason."""
    batch = rig.batch("same", 1, 2)
    rig.file.write_text(line)
    worker = Worker(rig.run)
    for number in (1, 2):
        started, finished = made(worker, replace(batch, number=number))
        assert started == Started(number, 0)
        assert isinstance(finished, Finished)
        assert finished.done
        for outcome in finished.outcomes:
            assert outcome.kind == Kind.FAILED
            assert outcome.failure is not None
            assert message in outcome.failure.message
    worker.close()


def test_another_python_than_the_drivers_is_refused(rig: Rig) -> None:
    """Keys hold the version: results of one would be reused by the other."""
    worker = Worker(replace(rig.run, python="3.4"))
    _, finished = made(worker, rig.batch("same", 1))

    assert isinstance(finished, Finished)
    failure = finished.outcomes[0].failure
    assert failure is not None
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert failure.message == (
        f"the worker has Python {here} ({sys.executable}), and the run was started with 3.4: results of one would be "
        f"reused by the other\nhelp: let the executor use a Python 3.4, or start the run with {here}"
    )


def test_a_batch_may_be_cancelled_before_it_is_run(rig: Rig) -> None:
    """Nothing of it is made."""
    worker = Worker(rig.run)
    batch = rig.batch("write", str(rig.folder / "x"), also=("text",))
    worker.cancel([batch.number])
    *_, finished = made(worker, batch)
    worker.close()

    assert isinstance(finished, Finished)
    assert [outcome.kind for outcome in finished.outcomes] == [Kind.CANCELLED]
    assert not (rig.folder / "x").exists()


def test_a_closed_worker_makes_nothing_more(rig: Rig) -> None:
    """It says so, rather than to raise."""
    worker = Worker(rig.run)
    worker.close()
    worker.close()
    _, finished = made(worker, rig.batch("same", 1))

    assert isinstance(finished, Finished)
    failure = finished.outcomes[0].failure
    assert failure is not None
    assert failure.message == "the worker is closed"


def test_only_attempts_that_nobody_else_times_have_a_time_limit(rig: Rig) -> None:
    """An executor ends what has one; attempts of async steps are ended by their worker."""
    batch = rig.batch("same", 1, timeout=3.0)
    assert batch.time_limit == 3.0
    assert replace(batch, work=replace(batch.work, concurrent=True)).time_limit is None
    assert replace(batch, timeout=None).time_limit is None


def test_variables_that_count_in_keys_have_the_drivers_values(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine they may have others."""
    monkeypatch.setenv("CHURN_PLACE", "here")
    monkeypatch.setenv("CHURN_STALE", "here")
    worker = Worker(rig.run)
    made(worker, rig.batch_of(replace(rig.work("same"), env=(("CHURN_PLACE", "there"), ("CHURN_STALE", None))), 1))
    worker.close()
    assert (os.environ["CHURN_PLACE"], os.environ.get("CHURN_STALE")) == ("there", None)
