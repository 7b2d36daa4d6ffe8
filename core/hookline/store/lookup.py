"""From keys to recorded attempts: what the index proposes, each compared with the attempt's own key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hookline.model.states import Kind
from hookline.store.rows import Hit
from hookline.store.segments import PREFIX, KeyIndex

__all__ = ["find_hits"]

_GAP = 4  # items; reading over smaller gaps is cheaper than another query
_REUSABLE = int(Kind.GREW)

_RANGE = "SELECT item, attempt, kind, key, outputs FROM attempts WHERE run = ? AND node = ? AND item >= ? AND item <= ?"

_Wanted = list[tuple[int, int, int, int, bytes]]


def find_hits(
    connection: sqlite3.Connection,
    index: KeyIndex,
    codes: dict[bytes, int],
    fingerprint: bytes,
    keys: Sequence[bytes],
) -> dict[bytes, Hit]:
    """Find the newest reusable attempt for each key.

    Args:
        connection: What to read with.
        index: What this connection learned so far.
        codes: Numbers of fingerprints that this connection learned so far.
        fingerprint: Of the code that the keys belong to.
        keys: Whole keys.
    """
    code = codes.get(fingerprint)
    if code is None:
        row = connection.execute("SELECT code FROM code WHERE fingerprint = ?", (fingerprint,)).fetchone()
        if row is None:
            return {}
        code = codes[fingerprint] = row[0]
    version = connection.execute("PRAGMA data_version").fetchone()[0]
    prefixes = [key[:PREFIX] for key in keys]
    places = index.find(connection, version, code, prefixes)
    if not places:
        return {}
    wanted: _Wanted = [
        (*place, key) for key, prefix in zip(keys, prefixes, strict=True) if (place := places.get(prefix)) is not None
    ]
    wanted.sort()
    return _verified(connection, wanted)


def _verified(connection: sqlite3.Connection, wanted: _Wanted) -> dict[bytes, Hit]:
    hits: dict[bytes, Hit] = {}
    start, count = 0, len(wanted)
    while start < count:
        run, node, first, _, _ = wanted[start]
        stop, last = start + 1, first
        while stop < count and wanted[stop][2] - last <= _GAP and wanted[stop][1] == node and wanted[stop][0] == run:
            last = wanted[stop][2]
            stop += 1
        expected = {(item, attempt): key for _, _, item, attempt, key in wanted[start:stop]}
        take = expected.get
        for item, attempt, kind, key, outputs in connection.execute(_RANGE, (run, node, first, last)):
            if take((item, attempt)) == key and kind <= _REUSABLE:
                hits[key] = Hit(run, node, item, attempt, kind, outputs)
        start = stop
    return hits
