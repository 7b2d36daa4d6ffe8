"""From keys to recorded attempts: what the index proposes, each compared with the attempt's own key.

Tasks that were recorded one after another are mostly asked for one after another: once the index has led to one of
them, its neighbours are read straight from the attempts, where that provably gives the newest attempt of each key.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from functools import partial

from hookline.model.states import Kind
from hookline.store.rows import Hit
from hookline.store.segments import PREFIX, Place, Segment, Segments

__all__ = ["DELETIONS", "Finder"]

DELETIONS = ("hookline", "deletions")
"""The record that counts deletions, for those who remember what they found."""

_GAP = 4  # items; reading over smaller gaps is cheaper than another query
_REUSABLE = int(Kind.GREW)
_FIRST_WINDOW = 64
_PAYS = 8  # hits
_WINDOW = 4096
_AHEAD = 256
_FRESH = 0.02  # seconds
_MISSES = 16

_RANGE = "SELECT item, attempt, kind, key, outputs FROM attempts WHERE run = ? AND node = ? AND item >= ? AND item <= ?"
_ONWARD = (
    "SELECT run, node, item, attempt, kind, outputs, key, sequence FROM attempts"
    " WHERE run = ? AND (node, item, attempt) >= (?, ?, ?) ORDER BY node, item, attempt LIMIT ?"
)

_Wanted = list[tuple[int, int, int, int, bytes]]
_Hits = dict[bytes, Hit]
_new_hit = partial(tuple.__new__, Hit)


class Finder:
    """Look-ups by key through one connection, remembering what helps the next one.

    Args:
        connection: Read-only.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[bytes, int | None], _Fingerprint] = {}
        self._version = -1
        self._deletions: int | None = None

    def find(self, fingerprint: bytes, keys: Sequence[bytes], besides: int | None = None) -> _Hits:
        """Find the newest reusable attempt for each key; keys without one are left out.

        Args:
            fingerprint: Of the code that the keys belong to.
            keys: Whole keys.
            besides: A run whose own attempts need not be found: a driver knows what it recorded itself.
        """
        known = self._known.get((fingerprint, besides))
        if known is None:
            row = self._connection.execute("SELECT code FROM code WHERE fingerprint = ?", (fingerprint,)).fetchone()
            if row is None:
                return {}
            known = self._known[fingerprint, besides] = _Fingerprint(Segments(row[0], besides or 0))
        # What others committed in the last few milliseconds may be missed; asking each time costs more than looking up.
        now = time.monotonic()
        if now - known.checked > _FRESH:
            known.checked = now
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                self._notice_deletions()
            if known.segments.refresh(self._connection, version):
                known.ahead = {}
        if len(keys) == 1:
            if (hit := known.ahead.get(keys[0])) is not None:
                known.used += 1
                return {keys[0]: hit}
            # A chain that runs asks for one new key after another.
            if known.misses > _MISSES and known.segments.lacks(self._connection, keys[0][:PREFIX], known.misses):
                known.misses += 1
                return {}
        hits = self._search(known, keys)
        known.misses = 0 if hits else known.misses + len(keys)
        return hits

    def _notice_deletions(self) -> None:
        """Forget attempts that were read ahead where some may have been deleted since."""
        row = self._connection.execute("SELECT value FROM records WHERE owner = ? AND key = ?", DELETIONS).fetchone()
        deletions = row[0] if row else None
        if deletions != self._deletions:
            self._deletions = deletions
            for known in self._known.values():
                known.ahead = {}

    def _search(self, known: _Fingerprint, keys: Sequence[bytes]) -> _Hits:
        places: dict[bytes, Place] = {}
        held: dict[bytes, tuple[int, Place]] = {}
        waiting: list[bytes] = []
        small, large = known.segments.small, known.segments.large
        if small:
            newest = large[0].number if large else 0
            for key in keys:
                hint = small.get(key[:PREFIX])
                if hint is None:
                    waiting.append(key)
                elif hint[0] >= newest:
                    places[key[:PREFIX]] = hint[1]
                else:
                    # A newer attempt may stand in a large segment.
                    held[key[:PREFIX]] = hint
        else:
            waiting.extend(keys)
        waiting = known.segments.maybe(self._connection, waiting, known.misses)
        hits: _Hits = {}
        low = 0
        while low < len(large) and (waiting or held):
            high, alike = known.alike(low)
            near = alike and bool(waiting) and not held
            if near:
                waiting = self._neighbours(known, large[low:high], waiting, hits)
            if held or len(waiting) > 1 or (waiting and not near):
                for segment in large[low:high]:
                    waiting = self._by_index(known, segment, waiting, held, places)
            low = high
        for prefix, hint in held.items():
            places.setdefault(prefix, hint[1])
        if places:
            self._verify(keys, places, hits)
        return hits

    def _by_index(
        self,
        known: _Fingerprint,
        segment: Segment,
        waiting: list[bytes],
        held: dict[bytes, tuple[int, Place]],
        places: dict[bytes, Place],
    ) -> list[bytes]:
        prefixes = [key[:PREFIX] for key in waiting]
        prefixes += held
        if not prefixes:
            return waiting
        prefixes.sort()
        found = known.segments.find(self._connection, segment, prefixes)
        if not found:
            return waiting
        for prefix, place in found.items():
            near = held.pop(prefix, None)
            places[prefix] = place if near is None or near[0] < segment.number else near[1]
        return [key for key in waiting if key[:PREFIX] not in found]

    def _neighbours(
        self, known: _Fingerprint, segments: list[Segment], waiting: list[bytes], hits: _Hits
    ) -> list[bytes]:
        """Take hits from the rows after a first one, as long as that pays; gives what is still wanted.

        No two of the segments hold the same key for different runs, so a row recorded within them is the newest.
        """
        wanted = dict.fromkeys(waiting)
        failures = 0
        # In whatever order: the largest holds most.
        segments = sorted(segments, key=lambda segment: -segment.entries)
        floor = min(segment.oldest for segment in segments)
        single = len(waiting) == 1
        for key in waiting:
            if key not in wanted:
                continue
            got = self._onward(known, segments, floor, key, wanted, single, hits)
            failures = 0 if got >= _PAYS else failures + 1
            if failures > 2 and len(wanted) > 1:
                break
        return list(wanted)

    def _onward(
        self,
        known: _Fingerprint,
        segments: list[Segment],
        floor: int,
        key: bytes,
        wanted: dict[bytes, None],
        single: bool,
        hits: _Hits,
    ) -> int:
        place = self._probe(known, segments, key[:PREFIX])
        if place is None:
            return 0
        got = 0
        window = known.window() if single else min(_FIRST_WINDOW, len(wanted))
        at: tuple[int, ...] = place[1:]
        while wanted:
            rows = self._connection.execute(_ONWARD, (place[0], *at, window)).fetchall()
            fresh = {
                row[6]: _new_hit(row[:6])
                for row in rows
                if (row[6] in wanted or single) and row[4] <= _REUSABLE and row[7] >= floor
            }
            if single:
                known.ahead = fresh
                fresh = {key: fresh[key]} if key in fresh else {}
            hits.update(fresh)
            for found in fresh:
                del wanted[found]
            got += len(fresh)
            if len(rows) < window or len(fresh) * 2 < window:
                break
            at = (*rows[-1][1:3], rows[-1][3] + 1)
            window = min(window * 4, _WINDOW, len(wanted))
        return got

    def _probe(self, known: _Fingerprint, segments: list[Segment], prefix: bytes) -> Place | None:
        for segment in segments:
            place = known.segments.probe(self._connection, segment, prefix)
            if place is not None:
                return place
        return None

    def _verify(self, keys: Sequence[bytes], places: dict[bytes, Place], hits: _Hits) -> None:
        wanted: _Wanted = [(*place, key) for key in keys if (place := places.get(key[:PREFIX])) is not None]
        wanted.sort()
        start, count = 0, len(wanted)
        while start < count:
            run, node, first, _, _ = wanted[start]
            stop, last = start + 1, first
            while stop < count and wanted[stop][2] - last <= _GAP and wanted[stop][:2] == (run, node):
                last = wanted[stop][2]
                stop += 1
            take = {(item, attempt): key for _, _, item, attempt, key in wanted[start:stop]}.get
            for item, attempt, kind, key, outputs in self._connection.execute(_RANGE, (run, node, first, last)):
                if take((item, attempt)) == key and kind <= _REUSABLE:
                    hits[key] = Hit(run, node, item, attempt, kind, outputs)
            start = stop


class _Fingerprint:
    """What one connection knows about one fingerprint."""

    __slots__ = ("_window", "ahead", "checked", "misses", "segments", "used")

    def __init__(self, segments: Segments) -> None:
        self.segments = segments
        self.ahead: _Hits = {}
        self.checked = float("-inf")
        self.used = 0
        self.misses = 0
        self._window = 1

    def window(self) -> int:
        """Tell how many rows to read for one key: more while the ones read ahead get used."""
        if self.used * 2 >= len(self.ahead):
            self._window = min(self._window * 4, _AHEAD)
        else:
            self._window = 1
        self.used = 0
        return self._window

    def alike(self, low: int) -> tuple[int, bool]:
        """Tell up to which large segment no key can stand twice for different runs, and whether that is any."""
        large = self.segments.large
        high = low
        while high < len(large) and not large[high].repeats:
            high += 1
        run, single = large[low].low_run, low
        while single < len(large) and large[single].low_run == run == large[single].high_run:
            single += 1
        high = max(high, single)
        return (high, True) if high > low else (low + 1, False)
