"""What every store keeps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline.engine.past.recorded import RecordedStore
from hookline.errors import ConflictError, OwnershipError, StoreError, UsageError
from hookline.model.states import Kind, RunState, TaskState, Verdict
from hookline.store.outputs import Stored, pack_one
from hookline.store.protocol import Store
from hookline.store.rows import WHOLE_RUN, Decision, Failure, Group, Location, Log, NewRun, NodeRow, Note
from hookline.values.digest import digest_bytes

__all__ = ["StoreContract"]

BLOB = pack_one(b"d" * 32, b"value")


def done(
    node: int, item: int, attempt: int = 1, kind: Kind = Kind.COMPLETED, outputs: bytes = BLOB, key: bytes = b""
) -> tuple[int, int, int, int, bytes | None, bytes | None, int, int, int]:
    """Give an attempt as it is recorded; its key follows from the item, unless one is given."""
    return (node, item, attempt, int(kind), key or b"%032d" % item, outputs, 1_000, 7, 2)


class StoreContract:
    """What every store keeps; inherit, and bring ``open_store``.

    .. code-block:: python

        class TestMyStore(StoreContract):
            def open_store(self, place):
                return MyStore(place)
    """

    def open_store(self, place: Path) -> Store:
        """Open the store that belongs to a place: a new one at the first call, the same one at each further call.

        Args:
            place: A path that is this test's own; nothing is there at first.
        """
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """What tells the stores of two tests apart."""
        return tmp_path / "store"

    @pytest.fixture
    def store(self, place: Path) -> Iterator[Store]:
        """An empty store."""
        with self.open_store(place) as opened:
            yield opened

    def test_a_run_is_read_back_as_it_was_started(self, store: Store) -> None:
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
            told = (new.workflow, new.target, new.parameters, new.options)
            assert (row.workflow, row.target, row.parameters, row.options) == told
            assert (row.name, row.tags, row.seed, row.result, row.source_run) == ("nightly", ("a", "b"), 7, b"ref", 1)
            assert row.state is RunState.RUNNING
            assert (row.epoch, row.finished_us, row.cancel) == (1, None, 0)
            run.finish(RunState.FAILED, error="train failed")
        row = store.run(run.run)
        assert (row.state, row.error, row.result) == (RunState.FAILED, "train failed", b"ref")
        assert row.finished_us is not None
        assert row.finished_us >= row.created_us

    def test_runs_are_named_by_id_prefix_and_recency(self, store: Store) -> None:
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
    def test_a_wrong_run_name_is_answered_with_what_there_is(self, store: Store, name: str) -> None:
        """The message names the run that was asked for and the newest or nearest one."""
        with store.start_run(NewRun("w")) as run:
            pass
        with pytest.raises(UsageError, match="there is no run") as caught:
            store.run(name)
        assert run.run_id in str(caught.value)
        assert caught.value.exit_code == 2

    def test_an_ambiguous_prefix_lists_the_candidates(self, store: Store) -> None:
        """Two runs that answer to a prefix are both named."""
        with (
            store.start_run(NewRun("w")) as first,
            store.start_run(NewRun("w")) as second,
            pytest.raises(UsageError, match="could be any of") as caught,
        ):
            store.run("20")
        assert first.run_id in caught.value.message
        assert second.run_id in caught.value.message

    def test_an_empty_store_says_that_it_has_no_runs(self, store: Store) -> None:
        """Asking for the last run of a new store gives a plain answer."""
        with pytest.raises(UsageError, match="has no runs yet"):
            store.run("last")

    def test_a_group_is_read_back_whole(self, store: Store) -> None:
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

    def test_parts_of_code_can_follow_later_and_are_never_replaced(self, store: Store) -> None:
        """A fingerprint's parts are recorded once, also when nodes named it first."""
        with store.start_run(NewRun("w")) as run:
            run.commit(Group(nodes=[NodeRow(0, "a", "a", b"f" * 32)]))
            run.commit(Group(code=[(b"f" * 32, b"first")]))
            run.commit(Group(code=[(b"f" * 32, b"second")]))
        assert store.code(b"f" * 32) == b"first"

    def test_attempts_come_in_order_whole_and_in_part(self, store: Store) -> None:
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

    def test_outputs_are_those_of_the_last_success(self, store: Store) -> None:
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

    def test_outputs_follow_reuse_to_where_they_were_made(self, store: Store) -> None:
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

    def test_a_later_epoch_replaces_what_differs(self, store: Store) -> None:
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

    def test_the_last_node_of_a_workflow_is_found_across_runs(self, store: Store) -> None:
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

    def test_events_tell_of_every_row_exactly_once(self, store: Store) -> None:
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

    def test_beginnings_and_ends_of_drivers_are_commits(self, store: Store) -> None:
        """Whoever follows commits learns when a run begins, ends and goes on, and how it ended each time."""
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

    def test_a_commit_of_many_nodes_tells_one_span(self, store: Store) -> None:
        """The cursor stays small however many tasks one commit brings."""
        with store.start_run(NewRun("w")) as run:
            run.commit(
                Group(
                    nodes=[NodeRow(n, f"a-{n}", "a") for n in range(5, 1000)],
                    attempts=[done(n, 0) for n in range(5, 900)],
                )
            )
        assert store.events()[-1].ranges == {"nodes": [(5, 1000, 0, 1)], "attempts": [(5, 900, 0, 1)]}

    def test_a_group_with_a_bad_row_records_nothing(self, store: Store) -> None:
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

    def test_the_cancel_flag_reaches_the_driver(self, store: Store, place: Path) -> None:
        """A request to stop is read by the driver, a request to kill outweighs it, and a resume starts without."""
        with store.start_run(NewRun("w")) as run:
            assert (run.cancelled(), run.heartbeat()) == (0, 0)
            with self.open_store(place) as other:
                other.request_cancel("last", why="by hand")
                assert (run.cancelled(), run.heartbeat()) == (1, 1)
                other.request_cancel("last", kill=True)
                other.request_cancel("last")
            assert run.cancelled() == 2
            run.finish(RunState.CANCELLED)
        with store.take_run("last") as again:
            assert again.cancelled() == 0

    def test_a_store_is_read_from_many_threads_while_one_writes(self, store: Store) -> None:
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

    def test_a_second_driver_in_the_same_process_is_refused_too(self, store: Store, place: Path) -> None:
        """Two writers of one process exclude each other like two processes."""
        with store.start_run(NewRun("w")) as run:
            with pytest.raises(OwnershipError):
                store.take_run(run.run_id)
            with self.open_store(place) as other, pytest.raises(OwnershipError):
                other.take_run("last")
            run.commit(Group(nodes=[NodeRow(0, "a", "a")]))

    def test_after_a_takeover_the_old_driver_records_nothing(self, store: Store, place: Path) -> None:
        """The epoch on every write fences off a driver that wakes up late."""
        old = store.start_run(NewRun("w"))
        old.commit(Group(nodes=[NodeRow(0, "a", "a")]))
        old.flight.slot(0).set(0, 3, 1)
        with self.open_store(place) as other, other.take_run(old.run_id, takeover=True) as new:
            for write in (
                lambda: old.commit(Group(attempts=[(0, 0, 1, 1, None, None, 0, 0, 0)])),
                old.heartbeat,
                lambda: old.finish(RunState.COMPLETED),
                lambda: old.set_state(RunState.WAITING),
            ):
                with pytest.raises(OwnershipError, match="belongs to another driver"):
                    write()
            old.close()
            assert [(row.item, row.kind) for row in store.attempts("last")] == [(3, Kind.ORPHANED)]
            new.commit(Group(attempts=[(0, 0, 1, 1, None, None, 0, 0, 0)]))
            assert store.run("last").state is RunState.RUNNING

    def test_each_crash_leaves_one_more_orphaned_attempt(self, store: Store) -> None:
        """A task that was running in several crashes in a row shows so many attempts: poison can be counted."""
        run = store.start_run(NewRun("w"))
        run.commit(Group(nodes=[NodeRow(0, "a", "a")]))
        for number in range(1, 4):
            run.flight.slot(0).set(0, 0, number)
            taken = store.take_run(run.run_id, takeover=True)
            run.close()
            run = taken
        run.close()
        assert [(row.attempt, row.kind) for row in store.attempts("last")] == [(n, Kind.ORPHANED) for n in (1, 2, 3)]

    def test_a_resumed_run_runs_again(self, store: Store) -> None:
        """Taking a finished run clears its end, its error and its cancel flag, and keeps its id."""
        with store.start_run(NewRun("w")) as run:
            run.finish(RunState.FAILED, error="x")
        with store.take_run("last") as again:
            row = store.run("last")
            assert (again.run_id, row.state, row.error, row.finished_us) == (run.run_id, RunState.RUNNING, None, None)
            again.set_state(RunState.WAITING)
            assert store.state_of(store.run("last")) is RunState.WAITING
            again.finish(RunState.COMPLETED, result=b"r")
        assert store.run("last").result == b"r"

    def test_opening_again_finds_what_was_recorded(self, store: Store, place: Path) -> None:
        """Runs outlive whoever recorded them."""
        with store.start_run(NewRun("w")) as run:
            run.commit(Group(nodes=[NodeRow(0, "a", "a")], attempts=[done(0, 0)]))
            run.finish(RunState.COMPLETED)
        store.close()
        with self.open_store(place) as again:
            assert again.run("last").state is RunState.COMPLETED
            assert again.id_of(run.run) == run.run_id
            assert again.nodes("last") == [NodeRow(0, "a", "a")]
            assert again.node("last", 0) == NodeRow(0, "a", "a")
            assert again.node("last", 1) is None

    def test_the_address_of_a_store_stays_the_same(self, store: Store, place: Path) -> None:
        """Whoever opens it with that comes to the same store, with the same folder."""
        with self.open_store(place) as again:
            assert (again.address, again.path) == (store.address, store.path)
        assert store.path.is_dir()

    def test_the_rows_of_a_commit_are_those_that_came_with_it(self, store: Store) -> None:
        """Each row of all that makes events comes with one commit, and with no other."""
        failure = Failure(0, 1, 1, "ValueError", "no", "Traceback", None, True)
        with store.start_run(NewRun("w")) as run:
            run.commit(Group(nodes=[NodeRow(0, "a", "a")], decisions=[Decision(0, 0, 4, Verdict.RUN, "first run")]))
            run.commit(
                Group(
                    attempts=[done(0, 2), done(0, 0), done(0, 1, kind=Kind.FAILED)],
                    failures=[failure],
                    notes=[Note(0, 0, 1, 0, "metric", "auc", "0.9")],
                )
            )
            run.commit(Group(attempts=[done(0, 3), done(0, 1, attempt=2)]))
            came = [store.rows_of(commit) for commit in store.events()]
            assert store.latest_commit() == store.events()[-1].sequence
        assert [[(row.item, row.attempt) for row in rows.attempts] for rows in came] == [
            [],
            [],
            [(0, 1), (1, 1), (2, 1)],
            [(1, 2), (3, 1)],
        ]
        assert [[(row.low, row.high, row.verdict) for row in rows.decisions] for rows in came] == [
            [],
            [(0, 4, Verdict.RUN)],
            [],
            [],
        ]
        assert [row for rows in came for row in rows.failures] == [failure]
        assert [(row.item, row.name, row.value) for rows in came for row in rows.notes] == [(0, "auc", "0.9")]

    def test_whether_a_driver_lives_is_told_by_every_opening(self, store: Store, place: Path) -> None:
        """From the moment when it owns the run until it gives it back."""
        with self.open_store(place) as other:
            assert other.latest_commit() == 0
            with store.start_run(NewRun("w")) as run:
                assert other.is_driven(other.run(run.run))
            assert not other.is_driven(other.run(run.run))

    def test_records_are_written_only_over_what_their_writer_knows(self, store: Store, place: Path) -> None:
        """Each version stays, and one that was written meanwhile is noticed."""
        mine = RecordedStore(store, place.parent).records("acme")
        assert mine.put("model", "churn", {"depth": 3}, expect=0) == 1
        with self.open_store(place) as other:
            theirs = RecordedStore(other, place.parent).records("acme")
            assert theirs.put("model", "churn", {"depth": 4}, expect=1) == 2
            assert RecordedStore(other, place.parent).records("others").list() == []
        with pytest.raises(ConflictError):
            mine.put("model", "churn", {"depth": 5}, expect=1)
        assert [record.value for record in mine.history("model", "churn")] == [{"depth": 3}, {"depth": 4}]
        assert mine.delete("model", "churn") == 3
        assert mine.get("model", "churn") is None

    def test_what_a_record_refers_to_is_read_again(self, store: Store, place: Path) -> None:
        """By whoever opens the store."""
        records = RecordedStore(store, place.parent).records("acme")
        records.put("model", "churn", records.keep(b"w" * 100_000))
        store.artifacts.close()
        with self.open_store(place) as other:
            theirs = RecordedStore(other, place.parent).records("acme")
            record = theirs.get("model", "churn")
            assert record is not None
            assert theirs.load(record.value) == b"w" * 100_000

    def test_results_are_found_by_key_where_they_may_be_reused(self, store: Store) -> None:
        """The newest reusable attempt per key, of the same code only; failures and single runs are never found."""
        code, keys = b"f" * 32, [digest_bytes(b"%d" % item) for item in range(4)]
        newer = pack_one(b"e" * 32, b"newer")
        for outputs in (BLOB, newer):
            with store.start_run(NewRun("w")) as run:
                run.commit(
                    Group(
                        nodes=[NodeRow(0, "a", "a", code)],
                        attempts=[
                            done(0, 0, outputs=outputs, key=keys[0]),
                            done(0, 1, kind=Kind.FAILED, key=keys[1]),
                            done(0, 2, kind=Kind.COMPLETED_ONCE, key=keys[2]),
                        ],
                    )
                )
                run.finish(RunState.COMPLETED)
        found = store.lookup(code, keys)
        assert list(found) == keys[:1]
        assert (found[keys[0]].outputs, found[keys[0]].run) == (newer, run.run)
        assert store.lookup(b"g" * 32, keys) == {}

    def test_keys_that_a_look_up_finds_are_told_by_their_beginnings(self, store: Store) -> None:
        """None is missing, also of later commits, of many runs, and of those that came since somebody asked."""
        code, keys = b"f" * 32, [digest_bytes(b"%d" % item) for item in range(600)]
        known, after = set[bytes](), 0
        for low in range(0, 600, 50):
            with store.start_run(NewRun("w")) as run:
                rows = [done(0, item, key=keys[item]) for item in range(low, low + 50)]
                run.commit(Group(nodes=[NodeRow(0, "a", "a", code)], attempts=rows))
                run.finish(RunState.COMPLETED)
            found = store.prefixes(code, after=after)
            assert found is not None
            prefixes, after = found
            known |= {prefixes[at : at + 8] for at in range(0, len(prefixes), 8)}
            assert {key[:8] for key in keys[: low + 50]} <= known
        assert known == {key[:8] for key in keys}
        assert store.prefixes(code, after=after) == (b"", after)
        assert store.prefixes(code, most=599) is None
        assert store.prefixes(b"g" * 32) == (b"", 0)
        others = store.prefixes(code, besides=run.run)
        assert others is not None
        assert {others[0][at : at + 8] for at in range(0, len(others[0]), 8)} >= {key[:8] for key in keys[:550]}

    def test_large_values_are_read_as_they_were_put(self, store: Store) -> None:
        """What is too large for a row lies among the artifacts, checked by its digest."""
        for data in (b"x" * 5_000, b"y" * 2_000_000):
            writer = store.artifacts.writer()
            placed = writer.put(digest_bytes(data), [data], len(data))
            writer.sync()
            assert bytes(store.artifacts.read(Stored(digest_bytes(data), len(data), placed, None))) == data
        store.artifacts.close()
