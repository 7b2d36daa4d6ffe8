"""What every journal must do: the contract, run against the SQLite one."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from hookline.errors import StoreError, UsageError
from hookline.model.states import Kind, RunState, TaskState, Verdict
from hookline.store import (
    WHOLE_RUN,
    Decision,
    Failure,
    Group,
    Location,
    Log,
    NewRun,
    NodeRow,
    Note,
    RunWriter,
    SqliteStore,
    Store,
    open_store,
    pack_one,
    transactions,
)

BLOB = pack_one(b"d" * 32, b"value")


def done(node: int, item: int, attempt: int = 1, kind: Kind = Kind.COMPLETED, outputs: bytes = BLOB):
    return (node, item, attempt, int(kind), b"%032d" % item, outputs, 1_000, 7, 2)


def test_the_sqlite_store_is_a_store(store: SqliteStore) -> None:
    """The type checker holds the class against the protocol, reading and writing."""
    as_store: Store = store
    with store.start_run(NewRun("w")) as run:
        as_writer: RunWriter = run
        assert as_writer.run_id == as_store.run("last").id


def test_a_run_is_read_back_as_it_was_started(store: SqliteStore) -> None:
    """Every fact given at the start of a run comes out again."""
    new = NewRun(
        "churn",
        "churn.py:churn",
        '{"depth": 3}',
        '{"executor": "threads"}',
        "nightly",
        ("a", "b"),
        7,
        "{}",
        b"ref",
        1,
        "{}",
    )
    with store.start_run(new) as run:
        row = store.run(run.run_id)
        assert (row.workflow, row.target, row.parameters, row.options) == new_facts(new)
        assert (row.name, row.tags, row.seed, row.result, row.source_run) == ("nightly", ("a", "b"), 7, b"ref", 1)
        assert row.state is RunState.RUNNING
        assert (row.epoch, row.finished_us, row.cancel) == (1, None, 0)
        run.finish(RunState.FAILED, error="train failed")
    row = store.run(run.run)
    assert (row.state, row.error, row.result) == (RunState.FAILED, "train failed", b"ref")
    assert row.finished_us is not None
    assert row.finished_us >= row.created_us


def new_facts(new: NewRun) -> tuple[str, str, str, str]:
    return new.workflow, new.target, new.parameters, new.options


def test_runs_are_named_by_id_prefix_and_recency(store: SqliteStore) -> None:
    """An id, an unambiguous prefix, last, last~1 and the row number all name a run; lists are newest first."""
    ids = []
    for number in range(3):
        with store.start_run(NewRun(f"w{number}")) as run:
            ids.append(run.run_id)
    assert [row.id for row in store.runs()] == ids[::-1]
    assert [row.id for row in store.runs(limit=1)] == ids[2:]
    assert store.run("last").id == store.run("last~0").id == ids[2]
    assert store.run("last~2").id == ids[0]
    assert store.run(ids[1]).id == store.run(2).id == ids[1]
    assert store.run(ids[1][:-1]).id in ids


@pytest.mark.parametrize("name", ["nope", "last~7", "", "lost", "20991231-000000-abc"])
def test_a_wrong_run_name_is_answered_with_what_there_is(store: SqliteStore, name: str) -> None:
    """The message names the run that was asked for and the newest or nearest one."""
    with store.start_run(NewRun("w")) as run:
        pass
    with pytest.raises(UsageError, match="there is no run") as caught:
        store.run(name)
    assert run.run_id in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_ambiguous_prefix_lists_the_candidates(store: SqliteStore) -> None:
    """Two runs that answer to a prefix are both named."""
    with store.start_run(NewRun("w")) as first, store.start_run(NewRun("w")) as second:
        with pytest.raises(UsageError, match="could be any of") as caught:
            store.run("20")
    assert first.run_id in caught.value.message
    assert second.run_id in caught.value.message


def test_an_empty_store_says_that_it_has_no_runs(store: SqliteStore) -> None:
    """Asking for the last run of a new store gives a plain answer."""
    with pytest.raises(UsageError, match="has no runs yet"):
        store.run("last")


def test_a_group_is_read_back_whole(store: SqliteStore) -> None:
    """Nodes, attempts, failures, notes, logs, decisions, code and counters come back as they were recorded."""
    nodes = [
        NodeRow(0, "load", "steps.load", b"f" * 32, place="w.py:3", bindings=b"\x01"),
        NodeRow(1, "train", "steps.train", b"g" * 32, 1, 3, '{"retries": 2}', None, "w.py:4", 0, 0, "{}"),
        NodeRow(2, "plain", "steps.plain"),
    ]
    failure = Failure(1, 1, 1, "ValueError", "bad", "Traceback …", '["note"]', False, '{"line": 3}')
    notes = [
        Note(1, 0, 1, 0, "metric", "auc", "0.9", 3, None, 5),
        Note(1, 0, 1, 1, "artifact", "plot", None, None, BLOB, 6),
    ]
    log = Log(1, 0, 1, BLOB, 5, 2, 1)
    decisions = [
        Decision(0, 0, 1, Verdict.RUN, "never recorded"),
        Decision(1, 0, 3, Verdict.REUSE, "same code and inputs", 1, 4, 10, '{"a": 1}'),
    ]
    group = Group(
        nodes=nodes,
        attempts=[done(1, 0), done(1, 1, kind=Kind.FAILED)],
        failures=[failure],
        notes=notes,
        logs=[log],
        decisions=decisions,
        code=[(b"f" * 32, b"parts of f")],
        counters={(1, "completed"): 1, (WHOLE_RUN, TaskState.FAILED): 1},
    )
    with store.start_run(NewRun("w")) as run:
        run.commit(group)
        assert store.nodes("last") == nodes
        assert [row[2:5] for row in store.attempts("last")] == [(0, 1, Kind.COMPLETED), (1, 1, Kind.FAILED)]
        assert store.failures("last") == store.failures(run.run, 1) == [failure]
        assert store.notes("last", 1) == notes
        assert store.logs("last") == [log]
        assert store.decisions("last") == [row._replace(epoch=1) for row in decisions]
        assert store.counters("last") == {(1, "completed"): 1, (WHOLE_RUN, "failed"): 1}
        assert (store.code(b"f" * 32), store.code(b"g" * 32), store.code(b"h" * 32)) == (b"parts of f", None, None)
        assert store.notes("last", 0) == []


def test_parts_of_code_can_follow_later_and_are_never_replaced(store: SqliteStore) -> None:
    """A fingerprint's parts are recorded once, also when nodes named it first."""
    with store.start_run(NewRun("w")) as run:
        run.commit(Group(nodes=[NodeRow(0, "a", "a", b"f" * 32)]))
        run.commit(Group(code=[(b"f" * 32, b"first")]))
        run.commit(Group(code=[(b"f" * 32, b"second")]))
    assert store.code(b"f" * 32) == b"first"


def test_attempts_come_in_order_whole_and_in_part(store: SqliteStore) -> None:
    """Attempts are read by node, item and number, over page borders, narrowed to a node and a range of items."""
    with store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(1, item) for item in range(4999, -1, -1)]))
        run.commit(Group(attempts=[done(0, 0, 1, Kind.FAILED), done(0, 0, 2), done(2, 7)]))
        places = [(row.node, row.item, row.attempt) for row in store.attempts("last")]
        assert places == [(0, 0, 1), (0, 0, 2), *((1, item, 1) for item in range(5000)), (2, 7, 1)]
        assert [row.item for row in store.attempts(run.run, 1, 100, 103)] == [100, 101, 102]
        assert [row.item for row in store.attempts(run.run, 1, 4998)] == [4998, 4999]
        assert [row.attempt for row in store.attempts(run.run, 0)] == [1, 2]
        assert list(store.attempts(run.run, 3)) == []
        found = store.attempt(Location(run.run, 0, 0, 2))
        assert found is not None
        assert (found.key, found.outputs, found.worker, found.duration_us) == (b"%032d" % 0, BLOB, 2, 7)
        assert store.attempt(Location(run.run, 0, 0, 3)) is None


def test_outputs_are_those_of_the_last_success(store: SqliteStore) -> None:
    """Failures before and after don't matter; an item without a success has no outputs."""
    second = pack_one(b"e" * 32, b"second")
    with store.start_run(NewRun("w")) as run:
        run.commit(
            Group(
                attempts=[
                    done(0, 0),
                    done(0, 0, 2, outputs=second),
                    done(0, 0, 3, Kind.FAILED),
                    done(0, 1, 1, Kind.FAILED),
                    done(0, 2, 1, Kind.COMPLETED_ONCE),
                ]
            )
        )
    assert store.outputs("last", 0, 0, 4) == [second, None, BLOB, None]
    assert store.outputs("last", 0, 2, 3) == [BLOB]
    assert store.outputs("last", 0, 3, 3) == []


def test_outputs_follow_reuse_to_where_they_were_made(store: SqliteStore) -> None:
    """An item that was reused gives the outputs of its source item, range by range."""
    with store.start_run(NewRun("w")) as old:
        old.commit(Group(attempts=[done(3, item, outputs=pack_one(b"d" * 32, b"%d" % item)) for item in range(10)]))
    with store.start_run(NewRun("w")) as new:
        new.commit(
            Group(
                decisions=[
                    Decision(0, 0, 3, Verdict.REUSE, "", old.run, 3, 5),
                    Decision(0, 3, 4, Verdict.RUN, "an input changed"),
                    Decision(0, 4, 6, Verdict.REUSE, "", old.run, 3, 0),
                ],
                attempts=[done(0, 3)],
            )
        )
    values = [blob and blob[33:] for blob in store.outputs(new.run, 0, 0, 7)]
    assert values == [b"5", b"6", b"7", b"value", b"0", b"1", None]
    assert [blob and blob[33:] for blob in store.outputs(new.run, 0, 2, 5)] == [b"7", b"value", b"0"]


def test_a_later_epoch_replaces_what_differs(store: SqliteStore) -> None:
    """Nodes and decisions of a resumed run show the newest epoch; the older decisions stay readable."""
    with store.start_run(NewRun("w")) as run:
        run.commit(
            Group(
                nodes=[NodeRow(0, "a", "a", b"f" * 32), NodeRow(1, "b", "b")],
                decisions=[Decision(0, 0, 1, Verdict.RUN, "new")],
            )
        )
    with store.take_run(run.run_id) as again:
        again.commit(
            Group(nodes=[NodeRow(0, "a", "a", b"g" * 32)], decisions=[Decision(0, 0, 1, Verdict.KEEP, "kept")])
        )
    assert [row.fingerprint for row in store.nodes("last")] == [b"g" * 32, None]
    assert [(row.epoch, row.why) for row in store.decisions("last")] == [(1, "new"), (2, "kept")]


def test_the_last_node_of_a_workflow_is_found_across_runs(store: SqliteStore) -> None:
    """Asking for a task gives its newest record before a run, passing over runs that lack it."""
    for name in ("train", "train", "other"):
        with store.start_run(NewRun("w")) as run:
            run.commit(Group(nodes=[NodeRow(0, name, "s", b"f" * 32)]))
    with store.start_run(NewRun("v")) as run:
        run.commit(Group(nodes=[NodeRow(0, "train", "s")]))
    found = store.last_node("w", "train")
    assert found is not None
    assert (found[0].run, found[1].fingerprint) == (2, b"f" * 32)
    before = store.last_node("w", "train", before=2)
    assert before is not None
    assert before[0].run == 1
    assert store.last_node("w", "train", before=1) is None


def test_events_tell_of_every_row_exactly_once(store: SqliteStore) -> None:
    """Going through commits and reading the rows that carry their numbers meets each recorded attempt once."""
    with store.start_run(NewRun("w")) as run:
        for low in range(0, 30, 10):
            # Interleaved on purpose: hulls of different commits overlap.
            run.commit(Group(attempts=[done(0, item * 3 + low // 10) for item in range(10)]))
        run.commit(Group(nodes=[NodeRow(0, "a", "a")], decisions=[Decision(0, 2, 5, Verdict.RUN, "")]))
        seen = []
        for commit in store.events():
            for node, beyond, low, high in commit.ranges.get("attempts", ()):
                assert (node, beyond) == (0, 1)
                seen += [
                    row.item for row in store.attempts(run.run, node, low, high) if row.sequence == commit.sequence
                ]
        assert sorted(seen) == list(range(30))
        assert store.events()[-1].ranges == {"nodes": [(0, 1, 0, 1)], "decisions": [(0, 1, 2, 5)]}
        assert [commit.sequence for commit in store.events(after=2)] == [3, 4, 5]
        assert [commit.ranges for commit in store.events(limit=1)] == [{"started": []}]


def test_beginnings_and_ends_of_drivers_are_commits(store: SqliteStore) -> None:
    """Whoever follows commits learns when a run begins, ends, goes on and ends again, and how it ended each time."""
    with store.start_run(NewRun("w", extra='{"tasks": 1}')) as run:
        run.commit(Group(counters={(-1, "failed"): 2, (-1, "skipped"): 0}))
        run.finish(RunState.FAILED, error="no luck")
    with store.take_run("last") as run:
        run.finish(RunState.COMPLETED)
    assert [(commit.epoch, *commit.ranges) for commit in store.events()] == [
        (1, "started"),
        (1,),
        (1, "finished"),
        (2, "started"),
        (2, "finished"),
    ]
    extra = json.loads(store.run("last").extra or "{}")
    assert extra["tasks"] == 1
    assert [(extra["ended"][epoch]["state"], extra["ended"][epoch]["error"]) for epoch in "12"] == [
        ("failed", "no luck"),
        ("completed", None),
    ]
    assert extra["ended"]["1"]["counts"] == {"failed": 2}


def test_a_commit_of_many_nodes_tells_one_span(store: SqliteStore) -> None:
    """The cursor stays small however many tasks one commit brings."""
    with store.start_run(NewRun("w")) as run:
        run.commit(
            Group(
                nodes=[NodeRow(n, f"a-{n}", "a") for n in range(5, 1000)], attempts=[done(n, 0) for n in range(5, 900)]
            )
        )
    assert store.events()[-1].ranges == {"nodes": [(5, 1000, 0, 1)], "attempts": [(5, 900, 0, 1)]}


def test_the_log_is_used_again(store: SqliteStore, monkeypatch) -> None:
    """However much is recorded, the log beside the journal stays near the size at which it is moved."""
    monkeypatch.setattr(transactions, "CHECKPOINT_AT", 300_000)
    log = store.path / "journal.sqlite3-wal"
    largest = 0
    with store.start_run(NewRun("w")) as run:
        for low in range(0, 40_000, 400):
            run.commit(Group(attempts=[done(0, item) for item in range(low, low + 400)]))
            largest = max(largest, log.stat().st_size)
    assert 300_000 < largest < 1_000_000


def test_a_group_with_a_bad_row_records_nothing(store: SqliteStore) -> None:
    """A commit is there wholly or not at all, and the writer goes on afterwards."""
    with store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(0, 0)]))
        with pytest.raises(StoreError):
            run.commit(Group(nodes=[NodeRow(5, "x", "x")], attempts=[done(0, 1), done(0, 0)]))
        assert store.nodes("last") == []
        assert len(list(store.attempts("last"))) == 1
        assert len(store.events()) == 2
        run.commit(Group(attempts=[done(0, 1)]))
    assert len(list(store.attempts("last"))) == 2


def test_the_cancel_flag_reaches_the_driver(store: SqliteStore) -> None:
    """A request to stop is read by the driver, a request to kill outweighs it, and a resume starts without."""
    with store.start_run(NewRun("w")) as run:
        assert (run.cancelled(), run.heartbeat()) == (0, 0)
        with open_store(store.path) as other:
            other.request_cancel("last", why="by hand")
            assert (run.cancelled(), run.heartbeat()) == (1, 1)
            other.request_cancel("last", kill=True)
            other.request_cancel("last")
        assert run.cancelled() == 2
        run.finish(RunState.CANCELLED)
    with store.take_run("last") as again:
        assert again.cancelled() == 0


def test_a_store_is_read_from_many_threads_while_one_writes(store: SqliteStore) -> None:
    """Each thread reads whole groups only, whenever it looks."""
    problems: list[object] = []
    with store.start_run(NewRun("w")) as run:

        def look() -> None:
            for _ in range(40):
                count = len(list(store.attempts(run.run)))
                if count % 100:
                    problems.append(count)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for low in range(0, 2000, 100):
            run.commit(Group(attempts=[done(0, item) for item in range(low, low + 100)]))
        for thread in threads:
            thread.join()
    assert problems == []


def test_a_new_store_keeps_itself_out_of_version_control(folder: Path) -> None:
    """The folder carries its own ignore file, and nothing half-made."""
    open_store(folder, create=True).close()
    assert (folder / ".gitignore").read_text() == "*\n"
    assert {entry.name for entry in folder.iterdir()} - {"journal.sqlite3-wal", "journal.sqlite3-shm"} == {
        ".gitignore",
        "artifacts",
        "flight",
        "journal.sqlite3",
        "lock",
        "locks",
    }


def test_opening_again_finds_what_was_recorded(folder: Path) -> None:
    """Opening with create leaves an existing store as it is."""
    with open_store(folder, create=True) as store, store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(0, 0)]))
    with open_store(folder, create=True) as store:
        assert len(list(store.attempts("last"))) == 1


def test_a_fast_store_records_the_same(folder: Path) -> None:
    """Durability changes what a power cut may take, not what is recorded."""
    with open_store(folder, create=True, durability="fast") as store, store.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[done(0, 0)]))
        assert len(list(store.attempts("last"))) == 1
    with pytest.raises(UsageError, match="durability 'none' is unknown"):
        open_store(folder, durability="none")


def test_states_and_kinds_keep_their_numbers() -> None:
    """What the journal stores never changes meaning: these numbers and words are part of the format."""
    assert {kind.name: int(kind) for kind in Kind} == {
        "COMPLETED": 1, "GREW": 2, "COMPLETED_ONCE": 3, "GREW_ONCE": 4, "FAILED": 8,
        "TIMED_OUT": 9, "CANCELLED": 10, "CRASHED": 11, "ORPHANED": 12, "ABANDONED": 13,
    }  # fmt: skip
    assert [int(verdict) for verdict in Verdict] == [1, 2, 3, 4, 5, 6, 7]
    assert json.dumps([*RunState]) == '["running", "waiting", "completed", "failed", "cancelled", "interrupted"]'
    assert all(state.symbol and state.word for state in [*RunState, *TaskState])
    assert {kind.state for kind in Kind} <= set(TaskState)
