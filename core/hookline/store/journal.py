"""The journal in SQLite: opening it, and reading what runs left behind."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hookline.errors import HooklineError, StoreDamagedError, StoreMissingError, UsageError, close_match
from hookline.model.states import Kind, RunState, Verdict
from hookline.store import schema
from hookline.store.artifacts import Artifacts
from hookline.store.commit_rows import rows_of
from hookline.store.lookup import Finder
from hookline.store.measured import Measured, measured
from hookline.store.ownership import is_driven, request_cancel, start_run, take_run
from hookline.store.place import check_local, damaged, journal_error
from hookline.store.rows import (
    AttemptRow,
    Commit,
    CommitRows,
    Decision,
    Failure,
    Hit,
    Location,
    Log,
    NewRun,
    NodeRow,
    Note,
    RunRow,
    Span,
)
from hookline.store.segments import prefixes_of
from hookline.store.writer import SqliteRunWriter

if TYPE_CHECKING:
    from hookline.model.record import Records
    from hookline.store.record_table import RecordTable
    from hookline.store.records import Origin, Values

__all__ = ["SqliteStore", "open_store"]

_RUN = ", ".join(RunRow._fields)
_ATTEMPT = ", ".join(AttemptRow._fields)
_NODE = (
    "n.node, n.name, n.step, c.fingerprint, n.shape, n.length, n.options, n.bindings, n.place, n.parent,"
    " n.parent_item, n.extra"
)
_PAGE = 2000
_LAST = re.compile(r"last(?:~(\d+))?")
_SUCCESS = int(Kind.GREW_ONCE)


def open_store(path: str | Path, *, create: bool = False, durability: str = "full") -> SqliteStore:
    """Open the store in a folder; see :meth:`SqliteStore.open`."""
    return SqliteStore.open(path, create=create, durability=durability)


class SqliteStore:
    """A store whose journal is one SQLite file; see :class:`hookline.store.protocol.Store`.

    Plugins' stores may build on it: by inheriting from it, or by holding one.

    Args:
        path: The folder; its journal must exist and be of this version. :meth:`open` makes sure of that.
        durability: ``"full"`` or ``"fast"``.
        address: The URL that leads to it; the path where none does.
    """

    def __init__(self, path: Path, *, durability: str = "full", address: str = "") -> None:
        self.path = path
        self.address = address or str(path)
        self.artifacts = Artifacts(path / "artifacts")
        self.durability = durability
        self.journal = path / schema.JOURNAL
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._damage: StoreDamagedError | None = None
        self._records: RecordTable | None = None
        self._lock = threading.Lock()
        try:
            with self.reading() as connection:
                schema.check_tables(connection, self.journal)
        except HooklineError:
            self.close()
            raise

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False, durability: str = "full", address: str = "") -> Self:
        """Open the store in a folder.

        Args:
            path: The folder, usually ``.hookline``; on a disk of this machine.
            create: Whether to make it when it isn't there.
            durability: ``"full"``: what is recorded survives a power cut; ``"fast"``: the last seconds may run again.
            address: The URL that leads to it, where that is how it was opened.

        Returns:
            The store.

        Raises:
            StoreMissingError: There is no store.
            StoreError: It can't be used; see the subclasses for damage and versions.
            UsageError: The folder holds other things, or is on a network file system.
        """
        if durability not in ("full", "fast"):
            raise UsageError(f"durability '{durability}' is unknown", help="give 'full' or 'fast'")
        folder = Path(path).expanduser().absolute()
        journal = folder / schema.JOURNAL
        check_local(folder)
        if not journal.exists():
            if not create:
                raise StoreMissingError(
                    f"there is no store at '{folder}'", help="run a workflow first, or name its store: --store PATH"
                )
            schema.prepare_folder(folder)
            schema.create(folder)
        schema.check_header(journal)
        return cls(folder, durability=durability, address=address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading ---------------------------------------------------------------------------------------------

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """List runs, newest first."""
        rows = self._all(f"SELECT {_RUN} FROM runs ORDER BY run DESC LIMIT ?", (-1 if limit is None else limit,))
        return [self._run_row(row) for row in rows]

    def run(self, run: str | int) -> RunRow:
        """Find one run by id, prefix, ``last``, ``last~1``, or row number."""
        if isinstance(run, int):
            rows = self._all(f"SELECT {_RUN} FROM runs WHERE run = ?", (run,))
        elif match := _LAST.fullmatch(run):
            back = int(match[1] or 0)
            rows = self._all(f"SELECT {_RUN} FROM runs ORDER BY run DESC LIMIT 1 OFFSET ?", (back,))
        else:
            rows = self._all(
                f"SELECT {_RUN} FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT 6", (run, run + "\x7f")
            )
            rows = [row for row in rows if row[1] == run] or rows
        if len(rows) != 1 or not run:
            raise self._no_such_run(run, [row[1] for row in rows])
        return self._run_row(rows[0])

    def id_of(self, run: int) -> str | None:
        """Give the id of a run by its row number; None where it was deleted."""
        rows = self._all("SELECT id FROM runs WHERE run = ?", (run,))
        return rows[0][0] if rows else None

    def nodes(self, run: str | int, *, own: bool = False) -> list[NodeRow]:
        """List the tasks of a run as its newest epoch left them, by number; perhaps only those that did not grow."""
        return self._nodes(self.number(run), "AND n.parent IS NULL" if own else "")

    def node(self, run: str | int, node: int) -> NodeRow | None:
        """Find one task of a run as its newest epoch left it."""
        return next(iter(self._nodes(self.number(run), f"AND n.node = {int(node)}")), None)

    def attempts(
        self, run: str | int, node: int | None = None, low: int = 0, high: int | None = None
    ) -> Iterator[AttemptRow]:
        """Go through attempts by node, item and number; read in pages, so that no long read is held."""
        number = self.number(run)
        top = "" if high is None else f" AND item < {int(high)}"
        here = "" if node is None else f" AND node = {int(node)}"
        query = (
            f"SELECT {_ATTEMPT} FROM attempts WHERE run = ? AND (node, item, attempt) > (?, ?, ?){here}"
            f" AND item >= {int(low)}{top} ORDER BY node, item, attempt LIMIT {_PAGE}"
        )
        at = (-1 if node is None else node, low if node is not None else -1, -1)
        while True:
            rows = self._all(query, (number, *at))
            yield from map(AttemptRow._make, rows)
            if len(rows) < _PAGE:
                return
            at = rows[-1][1:4]

    def attempt(self, location: Location) -> AttemptRow | None:
        """Read one attempt."""
        rows = self._all(
            f"SELECT {_ATTEMPT} FROM attempts WHERE run = ? AND node = ? AND item = ? AND attempt = ?",
            tuple(location[:4]),
        )
        return AttemptRow._make(rows[0]) if rows else None

    def outputs(self, run: str | int, node: int, low: int, high: int) -> list[bytes | None]:
        """Give the outputs of the last successful attempt of each item, also of those that were reused."""
        number = self.number(run)
        found, epochs = self._own_outputs(number, node, low, high)
        if None in found or any(epochs):
            for source, first, count, at, epoch in self._sources(number, node, low, high):
                blobs, _ = self._own_outputs(source[0], source[1], first, first + count, source[2])
                for offset, blob in enumerate(blobs, at - low):
                    # What an earlier driver of the run recorded gives way to what a later one reused.
                    if found[offset] is None or (epochs and epochs[offset] < epoch):
                        found[offset] = blob
                        if epochs:
                            epochs[offset] = epoch
        return found

    def decisions(self, run: str | int, node: int | None = None) -> list[Decision]:
        """List decisions by node, first item and epoch."""
        columns = ", ".join(Decision._fields)
        rows = self._of_run("decisions", columns, run, node, "node, low, epoch")
        try:
            return [Decision._make((*row[:3], Verdict(row[3]), *row[4:])) for row in rows]
        except ValueError as error:
            raise self._met_damage("its decisions can't be read") from error

    def failures(self, run: str | int, node: int | None = None) -> list[Failure]:
        """List failures by node, item and attempt."""
        rows = self._of_run("failures", ", ".join(Failure._fields), run, node, "node, item, attempt")
        return [Failure._make(row)._replace(retryable=bool(row[7])) for row in rows]

    def notes(self, run: str | int, node: int | None = None) -> list[Note]:
        """List notes by node, item, attempt and position."""
        rows = self._of_run("notes", ", ".join(Note._fields), run, node, "node, item, attempt, position")
        return [Note._make(row) for row in rows]

    def logs(self, run: str | int, node: int | None = None) -> list[Log]:
        """List captured output by node, item, attempt and stream."""
        rows = self._of_run("logs", ", ".join(Log._fields), run, node, "node, item, attempt, stream")
        return [Log._make(row) for row in rows]

    def counters(self, run: str | int) -> dict[tuple[int, str], int]:
        """Give the number of items per (node, state)."""
        rows = self._all("SELECT node, state, count FROM counters WHERE run = ?", (self.number(run),))
        return {(node, state): count for node, state, count in rows}

    def code(self, fingerprint: bytes) -> bytes | None:
        """Give what a fingerprint was made from."""
        rows = self._all("SELECT parts FROM code WHERE fingerprint = ?", (fingerprint,))
        return rows[0][0] if rows else None

    def lookup(self, fingerprint: bytes, keys: Sequence[bytes], *, besides: int | None = None) -> dict[bytes, Hit]:
        """Find the newest reusable attempt for each key; keys without one are left out."""
        if not keys:
            return {}
        try:
            self._connection()
            reader: _Reader = self._local.reader
            return reader.finder.find(fingerprint, keys, besides)
        except sqlite3.Error as error:
            raise self.failed(error) from error

    def prefixes(
        self, fingerprint: bytes, *, after: int = 0, besides: int | None = None, most: int = 1 << 20
    ) -> tuple[bytes, int] | None:
        """Give the first eight bytes of each key that :meth:`lookup` might find something for."""
        with self.reading() as connection:
            return prefixes_of(connection, fingerprint, after, besides or 0, most)

    def last_node(self, workflow: str, name: str, *, before: int | None = None) -> tuple[RunRow, NodeRow] | None:
        """Find the task of this name in the latest run of the workflow that has it, before the given run."""
        rows = self._all(
            f"SELECT {_NODE}, n.run FROM runs r JOIN nodes n ON n.run = r.run AND n.parent IS NULL AND n.name = ?"
            " LEFT JOIN code c USING (code) WHERE r.workflow = ? AND r.run < ?"
            " ORDER BY r.run DESC, n.epoch DESC LIMIT 1",
            (name, workflow, before if before is not None else 1 << 62),
        )
        return (self.run(rows[0][-1]), NodeRow._make(rows[0][:-1])) if rows else None

    def measured(self, workflow: str, tasks: Collection[str] = ()) -> Measured:
        """Tell how long the tasks of the latest runs of a workflow took: of as few as tell about the given tasks."""
        with self.reading() as connection:
            return measured(connection, workflow, tasks)

    def events(self, after: int = 0, limit: int = 1000) -> list[Commit]:
        """List commits after a sequence number, oldest first."""
        rows = self._all(
            "SELECT sequence, run, epoch, time_us, ranges FROM commits WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        try:
            return [Commit._make((*row[:4], _read_ranges(row[4]))) for row in rows]
        except (ValueError, TypeError) as error:
            raise self._met_damage("its commits can't be read") from error

    def latest_commit(self) -> int:
        """Give the sequence number of the newest commit; 0 where there is none."""
        return int(self._all("SELECT coalesce(max(sequence), 0) FROM commits", ())[0][0])

    def rows_of(self, commit: Commit) -> CommitRows:
        """Give what came with a commit and makes events."""
        with self.reading() as connection:
            return rows_of(connection, commit)

    # -- writing ---------------------------------------------------------------------------------------------

    def start_run(self, new: NewRun) -> SqliteRunWriter:
        """Record a new run and own it."""
        self.check_sound()
        return start_run(self, new)

    def take_run(self, run: str | int, *, takeover: bool = False) -> SqliteRunWriter:
        """Own a run that exists, to go on with it; what was in flight is recorded as crashed."""
        self.check_sound()
        return take_run(self, self.run(run), takeover=takeover)

    def request_cancel(self, run: str | int, *, kill: bool = False, why: str = "") -> None:
        """Ask the driver of a run to stop it."""
        self.check_sound()
        request_cancel(self, self.number(run), kill=kill, why=why)

    def records(self, plugin: str, values: Values, origin: Origin | None = None) -> Records:
        """Give what a plugin remembers in this store."""
        # Records build on this module, and few who open a store have any.
        from hookline.store.record_table import RecordTable
        from hookline.store.records import Origin, SqliteRecords

        with self._lock:
            if self._records is None:
                self._records = RecordTable(self)
        return SqliteRecords(self._records, plugin, values, origin or Origin())

    def is_driven(self, run: RunRow) -> bool:
        """Tell whether a living driver owns the run."""
        return is_driven(self, run)

    def state_of(self, run: RunRow) -> RunState:
        """Tell how a run stands, seeing through drivers that died without saying so."""
        rows = self._all(f"SELECT {_RUN} FROM runs WHERE run = ?", (run.run,))
        if not rows:
            # Deleted since it was read, and so not driven; whoever goes through a list is not to stumble over it.
            return RunState.INTERRUPTED if run.state is RunState.RUNNING else run.state
        now = self._run_row(rows[0])
        return RunState.INTERRUPTED if now.state is RunState.RUNNING and not self.is_driven(now) else now.state

    def close(self) -> None:
        """Give connections back; runs that are being written keep theirs."""
        if self._records is not None:
            self._records.close()
        for reader in list(self._readers):
            reader.connection.close()
        self._readers.clear()
        self._local = threading.local()

    # -- for the modules of this package ---------------------------------------------------------------------

    def number(self, run: str | int) -> int:
        """Give the row number of a run."""
        return run if isinstance(run, int) else self.run(run).run

    def check_sound(self) -> None:
        """Refuse to write to a journal in which damage was met."""
        if self._damage is not None:
            raise self._damage

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend this thread's read-only connection."""
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise self.failed(error) from error

    def failed(self, error: sqlite3.Error) -> Exception:
        """Word an error of SQLite, and remember damage."""
        worded = journal_error(error, self.journal)
        if isinstance(worded, StoreDamagedError):
            self._damage = worded
        return worded

    def _connection(self) -> sqlite3.Connection:
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None or reader.connection.forgotten:
            reader = self._local.reader = _Reader(self.journal)
            self._readers.add(reader)
        return reader.connection.raw

    def _run_row(self, row: Sequence[Any]) -> RunRow:
        found = RunRow._make(row)
        try:
            return found._replace(state=RunState(found.state), tags=tuple(json.loads(row[9])))
        except (ValueError, TypeError) as error:
            raise self._met_damage(f"row {found.run} of its runs can't be read") from error

    def _met_damage(self, what: str) -> StoreDamagedError:
        self._damage = damaged(self.journal, what)
        return self._damage

    def _all(self, query: str, values: Sequence[object]) -> list[Any]:
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    def _of_run(self, table: str, columns: str, run: str | int, node: int | None, order: str) -> list[Any]:
        here = "" if node is None else f" AND node = {int(node)}"
        return self._all(f"SELECT {columns} FROM {table} WHERE run = ?{here} ORDER BY {order}", (self.number(run),))

    def _nodes(self, run: int, which: str) -> list[NodeRow]:
        rows = self._all(
            f"SELECT {_NODE} FROM nodes n LEFT JOIN code c USING (code) WHERE n.run = ? {which}"
            " ORDER BY n.node, n.epoch",
            (run,),
        )
        return list({row[0]: NodeRow._make(row) for row in rows}.values())

    def _own_outputs(
        self, run: int, node: int, low: int, high: int, attempt: int | None = None
    ) -> tuple[list[bytes | None], list[int]]:
        """Give the outputs of each item's last success, or of one attempt, and later epochs of these."""
        only = "" if attempt is None else f" AND attempt = {int(attempt)}"
        rows = self._all(
            "SELECT item, outputs, epoch, kind, attempt FROM attempts WHERE run = ? AND node = ? AND item >= ?"
            f" AND item < ? AND kind <= {_SUCCESS}{only} ORDER BY item, attempt",
            (run, node, low, high),
        )
        if not rows or any(Kind(row[3]).grew for row in rows):
            rows = self._with_grown(rows, run, node, low, high)
        resumed = self._is_resumed(run) if attempt is None else False
        if not resumed and len(rows) == high - low and rows and rows[0][0] == low and rows[-1][0] == high - 1:
            items = [row[0] for row in rows]
            if items == list(range(low, high)):
                return [row[1] for row in rows], []
        found: list[bytes | None] = [None] * max(0, high - low)
        epochs = [0] * len(found) if resumed else []
        for item, blob, epoch, *_ in rows:
            found[item - low] = blob
            if resumed:
                epochs[item - low] = epoch
        return found, epochs

    def _with_grown(self, rows: list[Any], run: int, node: int, low: int, high: int) -> list[Any]:
        """Put what items that grew came to in the place of their recipes; a recipe alone is no value."""
        grown = {
            row[0]: row
            for row in self._all(
                "SELECT item, outputs, epoch, attempt FROM grown WHERE run = ? AND node = ? AND item >= ? AND item < ?",
                (run, node, low, high),
            )
        }
        found: dict[int, Any] = {}
        for row in rows:
            item, _, _, kind, attempt = row
            if not Kind(kind).grew:
                found[item] = row
            elif item in grown and grown[item][3] == attempt:
                found[item] = grown[item]
        for item, row in grown.items():
            # Reused recipes have no attempt here.
            if row[3] == 0 and (item not in found or found[item][2] <= row[2]):
                found[item] = row
        return [found[item] for item in sorted(found)]

    def _is_resumed(self, run: int) -> bool:
        return bool(self._all("SELECT 1 FROM runs WHERE run = ? AND epoch > 1", (run,)))

    def _sources(
        self, run: int, node: int, low: int, high: int
    ) -> Iterator[tuple[tuple[int, int, int | None], int, int, int, int]]:
        """Yield where reused items come from: (run, node, attempt), first item there, count, first item here, epoch."""
        rows = self._all(
            "SELECT low, high, source_run, source_node, source_low, detail, epoch FROM decisions WHERE run = ?"
            " AND node = ? AND low < ? AND high > ? AND source_run IS NOT NULL ORDER BY epoch DESC, low",
            (run, node, high, low),
        )
        for first, last, source_run, source_node, source_low, detail, epoch in rows:
            start, stop = max(first, low), min(last, high)
            told = json.loads(detail) if detail else {}
            if told.get("recipe"):
                continue  # what it came to in another run is not what it comes to in this one
            attempt = told.get("attempt")
            yield (source_run, source_node, attempt), source_low + start - first, stop - start, start, epoch

    def _no_such_run(self, run: str | int, several: list[str]) -> UsageError:
        if several and run:
            return UsageError(f"run '{run}' could be any of {', '.join(several[:5])}", help="give more of the id")
        known = [row[0] for row in self._all("SELECT id FROM runs ORDER BY run DESC LIMIT 200", ())]
        if not known:
            return UsageError(f"there is no run '{run}': the store '{self.path}' has no runs yet")
        near = close_match(str(run), known) or f" the last one is {known[0]}"
        return UsageError(
            f"there is no run '{run}' in '{self.path}';{near}",
            help="`hookline runs list` shows them all",
        )


def _read_ranges(text: str) -> dict[str, list[Span]]:
    return {table: [(a, b, c, d) for a, b, c, d in spans] for table, spans in json.loads(text).items()}


class _Reader:
    """One thread's connection, with what it learned about the cache index."""

    def __init__(self, journal: Path) -> None:
        self.connection = schema.Connection(journal, write=False)
        self.finder = Finder(self.connection.raw)
        # A thread that ended leaves its connection behind. A finalizer closes it before the connection itself is found
        # to be garbage, which __del__ would not where the two are part of one circle.
        weakref.finalize(self, self.connection.close).atexit = False
