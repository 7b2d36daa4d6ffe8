"""One driver per run: locks that die with their process, and an epoch on every write."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest
from blake3 import blake3

from hookline.errors import OwnershipError
from hookline.model.states import Kind, RunState
from hookline.store import Group, NewRun, NodeRow, SqliteStore, open_store

DRIVER = """
    import ctypes, os, signal, sys
    from hookline.store import Group, NewRun, NodeRow, open_store
    store = open_store(sys.argv[1])
    run = store.start_run(NewRun("w"))
    run.commit(Group(nodes=[NodeRow(0, "a", "a")], attempts=[(0, 0, 1, 1, b"k" * 32, b"", 0, 0, 0)]))
    run.flight.slot(0).set(0, 0, 1)   # recorded already
    run.flight.slot(1).set(0, 1, 2)
    run.flight.slot(2).set(9, 0, 1)   # of a task that was never recorded
    child = 0
    if sys.argv[2] == "fork":
        child = os.fork()
    elif sys.argv[2] == "native":
        child = ctypes.PyDLL(None).fork()
    if sys.argv[2] != "alone" and child == 0:
        signal.pause()
    print(run.run_id, child, flush=True)
    signal.pause()
"""


def test_a_second_driver_is_refused_at_once(store: SqliteStore, python) -> None:
    """The refusal names host, process and last heartbeat, and does not wait for the next of these."""
    process = python(DRIVER, store.path, "alone")
    run_id = process.stdout.readline().split()[0]
    begin = time.monotonic()
    with pytest.raises(OwnershipError, match="is being driven by another process") as caught:
        store.take_run(run_id)
    assert time.monotonic() - begin < 5
    for fact in (run_id, socket.gethostname(), str(process.pid), "last heartbeat 2"):
        assert fact in caught.value.message
    assert "--takeover" in caught.value.help
    assert caught.value.exit_code == 75
    assert store.state_of(store.run(run_id)) is RunState.RUNNING
    process.kill()
    process.communicate()


@pytest.mark.chaos
@pytest.mark.parametrize("child", ["alone", "fork", "native"])
def test_a_killed_drivers_run_can_be_taken_at_once(store: SqliteStore, python, child: str) -> None:
    """After kill -9 nothing needs unlocking, not even while a child that the driver forked lives on."""
    process = python(DRIVER, store.path, child)
    run_id, forked = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.state_of(store.run(run_id)) is RunState.INTERRUPTED
    with store.take_run(run_id) as run:
        assert run.epoch == 2
        rows = [(row.item, row.attempt, row.kind, row.epoch) for row in store.attempts(run_id)]
        assert rows == [(0, 1, Kind.COMPLETED, 1), (1, 2, Kind.ORPHANED, 2)]
    if int(forked):
        os.kill(int(forked), 0)  # it did live on
        os.kill(int(forked), signal.SIGKILL)
    process.communicate()


def test_after_a_takeover_no_file_of_either_driver_is_left(store: SqliteStore) -> None:
    """Flight files and locks go with those who had them; what neither may record is what every store keeps."""
    old = store.start_run(NewRun("w"))
    old.flight.slot(0).set(0, 3, 1)
    with open_store(store.path) as other, other.take_run(old.run_id, takeover=True):
        old.close()
    assert not list((store.path / "flight").iterdir())
    assert not list((store.path / "locks").iterdir())


def test_a_forked_child_can_read_and_never_record(store: SqliteStore) -> None:
    """In a forked child the store reads through a connection of its own, and the run stays the parent's."""
    with store.start_run(NewRun("w")) as run:
        run.commit(Group(nodes=[NodeRow(0, "a", "a")]))
        assert len(store.nodes("last")) == 1
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run.commit(Group(nodes=[NodeRow(1, "b", "b")]))
            except OwnershipError as error:
                run.close()
                code = 0 if "forked child" in error.message and len(store.nodes("last")) == 1 else 2
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        run.commit(Group(nodes=[NodeRow(1, "b", "b")]))
        with pytest.raises(OwnershipError):
            store.take_run("last")
        assert run.flight.path.exists()
    assert len(store.nodes("last")) == 2


@pytest.mark.integration
def test_many_writing_processes_never_meet_a_locked_database(store: SqliteStore, python) -> None:
    """Eight drivers record into one store at once: everything is there, and nobody saw an error."""
    writers = [
        python(
            """
            import sys
            from blake3 import blake3
            from hookline.store import Group, NewRun, NodeRow, open_store
            def key(item, run):
                return blake3(b"%d %d" % (item, run)).digest()
            with open_store(sys.argv[1]) as store, store.start_run(NewRun("w")) as run:
                run.commit(Group(nodes=[NodeRow(0, "a", "a", b"f" * 32)]))
                for low in range(0, 600, 10):
                    run.commit(Group(attempts=[
                        (0, item, 1, 1, key(item, run.run), b"", 0, 0, 0) for item in range(low, low + 10)
                    ]))
                    run.heartbeat()
                    store.lookup(b"f" * 32, [key(low, run.run)])
            print("done")
            """,
            store.path,
        )
        for _ in range(8)
    ]
    assert [process.communicate()[0] for process in writers] == ["done\n"] * 8
    assert [len(list(store.attempts(row.run))) for row in store.runs()] == [600] * 8
    keys = [blake3(b"%d %d" % (item, row.run)).digest() for row in store.runs() for item in range(600)]
    assert len(store.lookup(b"f" * 32, keys)) == 4800
