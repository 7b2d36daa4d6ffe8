"""The cache index against a plain dictionary."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.model.states import Kind
from hookline.store import Group, NewRun, NodeRow, SqliteStore, open_store, pack_one, segments
from hookline.store.schema import migrate
from hookline.store.segments import CHUNK, FAN_IN, Segments, append_segment, entry
from thorough import tries

commits = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400), st.integers(1, 500)), min_size=1, max_size=40)


def key_of(number: int) -> bytes:
    return blake3(b"key %d" % number).digest()


@contextmanager
def fresh_journal() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        yield connection


@settings(max_examples=tries(25), deadline=None)
@given(commits, st.integers(1, 12))
def test_the_index_gives_what_a_dictionary_would(history: list[tuple[int, int, int]], rhythm: int) -> None:
    """However commits are cut, merged and looked up in between, the newest entry of each key is found."""
    with fresh_journal() as connection:
        cursor = connection.cursor()
        model: dict[int, tuple[int, int, int, int]] = {}
        index, asked_for_absent = Segments(1), Segments(1)
        for sequence, (run, start, length) in enumerate(history, 1):
            rows = {number: (run, sequence, number, 1) for number in range(start, start + length)}
            append_segment(cursor, 1, sequence, run, [entry(key_of(n), *place) for n, place in rows.items()])
            model.update(rows)
            if sequence % rhythm == 0:
                assert found_by(index, connection, sequence, range(0, 1000, 9)) == {
                    number: model[number] for number in range(0, 1000, 9) if number in model
                }
                asked_for_absent.refresh(connection, sequence)
                # So many misses that it pays to read some segments, and not yet all.
                misses = 40 if sequence % 2 else 5
                assert model.keys() == {
                    number
                    for number in range(1000)
                    if not asked_for_absent.lacks(connection, key_of(number)[:8], misses)
                }
        assert found_by(index, connection, -2, range(1000)) == model
        assert found_by(Segments(1), connection, 1, range(1000)) == model


def found_by(
    index: Segments, connection: sqlite3.Connection, version: int, numbers: range
) -> dict[int, tuple[int, int, int, int]]:
    index.refresh(connection, version)
    names = {key_of(number)[:8]: number for number in numbers}
    newest: dict[int, tuple[int, tuple[int, int, int, int]]] = {
        names[prefix]: hint for prefix, hint in index.small.items() if prefix in names
    }
    for segment in index.large:
        for prefix, place in index.find(connection, segment, sorted(names)).items():
            number = names[prefix]
            if number not in newest or newest[number][0] < segment.number:
                newest[number] = (segment.number, place)
            assert index.probe(connection, segment, prefix) == place
    return {number: place for number, (_, place) in newest.items()}


def test_the_number_of_segments_stays_small() -> None:
    """After a thousand commits a look-up meets a few dozen segments, and no chunk is left behind by merges."""
    with fresh_journal() as connection:
        cursor = connection.cursor()
        for sequence in range(1, 1001):
            append_segment(cursor, 1, sequence, 1, [entry(key_of(sequence * 10 + i), 1, 0, i, 1) for i in range(10)])
        count, entries, chunks = connection.execute(
            "SELECT count(*), sum(entries), sum(chunks) FROM segments"
        ).fetchone()
        assert count <= 4 * FAN_IN
        assert entries == 10_000
        assert chunks == connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
        assert chunks <= 10_000 / CHUNK + count


def test_large_segments_are_not_merged_any_more(monkeypatch) -> None:
    """Merging stops at a size where it would make other drivers wait; everything is found nevertheless."""
    monkeypatch.setattr(segments, "MERGE_LIMIT", 2000)
    with fresh_journal() as connection:
        cursor = connection.cursor()
        for sequence in range(1, 41):
            append_segment(cursor, 1, sequence, 1, [entry(key_of(sequence * 300 + i), 1, 0, i, 1) for i in range(300)])
        assert connection.execute("SELECT count(*) FROM segments").fetchone()[0] == 40
        assert len(found_by(Segments(1), connection, 1, range(300, 12_300))) == 12_000


def record(store: SqliteStore, runs: list[tuple[int, int]], *, novel: bool, group: int = 300) -> None:
    for low, high in runs:
        with store.start_run(NewRun("w")) as run:
            run.commit(Group(nodes=[NodeRow(0, "work", "work", b"f" * 32, 1, high - low)]))
            rows = [
                (
                    0,
                    number - low,
                    1,
                    int(Kind.COMPLETED),
                    key_of(number),
                    pack_one(key_of(number), b"%d" % run.run),
                    0,
                    0,
                    0,
                )
                for number in range(low, high)
            ]
            for at in range(0, len(rows), group):
                run.commit(Group(attempts=rows[at : at + group], novel=novel))


def expected(runs: list[tuple[int, int]]) -> dict[int, int]:
    return {number: run for run, (low, high) in enumerate(runs, 1) for number in range(low, high)}


def found(store: SqliteStore, numbers: list[int]) -> dict[int, int]:
    names = {key_of(number): number for number in numbers}
    return {names[key]: hit.run for key, hit in store.lookup(b"f" * 32, list(names)).items()}


@settings(max_examples=tries(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 900)), min_size=1, max_size=6),
    st.lists(st.integers(0, 2000), min_size=1, max_size=300, unique=True),
)
def test_the_newest_run_that_made_a_key_wins(tmp_path_factory, spans: list[tuple[int, int]], asked: list[int]) -> None:
    """When runs execute the same tasks again, look-ups of one, some or all keys give the newest run's."""
    runs = [(low, low + length) for low, length in spans]
    with open_store(tmp_path_factory.mktemp("s") / ".hookline", create=True) as store:
        record(store, runs, novel=False, group=350)
        model = expected(runs)
        everything = list(range(2000))
        assert found(store, everything) == model
        assert found(store, asked) == {number: model[number] for number in asked if number in model}
        for number in asked[:20]:
            assert found(store, [number]).get(number) == model.get(number)


def test_new_keys_of_many_runs_are_found_by_their_neighbours(tmp_path: Path) -> None:
    """Runs that recorded only new keys are found in any order, singly and together, and missing keys are not."""
    runs = [(low, low + 1000) for low in range(0, 8000, 1000)]
    with open_store(tmp_path / ".hookline", create=True) as store:
        record(store, runs, novel=True)
        model = expected(runs)
        everything = list(range(-500, 9000))
        assert found(store, everything) == model
        assert found(store, everything[::-3]) == {n: model[n] for n in everything[::-3] if n in model}
        for number in [*range(500, 700), -3, 9000, 7999, 0]:
            assert found(store, [number]).get(number) == model.get(number)


def test_a_run_can_leave_out_what_it_recorded_itself(tmp_path: Path) -> None:
    """A look-up besides a run finds other runs' attempts only."""
    with open_store(tmp_path / ".hookline", create=True) as store:
        record(store, [(0, 600), (600, 1200)], novel=True)
        keys = [key_of(number) for number in range(1200)]
        assert len(store.lookup(b"f" * 32, keys)) == 1200
        assert {hit.run for hit in store.lookup(b"f" * 32, keys, besides=2).values()} == {1}


def test_failures_and_unkeyed_attempts_are_never_hits(tmp_path: Path) -> None:
    """Only completed attempts that may be reused enter the index."""
    with open_store(tmp_path / ".hookline", create=True) as store, store.start_run(NewRun("w")) as run:
        blob = pack_one(b"d" * 32, b"")
        kinds = [*Kind]
        run.commit(
            Group(
                nodes=[NodeRow(0, "work", "work", b"f" * 32, 1)],
                attempts=[(0, kind, 1, int(kind), key_of(kind), blob, 0, 0, 0) for kind in kinds],
            )
        )
        hits = store.lookup(b"f" * 32, [key_of(kind) for kind in kinds])
        assert {hit.kind for hit in hits.values()} == {Kind.COMPLETED, Kind.GREW}
        assert store.lookup(b"g" * 32, [key_of(1)]) == {}


def test_equal_prefixes_of_different_keys_never_make_a_hit(tmp_path: Path) -> None:
    """The whole key is compared: a key that agrees in its first bytes only is not found."""
    with open_store(tmp_path / ".hookline", create=True) as store:
        record(store, [(0, 600)], novel=True)
        near = [key_of(number)[:12] + b"\0" * 20 for number in range(600)]
        assert store.lookup(b"f" * 32, near) == {}
        assert all(store.lookup(b"f" * 32, [key]) == {} for key in near[:20])
