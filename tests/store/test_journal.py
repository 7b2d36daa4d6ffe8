"""What every journal must do: the contract, run against the SQLite one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hookline.errors import UsageError
from hookline.model.states import Kind, RunState, TaskState, Verdict
from hookline.store import (
    Group,
    NewRun,
    RunWriter,
    SqliteStore,
    Store,
    open_store,
    transactions,
)
from hookline.testing.contracts.stores import StoreContract, done


class TestContract(StoreContract):
    """The SQLite store keeps what every store keeps."""

    def open_store(self, place: Path) -> SqliteStore:
        return open_store(place, create=True)


def test_the_sqlite_store_is_a_store(store: SqliteStore) -> None:
    """The type checker holds the class against the protocol, reading and writing."""
    as_store: Store = store
    with store.start_run(NewRun("w")) as run:
        as_writer: RunWriter = run
        assert as_writer.run_id == as_store.run("last").id


def test_the_log_is_used_again(store: SqliteStore, monkeypatch) -> None:
    """However much is recorded, the log beside the journal stays near the size at which it is moved."""
    monkeypatch.setattr(transactions, "CHECKPOINT_AT", 300_000)
    log = store.path / "journal.sqlite3-wal"
    largest = 0
    with store.start_run(NewRun("w")) as run:
        for low in range(0, 40_000, 400):
            run.commit(Group(attempts=[done(0, item) for item in range(low, low + 400)]))
            largest = max(largest, log.stat().st_size)
    assert 300_000 < largest < 1_000_000


def test_a_new_store_keeps_itself_out_of_version_control(folder: Path) -> None:
    """The folder carries its own ignore file, and nothing half-made."""
    open_store(folder, create=True).close()
    assert (folder / ".gitignore").read_text() == "*\n"
    assert {entry.name for entry in folder.iterdir()} - {"journal.sqlite3-wal", "journal.sqlite3-shm"} == {
        ".gitignore",
        "artifacts",
        "flight",
        "journal.sqlite3",
        "lock",
        "locks",
    }


def test_opening_again_finds_what_was_recorded(folder: Path) -> None:
    """Opening with create leaves an existing store as it is."""
    with open_store(folder, create=True) as store, store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(0, 0)]))
    with open_store(folder, create=True) as store:
        assert len(list(store.attempts("last"))) == 1


def test_a_fast_store_records_the_same(folder: Path) -> None:
    """Durability changes what a power cut may take, not what is recorded."""
    with open_store(folder, create=True, durability="fast") as store, store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(0, 0)]))
        assert len(list(store.attempts("last"))) == 1
    with pytest.raises(UsageError, match="durability 'none' is unknown"):
        open_store(folder, durability="none")


def test_states_and_kinds_keep_their_numbers() -> None:
    """What the journal stores never changes meaning: these numbers and words are part of the format."""
    assert {kind.name: int(kind) for kind in Kind} == {
        "COMPLETED": 1, "GREW": 2, "COMPLETED_ONCE": 3, "GREW_ONCE": 4, "FAILED": 8,
        "TIMED_OUT": 9, "CANCELLED": 10, "CRASHED": 11, "ORPHANED": 12, "ABANDONED": 13,
    }  # fmt: skip
    assert [int(verdict) for verdict in Verdict] == [1, 2, 3, 4, 5, 6, 7]
    assert json.dumps([*RunState]) == '["running", "waiting", "completed", "failed", "cancelled", "interrupted"]'
    assert all(state.symbol and state.word for state in [*RunState, *TaskState])
    assert {kind.state for kind in Kind} <= set(TaskState)
