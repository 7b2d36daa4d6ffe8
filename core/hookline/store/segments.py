"""The cache index: from a key to the attempts that have it, appended per commit and merged in key order.

No index is kept per row. Each commit appends one sorted segment per fingerprint; when a level has ``FAN_IN`` of them
they are merged into one of the next level, in the same transaction, so every entry is rewritten about once per level
and look-ups meet few segments. Entries hold the first bytes of the key only: whoever looks up compares the whole key
with the attempt's own row, so a wrong or stale entry can cost a hit, and can never make one.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Prefixes = array[int]

__all__ = ["PREFIX", "Place", "Segment", "Segments", "append_segment", "entry", "prefixes_of"]

PREFIX = 8
FAN_IN = 8
CHUNK = 256  # entries in one row: one probe reads about 6 KiB
MERGE_LIMIT = 1 << 20  # entries; larger merges would make others wait

Place = tuple[int, int, int, int]
"""(run, node, item, attempt)."""

_PLACE = Struct(">IIII")
_ENTRY = Struct(">8sIIII")
_WIDTH = _ENTRY.size
_pack_entry = _ENTRY.pack
_BLOBS_KEPT = 256  # chunks of one segment
_SMALL_KEPT = 65536  # entries
_PREFIXES_KEPT = 1 << 22  # of all segments: 32 MB
_REFRESH = (
    "SELECT s.segment, s.low_run, s.high_run, s.repeats, s.oldest, s.entries, s.base, s.chunks, c.entries"
    " FROM segments s LEFT JOIN chunks c ON c.chunk = s.base AND s.chunks = 1 AND s.segment > ?2"
    " WHERE s.code = ?1 AND NOT (s.low_run = ?3 AND s.high_run = ?3) ORDER BY s.segment"
)
_OTHERS = (
    "FROM code JOIN segments s USING (code)"
    " WHERE code.fingerprint = ?1 AND s.segment > ?2 AND NOT (s.low_run = ?3 AND s.high_run = ?3)"
)
_PREFIXES = (
    f"SELECT o.segment, c.entries FROM (SELECT s.segment, s.base, s.chunks {_OTHERS}) o"
    " JOIN chunks c ON c.chunk >= o.base AND c.chunk < o.base + o.chunks"
)


def entry(key: bytes, run: int, node: int, item: int, attempt: int) -> bytes:
    """Make the index entry of one attempt."""
    return _pack_entry(key, run, node, item, attempt)  # the format cuts the key to its prefix


def append_segment(
    cursor: sqlite3.Cursor, code: int, sequence: int, run: int, entries: list[bytes], *, novel: bool = False
) -> None:
    """Record the entries of one commit for one fingerprint, merging where enough segments have gathered.

    Args:
        cursor: In the transaction that records the attempts.
        code: The number of the fingerprint.
        sequence: The number of the commit.
        run: The run that the attempts belong to.
        entries: As ``entry`` made them, in any order.
        novel: Whether none of the keys was in the index before.
    """
    _write(cursor, (code, 0, sequence, sequence, run, run, int(not novel)), _sorted_unique([entries]))
    level = 0
    while _merge(cursor, code, level):
        level += 1


def _merge(cursor: sqlite3.Cursor, code: int, level: int) -> bool:
    rows = cursor.execute(
        "SELECT segment, oldest, low_run, high_run, repeats, entries, base, chunks FROM segments"
        " WHERE code = ? AND level = ? ORDER BY segment",
        (code, level),
    ).fetchall()
    if len(rows) < FAN_IN or sum(row[5] for row in rows) > MERGE_LIMIT:
        return False
    runs = []
    for row in rows:
        span = (row[6], row[6] + row[7])
        blobs = cursor.execute("SELECT entries FROM chunks WHERE chunk >= ? AND chunk < ? ORDER BY chunk", span)
        runs.append([item for (blob,) in blobs for item in _split(blob)])
        cursor.execute("DELETE FROM chunks WHERE chunk >= ? AND chunk < ?", span)
    cursor.execute("DELETE FROM segments WHERE code = ? AND level = ?", (code, level))
    spread = min(row[2] for row in rows), max(row[3] for row in rows), max(row[4] for row in rows)
    _write(cursor, (code, level + 1, rows[-1][0], rows[0][1], *spread), _sorted_unique(runs))
    return True


def _sorted_unique(runs: Sequence[list[bytes]]) -> list[bytes]:
    """Sort entries by prefix; of equal prefixes the one of the last run stays."""
    entries = [item for run in runs for item in run]
    newest = {item[:PREFIX]: item for item in entries} if len(runs) > 1 else None
    if newest is not None and len(newest) < len(entries):
        entries = list(newest.values())
    entries.sort()
    return entries


def _write(cursor: sqlite3.Cursor, head: tuple[int, int, int, int, int, int, int], entries: list[bytes]) -> None:
    base = cursor.execute("SELECT coalesce(max(chunk), 0) + 1 FROM chunks").fetchone()[0]
    lows = range(0, len(entries), CHUNK)
    for chunk, low in enumerate(lows, base):
        cursor.execute("INSERT INTO chunks VALUES (?, ?)", (chunk, _join(entries[low : low + CHUNK])))
    cursor.execute(
        "INSERT INTO segments (code, level, segment, oldest, low_run, high_run, repeats, entries, base, chunks, firsts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*head, len(entries), base, len(lows), b"".join([entries[low][:PREFIX] for low in lows])),
    )


def _join(entries: Sequence[bytes]) -> bytes:
    # Prefixes stand together, so that one of them is found by a search at C speed.
    return b"".join([item[:PREFIX] for item in entries] + [item[PREFIX:] for item in entries])


def _split(blob: bytes) -> list[bytes]:
    count = len(blob) // _WIDTH
    middle = count * PREFIX
    places = range(middle, len(blob), _PLACE.size)
    return [blob[i * PREFIX : i * PREFIX + PREFIX] + blob[at : at + _PLACE.size] for i, at in enumerate(places)]


def _table(blob: bytes) -> Iterator[tuple[bytes, Place]]:
    middle = len(blob) // _WIDTH * PREFIX
    prefixes = [blob[at : at + PREFIX] for at in range(0, middle, PREFIX)]
    return zip(prefixes, _PLACE.iter_unpack(memoryview(blob)[middle:]), strict=True)


def _search(blob: bytes, prefix: bytes) -> Place | None:
    middle = len(blob) // _WIDTH * PREFIX
    at = blob.find(prefix, 0, middle)
    while at > 0 and at % PREFIX:
        at = blob.find(prefix, at + 1, middle)
    if at < 0:
        return None
    return _PLACE.unpack_from(blob, middle + at // PREFIX * _PLACE.size)


def prefixes_of(
    connection: sqlite3.Connection, fingerprint: bytes, after: int, besides: int, most: int
) -> tuple[bytes, int] | None:
    """Give the prefixes of all keys of a fingerprint; see :meth:`hookline.store.protocol.Store.prefixes`."""
    named = (fingerprint, after, besides)
    (count,) = connection.execute(f"SELECT coalesce(sum(s.entries), 0) {_OTHERS}", named).fetchone()
    if count > most:
        return None
    # One statement is one snapshot, in which no segment is merged away.
    rows = connection.execute(_PREFIXES, named).fetchall()
    found = b"".join([blob[: len(blob) // _WIDTH * PREFIX] for _, blob in rows])
    return found, max((number for number, _ in rows), default=after)


class Segment:
    """A segment of several chunks; its content never changes."""

    __slots__ = (
        "base",
        "blobs",
        "chunks",
        "entries",
        "firsts",
        "high_run",
        "low_run",
        "number",
        "oldest",
        "repeats",
    )

    def __init__(self, row: Sequence[int]) -> None:
        self.number, self.low_run, self.high_run, self.repeats, self.oldest = row[:5]
        self.entries, self.base, self.chunks = row[5:8]
        self.firsts: list[bytes] | None = None
        self.blobs: dict[int, bytes] = {}

    @property
    def identity(self) -> tuple[int, int]:
        """What no other segment of the fingerprint ever has: chunks' numbers may be given again."""
        return self.number, self.base


class Segments:
    """What one reader knows of one fingerprint's segments, kept from look-up to look-up.

    Segments that hold nothing but the run ``besides`` are left aside.

    Attributes:
        small: Prefix to (segment, place), from all segments of one chunk.
        large: The others, newest first.
    """

    __slots__ = ("_besides", "_gathered", "_known", "_prefixes", "_through", "_version", "code", "large", "small")

    def __init__(self, code: int, besides: int = 0) -> None:
        self.code = code
        self._besides = besides
        self.small: dict[bytes, tuple[int, Place]] = {}
        self.large: list[Segment] = []
        self._version = -1
        self._through = 0
        self._prefixes: Prefixes = array("Q")
        self._known: frozenset[tuple[int, int]] = frozenset()
        self._gathered = False

    def refresh(self, connection: sqlite3.Connection, version: int) -> bool:
        """Take note of what was recorded since; tells whether there is anything new.

        Args:
            connection: What to read with.
            version: Changes whenever the journal changed.
        """
        if self._version == version:
            return False
        self._version = version
        if len(self.small) > _SMALL_KEPT:
            self.small = {}
            self._through = 0
        before = self._through
        # One statement is one snapshot: the chunk of a small segment is read with the segment itself.
        rows = connection.execute(_REFRESH, (self.code, before, self._besides)).fetchall()
        old = {segment.identity: segment for segment in self.large}
        large = []
        for row in rows:
            number, base, blob = row[0], row[6], row[8]
            if row[7] > 1:
                large.append(old.get((number, base)) or Segment(row))
            elif blob is not None:
                self.small.update((prefix, (number, place)) for prefix, place in _table(blob))
            self._through = max(self._through, number)
        self.large = large[::-1]
        self._gathered = all(segment.identity in self._known for segment in large)
        return self._through > before

    def lacks(self, connection: sqlite3.Connection, prefix: bytes, misses: int) -> bool:
        """Tell whether no segment has a prefix.

        Args:
            connection: What to read with.
            prefix: The prefix.
            misses: How many were asked for lately that no segment has.
        """
        if not self._gathered:
            self._gather(connection, misses)
        known, number = self._prefixes, int.from_bytes(prefix, "big")
        at = bisect_left(known, number)
        if prefix in self.small or (at < len(known) and known[at] == number):
            return False
        if self._gathered:
            return True
        fresh = [segment for segment in self.large if segment.identity not in self._known]
        return all(self.probe(connection, segment, prefix) is None for segment in fresh)

    def maybe(self, connection: sqlite3.Connection, keys: list[bytes], misses: int) -> list[bytes]:
        """Leave out the keys that no large segment has, where that can be told from memory.

        Args:
            connection: What to read with.
            keys: The keys.
            misses: How many more were asked for lately that no segment has.
        """
        if len(keys) < 2 or not self.large:
            return keys
        if not self._gathered:
            self._gather(connection, len(keys) + misses)
        return self._held(keys) if self._gathered else keys

    def _held(self, keys: Sequence[bytes]) -> list[bytes]:
        """Give the keys, or prefixes, that were in a segment that was gathered."""
        known, read = self._prefixes, int.from_bytes
        last = len(known) - 1
        if last < 0:
            return []
        return [
            key for key in keys if known[bisect_left(known, number := read(key[:PREFIX], "big"), 0, last)] == number
        ]

    def _gather(self, connection: sqlite3.Connection, asked: int) -> None:
        """Read all prefixes, in order, if no more chunks have to be read than keys were asked for.

        From then on a search in memory answers for all keys that are not there.
        """
        if sum(segment.chunks for segment in self.large) > asked:
            return
        if sum(segment.entries for segment in self.large) > _PREFIXES_KEPT:
            return
        found = array("Q")
        known = set()
        for segment in self.large:
            span = (segment.base, segment.base + segment.chunks)
            blobs = connection.execute("SELECT entries FROM chunks WHERE chunk >= ? AND chunk < ?", span).fetchall()
            if len(blobs) < segment.chunks:
                continue  # merged away a moment ago
            known.add(segment.identity)
            for (blob,) in blobs:
                found.frombytes(blob[: len(blob) // _WIDTH * PREFIX])
        if sys.byteorder == "little":
            found.byteswap()
        self._prefixes, self._known = array("Q", sorted(found)), frozenset(known)
        self._gathered = len(known) == len(self.large)

    def find(self, connection: sqlite3.Connection, segment: Segment, prefixes: Sequence[bytes]) -> dict[bytes, Place]:
        """Find sorted prefixes in one large segment: probe for few, read through it for many."""
        if len(prefixes) * 2 >= segment.chunks and len(prefixes) > 8:
            return _read_through(connection, segment, prefixes)
        found = {}
        for prefix in prefixes:
            place = self.probe(connection, segment, prefix)
            if place is not None:
                found[prefix] = place
        return found

    def probe(self, connection: sqlite3.Connection, segment: Segment, prefix: bytes) -> Place | None:
        """Find one prefix in one large segment."""
        firsts = segment.firsts
        if firsts is None:
            firsts = segment.firsts = self._directory(connection, segment)
        chunk = segment.base + bisect_right(firsts, prefix) - 1
        blob = segment.blobs.get(chunk)
        if blob is None:
            row = connection.execute("SELECT entries FROM chunks WHERE chunk = ?", (chunk,)).fetchone()
            if row is None or chunk < segment.base:
                return None
            if len(segment.blobs) >= _BLOBS_KEPT:
                segment.blobs.clear()
            blob = segment.blobs[chunk] = row[0]
        return _search(blob, prefix)

    def _directory(self, connection: sqlite3.Connection, segment: Segment) -> list[bytes]:
        row = connection.execute(
            "SELECT firsts FROM segments WHERE code = ? AND segment = ? AND base = ?",
            (self.code, segment.number, segment.base),
        ).fetchone()
        # Without a row the segment was merged away a moment ago; the next version has what it held.
        firsts = row[0] if row else b""
        return [firsts[at : at + PREFIX] for at in range(0, len(firsts), PREFIX)]


def _read_through(connection: sqlite3.Connection, segment: Segment, prefixes: Sequence[bytes]) -> dict[bytes, Place]:
    found: dict[bytes, Place] = {}
    rows = connection.execute(
        "SELECT entries FROM chunks WHERE chunk >= ? AND chunk < ? ORDER BY chunk",
        (segment.base, segment.base + segment.chunks),
    )
    low = 0
    for (blob,) in rows:
        middle = len(blob) // _WIDTH * PREFIX
        high = bisect_right(prefixes, blob[middle - PREFIX : middle], low)
        here, low = prefixes[low:high], high
        for prefix in here:
            place = _search(blob, prefix)
            if place is not None:
                found[prefix] = place
    return found
