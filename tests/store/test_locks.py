"""Locks that others hold for moments: whoever waits says for whom, and goes on when they are free."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline.store import NewRun, SqliteStore
from hookline.store.leases import Leases
from hookline.store.locks import StoreLock
from hookline.store.schema import LOCK


class Told(logging.Handler):
    """Warnings of the store, and that there are some."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        self.came.set()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setattr("hookline.store.locks.TELL_AFTER", 0.05)
    handler = Told()
    logger = logging.getLogger("hookline.store")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_a_writer_that_waits_long_says_for_whom_and_then_records(store: SqliteStore, told: Told) -> None:
    """The warning names process, host and both ways out; the lock is taken as soon as it is free."""
    lock = StoreLock(store.path / LOCK)
    started: list[str] = []

    def start() -> None:
        with store.start_run(NewRun("w")) as run:
            started.append(run.run_id)

    with lock:
        writer = threading.Thread(target=start)
        writer.start()
        assert told.came.wait(30)
        assert started == []
    writer.join(30)
    lock.close()
    (said,) = told.said
    name = f"process {os.getpid()} on {os.uname().nodename}"
    assert f"for '{store.path / LOCK}', which {name} holds; if it was stopped, let it go on (kill -CONT" in said
    assert [row.id for row in store.runs()] == started


def test_a_lease_that_has_to_wait_says_so_too(tmp_path: Path, told: Told) -> None:
    """Somebody who collects garbage can be stopped as well; who that is, nobody noted."""
    lease = Leases(tmp_path).lease("")
    lease.note(b"a" * 32)
    with (tmp_path / "leases" / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        noting = threading.Thread(target=lease.note, args=(b"b" * 32,))
        noting.start()
        assert told.came.wait(30)
    noting.join(30)
    assert "which another process holds; if it was stopped, let it go on (kill -CONT PID)" in told.said[0]
    lease.close()


def test_a_lock_that_is_free_is_taken_without_a_word_or_a_second_note(tmp_path: Path, told: Told) -> None:
    """Who finds the own name in the file does not write it again."""
    lock = StoreLock(tmp_path / "lock")
    with lock:
        pass
    os.utime(tmp_path / "lock", (0, 0))
    with lock:
        assert lock.holder()[0] == os.getpid()
    assert (tmp_path / "lock").stat().st_mtime == 0
    lock.close()
    assert told.said == []


def test_an_interrupt_while_the_note_is_written_leaves_the_lock_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell or notebook goes on after it, and so do all others."""

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    lock, other = StoreLock(tmp_path / "lock"), StoreLock(tmp_path / "lock")
    with monkeypatch.context() as patch:
        patch.setattr("hookline.store.locks.os.pread", interrupted)
        with pytest.raises(KeyboardInterrupt), lock:
            pass
    assert other.is_free_within(0.1)
    lock.close()
    other.close()


def test_nobody_is_told_to_end_a_process_that_is_gone(tmp_path: Path) -> None:
    """A note whose writer is dead is not the holder's: its number may be another process's by then."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    lock = StoreLock(tmp_path / "lock")
    (tmp_path / "lock").write_text(f"{child.pid} {os.uname().nodename}\n")
    assert lock.holder() == (0, "another process")
    (tmp_path / "lock").write_text("1 elsewhere\n")
    assert lock.holder() == (1, "process 1 on elsewhere")
    lock.close()
