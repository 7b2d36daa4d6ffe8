"""The whole life of a store, against a small model: runs, growth, failures, stops, crashes, damage and resumes."""

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
from engine.life_flow import Control, Label, calls, die, life, outcome, stopping
from hookline import Run
from hookline.errors import ArtifactError
from hookline.model.states import Kind, Verdict
from hookline.store import open_store
from hookline.store.outputs import unpack_outputs
from hookline.store.packs import pack_path, read_place

EXAMPLES = int(os.environ.get("HOOKLINE_LIVES", "30"))
sizes = st.integers(0, 4)


class Life(RuleBasedStateMachine):
    """The model is a set: the executions whose results are recorded, and were not found to be damaged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.recorded: set[Label] = set()
        self.sent: set[Label] = set()
        self.open: tuple[str, int, int] | None = None
        self.crashes = 0
        self.control = Control()
        self.control.path = self.folder / "log"
        logger = logging.getLogger("life")
        logger.handlers, logger.propagate = [self.control], False

    def teardown(self) -> None:
        logging.getLogger("life").handlers = []
        shutil.rmtree(self.folder)

    # What happens.

    @rule(n=sizes, k=sizes)
    def run(self, n: int, k: int) -> None:
        self.sent = set()
        self.check(self.start(n, k), n, k)

    @rule(n=sizes, k=sizes, at=st.integers(1, 6), how=st.sampled_from(["stop", "cancel"]))
    def run_and_stop(self, n: int, k: int, at: int, how: str) -> None:
        self.sent = set()
        stop, ask = stopping(how)
        self.control.at = {at: ask}
        run = self.start(n, k, stop=stop)
        executed = self.executions()
        if stop.level and run.status != "completed":
            # Inline, the attempt that asks is the last; a failure comes before the wish to stop only in the words.
            assert run.status in (("cancelled",) if how == "cancel" else ("interrupted",))
            assert len(executed) >= at
        self.take(run, n, k, executed)

    @rule(n=sizes, k=sizes, at=st.integers(1, 8))
    def run_and_crash(self, n: int, k: int, at: int) -> None:
        self.sent = set()
        self.crashes = 1
        self.crash(at, lambda: self.start(n, k))
        self.after_crash(n, k)

    # What a crash leaves open is up to chance, which preconditions of rules must not be.

    @rule(at=st.integers(1, 5))
    def resume_and_crash(self, at: int) -> None:
        # What is there at a third crash in a row is set aside, which tests of its own show.
        if self.open is None or self.crashes == 2:
            return
        self.crashes += 1
        run_id, n, k = self.open
        self.crash(at, lambda: self.resume_run(run_id))
        self.after_crash(n, k)

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
        """Change a byte of an artifact; whoever reads it notices, and from then on it counts as lost."""
        if ("work", (x,)) not in self.recorded:
            return
        with open_store(self.store) as store:
            for run in store.runs():
                for row in store.attempts(run.run):
                    stored = unpack_outputs(row.outputs)[0] if row.outputs else None
                    if stored is None or stored.size < life_flow.LARGE or not stored.place:
                        continue
                    data_of = self.peek(stored)
                    if data_of is not None and bytes([x]) * 100 in data_of:
                        self.flip(stored)
                        with pytest.raises(ArtifactError):
                            store.artifacts.read(stored)
        self.recorded.discard(("work", (x,)))

    # What must hold.

    @invariant()
    def nothing_is_recorded_that_was_not_executed(self) -> None:
        """The store opens, and each run's rows read back."""
        if self.store.exists():
            with open_store(self.store) as store:
                for run in store.runs():
                    assert all(row.epoch <= run.epoch for row in store.attempts(run.run))

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
            elif label in (self.sent if label[0] == "send" else self.recorded):
                continue
            else:
                expected.add(label)
                if label in self.control.broken:
                    bad.add(name)
        assert set(executed) == expected
        assert run.status == ("failed" if bad else "completed")
        if not bad:
            assert run.result == outcome(n, k)
        self.take(run, n, k, executed)

    def take(self, run: Run, n: int, k: int, executed: list[Label]) -> None:
        """Note what is recorded now: all that was executed and did not fail."""
        good = {label for label in executed if label not in self.control.broken}
        self.recorded |= {label for label in good if label[0] != "send"}
        self.sent |= {label for label in good if label[0] == "send"}
        self.open = None if run.status == "completed" else (run.id, n, k)
        self.crashes = 0
        with open_store(self.store) as store:
            kinds = [row.kind for row in store.attempts(run.id)]
        assert kinds.count(Kind.ORPHANED) <= 8

    def after_crash(self, n: int, k: int) -> None:
        """What is recorded was executed, and has all that it depends on; the rest is open."""
        executed = set(self.executions())
        todo = calls(n, k)
        with open_store(self.store) as store:
            rows = store.runs(1)
            if not rows:
                return
            run = hookline.open_store(self.store).run(rows[0].id)
            states = {name: record.state for name, record in run.tasks.items()}
        good = set()
        for name, (label, needs) in todo.items():
            if self.succeeded(run, states, name):
                assert all(self.succeeded(run, states, need) for need in needs)
                good.add(label)
        assert {label for label in good if label[0] != "send"} <= executed | self.recorded
        assert {label for label in good if label[0] == "send"} <= executed | self.sent
        self.recorded |= {label for label in good if label[0] != "send"}
        self.sent |= {label for label in good if label[0] == "send"}
        self.open = None if run.status == "completed" else (run.id, n, k)

    def succeeded(self, run: Run, states: dict[str, str], name: str) -> bool:
        """Whether an attempt of a task, or of an item, has a result that the run recorded or took over."""
        base, _, item = name.partition("[")
        if base not in states:
            return False
        with open_store(self.store) as store:
            node = next(node for node, found in _ids(store, run.id).items() if found == base)
            wanted = int(item[:-1]) if item else 0
            attempts = list(store.attempts(run.id, node, wanted, wanted + 1))
            if attempts and Kind(attempts[-1].kind).succeeded:
                return True
            return any(
                row.low <= wanted < row.high and row.verdict in (Verdict.REUSE, Verdict.KEEP)
                for row in store.decisions(run.id, node)
            )

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

    def peek(self, stored: object) -> bytes | None:
        place = read_place(stored.place)  # type: ignore[attr-defined]
        path = pack_path(self.store / "artifacts" / "packs", place[0]) if place else None
        if place is None or path is None or not path.exists():
            return None
        return path.read_bytes()[place[1] : place[1] + stored.size]  # type: ignore[attr-defined]

    def flip(self, stored: object) -> None:
        place = read_place(stored.place)  # type: ignore[attr-defined]
        assert place is not None
        with pack_path(self.store / "artifacts" / "packs", place[0]).open("r+b") as file:
            # A value of its own, not a turned bit: what is damaged twice must not be whole again.
            file.seek(place[1] + 50)
            file.write(b"\xff")


def _ids(store: object, run_id: str) -> dict[int, str]:
    from hookline.store.ids import task_ids

    return task_ids(store.nodes(run_id))  # type: ignore[attr-defined]


Life.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLife = pytest.mark.chaos(Life.TestCase)
