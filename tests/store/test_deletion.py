"""Deleting runs: gone for users at once, and nobody who needs a result of theirs loses it."""

from __future__ import annotations

import json

import pytest
from blake3 import blake3

from hookline.errors import OwnershipError, UsageError
from hookline.model.states import RunState, Verdict
from hookline.store import Decision, Group, NewRun, NodeRow, SqliteStore, deletion, lookup, pack_one
from hookline.store.deletion import delete_runs

STEP = b"f" * 32


def key(number: int) -> bytes:
    return blake3(b"key %d" % number).digest()


def value(number: int) -> bytes:
    data = b"value %d" % number
    return pack_one(blake3(data).digest(), data)


def make_run(store: SqliteStore, items: int = 3, workflow: str = "w") -> int:
    with store.start_run(NewRun(workflow)) as run:
        rows = [(0, item, 1, 1, key(item), value(item), 0, 0, 0) for item in range(items)]
        run.commit(
            Group(
                nodes=[NodeRow(0, "a", "a", STEP, 1, items)],
                attempts=rows,
                decisions=[Decision(0, 0, items, Verdict.RUN, "new")],
                code=[(STEP, b"parts")],
                counters={(0, "completed"): items},
            )
        )
        run.finish(RunState.COMPLETED)
        return run.run


def reuse(store: SqliteStore, source: int, low: int, high: int) -> int:
    """Record a run that reused items low to high of another."""
    with store.start_run(NewRun("w")) as run:
        detail = json.dumps({"attempt": 1})
        run.commit(
            Group(
                nodes=[NodeRow(0, "a", "a", STEP, 1, high - low)],
                decisions=[Decision(0, 0, high - low, Verdict.REUSE, "same", source, 0, low, detail)],
            )
        )
        run.finish(RunState.COMPLETED)
        return run.run


def rows_in(store: SqliteStore) -> dict[str, int]:
    tables = ("runs", "nodes", "attempts", "decisions", "counters", "commits", "code", "segments", "chunks")
    with store.reading() as connection:
        counted = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    return {table: count for table, count in counted.items() if count}


def test_a_deleted_run_leaves_no_rows(store: SqliteStore) -> None:
    """All tables are empty afterwards, and nothing is found by key."""
    make_run(store)
    assert set(store.lookup(STEP, [key(0)])) == {key(0)}
    done = delete_runs(store, store.runs())
    assert rows_in(store) == {}
    assert done.rows > 0
    assert not done.waiting
    assert store.lookup(STEP, [key(0), key(1)]) == {}


def test_rows_go_in_pieces(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large run is deleted in many short transactions, between which others can record."""
    monkeypatch.setattr(deletion, "_PIECE", 7)
    make_run(store, items=100)
    keep = make_run(store, items=20)
    told: list[int] = []
    delete_runs(store, [store.runs()[1]], told.append)
    assert len(told) > 100 / 7
    assert [row.item for row in store.attempts(keep)] == list(range(20))
    assert rows_in(store)["attempts"] == 20


def test_a_run_that_is_running_is_refused_and_nothing_is_lost(store: SqliteStore) -> None:
    """The message names the driver; runs named along with it stay, too."""
    make_run(store)
    with store.start_run(NewRun("w")) as run:
        before = rows_in(store)
        with pytest.raises(OwnershipError, match=f"run {run.run_id} is running, nothing was deleted: host") as caught:
            delete_runs(store, store.runs()[::-1])
        assert caught.value.exit_code == 75
        assert rows_in(store) == before
        assert [row.run for row in delete_runs(store, store.runs(), leave_driven=True).runs] == [1]
        assert [row.id for row in store.runs()] == [run.run_id]
        run.finish(RunState.COMPLETED)
    delete_runs(store, store.runs())
    assert rows_in(store) == {}


def test_a_run_that_somebody_else_deleted_is_an_error(store: SqliteStore) -> None:
    """The second of two deletions says so."""
    make_run(store)
    rows = store.runs()
    delete_runs(store, rows)
    with pytest.raises(UsageError, match="is gone already"):
        delete_runs(store, rows)


def test_a_run_that_begins_while_others_are_deleted_keeps_its_rows(store: SqliteStore) -> None:
    """Also one that begins between the look at the runs and the look at the rows of one kind."""
    source = make_run(store)
    make_run(store, workflow="old")
    begun: list[int] = []

    def begin(statement: str) -> None:
        if "FROM decisions" in statement and not begun:
            begun.append(0)
            begun.append(reuse(store, source, 0, 3))

    with store.reading() as connection:
        connection.set_trace_callback(begin)
        delete_runs(store, [store.run("last")])
        connection.set_trace_callback(None)
    assert len(store.decisions(begun[1])) == 1
    assert store.outputs(begun[1], 0, 0, 3) == [value(0), value(1), value(2)]


def test_the_state_of_a_run_deleted_meanwhile_is_the_one_it_had(store: SqliteStore) -> None:
    """Whoever goes through a list of runs while others delete some does not stumble over one that is gone."""
    make_run(store)
    with store.start_run(NewRun("w")):
        pass
    rows = store.runs()
    delete_runs(store, rows)
    assert [store.state_of(row) for row in rows] == [RunState.INTERRUPTED, RunState.COMPLETED]


def test_a_run_deleted_before_it_is_resumed_can_t_be_taken(store: SqliteStore) -> None:
    """Whoever found the run a moment ago gets one clear error."""
    from hookline.store.ownership import take_run

    make_run(store)
    (row,) = store.runs()
    delete_runs(store, [row])
    with pytest.raises(UsageError, match="was deleted a moment ago"):
        take_run(store, row, takeover=False)


def test_results_that_another_run_reused_stay_exactly_as_long_as_it_does(store: SqliteStore) -> None:
    """The source goes, but for the items that are still reused; these go with the last run that reuses them."""
    source = make_run(store, items=6)
    user = reuse(store, source, 2, 5)
    delete_runs(store, [store.run(source)])
    assert store.outputs(user, 0, 0, 3) == [value(2), value(3), value(4)]
    assert rows_in(store)["attempts"] == 3
    assert store.id_of(source) is None
    other = reuse(store, source, 3, 4)
    delete_runs(store, [store.run(user)])
    assert store.outputs(other, 0, 0, 1) == [value(3)]
    assert rows_in(store)["attempts"] == 1
    delete_runs(store, [store.run(other)])
    assert rows_in(store) == {}


def test_results_found_by_a_run_in_progress_stay_until_it_has_ended(store: SqliteStore) -> None:
    """A driver that looked a result up a moment ago may record that it reuses it after the deletion."""
    source = make_run(store)
    with store.start_run(NewRun("w")) as run:
        (hit,) = store.lookup(STEP, [key(1)], besides=run.run).values()
        assert delete_runs(store, [store.run(source)]).waiting
        assert [row.id for row in store.runs()] == [run.run_id]
        detail = json.dumps({"attempt": hit.attempt})
        run.commit(
            Group(
                nodes=[NodeRow(0, "a", "a", STEP)],
                decisions=[Decision(0, 0, 1, Verdict.REUSE, "same", hit.run, hit.node, hit.item, detail)],
            )
        )
        run.finish(RunState.COMPLETED)
    last = make_run(store, items=1)
    delete_runs(store, [store.run(last)])
    assert store.outputs(run.run, 0, 0, 1) == [value(1)]
    assert rows_in(store)["attempts"] == 1


def test_the_index_never_leads_to_an_attempt_that_is_gone(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reader read ahead, or knows of the index, is worth nothing once it was deleted; what is left is found."""
    # Readers look at the journal anew every few hundredths of a second; here each time.
    monkeypatch.setattr(lookup, "_FRESH", -1.0)
    large = make_run(store, items=400)
    small = make_run(store, items=10)
    for number in range(10, 40):
        # A chain asks for one key after the other, for which a reader reads ahead.
        assert {hit.run for hit in store.lookup(STEP, [key(number)]).values()} == {large}
    delete_runs(store, [store.run(large)])
    for number in [*range(40, 400), *range(40)]:
        found = store.lookup(STEP, [key(number)])
        assert {hit.run for hit in found.values()} == ({small} if number < 10 else set())
