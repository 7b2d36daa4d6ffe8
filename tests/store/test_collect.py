"""Collecting garbage: what nothing refers to goes, and nothing else, whoever records meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.errors import ArtifactError, StoreDamagedError, StoreError
from hookline.model.states import RunState
from hookline.store import Artifacts, Group, NewRun, NodeRow, SqliteStore, Stored, locks, pack_outputs
from hookline.store.collect import Limits, collect
from hookline.store.deletion import delete_runs

PACKED, OWN = 50_000, (1 << 20) + 1


def put(artifacts: Artifacts, data: bytes) -> Stored:
    digest = blake3(data).digest()
    item = Stored(digest, len(data), artifacts.writer().put(digest, [data], len(data)), None)
    artifacts.writer().sync()
    return item


def attempt(item: Stored, number: int = 0) -> Group:
    key = blake3(item.digest).digest()
    return Group(
        nodes=[NodeRow(0, "a", "a", b"f" * 32, 1, 9)],
        attempts=[(0, number, 1, 1, key, pack_outputs([item]), 0, 0, 0)],
    )


def recorded_run(store: SqliteStore, *sizes: int) -> list[Stored]:
    """Record a run with one result of each size, and end it."""
    with store.start_run(NewRun("w")) as run:
        artifacts = Artifacts(store.artifacts.root, run.run_id)
        items = [put(artifacts, os.urandom(size)) for size in sizes]
        for number, item in enumerate(items):
            run.commit(attempt(item, number))
        artifacts.close()
        run.finish(RunState.COMPLETED)
    return items


def readable(store: SqliteStore, item: Stored) -> bool:
    try:
        return len(Artifacts(store.artifacts.root).read(item)) == item.size
    except ArtifactError:
        return False


def test_a_dry_run_tells_what_goes_and_removes_nothing(store: SqliteStore) -> None:
    """Before and after: the same pieces, named with their sizes."""
    items = recorded_run(store, PACKED, OWN)
    delete_runs(store, store.runs())
    planned = collect(store)
    assert {piece.kind for piece in planned.pieces} == {"artifact", "pack"}
    assert planned.size >= PACKED + OWN
    assert all(readable(store, item) for item in items)
    done = collect(store, dry_run=False)
    assert {piece.path for piece in done.pieces} == {piece.path for piece in planned.pieces}
    assert not any(piece.path.exists() for piece in done.pieces)
    assert collect(store).pieces == []


@pytest.mark.parametrize("size", [PACKED, OWN], ids=["pack", "own file"])
def test_what_a_run_in_progress_put_stays_until_it_is_recorded_or_the_run_is_over(
    store: SqliteStore, size: int
) -> None:
    """Put and not recorded: kept while the run is driven, garbage once it ended without recording it."""
    with store.start_run(NewRun("w")) as run:
        artifacts = Artifacts(store.artifacts.root, run.run_id)
        kept, lost = put(artifacts, os.urandom(size)), put(artifacts, os.urandom(size))
        artifacts.close()
        found = collect(store, dry_run=False)
        assert (found.pieces, found.leased) == ([], 1 if size == PACKED else 2)
        run.commit(attempt(kept))
    found = collect(store, dry_run=False)
    assert readable(store, kept)
    assert readable(store, lost) == (size == PACKED)  # a pack stays as a whole
    assert found.leased == 0
    assert found.kept - found.referred >= (PACKED if size == PACKED else 0)


def test_an_artifact_that_is_there_already_and_put_again_stays(store: SqliteStore) -> None:
    """A run that puts the bytes of a deleted run's artifact writes nothing, and still owns it."""
    data = os.urandom(OWN)
    with store.start_run(NewRun("w")) as old:
        item = put(Artifacts(store.artifacts.root, old.run_id), data)
        old.commit(attempt(item))
    delete_runs(store, store.runs())
    before = store.artifacts.path_of(item.digest).stat().st_ino
    with store.start_run(NewRun("w")) as run:
        put(Artifacts(store.artifacts.root, run.run_id), data)
        assert collect(store, dry_run=False).pieces == []
        run.commit(attempt(item))
    assert store.artifacts.path_of(item.digest).stat().st_ino == before
    collect(store, dry_run=False)
    assert readable(store, item)


def test_an_artifact_put_again_between_looking_and_removing_stays(store: SqliteStore) -> None:
    """Leases are read once more just before files go: a run that came, recorded and ended meanwhile loses nothing."""
    data = os.urandom(OWN)
    artifacts = Artifacts(store.artifacts.root)
    item = put(artifacts, data)
    artifacts.close()
    came: list[str] = []

    def tell(what: str, _: int) -> None:
        if what == "removing artifacts" and not came:
            with store.start_run(NewRun("w")) as run:
                came.append(run.run_id)
                put(Artifacts(store.artifacts.root, run.run_id), data)
                run.commit(attempt(item))

    done = collect(store, dry_run=False, tell=tell)
    assert came
    assert done.pieces == []
    assert readable(store, item)
    assert collect(store, dry_run=False).referred == OWN


def test_what_a_process_puts_before_its_run_begins_stays_until_it_closes(store: SqliteStore) -> None:
    """Parameters are put before there is a run: they belong to the process until then."""
    item = put(store.artifacts, os.urandom(OWN))
    assert collect(store, dry_run=False).leased == 1
    assert readable(store, item)
    store.artifacts.close()
    assert [piece.kind for piece in collect(store, dry_run=False).pieces] == ["artifact"]


def test_results_that_waited_for_a_run_in_progress_go_once_it_is_over(store: SqliteStore) -> None:
    """A run deleted beside another keeps its results until that has ended; dry and real collections agree."""
    (item,) = recorded_run(store, OWN)
    with store.start_run(NewRun("w")):
        assert delete_runs(store, store.runs()[1:]).waiting
        for dry_run in (True, False):
            found = collect(store, dry_run=dry_run)
            assert (found.pieces, found.waiting) == ([], True)
    planned = collect(store)
    assert [piece.size for piece in planned.pieces] == [OWN]
    assert not planned.waiting
    assert readable(store, item)
    assert collect(store, dry_run=False).pieces == planned.pieces


def test_notes_records_and_parameters_protect_what_they_refer_to(store: SqliteStore) -> None:
    """Every place in the journal that can refer to an artifact is looked at."""
    from base64 import b64encode
    from json import dumps

    from hookline.store import Log, Note

    items = [put(store.artifacts, os.urandom(OWN)) for _ in range(6)]
    blobs = [pack_outputs([item]) for item in items]
    described = [dumps({name: b64encode(blobs[at]).decode()}) for name, at in (("rows", 0), ("load.rows", 5))]
    extra = dumps({"params": described[0], "step_arguments": described[1]})
    with store.start_run(NewRun("w", extra=extra)) as run:
        run.commit(
            Group(
                nodes=[NodeRow(0, "a", "a", b"f" * 32)],
                attempts=[(0, 0, 1, 1, None, None, 0, 0, 0)],
                notes=[Note(0, 0, 1, 0, "artifact", "plot", None, outputs=blobs[1])],
                logs=[Log(0, 0, 1, blobs[2], 9)],
            )
        )
        with run._writer.transaction() as cursor:
            cursor.execute("INSERT INTO grown VALUES (?, 0, 0, 1, 1, 1, ?)", (run.run, blobs[3]))
            cursor.execute("INSERT INTO records VALUES ('models', 'best', 1, x'00', ?, ?, 0)", (blobs[4], run.run))
    store.artifacts.close()
    assert collect(store, dry_run=False).pieces == []
    assert all(readable(store, item) for item in items)
    delete_runs(store, store.runs())
    collect(store, dry_run=False)
    assert [readable(store, item) for item in items] == [False, False, False, False, True, False]


def test_files_inside_of_values_stay_with_them(store: SqliteStore) -> None:
    """A value refers to files, a folder to its files, at any depth."""
    inner, outer = (put(store.artifacts, os.urandom(OWN)) for _ in range(2))
    value = Stored(b"d" * 32, 1, b"", b"v", (outer._replace(files=(inner,)),))
    with store.start_run(NewRun("w")) as run:
        run.commit(attempt(value))
    store.artifacts.close()
    assert collect(store, dry_run=False).pieces == []


def test_an_age_keeps_what_was_written_since(store: SqliteStore) -> None:
    """With --older-than only garbage goes that was not written for so long."""
    old, new = recorded_run(store, OWN, OWN)
    delete_runs(store, store.runs())
    path = store.artifacts.path_of(old.digest)
    os.utime(path, (1e9, 1e9))
    done = collect(store, Limits(older_than=3600), dry_run=False)
    assert [piece.path for piece in done.pieces] == [path]
    assert readable(store, new)


def test_a_size_takes_the_oldest_garbage_and_never_what_is_referred_to(store: SqliteStore) -> None:
    """With --max-size garbage goes, the oldest first, until the size is met; a run's results stay even if it is not."""
    first, second = recorded_run(store, OWN, OWN)
    delete_runs(store, store.runs())
    (kept,) = recorded_run(store, OWN)
    os.utime(store.artifacts.path_of(first.digest), (1e9, 1e9))
    collect(store, Limits(max_size=2 * OWN), dry_run=False)
    assert [readable(store, item) for item in (first, second, kept)] == [False, True, True]
    done = collect(store, Limits(max_size=0), dry_run=False)
    assert [readable(store, item) for item in (second, kept)] == [False, True]
    assert done.kept == OWN


def test_leftovers_of_dead_runs_go_and_checkpoints_of_resumable_ones_stay(store: SqliteStore) -> None:
    """Folders of attempts, copies of files, locks and flight files: what a run may still need is not touched."""
    with store.start_run(NewRun("w")) as failed:
        failed.finish(RunState.FAILED)
    with store.start_run(NewRun("w")) as driven:
        folders = {run_id: store.path / "attempts" / run_id for run_id in (failed.run_id, driven.run_id, "unknown")}
        for folder in folders.values():
            (folder / "train.checkpoint").mkdir(parents=True)
            (folder / "train-1").mkdir()
        copy = store.path / "files" / ("ab" * 8) / "data.csv"
        copy.parent.mkdir(parents=True)
        copy.touch()
        stale = [store.path / name for name in ("locks/unknown-1.lock", "locks/unknown-1.mark", "flight/unknown-1")]
        for path in stale:
            path.touch()
        set_aside = store.artifacts.path_of(b"x" * 32)
        set_aside = set_aside.with_name(f"{set_aside.name}.damaged-01234567")
        set_aside.parent.mkdir(parents=True)
        set_aside.touch()
        done = collect(store, dry_run=False)
        assert {piece.path for piece in done.pieces} == {
            folders["unknown"],
            folders[failed.run_id] / "train-1",
            copy.parent,
            set_aside,
            *stale,
        }
        assert (folders[failed.run_id] / "train.checkpoint").is_dir()
        assert (folders[driven.run_id] / "train-1").is_dir()
        assert not folders["unknown"].exists()


def test_files_of_other_programs_are_left_alone(store: SqliteStore) -> None:
    """Only files whose names say what they are go."""
    foreign = [store.artifacts.root / "notes.txt", store.artifacts.root / "packs" / "mine.pack"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert collect(store, dry_run=False).pieces == []
    assert all(path.exists() for path in foreign)


def test_an_unreadable_row_stops_the_collection_before_anything_goes(store: SqliteStore) -> None:
    """Where it can't be told what a row refers to, nothing is removed."""
    (item,) = recorded_run(store, OWN)
    delete_runs(store, store.runs())
    with store.start_run(NewRun("w", extra='{"params": "{\\"rows\\": \\"gibberish\\"}"}')):
        pass
    with pytest.raises(StoreDamagedError):
        collect(store, dry_run=False)
    assert readable(store, item)


def test_only_one_process_cleans_up_at_a_time(store: SqliteStore) -> None:
    """A second one is told so at once."""
    with locks.maintaining(store.path), pytest.raises(StoreError, match="is cleaning up or upgrading") as caught:
        collect(store)
    assert caught.value.help == "wait for it, then try again"


@pytest.mark.chaos
def test_a_collector_killed_at_any_point_leaves_a_sound_store(
    store: SqliteStore, python: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Killed after 0, 1, 2 … steps: what runs refer to is there, and the next collection finishes the work."""
    program = textwrap.dedent(
        """
        import os, sys
        from hookline.store import open_store
        from hookline.store.collect import collect
        steps = int(sys.argv[2])
        def tell(what, done):
            global steps
            if steps == 0:
                os.kill(os.getpid(), 9)
            steps -= 1
        with open_store(sys.argv[1]) as store:
            collect(store, dry_run=False, tell=tell)
        """
    )
    for steps in range(6):
        garbage = recorded_run(store, PACKED, OWN)
        delete_runs(store, store.runs())
        (kept,) = recorded_run(store, OWN)
        code = subprocess.run([sys.executable, "-c", program, str(store.path), str(steps)], check=False).returncode
        assert readable(store, kept)
        collect(store, dry_run=False)
        assert readable(store, kept)
        assert not any(readable(store, item) for item in garbage)
        assert {path.name for path in (store.artifacts.root / "leases").iterdir()} == {"lock"}
        if code == 0:
            break
    assert steps >= 2
    assert code == 0
