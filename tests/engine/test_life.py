"""The whole life of a store, against a small model: runs, growth, failures, crashes, damage, deletions, and resumes."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import hookline
from engine import life_flow
from engine.life_flow import Control, Label, calls, die, life, outcome, stopping, value
from hookline import Run
from hookline.errors import ArtifactError
from hookline.model.states import Kind, Verdict
from hookline.store import Stored, open_store, unpack_outputs
from hookline.store.collect import collect
from hookline.store.deletion import delete_runs
from hookline.store.ids import task_ids
from hookline.store.packs import pack_path, read_place
from hookline.store.references import references
from thorough import tries

EXAMPLES = int(os.environ.get("HOOKLINE_LIVES", tries(30)))
sizes = st.integers(0, 4)


class Life(RuleBasedStateMachine):
    """The model is what each run holds: by task id the executions whose results it recorded or took over, undamaged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.held: dict[str, dict[str, Label]] = {}
        self.damaged: set[bytes] = set()
        self.open: tuple[str, int, int] | None = None
        self.crashes = 0
        self.control = Control()
        self.control.path = self.folder / "log"
        logger = logging.getLogger("life")
        logger.handlers, logger.propagate = [self.control], False

    def teardown(self) -> None:
        logging.getLogger("life").handlers = []
        shutil.rmtree(self.folder)

    @property
    def recorded(self) -> set[Label]:
        """What needs no execution: what any run holds, but a side effect only where the run is its own."""
        mine = self.open[0] if self.open else ""
        return {
            label for run, held in self.held.items() for label in held.values() if label[0] != "send" or run == mine
        }

    # What happens.

    @rule(n=sizes, k=sizes)
    def run(self, n: int, k: int) -> None:
        self.open = None
        self.check(self.start(n, k), n, k)

    @rule(n=sizes, k=sizes, at=st.integers(1, 6), how=st.sampled_from(["stop", "cancel"]))
    def run_and_stop(self, n: int, k: int, at: int, how: str) -> None:
        self.open = None
        stop, ask = stopping(how)
        self.control.at = {at: ask}
        run = self.start(n, k, stop=stop)
        executed = self.executions()
        if stop.level and run.status != "completed":
            # Inline, the attempt that asks is the last; a failure comes before the wish to stop only in the words.
            assert run.status in (("cancelled",) if how == "cancel" else ("interrupted",))
            assert len(executed) >= at
        self.take(n, k, executed)

    @rule(n=sizes, k=sizes, at=st.integers(1, 8))
    def run_and_crash(self, n: int, k: int, at: int) -> None:
        self.open = None
        self.crash(at, lambda: self.start(n, k))
        self.take(n, k, self.executions(), crashes=1)

    # What a crash leaves open is up to chance, which preconditions of rules must not be.

    @rule(at=st.integers(1, 5))
    def resume_and_crash(self, at: int) -> None:
        # What is there at a third crash in a row is set aside, which tests of its own show.
        if self.open is None or self.crashes == 2:
            return
        run_id, n, k = self.open
        self.crash(at, lambda: self.resume_run(run_id))
        self.take(n, k, self.executions(), crashes=self.crashes + 1)

    @rule()
    def resume(self) -> None:
        if self.open is None:
            return
        run_id, n, k = self.open
        self.check(self.resume_run(run_id), n, k)

    @rule(x=sizes, which=st.sampled_from(["work", "mark"]))
    def break_or_mend(self, x: int, which: str) -> None:
        label = (which, (x,)) if which == "work" else ("mark", (x, 0))
        self.control.broken ^= {label}

    @rule(x=sizes)
    def damage(self, x: int) -> None:
        """Change a byte of a result wherever it lies; whoever reads it notices, and from then on it counts as lost."""
        if ("work", (x,)) not in self.recorded:
            return
        with open_store(self.store) as store:
            # A run that took it over needs the rows of a run that was deleted.
            for stored in {slot.place: slot for _, slots in references(store) for slot in slots if slot.place}.values():
                if bytes([x]) * life_flow.LARGE in self.peek(stored):
                    self.flip(stored)
                    self.damaged.add(stored.place)
                    with pytest.raises(ArtifactError):
                        store.artifacts.read(stored)
        for held in self.held.values():
            held.pop(f"work[{x}]", None)

    @rule(which=st.integers(0, 9))
    def delete(self, which: int) -> None:
        """Delete a run; what other runs hold stays, all else is executed again when it is needed."""
        if not self.held:
            return
        run_id = [*self.held][which % len(self.held)]
        with open_store(self.store) as store:
            assert [row.id for row in delete_runs(store, [store.run(run_id)]).runs] == [run_id]
        del self.held[run_id]
        if self.open is not None and self.open[0] == run_id:
            self.open = None

    @rule()
    def gc(self) -> None:
        """Collect all garbage: what was told before goes, and of a store without runs nothing is left."""
        if not self.store.exists():
            return
        with open_store(self.store) as store:
            told = {piece.path for piece in collect(store).pieces}
            assert {piece.path for piece in collect(store, dry_run=False).pieces} == told
            assert collect(store).pieces == []
        if not self.held:
            assert [*(self.store / "artifacts" / "packs").glob("*")] == []

    # What must hold.

    @invariant()
    def what_a_run_holds_can_be_loaded(self) -> None:
        """The store opens, each run's rows read back, and so do its results."""
        if not self.store.exists():
            assert not self.held
            return
        with open_store(self.store) as store:
            assert {run.id for run in store.runs()} == set(self.held)
            for run in store.runs():
                assert all(row.epoch <= run.epoch for row in store.attempts(run.run))
        recorded = hookline.open_store(self.store)
        for run_id, held in self.held.items():
            run = recorded.run(run_id)
            for name, label in held.items():
                # What a turn comes to is there when all that it calls is.
                if label[0] != "turn" or run.status == "completed":
                    assert run.load(name) == value(label)
        recorded.close()

    def check(self, run: Run, n: int, k: int) -> None:
        """A run that nobody stopped executes what is not recorded, once, and comes to what plain Python comes to."""
        todo = calls(n, k)
        executed = self.executions()
        assert len(executed) == len(set(executed))
        expected: set[Label] = set()
        bad: set[str] = set()
        for name, (label, needs) in todo.items():
            if bad.intersection(needs):
                bad.add(name)
            elif label not in self.recorded:
                expected.add(label)
                if label in self.control.broken:
                    bad.add(name)
        assert set(executed) == expected
        assert run.status == ("failed" if bad else "completed")
        if not bad:
            assert run.result == outcome(n, k)
        self.take(n, k, executed)

    def take(self, n: int, k: int, executed: list[Label], crashes: int = 0) -> None:
        """Note what the newest run holds: nothing that was not executed, and all that it was told to have recorded."""
        todo = calls(n, k)
        with open_store(self.store) as store:
            run = hookline.open_store(self.store).run(store.runs(1)[0].id)
            kinds = [row.kind for row in store.attempts(run.id)]
        assert kinds.count(Kind.ORPHANED) <= 8
        there = {name: self.found(run, name) for name in todo}
        for name, (_, needs) in todo.items():
            assert there[name] is None or all(there[need] is not None for need in needs)
        held = {name: todo[name][0] for name, found in there.items() if found is not None and not found & self.damaged}
        self.crashes = crashes
        good = {label for label in executed if label not in self.control.broken}
        assert set(held.values()) <= good | self.recorded
        if not crashes:
            assert good <= set(held.values())
        if run.status == "completed":
            assert held.keys() == todo.keys()
        self.held[run.id] = held
        self.open = None if run.status == "completed" else (run.id, n, k)

    def found(self, run: Run, name: str) -> set[bytes] | None:
        """Tell where the result of a task or an item lies that a run recorded or took over; None where it has none."""
        base, _, item = name.partition("[")
        wanted = int(item[:-1]) if item else 0
        with open_store(self.store) as store:
            node = {found: node for node, found in task_ids(store.nodes(run.id)).items()}.get(base)
            if node is None:
                return None
            attempts = [*store.attempts(run.id, node, wanted, wanted + 1)]
            if not (attempts and Kind(attempts[-1].kind).succeeded) and not any(
                row.low <= wanted < row.high and row.verdict in (Verdict.REUSE, Verdict.KEEP)
                for row in store.decisions(run.id, node)
            ):
                return None
            outputs = store.outputs(run.id, node, wanted, wanted + 1)[0]
            # What has grown and is not at its end has no value yet.
            return {stored.place for stored in unpack_outputs(outputs)} if outputs else set()

    # How it is done.

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def start(self, n: int, k: int, **options: object) -> Run:
        return hookline.run(life, {"n": n, "k": k}, executor="inline", store=self.store, **options)  # type: ignore[arg-type]

    def resume_run(self, run_id: str) -> Run:
        return hookline.resume(run_id, store=self.store, executor="inline", workflow=life)

    def executions(self) -> list[Label]:
        self.control.at, self.control.count = {}, 0
        lines = self.control.path.read_text().splitlines() if self.control.path.exists() else []
        self.control.path.unlink(missing_ok=True)
        return [(name, tuple(map(int, numbers))) for name, *numbers in map(str.split, lines)]

    def crash(self, at: int, go: object) -> None:
        self.control.at = {at: die}
        child = os.fork()
        if not child:
            try:
                go()  # type: ignore[operator]
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    def peek(self, stored: Stored) -> bytes:
        place = read_place(stored.place)
        assert place is not None
        content = pack_path(self.store / "artifacts" / "packs", place[0]).read_bytes()
        return content[place[1] : place[1] + stored.size]

    def flip(self, stored: Stored) -> None:
        place = read_place(stored.place)
        assert place is not None
        with pack_path(self.store / "artifacts" / "packs", place[0]).open("r+b") as file:
            # A value of its own, not a turned bit: what is damaged twice must not be whole again.
            file.seek(place[1] + 50)
            file.write(b"\xff")


Life.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLife = pytest.mark.chaos(Life.TestCase)
