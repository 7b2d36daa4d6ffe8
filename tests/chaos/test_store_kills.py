"""Killing a process that records: what was acknowledged is there, and nothing needs repair."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from hookline.model.states import Kind, RunState
from hookline.store import Stored, open_store, unpack_outputs

KILLS = 25

RECORDER = textwrap.dedent(
    """
    import sys
    from blake3 import blake3
    from hookline.store import Group, NewRun, NodeRow, Stored, open_store, pack_outputs
    from hookline.store import transactions

    transactions.CHECKPOINT_AT = 200_000  # so that kills meet moves of the log, too
    with open_store(sys.argv[1], create=True) as store:
        have = store.runs()
        run = store.take_run("last") if have else store.start_run(NewRun("w"))
        pack = store.artifacts.writer()
        run.commit(Group(nodes=[NodeRow(0, "a", "a", b"f" * 32, 1)]))
        item = max((row.item for row in store.attempts(run.run) if row.kind == 1), default=-1) + 1
        print("started", item, flush=True)
        slot = run.flight.slot(0)
        while True:
            rows = []
            for number in range(item, item + 40):
                slot.set(0, number, run.epoch)
                data = b"%d " % number * (1 if number % 4 else 1500)
                digest = blake3(data).digest()
                place = b"" if len(data) <= 4096 else pack.put(digest, [data], len(data))
                key = blake3(b"key %d" % number).digest()
                outputs = pack_outputs([Stored(digest, len(data), place, data)])
                rows.append((0, number, run.epoch, 1, key, outputs, 0, 0, 0))
            pack.sync()
            run.commit(Group(attempts=rows))
            slot.clear()
            item += 40
            print(item, flush=True)
    """
)


@pytest.mark.chaos
def test_whatever_was_acknowledged_survives_kills_at_random_points(tmp_path: Path) -> None:
    """Over many kills: no acknowledged item is missing, none twice, every value is whole, no repair, no unlock."""
    folder = tmp_path / ".hookline"
    chance = random.Random(5)
    acknowledged = 0
    for kill in range(KILLS):
        acknowledged = max(acknowledged, run_and_kill(folder, chance.random(), chance.randint(0, 6)))
        if not (folder / "journal.sqlite3").exists():
            continue
        with open_store(folder) as store:
            if not store.runs():
                continue
            assert store.state_of(store.run("last")) is RunState.INTERRUPTED
            check(store, acknowledged)
            assert store.run("last").epoch <= kill + 1
    assert acknowledged > KILLS * 40
    with open_store(folder) as store, store.take_run("last") as run:
        assert len(store.runs()) == 1
        run.finish(RunState.COMPLETED)
        check(store, acknowledged)
        with store.reading() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def run_and_kill(folder: Path, delay: float, lines: int) -> int:
    """Start the recorder, kill it a random time after some acknowledgements, and give the last of those."""
    process = subprocess.Popen([sys.executable, "-c", RECORDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = process.stdout.readline() if lines else ""
    for _ in range(lines):
        seen = process.stdout.readline() or seen
    # The moment of the kill is random on purpose; nothing that is checked depends on it.
    killer = threading.Timer(delay * (0.05 if lines else 0.4), process.kill)
    killer.start()
    rest = process.stdout.read().splitlines()
    killer.join()
    process.stdout.close()
    process.wait()
    numbers = [int(line) for line in [seen, *rest] if line.strip().isdigit()]
    return numbers[-1] if numbers else 0


def check(store, acknowledged: int) -> None:
    items = [row.item for row in store.attempts("last") if row.kind == Kind.COMPLETED]
    assert items == list(range(len(items)))
    assert len(items) >= acknowledged
    for item, blob in enumerate(store.outputs("last", 0, 0, len(items))):
        slot: Stored = unpack_outputs(blob)[0]
        assert bytes(store.artifacts.read(slot)) == b"%d " % item * (1 if item % 4 else 1500)
    # At most the one attempt that was running when a driver died, recorded by the next one.
    orphans = [row for row in store.attempts("last") if row.kind == Kind.ORPHANED]
    assert all(row.epoch == row.attempt + 1 for row in orphans)
    assert len({row.epoch for row in orphans}) == len(orphans)
