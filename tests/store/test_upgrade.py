"""Stores of older formats: refused with the remedy, upgraded after a copy, and as useful as before."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from hookline.engine import api
from hookline.errors import OwnershipError, StoreDamagedError, StoreError, StoreVersionError
from hookline.model.states import RunState
from hookline.store import open_store
from hookline.store.info import store_info
from hookline.store.locks import RunLock
from hookline.store.schema import JOURNAL, MIGRATIONS, VERSION, read_version
from hookline.store.upgrade import upgrade
from hookline.store.verify import verify
from hookline.worker.target import load_target

GOLDEN = Path(__file__).parent / "golden"
FORMATS = sorted(int(path.name.partition("-")[2]) for path in GOLDEN.glob("format-*"))
MADE_WITH = "3.11"


@pytest.fixture(params=FORMATS, ids=lambda number: f"format {number}")
def old(request: pytest.FixtureRequest, folder: Path) -> Path:
    """A store as an older hookline left it."""
    shutil.copytree(GOLDEN / f"format-{request.param}", folder)
    (folder / "locks").mkdir()
    (folder / "flight").mkdir()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    # Locks come and go; SQLite's own files beside the journal hold nothing here.
    kept = (path for path in folder.rglob("*") if path.is_file() and path.name.partition("-")[0] != "lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in kept
        if path.suffix not in (".lock", ".mark") and not path.name.endswith(("-shm", "-wal"))
    }


def test_each_older_format_has_a_golden_store() -> None:
    """Every format that was ever in use can be tried."""
    assert list(range(1, VERSION)) == FORMATS


def test_an_older_store_is_refused_with_the_remedy_and_left_alone(old: Path) -> None:
    """Opening says to upgrade, and changes nothing."""
    before = content(old)
    with pytest.raises(StoreVersionError, match="has format 1; this hookline needs format") as caught:
        open_store(old, create=True)
    assert caught.value.help == "run `hookline store upgrade`"
    assert content(old) == before


def test_an_upgrade_keeps_all_and_leaves_a_copy(old: Path) -> None:
    """Runs, results and artifacts are there afterwards; the copy is the journal as it was; twice is once."""
    told: list[str] = []
    before = read_version(old / JOURNAL)
    done = upgrade(old, tell=lambda what, *_: told.append(what))
    assert done[:2] == (before, VERSION)
    assert told[0] == "copying the journal"
    assert told[-1] == "changing the format"
    with open_store(old) as store:
        runs = store.runs()
        assert [run.state for run in runs] == [RunState.COMPLETED] * 2
        assert verify(store).damaged == []
        nodes = {node.name: node for node in store.nodes(runs[-1].run)}
        attempts = [row for row in store.attempts(runs[-1].run) if row.key]
        assert len(attempts) == 6
        for row in attempts:
            fingerprint = next(node.fingerprint for node in nodes.values() if node.node == row.node)
            assert fingerprint is not None
            assert store.lookup(fingerprint, [row.key])[row.key].outputs == row.outputs
    assert done.copy is not None
    with sqlite3.connect(f"file:{done.copy}?mode=ro", uri=True) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (before,)
        assert copy.execute("SELECT count(*) FROM runs").fetchone() == (2,)
    copy.close()
    assert upgrade(old) == (VERSION, VERSION, None)


@pytest.mark.skipif(
    platform.python_version_tuple()[:2] != tuple(MADE_WITH.split(".")), reason=f"keys hold Python's minor, {MADE_WITH}"
)
def test_a_run_reuses_the_results_of_an_upgraded_store(old: Path) -> None:
    """The same workflow as then has nothing to do."""
    (old.parent / "pyproject.toml").touch()
    shutil.copy(GOLDEN / "flow.py", old.parent / "flow.py")
    upgrade(old)
    target = load_target(str(old.parent / "flow.py"))
    run = api.run(target.workflow, executor="inline", store=old, target=target)
    assert {word: count for word, count in run.counts.items() if count} == {"reused": 6}
    assert run.result == 15_000


def test_an_upgrade_that_fails_leaves_the_old_format_in_force(old: Path, tmp_path: Path) -> None:
    """A migration with an error in its last statement changes nothing; the next upgrade works."""
    broken = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, broken)
    last = max(broken.glob("*.sql"))
    last.write_text(last.read_text() + "INSERT INTO nowhere VALUES (1);\n")
    version = read_version(old / JOURNAL)
    with pytest.raises(StoreError, match="no such table: nowhere"):
        upgrade(old, migrations=broken)
    assert read_version(old / JOURNAL) == version
    assert not list(old.glob(".*.tmp"))
    assert upgrade(old).after == VERSION


@pytest.mark.chaos
def test_an_upgrade_killed_anywhere_leaves_a_store_that_can_be_upgraded(folder: Path) -> None:
    """Killed at each thing that is told, and in the middle of the transaction: either format is whole."""
    program = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from hookline.store import schema
        from hookline.store.upgrade import upgrade
        if sys.argv[2] == "transaction":
            statements = schema._statements
            def killed(text):
                yield from statements(text)
                os.kill(os.getpid(), 9)
            schema._statements = killed
        def tell(what, done, of):
            if what == sys.argv[2]:
                os.kill(os.getpid(), 9)
        upgrade(Path(sys.argv[1]), tell=tell)
        """
    )
    for point in ("copying the journal", "checking the copy", "changing the format", "transaction"):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(GOLDEN / "format-1", folder)
        done = subprocess.run([sys.executable, "-c", program, str(folder), point], check=False)
        assert done.returncode == -9, point
        with pytest.raises(StoreVersionError):
            open_store(folder)
        assert upgrade(folder)[:2] == (1, VERSION)
        with open_store(folder) as store:
            assert len(store.runs()) == 2


def test_an_upgrade_is_refused_while_a_driver_records(old: Path) -> None:
    """The message names the run, and nothing changes."""
    lock = RunLock(old / "locks" / "20260101-000000-abc-1.lock")
    assert lock.acquire()
    before = content(old)
    try:
        with pytest.raises(OwnershipError, match="run 20260101-000000-abc is being recorded"):
            upgrade(old)
    finally:
        lock.release()
    assert content(old) == before


def test_a_damaged_journal_is_not_upgraded(old: Path) -> None:
    """The copy is checked before anything is changed."""
    journal = old / JOURNAL
    size = journal.stat().st_size
    with journal.open("r+b") as file:
        for at in range(4096, size, 4096):
            file.seek(at)
            file.write(os.urandom(512))
    damaged = journal.read_bytes()
    with pytest.raises(StoreDamagedError, match="is damaged"):
        upgrade(old)
    assert journal.read_bytes() == damaged


def test_without_room_for_the_copy_nothing_is_begun(small_disk: Path) -> None:
    """The message says how much is needed and how much there is."""
    folder = small_disk / ".hookline"
    shutil.copytree(GOLDEN / "format-1", folder)
    with pytest.raises(StoreError, match=r"the upgrade needs [\d,]+ bytes .* are free \(ENOSPC\)"):
        upgrade(folder)
    assert read_version(folder / JOURNAL) == 1


@pytest.mark.parametrize("act", [open_store, upgrade, store_info], ids=["open", "upgrade", "info"])
def test_an_older_program_refuses_a_newer_store_and_writes_nothing(folder: Path, act: Callable[[Path], object]) -> None:
    """Whatever is asked of it, a store from the future stays byte for byte as it is."""
    open_store(folder, create=True).close()
    journal = folder / JOURNAL
    with journal.open("r+b") as file:
        file.seek(60)
        file.write((VERSION + 1).to_bytes(4, "big"))
    before = content(folder)
    with pytest.raises(
        StoreVersionError, match=f"has format {VERSION + 1}; this hookline knows formats up to {VERSION}"
    ):
        act(folder)
    assert content(folder) == before


def test_an_older_store_is_measured_without_being_opened(old: Path) -> None:
    """What needs no table is told."""
    found = store_info(old)
    assert (found.format, found.newest_format, found.runs) == (1, VERSION, None)
    assert found.packs == 1
