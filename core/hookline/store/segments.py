"""The cache index: from a key to the attempts that have it, appended per commit and merged in key order.

No index is kept per row. Each commit appends one sorted segment per fingerprint; when a level has ``FAN_IN`` of them
they are merged into one of the next level, in the same transaction, so every entry is rewritten about once per level
and look-ups meet few segments. Entries hold the first bytes of the key only: whoever looks up compares the whole key
with the attempt's own row, so a wrong or stale entry can cost a hit, and can never make one.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from struct import Struct

__all__ = ["PREFIX", "KeyIndex", "Place", "append_segment", "entry"]

PREFIX = 8
FAN_IN = 16
CHUNK = 256  # entries in one row: one probe reads about 6 KiB
MERGE_LIMIT = 1 << 20  # entries; larger merges would make others wait

Place = tuple[int, int, int, int]
"""(run, node, item, attempt)."""

_PLACE = Struct(">IIII")
_ENTRY = Struct(">8sIIII")
_WIDTH = _ENTRY.size
_pack_entry = _ENTRY.pack
_BLOBS_KEPT = 4096
_SMALL_KEPT = 65536


def entry(key: bytes, run: int, node: int, item: int, attempt: int) -> bytes:
    """Make the index entry of one attempt."""
    return _pack_entry(key, run, node, item, attempt)  # the format cuts the key to its prefix


def append_segment(cursor: sqlite3.Cursor, code: int, sequence: int, entries: list[bytes]) -> None:
    """Record the entries of one commit for one fingerprint, merging where enough segments have gathered.

    Args:
        cursor: In the transaction that records the attempts.
        code: The number of the fingerprint.
        sequence: The number of the commit.
        entries: As ``entry`` made them, in any order.
    """
    _write(cursor, code, 0, sequence, sequence, _sorted_unique([entries]))
    level = 0
    while _merge(cursor, code, level):
        level += 1


def _merge(cursor: sqlite3.Cursor, code: int, level: int) -> bool:
    rows = cursor.execute(
        "SELECT segment, oldest, entries FROM segments WHERE code = ? AND level = ? ORDER BY segment", (code, level)
    ).fetchall()
    if len(rows) < FAN_IN or sum(row[2] for row in rows) > MERGE_LIMIT:
        return False
    blobs: dict[int, list[bytes]] = {row[0]: [] for row in rows}
    for segment, blob in cursor.execute(
        "SELECT segment, entries FROM chunks WHERE code = ? AND level = ? ORDER BY segment, first", (code, level)
    ):
        blobs[segment] += _split(blob)
    cursor.execute("DELETE FROM chunks WHERE code = ? AND level = ?", (code, level))
    cursor.execute("DELETE FROM segments WHERE code = ? AND level = ?", (code, level))
    _write(cursor, code, level + 1, rows[-1][0], rows[0][1], _sorted_unique(list(blobs.values())))
    return True


def _sorted_unique(runs: Sequence[list[bytes]]) -> list[bytes]:
    """Sort entries by prefix; of equal prefixes the one of the last run stays."""
    entries = [item for run in runs for item in run]
    newest = {item[:PREFIX]: item for item in entries} if len(runs) > 1 else None
    if newest is not None and len(newest) < len(entries):
        entries = list(newest.values())
    entries.sort()
    return entries


def _write(cursor: sqlite3.Cursor, code: int, level: int, segment: int, oldest: int, entries: list[bytes]) -> None:
    chunks = 0
    for low in range(0, len(entries), CHUNK):
        part = entries[low : low + CHUNK]
        cursor.execute(
            "INSERT INTO chunks (code, level, segment, first, entries) VALUES (?, ?, ?, ?, ?)",
            (code, level, segment, part[0][:PREFIX] if chunks else b"", _join(part)),
        )
        chunks += 1
    cursor.execute(
        "INSERT INTO segments (code, level, segment, oldest, entries, chunks) VALUES (?, ?, ?, ?, ?, ?)",
        (code, level, segment, oldest, len(entries), chunks),
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


class _Segment:
    """A segment of several chunks; its content never changes."""

    __slots__ = ("asked", "blobs", "chunks", "firsts", "level", "number", "oldest")

    def __init__(self, level: int, number: int, oldest: int, chunks: int) -> None:
        self.level = level
        self.number = number
        self.oldest = oldest
        self.chunks = chunks
        self.asked = 0
        self.firsts: list[bytes] | None = None
        self.blobs: dict[int, bytes] = {}


class _Fingerprint:
    """What a reader knows of one fingerprint's segments."""

    __slots__ = ("large", "small", "through", "version")

    def __init__(self) -> None:
        self.version = -1
        self.through = 0
        self.small: dict[bytes, tuple[int, Place]] = {}
        self.large: list[_Segment] = []


class KeyIndex:
    """Look-ups through all segments, remembering what never changes. One per connection."""

    def __init__(self) -> None:
        self._known: dict[int, _Fingerprint] = {}

    def find(
        self, connection: sqlite3.Connection, version: int, code: int, prefixes: Sequence[bytes]
    ) -> dict[bytes, Place]:
        """Find the newest entry for each prefix.

        Args:
            connection: What to read with.
            version: Changes whenever the journal changed.
            code: The number of the fingerprint.
            prefixes: The first bytes of the keys.
        """
        known = self._refreshed(connection, version, code)
        found: dict[bytes, Place] = {}
        waiting = []
        small = known.small
        newest_large = known.large[0].number if known.large else 0
        held: dict[bytes, tuple[int, Place]] = {}
        for prefix in prefixes:
            near = small.get(prefix)
            if near is not None and near[0] >= newest_large:
                found[prefix] = near[1]
            else:
                waiting.append(prefix)
                if near is not None:
                    held[prefix] = near
        if len(waiting) > 1:
            waiting.sort()
        for segment in known.large:
            if not waiting:
                break
            hits = _find_in(connection, code, segment, waiting)
            for prefix, place in hits.items():
                near = held.pop(prefix, None)
                found[prefix] = place if near is None or near[0] < segment.number else near[1]
            if hits:
                waiting = [prefix for prefix in waiting if prefix not in hits]
        for prefix, near in held.items():
            found.setdefault(prefix, near[1])
        return found

    def _refreshed(self, connection: sqlite3.Connection, version: int, code: int) -> _Fingerprint:
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = _Fingerprint()
        if known.version == version:
            return known
        if len(known.small) > _SMALL_KEPT:
            known.small.clear()
            known.through = 0
        # One statement is one snapshot: the chunks of a segment are read with the segment itself.
        rows = connection.execute(
            "SELECT s.level, s.segment, s.oldest, s.chunks, c.entries FROM segments s LEFT JOIN chunks c"
            " ON c.code = s.code AND c.level = s.level AND c.segment = s.segment AND s.chunks = 1 AND s.segment > ?2"
            " WHERE s.code = ?1 ORDER BY s.segment",
            (code, known.through),
        ).fetchall()
        old = {(segment.level, segment.number): segment for segment in known.large}
        large = []
        for level, number, oldest, chunks, blob in rows:
            if chunks > 1:
                large.append(old.get((level, number)) or _Segment(level, number, oldest, chunks))
            elif blob is not None:
                known.small.update((prefix, (number, place)) for prefix, place in _table(blob))
            known.through = max(known.through, number)
        known.large = large[::-1]
        known.version = version
        return known


def _find_in(
    connection: sqlite3.Connection, code: int, segment: _Segment, prefixes: Sequence[bytes]
) -> dict[bytes, Place]:
    """Find sorted prefixes in one segment: probe for few, read through it for many."""
    segment.asked += len(prefixes)
    if len(prefixes) * 2 >= segment.chunks and len(prefixes) > 8:
        return _read_through(connection, code, segment, prefixes)
    found = {}
    for prefix in prefixes:
        blob = _chunk(connection, code, segment, prefix)
        place = _search(blob, prefix) if blob is not None else None
        if place is not None:
            found[prefix] = place
    return found


def _chunk(connection: sqlite3.Connection, code: int, segment: _Segment, prefix: bytes) -> bytes | None:
    if segment.firsts is None:
        # A directory of the segment pays once it was asked about as often as it has chunks.
        if segment.asked < segment.chunks:
            row = connection.execute(
                "SELECT entries FROM chunks WHERE code = ? AND level = ? AND segment = ? AND first <= ?"
                " ORDER BY first DESC LIMIT 1",
                (code, segment.level, segment.number, prefix),
            ).fetchone()
            return row[0] if row else None
        rows = connection.execute(
            "SELECT first FROM chunks WHERE code = ? AND level = ? AND segment = ? ORDER BY first",
            (code, segment.level, segment.number),
        ).fetchall()
        if not rows:
            return None  # merged away meanwhile; its entries are in the next version
        segment.firsts = [row[0] for row in rows]
    number = bisect_right(segment.firsts, prefix) - 1
    blob = segment.blobs.get(number)
    if blob is None:
        row = connection.execute(
            "SELECT entries FROM chunks WHERE code = ? AND level = ? AND segment = ? AND first = ?",
            (code, segment.level, segment.number, segment.firsts[number]),
        ).fetchone()
        if row is None:
            return None
        if len(segment.blobs) >= _BLOBS_KEPT:
            segment.blobs.clear()
        blob = segment.blobs[number] = row[0]
    return blob


def _read_through(
    connection: sqlite3.Connection, code: int, segment: _Segment, prefixes: Sequence[bytes]
) -> dict[bytes, Place]:
    found: dict[bytes, Place] = {}
    rows = connection.execute(
        "SELECT first, entries FROM chunks WHERE code = ? AND level = ? AND segment = ? ORDER BY first",
        (code, segment.level, segment.number),
    )
    low = 0
    for _, blob in rows:
        middle = len(blob) // _WIDTH * PREFIX
        last = blob[middle - PREFIX : middle]
        high = bisect_right(prefixes, last, low)
        low = bisect_left(prefixes, blob[:PREFIX], low, high)
        wanted = high - low
        if wanted * 8 > len(blob) // _WIDTH:
            table = dict(_table(blob))
            found.update((prefix, table[prefix]) for prefix in islice(prefixes, low, high) if prefix in table)
        else:
            for prefix in prefixes[low:high]:
                place = _search(blob, prefix)
                if place is not None:
                    found[prefix] = place
        low = high
        if low >= len(prefixes):
            break
    return found
