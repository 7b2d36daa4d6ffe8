"""Who records a run: starting one, taking one up again, and asking its driver to stop."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import OwnershipError, UsageError
from hookline.model.states import Kind, RunState
from hookline.store.durable import make_folder
from hookline.store.flight import Flight, InFlight, forget_flight
from hookline.store.locks import RunLock, StoreLock
from hookline.store.rows import Attempt, Group, NewRun, RunRow
from hookline.store.schema import LOCK
from hookline.store.survey import STARTED, note_commit
from hookline.store.transactions import JournalWriter
from hookline.store.writer import SqliteRunWriter, owner_words

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["driven_runs", "is_driven", "request_cancel", "start_run", "take_run"]

LOCK_WITHIN = 5.0
"""Seconds in which whoever takes a run over must find the store's lock free; it is held for milliseconds at a time."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def start_run(store: SqliteStore, new: NewRun) -> SqliteRunWriter:
    """Record a new run and own it."""
    writer = JournalWriter(store)
    lock: RunLock | None = None
    try:
        with writer.transaction() as cursor:
            run_id = _new_id(cursor)
            lock = _lock_of(store.path, run_id, 1)
            if not lock.acquire():
                raise OwnershipError(f"run {run_id} is being started by another process", help="try again")
            flight = _flight_of(store, run_id, 1)
            run = _insert_run(cursor, run_id, new)
            note_commit(cursor, run, 1, _now(), STARTED)
        return SqliteRunWriter(writer, lock, flight, run=run, run_id=run_id, epoch=1)
    except BaseException:
        _give_up(writer, lock)
        raise


def take_run(store: SqliteStore, row: RunRow, *, takeover: bool) -> SqliteRunWriter:
    """Own a run that exists, with the next epoch, and record what was in flight."""
    if takeover:
        _check_lock(store, row)
    writer = JournalWriter(store)
    lock: RunLock | None = None
    old: RunLock | None = None
    try:
        with writer.transaction() as cursor:
            found = cursor.execute(
                "SELECT epoch, owner_host, owner_pid, heartbeat_us FROM runs WHERE run = ?", (row.run,)
            ).fetchone()
            if found is None:
                raise UsageError(f"run {row.id} was deleted a moment ago", help="`hookline runs list` shows the others")
            epoch, host, pid, heartbeat = found
            old = _lock_of(store.path, row.id, epoch)
            if not old.acquire():
                old = None
                if not takeover:
                    raise OwnershipError(
                        f"run {row.id} is being driven by another process: {owner_words(host, pid, heartbeat)}",
                        help="wait for it, stop it, or take the run over with --takeover",
                    )
            lock = _lock_of(store.path, row.id, epoch + 1)
            if not lock.acquire():
                raise OwnershipError(f"run {row.id} is being taken over by another process", help="try again")
            flight = _flight_of(store, row.id, epoch + 1)
            cursor.execute(
                "UPDATE runs SET epoch = ?, state = ?, owner_host = ?, owner_pid = ?, heartbeat_us = ?, cancel = 0,"
                " cancel_why = NULL, finished_us = NULL, error = NULL WHERE run = ?",
                (epoch + 1, RunState.RUNNING.value, socket.gethostname(), os.getpid(), _now(), row.run),
            )
            note_commit(cursor, row.run, epoch + 1, _now(), STARTED)
        if old is not None:
            old.release()
        taken = SqliteRunWriter(writer, lock, flight, run=row.run, run_id=row.id, epoch=epoch + 1)
        _record_in_flight(store, taken, heartbeat or row.created_us)
        return taken
    except BaseException:
        if old is not None:
            old.forget()
        _give_up(writer, lock)
        raise


def _check_lock(store: SqliteStore, row: RunRow) -> None:
    """Refuse to wait without end for the store's lock, which a driver may hold that was stopped in a commit."""
    lock = StoreLock(store.path / LOCK)
    try:
        if not lock.is_free_within(LOCK_WITHIN):
            pid, words = lock.holder()
            raise OwnershipError(
                f"run {row.id} can't be taken over: the store's lock has not been free for {LOCK_WITHIN:g} s, {words} "
                "holds it",
                help=f"if it was stopped, end it (kill -9 {pid or 'PID'}) or let it go on (kill -CONT {pid or 'PID'}); "
                "then try again",
            )
    finally:
        lock.close()


def request_cancel(store: SqliteStore, run: int, *, kill: bool, why: str) -> None:
    """Set the flag that the driver of the run reads every second."""
    writer = JournalWriter(store)
    try:
        with writer.transaction() as cursor:
            cursor.execute(
                "UPDATE runs SET cancel = max(cancel, ?), cancel_why = ? WHERE run = ?", (2 if kill else 1, why, run)
            )
    finally:
        writer.close()


def is_driven(store: SqliteStore, row: RunRow) -> bool:
    """Tell whether a living driver owns the run."""
    lock = _lock_of(store.path, row.id, row.epoch)
    if not lock.path.exists():
        return False
    store_lock = StoreLock(store.path / LOCK)
    try:
        # Whoever takes a run does so under this lock, too, and never meets the look that is taken here.
        with store_lock:
            return not lock.acquire(keep=False)
    finally:
        store_lock.close()


def driven_runs(folder: Path) -> set[str]:
    """Give the ids of all runs that living drivers own; to be called under the store's lock."""
    locks = (RunLock(path) for path in (folder / "locks").glob("*.lock"))
    return {lock.path.stem.rpartition("-")[0] for lock in locks if not lock.acquire(keep=False)}


def _insert_run(cursor: sqlite3.Cursor, run_id: str, new: NewRun) -> int:
    now = _now()
    cursor.execute(
        "INSERT INTO runs (id, epoch, state, workflow, target, parameters, options, name, tags, seed, source_run,"
        " environment, result, created_us, owner_host, owner_pid, heartbeat_us, extra)"
        " VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            RunState.RUNNING.value,
            new.workflow,
            new.target,
            new.parameters,
            new.options,
            new.name,
            json.dumps(list(new.tags)),
            new.seed,
            new.source_run,
            new.environment,
            new.result,
            now,
            socket.gethostname(),
            os.getpid(),
            now,
            new.extra,
        ),
    )
    return cursor.lastrowid or 0


def _new_id(cursor: sqlite3.Cursor) -> str:
    while True:
        tail = "".join(secrets.choice(_LETTERS) for _ in range(3))
        run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{tail}"
        if cursor.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
            return run_id


def _flight_of(store: SqliteStore, run_id: str, epoch: int) -> Flight:
    folder = store.path / "flight"
    make_folder(folder)
    return Flight(folder / f"{run_id}-{epoch}", create=True)


def _record_in_flight(store: SqliteStore, taken: SqliteRunWriter, last_seen_us: int) -> None:
    """Turn what earlier drivers left in flight into attempts that say so; then forget it."""
    files = [path for path in (store.path / "flight").glob(f"{taken.run_id}-*") if path != taken.flight.path]
    entries: set[InFlight] = set()
    for path in files:
        if path.stat().st_size:
            flight = Flight(path)
            entries.update(flight.read())
            flight.close()
    known = {row.node for row in store.nodes(taken.run)} if entries else set()
    # A task of the workflow's own may have been in flight before it was recorded; its number is its place there.
    known.update(range(_own_tasks(store, taken.run)) if entries else ())
    rows: list[Attempt] = [
        (node, item, attempt, int(Kind.ORPHANED), None, None, last_seen_us, 0, -1)
        for node, item, attempt in sorted(entries)
        # A slot that its worker had not cleared yet when the attempt was recorded tells nothing new.
        if node in known and not any(row.attempt == attempt for row in store.attempts(taken.run, node, item, item + 1))
    ]
    if rows:
        taken.commit(Group(attempts=rows))
    for path in files:
        forget_flight(path)


def _own_tasks(store: SqliteStore, run: int) -> int:
    return int(json.loads(store.run(run).extra or "{}").get("tasks", 0))


def _lock_of(folder: Path, run_id: str, epoch: int) -> RunLock:
    make_folder(folder / "locks")
    return RunLock(folder / "locks" / f"{run_id}-{epoch}.lock")


def _give_up(writer: JournalWriter, lock: RunLock | None) -> None:
    if lock is not None:
        lock.release()
    writer.close()


def _now() -> int:
    return time.time_ns() // 1000
