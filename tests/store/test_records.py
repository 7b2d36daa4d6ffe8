"""What plugins remember: versions, comparisons before writing, and artifacts that stay as long as a version does."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import hookline
from hookline.engine.past.recorded import RecordedStore
from hookline.errors import ArtifactError, ConflictError, HooklineError, StoreDamagedError, UsageError
from hookline.ml import ArtifactRef, Metric, ModelRef
from hookline.model.masking import keep_out
from hookline.model.record import Records
from hookline.store import SqliteStore, open_store
from hookline.store.collect import collect
from hookline.store.verify import verify
from thorough import tries


@pytest.fixture
def opened(store: SqliteStore) -> Iterator[RecordedStore]:
    with hookline.open_store(store.path) as found:
        yield found


@pytest.fixture
def records(opened: RecordedStore) -> Records:
    return opened.records("models")


def test_a_record_is_what_was_put_last(records: Records) -> None:
    """Versions count from 1; the newest is given, older ones on demand."""
    assert records.get("model", "churn") is None
    assert records.put("model", "churn", {"stage": "new", "auc": 0.5}) == 1
    assert records.put("model", "churn", ["anything", None, True, 1, "text"]) == 2
    found = records.get("model", "churn")
    assert found is not None
    assert (found.kind, found.name, found.version, found.deleted) == ("model", "churn", 2, False)
    assert found.value == ["anything", None, True, 1, "text"]
    first = records.get("model", "churn", version=1)
    assert first is not None
    assert first.value == {"stage": "new", "auc": 0.5}
    assert records.get("model", "churn", version=3) is None


def test_a_version_tells_who_wrote_it_and_when(records: Records) -> None:
    """Outside of a run there is no run and no task to tell of."""
    records.put("model", "churn", 1)
    found = records.get("model", "churn")
    assert found is not None
    assert found.who.endswith(f"@{os.uname().nodename}")
    assert len(found.who) > len(os.uname().nodename) + 1
    assert found.time.timestamp() == pytest.approx(found.time_us / 1e6)
    assert (found.run_id, found.task_id) == ("", "")


def test_nothing_can_be_remembered_as_well(records: Records) -> None:
    """None is a value, and not the same as no record."""
    records.put("model", "churn", None)
    found = records.get("model", "churn")
    assert found is not None
    assert (found.value, found.deleted) == (None, False)


def test_nouns_come_back_as_nouns(records: Records) -> None:
    """At any depth."""
    value = {"models": [ModelRef("churn", "3", extra={"seen": 1}), Metric("auc", float("inf"))]}
    records.put("model", "churn", value)
    found = records.get("model", "churn")
    assert found is not None
    assert found.value == value


def test_a_deleted_record_is_gone_and_its_history_stays(records: Records) -> None:
    """A deletion is a version; the next put goes on from it."""
    assert records.delete("model", "churn") == 0
    records.put("model", "churn", "a")
    assert records.delete("model", "churn") == 2
    assert records.delete("model", "churn") == 2
    assert records.get("model", "churn") is None
    assert records.list() == []
    deletion = records.get("model", "churn", version=2)
    assert deletion is not None
    assert (deletion.deleted, deletion.value, bool(deletion.who)) == (True, None, True)
    assert records.put("model", "churn", "b", expect=0) == 3
    assert [(one.version, one.value) for one in records.history("model", "churn")] == [(1, "a"), (2, None), (3, "b")]


def test_lists_are_of_kinds_and_prefixes(opened: RecordedStore) -> None:
    """Each plugin sees its own records only, one version of each, by kind and name."""
    records = opened.records("models")
    for kind, name in [("model", "b"), ("model", "a/1"), ("model", "a/2"), ("models", "a/3"), ("gate", "ä")]:
        records.put(kind, name, name)
        records.put(kind, name, name.upper())
    opened.records("others").put("model", "c", 1)
    named = [(one.kind, one.name, one.value) for one in records.list()]
    assert named == [
        ("gate", "ä", "Ä"),
        ("model", "a/1", "A/1"),
        ("model", "a/2", "A/2"),
        ("model", "b", "B"),
        ("models", "a/3", "A/3"),
    ]
    assert [one.name for one in records.list("model")] == ["a/1", "a/2", "b"]
    assert [one.name for one in records.list("model", "a/")] == ["a/1", "a/2"]
    assert [one.name for one in records.list(prefix="a/")] == ["a/1", "a/2", "a/3"]
    assert records.list("mode") == []


EXPECTATIONS: list[tuple[Callable[[Records], object], str]] = [
    (
        lambda records: records.put("model", "churn", 1, expect=0),
        "record 'model/churn' of plugin 'models' is at version 2, though none was expected",
    ),
    (
        lambda records: records.put("model", "churn", 1, expect=1),
        "record 'model/churn' of plugin 'models' is at version 2, not 1",
    ),
    (
        lambda records: records.delete("model", "churn", expect=3),
        "record 'model/churn' of plugin 'models' is at version 2, not 3",
    ),
    (
        lambda records: records.put("model", "other", 1, expect=1),
        "record 'model/other' of plugin 'models' is not there, though version 1 of it was expected",
    ),
]


@pytest.mark.parametrize(("write", "message"), EXPECTATIONS)
def test_who_expects_another_version_writes_nothing(
    records: Records, write: Callable[[Records], object], message: str
) -> None:
    """The message says what is there; the error has its own exit code."""
    records.put("model", "churn", 1)
    records.put("model", "churn", 2)
    with pytest.raises(ConflictError) as caught:
        write(records)
    assert caught.value.message == message
    assert caught.value.help
    assert caught.value.exit_code == 75
    assert len(records.history("model", "churn")) == 2


def test_who_expects_rightly_writes(records: Records) -> None:
    """None there, and a version there."""
    assert records.put("model", "churn", 1, expect=0) == 1
    assert records.put("model", "churn", 2, expect=1) == 2
    assert records.delete("model", "churn", expect=2) == 3


CIRCLE: list[Any] = []
BAD: list[tuple[Callable[[Records], object], str]] = [
    (
        lambda records: records.put("a b", "n", 1),
        "'a b' can't be the kind of a record\nhelp: use letters, digits, '_', '.' and '-', at most 100",
    ),
    (
        lambda records: records.put(3, "n", 1),  # type: ignore[arg-type]
        "'3' can't be the kind of a record\nhelp: use letters, digits, '_', '.' and '-', at most 100",
    ),
    (
        lambda records: records.get("kind", 3),  # type: ignore[arg-type]
        "3 can't be the name of a record\nhelp: use printable text of 1 to 500 characters",
    ),
    (
        lambda records: records.get("kind", ""),
        "'' can't be the name of a record\nhelp: use printable text of 1 to 500 characters",
    ),
    (
        lambda records: records.history("kind", "a\nb"),
        "'a\\nb' can't be the name of a record\nhelp: use printable text of 1 to 500 characters",
    ),
    (
        lambda records: records.put("kind", "n", {"a": [1j]}),
        (
            "record 'kind/n' of plugin 'models' can't be written: the value['a'][0] is a 'complex', which is neither a"
            " noun of hookline.ml nor a JSON value\nhelp: give JSON values and nouns of hookline.ml; keep() the rest"
        ),
    ),
    (
        lambda records: records.put("kind", "n", "x" * (1 << 20)),
        (
            "record 'kind/n' of plugin 'models' can't be written: its value has more than 1,048,576 bytes\n"
            "help: keep() what is large, and put the reference that this gives"
        ),
    ),
    (
        lambda records: records.put("kind", "n", ArtifactRef("0" * 64, 1)),
        (
            f"the reference to artifact '{'0' * 64}' does not say where it is stored\n"
            "help: take references from a task's outputs, from keep() or from records; they can't be made by hand"
        ),
    ),
    (
        lambda records: records.trim("kind", "n", keep=0),
        "the newest version of a record can't be forgotten: its number would be given again",
    ),
]


@pytest.mark.parametrize(("use", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_what_can_not_be_recorded_is_refused(records: Records, use: Callable[[Records], object], message: str) -> None:
    """The message names the record and what would be right."""
    with pytest.raises(UsageError) as caught:
        use(records)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "hookline", "a/b", "a b", 3])
def test_a_plugin_has_a_name(opened: RecordedStore, name: Any) -> None:
    """hookline's own records are not for plugins."""
    with pytest.raises(UsageError) as caught:
        opened.records(name)
    assert caught.value.message == f"'{name}' can't be the name of a plugin that has records"


def test_secrets_stay_out(records: Records) -> None:
    """What is known to be secret is masked, as in notes."""
    keep_out("correct-horse")
    records.put("note", "n", {"seen": "the correct-horse battery"})
    found = records.get("note", "n")
    assert found is not None
    assert found.value == {"seen": "the *** battery"}
    keep_out("123454321")
    with pytest.raises(UsageError, match="can't be written: its value holds a secret"):
        records.put("note", "n", 123454321)


def test_a_damaged_record_is_told_as_damage(opened: RecordedStore, records: Records) -> None:
    """Bytes that are no JSON are not hookline's."""
    records.put("kind", "n", 1)
    with sqlite3.connect(opened.path / "journal.sqlite3") as connection:
        connection.execute("UPDATE records SET value = '{\"value\"'")
    connection.close()
    with pytest.raises(StoreDamagedError, match="version 1 of record 'kind/n' of plugin 'models' can't be read"):
        records.get("kind", "n")


def test_a_record_of_a_later_hookline_says_so(opened: RecordedStore, records: Records) -> None:
    """A noun in a form that is not known is no damage."""
    records.put("kind", "n", Metric("auc", 1))
    with sqlite3.connect(opened.path / "journal.sqlite3") as connection:
        connection.execute("UPDATE records SET value = replace(value, 'Metric/1', 'Metric/2')")
    connection.close()
    with pytest.raises(UsageError, match="reads form 1\nhelp: a later version of hookline may have written it"):
        records.get("kind", "n")


def test_an_update_starts_from_what_is_there(records: Records) -> None:
    """From None where there is none; again where another writer came in between."""
    assert records.update("counter", "n", lambda value: (value or 0) + 1) == 1
    seen: list[Any] = []

    def change(value: Any) -> Any:
        if not seen:
            records.put("counter", "n", 10)
        seen.append(value)
        return value + 1

    assert records.update("counter", "n", change) == 3
    assert seen == [1, 10]
    records.delete("counter", "n")
    assert records.update("counter", "n", lambda value: "new" if value is None else "old") == 5


COUNT = """
import os, sys, traceback
import hookline

# Forks all writers from one process that has imported everything.
hookline.open_store(sys.argv[1]).close()
ready, tell = os.pipe()
wait, go = os.pipe()

def count():
    os.close(go)
    with hookline.open_store(sys.argv[1]) as store:
        records = store.records("counting")
        os.write(tell, b".")
        os.read(wait, 1)
        for _ in range(4):
            records.update("counter", "n", lambda value: value + 1)

children = []
for _ in range(32):
    child = os.fork()
    if not child:
        try:
            count()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(child)
os.close(tell)
for _ in children:
    os.read(ready, 1)
os.close(go)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_of_many_writers_at_once_none_fails_and_none_is_lost(opened: RecordedStore) -> None:
    """32 processes count at the same time, each over what it read; every version is one more than the one before."""
    records = opened.records("counting")
    records.put("counter", "n", 0)
    command = [sys.executable, "-c", COUNT, str(opened.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    history = records.history("counter", "n")
    assert [one.value for one in history] == list(range(32 * 4 + 1))
    assert [one.version for one in history] == list(range(1, 32 * 4 + 2))


def test_a_forked_child_writes_through_a_connection_of_its_own(records: Records) -> None:
    """Both go on afterwards."""
    records.put("kind", "n", "parent")
    child = os.fork()
    if child == 0:
        try:
            records.put("kind", "n", "child", expect=1)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert records.put("kind", "n", "parent again", expect=2) == 3


SIZES = {"in the row": 10, "in a pack": 5000, "in a file": (1 << 20) + 1}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_what_a_record_refers_to_is_not_collected(store: SqliteStore, size: int) -> None:
    """It stays for as long as a version does that refers to it, wherever in the value; then it can go."""
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        ref = records.keep(b"x" * size)
        records.put("model", "churn", {"parts": [{"weights": ref}]})
        records.put("model", "churn", "another")
    collect(store, dry_run=False)
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        first = records.get("model", "churn", version=1)
        assert first is not None
        assert first.value == {"parts": [{"weights": ref}]}
        assert records.load(first.value["parts"][0]["weights"]) == b"x" * size
        assert records.trim("model", "churn") == 1
    collect(store, dry_run=False)
    assert [
        path for path in store.artifacts.root.rglob("*") if path.is_file() and path.stat().st_size >= size > 10
    ] == []


def test_further_artifacts_can_be_kept(store: SqliteStore) -> None:
    """Those that the value does not show."""
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        ref = records.keep(b"x" * 5000)
        records.put("model", "churn", "see elsewhere", refers=[ref])
    collect(store, dry_run=False)
    with hookline.open_store(store.path) as opened:
        assert opened.records("models").load(ref) == b"x" * 5000
    assert not verify(store).damaged


def test_files_and_folders_are_kept_by_their_content(store: SqliteStore, tmp_path: Path) -> None:
    """They come back as copies, however the originals fare."""
    folder = tmp_path / "bundle"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "weights.bin").write_bytes(b"w" * 9000)
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        records.put("model", "churn", records.keep(folder))
    shutil.rmtree(folder)
    collect(store, dry_run=False)
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        found = records.get("model", "churn")
        assert found is not None
        copy = records.load(found.value)
        assert copy.name == "bundle"
        assert (copy / "inner" / "weights.bin").read_bytes() == b"w" * 9000


def test_what_is_gone_can_not_be_referred_to(store: SqliteStore) -> None:
    """A reference that outlived its artifact is told, and no record is written."""
    with hookline.open_store(store.path) as opened:
        ref = opened.records("models").keep(b"x" * 5000)
    collect(store, dry_run=False)
    with hookline.open_store(store.path) as opened:
        records = opened.records("models")
        with pytest.raises(ArtifactError) as caught:
            records.put("model", "churn", ref)
        assert caught.value.message == (
            f"artifact {ref.digest}, to which record 'model/churn' of plugin 'models' is to refer, is missing"
        )
        assert records.get("model", "churn") is None


SMALL, PACKED, OWN = b"small", b"p" * 5000, b"o" * ((1 << 20) + 1)


class Remembering(RuleBasedStateMachine):
    """A dict of lists of versions says what must be there, whoever collects garbage in between."""

    @initialize()
    def make(self) -> None:
        self.folder = Path(tempfile.mkdtemp()) / ".hookline"
        open_store(self.folder, create=True).close()
        self.opened = hookline.open_store(self.folder)
        self.model: dict[str, list[Any]] = {}
        self.firsts: dict[str, int] = {}
        self.kept: dict[ArtifactRef, bytes] = {}

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.close()
            shutil.rmtree(self.folder.parent)

    @property
    def records(self) -> Records:
        return self.opened.records("model")

    @rule(content=st.sampled_from([SMALL, PACKED, OWN]))
    def keep(self, content: bytes) -> None:
        self.kept[self.records.keep(content)] = content

    @rule(name=st.sampled_from("ab"), off=st.sampled_from([None, 0, 0, 0, -1, 1]), refer=st.booleans(), data=st.data())
    def put(self, name: str, off: int | None, refer: bool, data: st.DataObject) -> None:
        versions = self.model.setdefault(name, [])
        there = len(versions) if versions and versions[-1] is not None else 0
        refs = (
            [data.draw(st.sampled_from(sorted(self.kept, key=lambda ref: ref.digest)))] if refer and self.kept else []
        )
        value = {"number": len(versions), "refs": refs}
        expect = None if off is None else there + off
        wrong = expect is not None and expect != there
        try:
            assert self.records.put("k", name, value, expect=expect) == len(versions) + 1
        except ConflictError:
            assert wrong
        except ArtifactError:
            # Only what nothing held any more can be gone.
            assert refs[0] not in self.referred()
            del self.kept[refs[0]]
        else:
            assert not wrong
            versions.append(value)

    @rule(name=st.sampled_from("ab"))
    def delete(self, name: str) -> None:
        versions = self.model.setdefault(name, [])
        if versions and versions[-1] is not None:
            versions.append(None)
        assert self.records.delete("k", name) == len(versions)

    @rule(name=st.sampled_from("ab"), keep=st.integers(1, 2))
    def trim(self, name: str, keep: int) -> None:
        self.records.trim("k", name, keep=keep)
        self.firsts[name] = max(self.firsts.get(name, 0), len(self.model.get(name, ())) - keep)

    @rule()
    def collect(self) -> None:
        with open_store(self.folder) as store:
            collect(store, dry_run=False)

    @rule()
    def reopen(self) -> None:
        self.opened.close()
        self.opened = hookline.open_store(self.folder)

    def referred(self) -> set[ArtifactRef]:
        versions = [one for name, found in self.model.items() for one in found[self.firsts.get(name, 0) :]]
        return {ref for version in versions if version is not None for ref in version["refs"]}

    @invariant()
    def what_is_there_is_what_was_put(self) -> None:
        if not hasattr(self, "opened"):
            return
        for name, versions in self.model.items():
            first = min(self.firsts.get(name, 0), max(len(versions) - 1, 0))
            history = self.records.history("k", name)
            assert [one.value for one in history] == versions[first:]
            assert [one.version for one in history] == list(range(first + 1, len(versions) + 1))
        newest = {name: found[-1] for name, found in self.model.items() if found and found[-1] is not None}
        assert {one.name: one.value for one in self.records.list("k")} == newest
        for ref in self.referred():
            assert self.records.load(ref) == self.kept[ref]


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=tries(30), stateful_step_count=25, deadline=None)


def test_every_error_of_records_is_hooklines(records: Records) -> None:
    """Whoever catches hookline's errors catches these."""
    with pytest.raises(HooklineError):
        records.put("k", "n", 1, expect=4)
