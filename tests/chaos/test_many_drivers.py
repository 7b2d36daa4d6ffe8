"""32 drivers on one store while others list runs, delete some and collect garbage in a loop."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from hookline.errors import OwnershipError
from hookline.model.states import RunState
from hookline.store import Artifacts, SqliteStore, open_store, unpack_outputs
from hookline.store.collect import collect
from hookline.store.deletion import delete_runs
from hookline.store.verify import verify

DRIVERS = 32
ROUNDS = int(os.environ.get("HOOKLINE_ROUNDS", "4"))

# Forks all drivers from one process that has imported everything. Each records runs whose results are partly those of
# others: by the same bytes put again, and by results found by key. Once the others came by often enough, it ends in the
# middle of a run.
FLEET = textwrap.dedent(
    """
    import json, os, random, sys
    from blake3 import blake3
    from hookline.model.states import RunState, Verdict
    from hookline.store import *

    folder, count = sys.argv[1], int(sys.argv[2])
    STEP = b"f" * 32
    SIZES = (100, 20_000, (1 << 20) + 7)

    def drive(number):
        chance = random.Random(number)
        store = open_store(folder)
        done = {}
        last, turn = False, -1
        while not last:
            turn += 1
            last = turn >= 2 and os.path.exists(f"{folder}/../enough")
            with store.start_run(NewRun(f"w{turn % 3}")) as run:
                with open(f"{folder}/../begun", "a") as file:
                    file.write(".")
                artifacts = Artifacts(store.artifacts.root, run.run_id)
                run.commit(Group(nodes=[NodeRow(0, "a", "a", STEP, 1, 99), NodeRow(1, "b", "b", STEP, 1, 99)]))
                items, reused = [], []
                for item in range(5):
                    content = chance.randrange(12)
                    size = SIZES[content % 3]
                    key = blake3(b"%d" % content).digest()
                    hit = store.lookup(STEP, [key], besides=run.run).get(key)
                    if hit is not None and chance.random() < 0.5 and store.artifacts.has(hit.outputs):
                        detail = json.dumps({"attempt": hit.attempt})
                        place = (hit.run, hit.node, hit.item, detail)
                        at = len(reused)
                        run.commit(Group(decisions=[Decision(1, at, at + 1, Verdict.REUSE, "same", *place)]))
                        reused.append(content)
                        continue
                    data = bytes([content]) * size
                    digest = blake3(data).digest()
                    place = b"" if size < 4096 else artifacts.writer().put(digest, [data], size)
                    artifacts.writer().sync()
                    stored = Stored(digest, size, place, data if not place else None)
                    if last and item == 4:
                        os._exit(0)
                    row = (0, len(items), 1, 1, key, pack_outputs([stored]), 0, 0, 0)
                    run.commit(Group(attempts=[row]))
                    items.append(content)
                    done[run.run_id] = items, reused
                    with open(f"{folder}/../told-{number}", "w") as file:
                        json.dump(done, file)
                artifacts.close()
                run.finish(RunState.COMPLETED)

    children = []
    for number in range(count):
        child = os.fork()
        if not child:
            try:
                drive(number)
            except BaseException as error:
                print(f"driver {number}: {error!r}", flush=True)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    """
)


def hookline(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Call the command line as a user would."""
    call = [sys.executable, "-m", "hookline", *command, "--store", str(folder), "--json"]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def tidy_up(store: SqliteStore, deleted: set[str]) -> None:
    """Delete a run that is over, and the newest one where it is not running."""
    rows = store.runs()
    over = [row for row in rows if store.state_of(row) is RunState.COMPLETED and row.workflow == "w1"]
    if over:
        # Its driver may not have given it back yet.
        deleted.update(row.id for row in delete_runs(store, over[-1:], leave_driven=True).runs)
    with contextlib.suppress(OwnershipError):
        # Nearly always refused; where its driver has just died, it may go.
        delete_runs(store, rows[:1])
        deleted.update(row.id for row in rows[:1])


@pytest.mark.chaos
def test_32_drivers_lose_nothing_while_garbage_is_collected(tmp_path: Path) -> None:
    """No lock error reaches anyone, and every outcome that a driver was told of is there, with its bytes."""
    folder = tmp_path / ".hookline"
    store = open_store(folder, create=True)
    fleet = subprocess.Popen(
        [sys.executable, "-c", FLEET, str(folder), str(DRIVERS)], stdout=subprocess.PIPE, text=True
    )
    listings: list[subprocess.CompletedProcess[str]] = []

    def list_runs() -> None:
        while fleet.poll() is None:
            listings.append(hookline(folder, "runs", "list", "--limit", "20"))

    listing = threading.Thread(target=list_runs)
    listing.start()
    deleted: set[str] = set()
    try:
        for count in range(ROUNDS):
            tidy_up(store, deleted)
            # Both ways in; the program takes so long to start that it alone would come by too seldom.
            if count % 2:
                collect(store, dry_run=False)
            else:
                collected = hookline(folder, "artifacts", "gc", "--yes")
                assert (collected.returncode, collected.stderr) == (0, "")
        assert fleet.poll() is None
    finally:
        (tmp_path / "enough").touch()
    while fleet.poll() is None:
        tidy_up(store, deleted)
        collect(store, dry_run=False)
    listing.join()
    assert [(done.returncode, done.stderr) for done in listings] == [(0, "")] * len(listings)
    assert fleet.stdout is not None
    assert fleet.stdout.read() == ""
    fleet.stdout.close()

    told = {}
    for number in range(DRIVERS):
        told.update(json.loads((tmp_path / f"told-{number}").read_text()))
    assert len(told) >= 2 * DRIVERS
    collect(store, dry_run=False)
    artifacts = Artifacts(folder / "artifacts")
    for run_id, (items, reused) in told.items():
        if run_id in deleted:
            continue
        blobs = store.outputs(run_id, 0, 0, len(items)) + store.outputs(run_id, 1, 0, len(reused))
        for content, blob in zip([*items, *reused], blobs, strict=True):
            assert blob is not None
            assert bytes(artifacts.read(unpack_outputs(blob)[0])[:1]) == bytes([content])
    assert verify(store).damaged == []
    assert len(store.runs()) == (tmp_path / "begun").stat().st_size - len(deleted)
    delete_runs(store, store.runs())
    collect(store, dry_run=False)
    assert not [path for path in (folder / "artifacts").rglob("*") if path.is_file() and path.name != "lock"]
    store.close()
