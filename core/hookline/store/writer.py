"""Recording a run: group commits that hold only while this driver owns the run."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from hookline.errors import OwnershipError
from hookline.model.states import RunState
from hookline.store.flight import Flight
from hookline.store.locks import RunLock
from hookline.store.rows import WHOLE_RUN, Attempt, Decision, Failure, Group, Log, NodeRow, Note
from hookline.store.segments import append_segment, entry
from hookline.store.survey import ENDED, note_commit, reusable_attempts, spans_of
from hookline.store.transactions import JournalWriter

if TYPE_CHECKING:
    pass

__all__ = ["SqliteRunWriter"]

_WITH_EPOCH = frozenset({"attempts", "decisions", "grown", "nodes"})
# Each statement hands the interpreter over to a busy driver and has to get it back: few, whatever their number of rows.
_STEPS = (256, 128, 64, 32, 16, 8, 4, 2, 1)


_KNOWN_NODES = 20_000
_ATTEMPTS = "node, item, attempt, kind, key, outputs, started_us, duration_us, worker"
_FAILURES = ", ".join(Failure._fields)
_NOTES = ", ".join(Note._fields)
_LOGS = ", ".join(Log._fields)
_DECISIONS = ", ".join(Decision._fields[:-1])
_NODES = "node, name, step, code, shape, length, options, bindings, place, parent, parent_item, extra"


class SqliteRunWriter:
    """The right to record one run; see :class:`hookline.store.protocol.RunWriter`.

    Made by ``store.start_run`` and ``store.take_run``.
    """

    def __init__(
        self, writer: JournalWriter, lock: RunLock, flight: Flight, *, run: int, run_id: str, epoch: int
    ) -> None:
        self.run_id = run_id
        self.run = run
        self.epoch = epoch
        self.flight = flight
        self._writer = writer
        self._lock = lock
        self._fixed = (run, epoch)
        self._codes: dict[bytes, int] = {}
        self._node_codes: dict[int, int | None] = {}
        self._statements: dict[tuple[str, int], str] = {}
        self._began_us = time.time_ns() // 1000
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(self, group: Group) -> int:
        """Record a group, wholly or not at all, and give the sequence number of the commit."""
        learned: dict[bytes, int] = {}
        nodes: dict[int, int | None] = {}
        with self._owned() as cursor:
            sequence = note_commit(cursor, *self._fixed, time.time_ns() // 1000, spans_of(group))
            for fingerprint, parts in group.code:
                self._code(cursor, fingerprint, learned, parts)
            if group.nodes:
                self._insert_nodes(cursor, group.nodes, sequence, learned, nodes)
            self._insert(cursor, "attempts", _ATTEMPTS, group.attempts, sequence)
            self._insert(cursor, "grown", "node, item, attempt, outputs", group.grown, sequence)
            self._insert(cursor, "failures", _FAILURES, group.failures, sequence)
            self._insert(cursor, "notes", _NOTES, group.notes, sequence)
            self._insert(cursor, "logs", _LOGS, group.logs, sequence)
            self._insert(cursor, "decisions", _DECISIONS, [row[:9] for row in group.decisions], sequence)
            self._count(cursor, group.counters)
            self._index(cursor, reusable_attempts(group), nodes, sequence, novel=group.novel)
        self._codes.update(learned)
        if len(self._node_codes) > _KNOWN_NODES:
            self._node_codes.clear()  # a loop has as many tasks as turns; those of before can be read again
        self._node_codes.update(nodes)
        return sequence

    def heartbeat(self) -> int:
        """Say that the driver lives; tells what ``cancelled`` tells."""
        with self._owned() as cursor:
            cursor.execute("UPDATE runs SET heartbeat_us = ? WHERE run = ?", (time.time_ns() // 1000, self.run))
            row = cursor.execute("SELECT cancel FROM runs WHERE run = ?", (self.run,)).fetchone()
        return int(row[0])

    def cancelled(self) -> int:
        """Tell whether somebody asked to stop: 0 no, 1 stop launching, 2 kill.

        Raises:
            OwnershipError: Another driver took the run over.
        """
        with self._writer.store.reading() as connection:
            row = connection.execute(
                "SELECT epoch, owner_host, owner_pid, heartbeat_us, cancel FROM runs WHERE run = ?", (self.run,)
            ).fetchone()
        if row is None or row[0] != self.epoch:
            raise lost_ownership(self.run_id, row)
        return int(row[4])

    def set_state(self, state: RunState) -> None:
        """Change the state of a run that goes on."""
        with self._owned() as cursor:
            cursor.execute("UPDATE runs SET state = ? WHERE run = ?", (state.value, self.run))

    def finish(self, state: RunState, *, error: str | None = None, result: bytes | None = None) -> None:
        """Record how the run ended."""
        now = time.time_ns() // 1000
        with self._owned() as cursor:
            cursor.execute(
                "UPDATE runs SET state = ?, error = ?, result = coalesce(?, result), finished_us = ?, heartbeat_us = ?,"
                " extra = ? WHERE run = ?",
                (state.value, error, result, now, now, self._with_end(cursor, state, error, now), self.run),
            )
            note_commit(cursor, self.run, self.epoch, now, ENDED)

    def close(self) -> None:
        """Give the ownership back; what still stands in the flight file counts as in flight no more."""
        if not self._closed and not self._writer.forgotten:
            self._closed = True
            self.flight.remove()
            self._writer.close()
            self._lock.release()
            self._writer.store.artifacts.leases.release(self.run_id)

    @contextmanager
    def _owned(self) -> Iterator[sqlite3.Cursor]:
        with self._writer.transaction() as cursor:
            row = cursor.execute(
                "SELECT epoch, owner_host, owner_pid, heartbeat_us FROM runs WHERE run = ?", (self.run,)
            ).fetchone()
            if row is None or row[0] != self.epoch:
                raise lost_ownership(self.run_id, row)
            yield cursor

    def _with_end(self, cursor: sqlite3.Cursor, state: RunState, error: str | None, now: int) -> str:
        """Add to the run's extra facts how this driver left it; the state in the row will be that of the next one."""
        row = cursor.execute("SELECT extra FROM runs WHERE run = ?", (self.run,)).fetchone()
        counts = cursor.execute(
            "SELECT state, count FROM counters WHERE run = ? AND node = ? AND count > 0", (self.run, WHOLE_RUN)
        ).fetchall()
        extra = json.loads(row[0] or "{}")
        end = {"state": state.value, "error": error, "began_us": self._began_us, "time_us": now, "counts": dict(counts)}
        extra.setdefault("ended", {})[str(self.epoch)] = end
        return json.dumps(extra)

    def _code(
        self, cursor: sqlite3.Cursor, fingerprint: bytes, learned: dict[bytes, int], parts: bytes | None = None
    ) -> int:
        if parts is None:
            known = self._codes.get(fingerprint) or learned.get(fingerprint)
            if known is not None:
                return known
        cursor.execute(
            "INSERT INTO code (fingerprint, parts) VALUES (?, ?) ON CONFLICT (fingerprint) DO UPDATE"
            " SET parts = excluded.parts WHERE code.parts IS NULL AND excluded.parts IS NOT NULL",
            (fingerprint, parts),
        )
        row = cursor.execute("SELECT code FROM code WHERE fingerprint = ?", (fingerprint,)).fetchone()
        learned[fingerprint] = row[0]
        return int(row[0])

    def _insert_nodes(
        self,
        cursor: sqlite3.Cursor,
        rows: Sequence[NodeRow],
        sequence: int,
        learned: dict[bytes, int],
        nodes: dict[int, int | None],
    ) -> None:
        codes: dict[bytes | None, int | None] = {None: None}
        for fingerprint in {row.fingerprint for row in rows}:
            if fingerprint is not None:
                codes[fingerprint] = self._code(cursor, fingerprint, learned)
        ready = [(*row[:3], codes[row[3]], *row[4:]) for row in rows]
        nodes.update([(row[0], row[3]) for row in ready])
        self._insert(cursor, "nodes", _NODES, ready, sequence, "OR REPLACE")

    def _insert(
        self,
        cursor: sqlite3.Cursor,
        table: str,
        columns: str,
        rows: Sequence[Sequence[Any]],
        sequence: int,
        conflict: str = "",
    ) -> None:
        at, count = 0, len(rows)
        for step in _STEPS:
            while count - at >= step:
                part = rows[at : at + step]
                values = chain((*self._fixed, sequence), chain.from_iterable(part))
                _execute(cursor, self._statement(table, columns, step, conflict), tuple(values))
                at += step

    def _statement(self, table: str, columns: str, rows: int, conflict: str) -> str:
        text = self._statements.get((table, rows))
        if text is None:
            if not conflict and table != "attempts":
                conflict = "OR REPLACE"
            # The same run, epoch and sequence in every row, bound once.
            head, fixed = ("run, epoch, sequence", "?1,?2,?3") if table in _WITH_EPOCH else ("run, sequence", "?1,?3")
            row = f"({fixed},{','.join('?' * (columns.count(',') + 1))})"
            text = f"INSERT {conflict} INTO {table} ({head}, {columns}) VALUES {','.join([row] * rows)}"
            self._statements[table, rows] = text
        return text

    def _count(self, cursor: sqlite3.Cursor, counters: dict[tuple[int, str], int]) -> None:
        for (node, state), count in counters.items():
            cursor.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)", (self.run, node, str(state), count))

    def _index(
        self,
        cursor: sqlite3.Cursor,
        reusable: list[Attempt],
        nodes: dict[int, int | None],
        sequence: int,
        *,
        novel: bool,
    ) -> None:
        entries: dict[int, list[bytes]] = {}
        run = self.run
        for node, item, attempt, _, key, _, _, _, _ in reusable:
            code = nodes[node] if node in nodes else self._code_of_node(cursor, node, nodes)
            if code is not None and key is not None:
                found = entries.get(code)
                if found is None:
                    found = entries[code] = []
                found.append(entry(key, run, node, item, attempt))
        for code, ready in entries.items():
            append_segment(cursor, code, sequence, run, ready, novel=novel)

    def _code_of_node(self, cursor: sqlite3.Cursor, node: int, nodes: dict[int, int | None]) -> int | None:
        if node in self._node_codes:
            return self._node_codes[node]
        row = cursor.execute(
            "SELECT code FROM nodes WHERE run = ? AND node = ? ORDER BY epoch DESC LIMIT 1", (self.run, node)
        ).fetchone()
        nodes[node] = row[0] if row else None
        return nodes[node]


def lost_ownership(run_id: str, row: Sequence[Any] | None) -> OwnershipError:
    """Word that another driver has the run now."""
    if row is None:
        return OwnershipError(f"run {run_id} was deleted while it was being recorded")
    return OwnershipError(
        f"run {run_id} belongs to another driver: {owner_words(row[1], row[2], row[3])}",
        help="this driver stops and records nothing more",
    )


def owner_words(host: str | None, pid: int | None, heartbeat_us: int | None) -> str:
    """Say who owns a run."""
    beat = "no heartbeat yet"
    if heartbeat_us:
        ago = max(0, time.time_ns() // 1000 - heartbeat_us) // 1_000_000
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(heartbeat_us / 1e6))
        beat = f"last heartbeat {at} ({ago} s ago)"
    return f"host {host or 'unknown'}, process {pid or 'unknown'}, {beat}"


def _execute(cursor: sqlite3.Cursor, statement: str, values: tuple[Any, ...]) -> None:
    try:
        cursor.execute(statement, values)
    except UnicodeEncodeError:
        # Half a pair of surrogates, as in a file name that is no UTF-8: SQLite takes none, and messages quote them.
        cursor.execute(statement, [_storable(value) if isinstance(value, str) else value for value in values])


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
