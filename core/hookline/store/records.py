"""What plugins remember: records with versions, each written only over what its writer knows."""

from __future__ import annotations

import functools
import getpass
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from hookline.errors import ConflictError, StoreDamagedError, UsageError
from hookline.ml import ArtifactRef, from_json, to_json
from hookline.model.artifact import stored_of
from hookline.model.masking import mask
from hookline.model.record import Record
from hookline.store.outputs import Stored, pack_outputs
from hookline.store.place import damaged
from hookline.store.record_table import RecordTable

__all__ = ["LIMIT", "Origin", "SqliteRecords", "Values"]

LIMIT = 1 << 20
"""Bytes that the value of a record may have; larger things are artifacts."""

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_NAME = 500
_OWN = "hookline"
_COLUMNS = "key, version, value, time_us"


class Origin(NamedTuple):
    """Where a record is written."""

    run_id: str = ""
    task_id: str = ""


class Values(Protocol):
    """Stores and loads the values of artifacts."""

    def keep(self, value: object) -> ArtifactRef:
        """Store a value durably."""
        ...

    def load(self, ref: ArtifactRef) -> Any:
        """Load a stored value."""
        ...


class SqliteRecords:
    """The records of one plugin; see :class:`hookline.model.record.Records`.

    Args:
        table: The records of the store.
        plugin: Whose records these are.
        values: Stores and loads artifacts.
        origin: Where records are written.

    Raises:
        UsageError: The plugin's name can't be one.
    """

    def __init__(self, table: RecordTable, plugin: str, values: Values, origin: Origin = Origin()) -> None:  # noqa: B008 - frozen
        if not _is_word(plugin) or plugin == _OWN:
            raise UsageError(
                f"'{plugin}' can't be the name of a plugin that has records",
                help=f"give the plugin's own name: letters, digits, '_', '.' and '-', and not '{_OWN}'",
            )
        self.plugin = plugin
        self._table = table
        self._values = values
        self._origin = origin

    def put(
        self, kind: str, name: str, value: object, *, expect: int | None = None, refers: Iterable[ArtifactRef] = ()
    ) -> int:
        """Write the next version of a record; see :meth:`hookline.model.record.Records.put`."""
        key, what = _key(kind, name), self._what(kind, name)
        try:
            document = to_json(value)
        except ValueError as error:
            raise UsageError(
                f"{what} can't be written: {error}", help="give JSON values and nouns of hookline.ml; keep() the rest"
            ) from error
        found = {ref.digest: stored_of(ref) for ref in (*_refs_in(document), *refers)}
        stored = list(found.values())
        with self._table.keeping(stored, what):
            return self._append(key, what, {"value": document}, stored, expect)

    def get(self, kind: str, name: str, version: int | None = None) -> Record | None:
        """Read a record; None where there is none, or, without a version, where it was deleted."""
        which, given = ("", ()) if version is None else (" AND version = ?", (version,))
        rows = self._table.read(
            f"SELECT {_COLUMNS} FROM records WHERE owner = ? AND key = ?{which} ORDER BY version DESC LIMIT 1",
            self.plugin,
            _key(kind, name),
            *given,
        )
        record = self._record(rows[0]) if rows else None
        return None if record is None or (record.deleted and version is None) else record

    def update(self, kind: str, name: str, change: Callable[[Any], object]) -> int:
        """Write what follows from what is there, whoever else does so at the same time."""
        while True:
            record = self.get(kind, name)
            value = change(None if record is None else record.value)
            try:
                return self.put(kind, name, value, expect=0 if record is None else record.version)
            except ConflictError:
                continue

    def delete(self, kind: str, name: str, *, expect: int | None = None) -> int:
        """Write a version that says that the record is no more; earlier ones stay."""
        return self._append(_key(kind, name), self._what(kind, name), None, (), expect)

    def history(self, kind: str, name: str) -> list[Record]:
        """List all versions of a record, the oldest first, deletions among them."""
        rows = self._table.read(
            f"SELECT {_COLUMNS} FROM records WHERE owner = ? AND key = ? ORDER BY version",
            self.plugin,
            _key(kind, name),
        )
        return [self._record(row) for row in rows]

    def list(self, kind: str | None = None, prefix: str = "") -> list[Record]:
        """List the newest versions of records that were not deleted, by kind and name."""
        begin = "" if kind is None else _key(kind, prefix, begins=True)
        rows = self._table.read(
            # Of all columns SQLite gives those of the row with the highest version.
            "SELECT key, max(version), value, time_us FROM records WHERE owner = ? AND key >= ? AND key < ?"
            " GROUP BY key ORDER BY key",
            self.plugin,
            begin,
            begin + "\U0010ffff",
        )
        found = [self._record(row) for row in rows]
        return [record for record in found if not record.deleted and record.name.startswith(prefix)]

    def trim(self, kind: str, name: str, *, keep: int = 1) -> int:
        """Forget old versions of a record."""
        if keep < 1:
            raise UsageError("the newest version of a record can't be forgotten: its number would be given again")
        key = _key(kind, name)
        with self._table.writing() as cursor:
            cursor.execute(
                "DELETE FROM records WHERE owner = ? AND key = ? AND version <="
                " (SELECT max(version) FROM records WHERE owner = ? AND key = ?) - ?",
                (self.plugin, key, self.plugin, key, keep),
            )
            return cursor.rowcount

    def keep(self, value: object) -> ArtifactRef:
        """Store a value, so that a record can refer to it."""
        return self._values.keep(value)

    def load(self, ref: ArtifactRef) -> Any:
        """Load what a reference stands for."""
        return self._values.load(ref)

    # -- inside --------------------------------------------------------------------------------------------------

    def _append(
        self, key: str, what: str, said: dict[str, Any] | None, stored: Sequence[Stored], expect: int | None
    ) -> int:
        """Write the next version: a value, or that there is none any more."""
        text = _written({"who": _who(), **_origin_words(self._origin), **(said or {})}, what)
        refers = pack_outputs(stored, split=True) if stored else None
        with self._table.writing() as cursor:
            cursor.execute(
                "SELECT version, value FROM records WHERE owner = ? AND key = ? ORDER BY version DESC LIMIT 1",
                (self.plugin, key),
            )
            newest, value = cursor.fetchone() or (0, None)
            there = newest if _is_there(value) else 0
            if expect is not None and expect != there:
                raise _conflict(what, expect, there)
            if said is None and not there:
                return int(newest)
            cursor.execute(
                "INSERT INTO records (owner, key, version, value, refers, run, time_us)"
                " VALUES (?, ?, ?, ?, ?, (SELECT run FROM runs WHERE id = ?), ?)",
                (self.plugin, key, newest + 1, text, refers, self._origin.run_id, time.time_ns() // 1000),
            )
        return int(newest) + 1

    def _record(self, row: Sequence[Any]) -> Record:
        key, version, value, time_us = row
        kind, _, name = key.partition("/")
        try:
            said = json.loads(value or "{}")
            who, run_id, task_id = (said.get(fact, "") for fact in ("who", "run", "task"))
            deleted = "value" not in said
            return Record(kind, name, version, from_json(said.get("value")), deleted, who, time_us, run_id, task_id)
        except (ValueError, AttributeError) as error:
            raise self._unreadable(kind, name, version, error) from error

    def _unreadable(self, kind: str, name: str, version: int, error: Exception) -> StoreDamagedError | UsageError:
        what = f"version {version} of {self._what(kind, name)} can't be read"
        if isinstance(error, json.JSONDecodeError | AttributeError):
            return damaged(self._table.store.journal, what)
        return UsageError(f"{what}: {error}", help="a later version of hookline may have written it: install that")

    def _what(self, kind: str, name: str) -> str:
        return f"record '{kind}/{name}' of plugin '{self.plugin}'"


def _key(kind: str, name: str, *, begins: bool = False) -> str:
    """Give the key of a record, or what the keys of several begin with."""
    if not _is_word(kind):
        raise UsageError(
            f"'{kind}' can't be the kind of a record", help="use letters, digits, '_', '.' and '-', at most 100"
        )
    given: object = name
    if not isinstance(given, str) or len(name) > _NAME or not name.isprintable() or not (name or begins):
        shown = name[:80] if isinstance(given, str) else name
        raise UsageError(
            f"{shown!r} can't be the name of a record", help=f"use printable text of 1 to {_NAME} characters"
        )
    return f"{kind}/{name}"


def _is_word(given: object) -> bool:
    return isinstance(given, str) and _WORD.match(given) is not None


def _refs_in(document: Any) -> Iterator[ArtifactRef]:
    """Find the references to artifacts in what was made JSON."""
    pending = [document]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if str(part.get("hookline.ml", "")).startswith("ArtifactRef/"):
                yield from_json(part, ArtifactRef)
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def _written(said: dict[str, Any], what: str) -> str:
    text = json.dumps(said, separators=(",", ":"), allow_nan=False)
    if len(text) > LIMIT:
        raise UsageError(
            f"{what} can't be written: its value has more than {LIMIT:,} bytes",
            help="keep() what is large, and put the reference that this gives",
        )
    masked = mask(text)
    if masked != text:
        try:
            json.loads(masked)
        except ValueError:
            raise UsageError(
                f"{what} can't be written: its value holds a secret", help="leave the secret out of it"
            ) from None
    return masked


def _is_there(value: bytes | str | None) -> bool:
    return value is not None and "value" in json.loads(value)


def _origin_words(origin: Origin) -> dict[str, str]:
    return {word: fact for word, fact in (("run", origin.run_id), ("task", origin.task_id)) if fact}


def _conflict(what: str, expect: int, there: int) -> ConflictError:
    if not there:
        return ConflictError(
            f"{what} is not there, though version {expect} of it was expected",
            help="read it again: somebody else deleted it, or it never was",
        )
    found = f"{what} is at version {there}"
    return ConflictError(
        f"{found}, though none was expected" if expect == 0 else f"{found}, not {expect}",
        help="read it again and write what follows from that, as update() does: somebody else wrote it first",
    )


@functools.cache
def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{os.uname().nodename}"
