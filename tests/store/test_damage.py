"""Journals that are damaged, foreign or newer: noticed, worded, and never written to."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from hookline.errors import ArtifactError, StoreDamagedError, StoreError, StoreVersionError
from hookline.model.states import Verdict
from hookline.store import Decision, Group, NewRun, NodeRow, open_store, pack_one, unpack_outputs
from hookline.store.schema import MIGRATIONS, VERSION, migrate

STEP = b"f" * 32
ITEMS = 3000


def keys() -> list[bytes]:
    return [blake3(b"key %d" % item).digest() for item in range(ITEMS)]


def outputs(item: int) -> bytes:
    data = b"value %d" % item
    return pack_one(blake3(data).digest(), data)


@pytest.fixture
def journal(folder: Path) -> Path:
    """The journal file of a closed store with one finished run."""
    with open_store(folder, create=True) as store, store.start_run(NewRun("w")) as run:
        run.commit(
            Group(nodes=[NodeRow(0, "a", "a", STEP, 1, ITEMS)], decisions=[Decision(0, 0, 9, Verdict.RUN, "new")])
        )
        names = keys()
        for low in range(0, ITEMS, 500):
            rows = [(0, item, 1, 1, names[item], outputs(item), 0, 0, 0) for item in range(low, low + 500)]
            run.commit(Group(attempts=rows))
    path = folder / "journal.sqlite3"
    assert (
        not path.with_name("journal.sqlite3-wal").exists() or not path.with_name("journal.sqlite3-wal").stat().st_size
    )
    return path


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a journal" * 100),
        lambda path: overwrite(path, 0, b"\0" * 100),
        lambda path: overwrite(path, 16, b"\xff\xff"),
        lambda path: overwrite(path, 68, b"\0\0\0\0"),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
    ],
    ids=["empty", "foreign", "zeroed", "page size", "another program's", "cut"],
)
def test_a_damaged_header_is_noticed_when_opening(journal: Path, damage: Callable[[Path], object]) -> None:
    """The message names the file, says that nothing is written, and the file stays as it is."""
    damage(journal)
    before = journal.read_bytes()
    for create in (False, True):
        with pytest.raises(StoreDamagedError, match="is damaged") as caught:
            open_store(journal.parent, create=create)
        assert str(journal) in caught.value.message
        assert "nothing more is written to it" in caught.value.help
        assert caught.value.exit_code == 5
    assert journal.read_bytes() == before


def test_random_bytes_in_pages_never_give_wrong_values(journal: Path) -> None:
    """Whichever pages are destroyed, reads give what was recorded or raise, and after damage nothing is written."""
    whole = journal.read_bytes()
    chance = random.Random(11)
    noticed = 0
    for _ in range(25):
        journal.write_bytes(whole)
        for _ in range(chance.randint(1, 4)):
            overwrite(
                journal, chance.randrange(len(whole) // 4096) * 4096 + chance.choice([0, 100]), chance.randbytes(3900)
            )
        noticed += not read_everything(journal)
    assert noticed >= 20


def read_everything(journal: Path) -> bool:
    """Tell whether all could be read; what was read is checked, and so is that damage stops writing."""
    try:
        store = open_store(journal.parent)
    except StoreDamagedError:
        return False
    sound = True
    with store:
        for read in (
            lambda: store.runs(),
            lambda: store.nodes(1),
            lambda: store.decisions(1),
            lambda: store.events(),
            lambda: check_attempts(store),
            lambda: check_lookups(store),
        ):
            try:
                read()
            except (StoreDamagedError, ArtifactError):
                sound = False
        if store._damage is not None:
            before = journal.read_bytes()
            for write in (lambda: store.start_run(NewRun("w")), lambda: store.take_run(1)):
                with pytest.raises(StoreDamagedError):
                    write()
            assert journal.read_bytes() == before
    return sound


def check_attempts(store) -> None:
    count = 0
    for row in store.attempts(1):
        count += 1
        (slot,) = unpack_outputs(row.outputs)
        assert bytes(store.artifacts.read(slot)) == b"value %d" % row.item
    if count != ITEMS:
        raise StoreDamagedError("attempts are missing")


def check_lookups(store) -> None:
    names = {key: item for item, key in enumerate(keys())}
    hits = store.lookup(STEP, list(names))
    for key, hit in hits.items():
        assert unpack_outputs(hit.outputs)[0].data == b"value %d" % names[key]
    if len(hits) != ITEMS:
        raise StoreDamagedError("hits are missing")


def test_a_missing_table_is_damage(journal: Path) -> None:
    """A journal that lacks a table of its format is refused when it is opened."""
    connection = sqlite3.connect(journal)
    connection.execute("DROP TABLE decisions")
    connection.close()
    with pytest.raises(StoreDamagedError, match="it has no table 'decisions'"):
        open_store(journal.parent)


def test_a_newer_store_is_refused_and_not_written(journal: Path) -> None:
    """An older program names both formats and leaves every byte as it is, whether it reads or would write."""
    overwrite(journal, 60, (VERSION + 1).to_bytes(4, "big"))
    before = {path.name: path.read_bytes() for path in journal.parent.iterdir() if path.is_file()}
    for create in (False, True):
        with pytest.raises(StoreVersionError, match=f"has format {VERSION + 1}; this hookline knows") as caught:
            open_store(journal.parent, create=create)
        assert "upgrade hookline" in caught.value.help
        assert caught.value.exit_code == 5
    assert {path.name: path.read_bytes() for path in journal.parent.iterdir() if path.is_file()} == before


def test_a_newer_format_that_stands_in_the_log_is_refused_too(journal: Path) -> None:
    """A version that was raised a moment ago, and is not yet in the file itself, counts."""
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreVersionError):
        open_store(journal.parent)
    connection.close()


def test_an_older_store_asks_for_its_upgrade(journal: Path) -> None:
    """A store of an earlier format is not written either; the message names the command."""
    overwrite(journal, 60, (0).to_bytes(4, "big"))
    with pytest.raises(StoreVersionError, match="needs format") as caught:
        open_store(journal.parent)
    assert "hookline store upgrade" in caught.value.help


def test_a_failing_migration_changes_nothing(tmp_path: Path) -> None:
    """Migrations run in number order in one transaction: the second one's failure undoes the first."""
    for number, text in ((1, "CREATE TABLE a (x);"), (2, "CREATE TABLE b (x);\nCREATE TABLE b (x);")):
        (tmp_path / f"{number:04}_step.sql").write_text(text)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, folder=tmp_path)
    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 0
    (tmp_path / "0002_step.sql").write_text("CREATE TABLE b (x);")
    assert migrate(connection, folder=tmp_path) == 2
    assert migrate(connection, folder=tmp_path) == 2
    connection.close()


def test_migrations_are_numbered_without_gaps() -> None:
    """The format of a store is the number of its last migration."""
    numbers = sorted(int(path.name[:4]) for path in MIGRATIONS.glob("*.sql"))
    assert numbers == list(range(1, VERSION + 1))


def test_a_leftover_of_a_killed_creation_is_cleared(folder: Path) -> None:
    """A store whose creation was cut off is simply made again."""
    folder.mkdir()
    (folder / ".journal.sqlite3.1-ab.tmp").write_bytes(b"half")
    open_store(folder, create=True).close()
    assert not list(folder.glob("*.tmp"))
    with pytest.raises(StoreError):
        open_store(folder / "nothing")
