"""Limits on how many attempts run at once: of one step, and of all steps with a name or a tag."""

from __future__ import annotations

import queue
import random
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookline
from engine.project import Project
from hookline import step, workflow
from hookline.executors.inline import InlineExecutor
from hookline.model.batch import Batch, Deliver, RunFacts
from thorough import tries

NAMES = ("alpha", "beta", "gamma", "delta")
TAGS = ("gpu", "disk", "net")


class Recording(InlineExecutor):
    """Holds batches back and makes them in any order, and counts what it holds whenever it gets another."""

    def __init__(self, seed: int, kinds: dict[str, set[str]]) -> None:
        super().__init__()
        self._draw = random.Random(seed)
        self._kinds = kinds
        self._lock = threading.Lock()
        self._held: list[Batch] = []
        self._more: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self.most: Counter[str] = Counter()

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        super().start(run, deliver)
        self._thread.start()

    def capacity(self) -> int:
        return 6

    def submit(self, batch: Batch) -> None:
        with self._lock:
            self._held.append(batch)
            now: Counter[str] = Counter()
            for held in self._held:
                for kind in self._kinds[held.work.task_id.split("-")[0]]:
                    now[kind] += len(held.items) if held.work.concurrent else 1
            self.most |= now
        self._more.put(True)

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        raise AssertionError("nothing here is ever stopped")

    def close(self, grace: float) -> None:
        self._more.put(False)
        self._thread.join()
        super().close(grace)

    def _work(self) -> None:
        while self._more.get():
            with self._lock:
                batch = self._held[self._draw.randrange(len(self._held))]
            # It counts as running until just before its end is told.
            with self._lock:
                self._held.remove(batch)
            super().submit(batch)


Steps = st.fixed_dictionaries(
    {
        name: st.tuples(
            st.sets(st.sampled_from(TAGS)),
            st.none() | st.integers(1, 3),
            st.integers(0, 3),
            st.integers(0, 9),
            st.booleans(),
        )
        for name in NAMES
    }
)
Limits = st.dictionaries(st.sampled_from(NAMES + TAGS), st.integers(1, 3))


@settings(max_examples=tries(40), deadline=None)
@given(Steps, Limits, st.integers(0, 1000))
def test_no_limit_is_ever_passed_and_everything_ends(
    steps: dict[str, tuple[set[str], int | None, int, int, bool]], limits: dict[str, int], seed: int
) -> None:
    """Whatever limits overlap, however batches end: never more than allowed, and nothing waits for ever."""
    made = {}
    for name, (tags, limit, _, _, concurrent) in steps.items():
        made[name] = step(name=name, limit=limit, tags=sorted(tags))(_aplus if concurrent else _functions[name])

    @workflow
    def flow() -> list[object]:
        results: list[object] = []
        for name, (_, _, calls, items, _) in steps.items():
            results += [made[name](100 * number) for number in range(calls)]
            results.append(made[name].map(x=list(range(items))))
        return results

    kinds = {name: {name, f"limit of {name}", *steps[name][0]} for name in NAMES}
    allowed = {**limits, **{f"limit of {name}": one[1] for name, one in steps.items() if one[1] is not None}}
    executor = Recording(seed, kinds)
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "pyproject.toml").write_text(
            "[tool.hookline.limits]\n" + "".join(f"{name} = {number}\n" for name, number in limits.items())
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            run = _run_in(folder, flow, executor)
    finally:
        shutil.rmtree(folder)
    total = sum(one[2] + one[3] for one in steps.values())
    assert run == ("completed", total)
    assert {kind: most for kind, most in executor.most.items() if most > allowed.get(kind, most)} == {}


def _run_in(folder: Path, flow: object, executor: Recording) -> tuple[str, int]:
    from dataclasses import replace

    from hookline.engine import api
    from hookline.worker.target import target_of

    target = replace(target_of(flow), root=folder)
    run = api.run(flow, executor=executor, store=folder / "store", fresh=True, target=target)
    return run.status, run.counts["completed"] + run.counts["reused"]


def _alpha(x: int) -> int:
    return x + 1


def _beta(x: int) -> int:
    return x + 2


def _gamma(x: int) -> int:
    return x + 3


def _delta(x: int) -> int:
    return x + 4


async def _aplus(x: int) -> int:
    return x + 5


_functions = {"alpha": _alpha, "beta": _beta, "gamma": _gamma, "delta": _delta}

CODE = """
import threading
lock, going, most = threading.Lock(), {"gpu": 0, "train": 0}, {"gpu": 0, "train": 0}

def busy(*names):
    with lock:
        for name in names:
            going[name] += 1
            most[name] = max(most[name], going[name])
    for _ in range(200):
        time.sleep(0)
    with lock:
        for name in names:
            going[name] -= 1

@step(tags=("gpu",))
def train(x: int) -> int:
    busy("gpu", "train")
    return x

@step(tags=("gpu", "slow"))
def embed(x: int) -> int:
    busy("gpu")
    return x

@step(cache=False)
def told(parts: list[list[int]]) -> dict:
    return most

@workflow
def flow():
    return told([train.map(x=list(range(20))), embed.map(x=list(range(20)))])
"""


def test_a_tag_limits_all_steps_that_carry_it(tmp_path: Path) -> None:
    """Counted by the steps themselves, on threads; a step's name limits it as well."""
    project = Project(tmp_path, CODE)
    (tmp_path / "pyproject.toml").write_text("[tool.hookline.limits]\ngpu = 3\ntrain = 2\n")
    run = project.run("threads", workers=6)
    assert run.status == "completed"
    assert run.result == {"gpu": 3, "train": 2}


ELSEWHERE = """
@step
def long(x: int) -> int:
    note("long")
    while not there("released"):
        time.sleep(0.01)
    return x

@step(tags=("db",))
def here(x: int) -> int:
    note("here")
    return x

@step
def quick(x: int) -> int:
    return x

@step(tags=("db",), executor="inline")
def elsewhere(x: int) -> int:
    note("elsewhere")
    (HERE / "released").touch()
    return x

@workflow
def flow():
    return long(1), here(1), elsewhere(quick(2))
"""


def test_what_waits_for_a_worker_takes_up_no_place_that_another_executor_can_use(tmp_path: Path) -> None:
    """A thread is not handed ahead what a limit bounds: it would hold the place until the thread is free."""
    project = Project(tmp_path, ELSEWHERE)
    (tmp_path / "pyproject.toml").write_text("[tool.hookline.limits]\ndb = 1\n")
    released = threading.Timer(20, project.touch, ["released"])
    released.start()
    assert project.run("threads", workers=1).status == "completed"
    released.cancel()
    order = project.executions()
    assert sorted(order) == ["elsewhere", "here", "long"]
    assert order.index("elsewhere") < order.index("here")


def test_a_limit_of_zero_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """With file, line and name: a step that may never run would wait for ever."""
    project = Project(tmp_path, CODE)
    (tmp_path / "pyproject.toml").write_text("[tool.hookline.limits]\ngpu = 0\n")
    with pytest.raises(hookline.HooklineError, match=r":2: the limit 'gpu' takes a whole number from 1, not 0"):
        project.run()
    assert not (tmp_path / ".hookline").exists()
