"""Runs, deletions, collections, crashes and damage in any order: a small model says what must be there."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hookline.errors import ArtifactError, OwnershipError
from hookline.model.states import RunState, Verdict
from hookline.store import (
    Artifacts,
    ArtifactWriter,
    Decision,
    Group,
    Hit,
    NewRun,
    NodeRow,
    RunWriter,
    Stored,
    locks,
    open_store,
    pack_outputs,
    unpack_outputs,
)
from hookline.store.collect import collect
from hookline.store.deletion import delete_runs
from hookline.store.verify import verify
from thorough import tries

STEP = b"f" * 32
# In the row, in a pack, in a file of its own; few of them, so that the same bytes are put again and again.
CONTENTS = [b"small", b"p" * 5000, b"q" * 6000, b"o" * (1 << 20) + b"1", b"o" * (1 << 20) + b"2"]


@dataclass
class Driver:
    """A run in progress: what it may record, and what it has put or found and not recorded yet."""

    writer: RunWriter
    artifacts: Artifacts
    puts: ArtifactWriter
    attempts: int = 0
    reused: int = 0
    unrecorded: list[Stored] = field(default_factory=list)
    found: list[Hit] = field(default_factory=list)


@dataclass
class Recorded:
    """What the journal holds of a run: its own results, and those it took from elsewhere, by item."""

    own: dict[int, bytes] = field(default_factory=dict)
    reused: dict[int, bytes] = field(default_factory=dict)


ANY = st.integers(0, 2)


class Housekeeping(RuleBasedStateMachine):
    @initialize()
    def make(self) -> None:
        self.folder = Path(tempfile.mkdtemp()) / ".hookline"
        self.store = open_store(self.folder, create=True)
        self.drivers: dict[str, Driver] = {}
        self.recorded: dict[str, Recorded] = {}
        self.damaged: set[bytes] = set()
        self.changed = False

    def teardown(self) -> None:
        for run_id in list(self.drivers):
            self.end(run_id)
        self.store.close()
        shutil.rmtree(self.folder.parent)

    # -- drivers ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.drivers) < 2)
    @rule()
    def start(self) -> None:
        self.changed = True
        writer = self.store.start_run(NewRun("w"))
        writer.commit(Group(nodes=[NodeRow(0, "a", "a", STEP, 1, 99), NodeRow(1, "b", "b", STEP, 1, 99)]))
        artifacts = Artifacts(self.folder / "artifacts", writer.run_id)
        self.drivers[writer.run_id] = Driver(writer, artifacts, artifacts.writer())
        self.recorded[writer.run_id] = Recorded()

    @precondition(lambda self: self.drivers)
    @rule(which=ANY, contents=st.lists(st.integers(0, len(CONTENTS) - 1), min_size=1, max_size=3), late=st.booleans())
    def put(self, which: int, contents: list[int], late: bool) -> None:
        """Store some results, and record them now or later."""
        self.changed = True
        run_id, driver = self.one(which)
        for content in [CONTENTS[index] for index in contents]:
            digest = blake3(content).digest()
            place = b"" if len(content) <= 4096 else driver.puts.put(digest, [content], len(content))
            driver.puts.sync()
            if place == b"f":
                # What is put again is whole again.
                self.damaged.discard(digest)
            driver.unrecorded.append(Stored(digest, len(content), place, content if not place else None))
        if not late:
            self.record_all(run_id, driver)

    @precondition(lambda self: any(driver.unrecorded for driver in self.drivers.values()))
    @rule(which=ANY)
    def record(self, which: int) -> None:
        self.changed = True
        self.record_all(*self.one(which, lambda driver: driver.unrecorded))

    def record_all(self, run_id: str, driver: Driver) -> None:
        item, driver.attempts = driver.attempts, driver.attempts + 1
        stored, driver.unrecorded = driver.unrecorded, []
        blob = pack_outputs(stored, split=True)
        driver.writer.commit(Group(attempts=[(0, item, 1, 1, key_of(stored[0].digest), blob, 0, 0, 0)]))
        self.recorded[run_id].own[item] = blob

    @precondition(lambda self: self.drivers and any(recorded.own for recorded in self.recorded.values()))
    @rule(which=ANY)
    def find(self, which: int) -> None:
        """A driver looks for the results of all keys there are."""
        self.changed = True
        _, driver = self.one(which)
        for content in CONTENTS:
            key = key_of(blake3(content).digest())
            hit = self.store.lookup(STEP, [key]).get(key)
            if hit is not None:
                assert self.store.attempt(hit.location) is not None
                if self.store.artifacts.has(hit.outputs):
                    driver.found.append(hit)

    @precondition(lambda self: any(driver.found for driver in self.drivers.values()))
    @rule(which=ANY)
    def reuse(self, which: int) -> None:
        """What a driver found a while ago gets recorded now."""
        self.changed = True
        run_id, driver = self.one(which, lambda driver: driver.found)
        found, driver.found = driver.found, []
        for hit in found:
            item, driver.reused = driver.reused, driver.reused + 1
            place = (hit.run, hit.node, hit.item, f'{{"attempt": {hit.attempt}}}')
            driver.writer.commit(Group(decisions=[Decision(1, item, item + 1, Verdict.REUSE, "same", *place)]))
            self.recorded[run_id].reused[item] = hit.outputs

    @precondition(lambda self: self.drivers)
    @rule(which=ANY, killed=st.booleans())
    def stop(self, which: int, killed: bool) -> None:
        self.changed = True
        run_id, _ = self.one(which)
        with pytest.raises(OwnershipError, match="is running, nothing was deleted"):
            delete_runs(self.store, [self.store.run(run_id)])
        if killed:
            self.kill(run_id)
        else:
            self.end(run_id)

    def kill(self, run_id: str) -> None:
        """All that the kernel does when a driver is killed: its descriptors close, and nothing is tidied up."""
        driver = self.drivers.pop(run_id)
        driver.writer._lock.forget()
        locks._held.discard(str((self.folder / "locks" / f"{run_id}-{driver.writer.epoch}.lock").resolve()))
        driver.writer._closed = True
        driver.writer._writer.close()
        driver.puts.forget()

    # -- housekeeping ----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.recorded) > len(self.drivers))
    @rule(which=ANY)
    def delete(self, which: int) -> None:
        self.changed = True
        over = [run_id for run_id in self.recorded if run_id not in self.drivers]
        run_id = over[which % len(over)]
        delete_runs(self.store, [self.store.run(run_id)])
        del self.recorded[run_id]

    @precondition(lambda self: self.changed)
    @rule(first=st.sampled_from(["damage", "reopen", "verify", ""]), number=st.integers(0, 20))
    def tidy(self, first: str, number: int) -> None:
        self.changed = False
        if first == "reopen":
            self.store.close()
            self.store = open_store(self.folder)
        elif first == "verify":
            self.verify()
        elif first and not self.drivers and any(item.place for item in self.stored()):
            self.damage(number)
        self.collect()

    def collect(self) -> None:
        planned = collect(self.store)
        done = collect(self.store, dry_run=False)
        assert {piece.path for piece in planned.pieces} == {piece.path for piece in done.pieces}
        if not self.drivers:
            self.check_that_only_what_is_needed_stays()

    def verify(self) -> None:
        found = verify(self.store)
        items = [damage.artifact.stored for damage in found.damaged]
        names = {item.digest if item.place == b"f" else item.place for item in items}
        # What no run needs any more may still be damaged, and be told or not.
        assert self.damaged & self.needed() <= names <= self.damaged

    def damage(self, number: int) -> None:
        """Only between runs: whoever is in progress reports damage, which other tests look at."""
        items = sorted({(item.place, item.digest): item for item in self.stored() if item.place}.items())
        (place, digest), item = items[number % len(items)]
        if place == b"f":
            path = self.store.artifacts.path_of(digest)
            path.unlink(missing_ok=True)
            path.write_bytes(bytes(item.size))
        else:
            with (self.folder / "artifacts" / "packs" / f"{place[1:9].hex()}.pack").open("r+b") as file:
                file.seek(int.from_bytes(place[9:], "big") + number)
                file.write(b"\0")
        self.damaged.add(digest if place == b"f" else place)

    def one(self, which: int, able=lambda driver: True) -> tuple[str, Driver]:
        drivers = [(run_id, driver) for run_id, driver in self.drivers.items() if able(driver)]
        return drivers[which % len(drivers)]

    def end(self, run_id: str) -> None:
        driver = self.drivers.pop(run_id)
        driver.artifacts.close()
        driver.writer.finish(RunState.COMPLETED)
        driver.writer.close()

    # -- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def everything_recorded_is_there(self) -> None:
        for run_id, recorded in getattr(self, "recorded", {}).items():
            for node, wanted in ((0, recorded.own), (1, recorded.reused)):
                assert self.store.outputs(run_id, node, 0, len(wanted)) == list(wanted.values())
                for blob in wanted.values():
                    self.check_readable(unpack_outputs(blob))

    @invariant()
    def what_drivers_hold_is_there(self) -> None:
        for driver in getattr(self, "drivers", {}).values():
            self.check_readable(driver.unrecorded)
            for hit in driver.found:
                self.check_readable(unpack_outputs(hit.outputs))

    def check_readable(self, items) -> None:
        for item in items:
            if not self.damaged & {item.place, item.digest}:
                assert len(Artifacts(self.folder / "artifacts").read(item)) == item.size

    def check_that_only_what_is_needed_stays(self) -> None:
        root = self.folder / "artifacts"
        packs = {item.place[1:9].hex() for item in self.stored() if item.place not in (b"", b"f")}
        assert {path.stem for path in (root / "packs").glob("*")} == packs
        own = {item.digest.hex() for item in self.stored() if item.place == b"f"}
        there = {path.parent.name + path.name for path in (root / "objects").glob("*/*/*")}
        assert there <= own
        assert own - there <= {name.hex() for name in self.damaged}
        assert [path.name for path in (root / "leases").iterdir()] in ([], ["lock"])
        assert {path.name for path in (self.folder / "locks").iterdir()} <= {
            f"{run_id}-1{suffix}" for run_id in self.recorded for suffix in (".lock", ".mark")
        }

    def stored(self) -> list[Stored]:
        blobs = [
            blob for recorded in self.recorded.values() for blob in (*recorded.own.values(), *recorded.reused.values())
        ]
        return [item for blob in blobs for item in unpack_outputs(blob)]

    def needed(self) -> set[bytes]:
        return {name for item in self.stored() for name in (item.place, item.digest)}


def key_of(digest: bytes) -> bytes:
    return blake3(digest).digest()


TestHousekeeping = Housekeeping.TestCase
TestHousekeeping.settings = settings(
    max_examples=tries(40), stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_missing_artifact_would_be_noticed(tmp_path: Path) -> None:
    """The machine's check of readable artifacts fails where one is gone."""
    artifacts = Artifacts(tmp_path)
    with pytest.raises(ArtifactError):
        artifacts.read(Stored(b"d" * 32, 1 << 21, b"f", None))
