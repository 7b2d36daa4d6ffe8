"""No step of a run costs more the more tasks there are: twice the tasks take twice the work, whatever is done."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import hookline
from hookline import step, workflow
from hookline.engine import api

SIZES = (500, 1_000, 2_000)
MOST = 2.3
"""How many times the work twice the size may take: linear work takes 2, quadratic work 4."""


@step
def one(x: int) -> int:
    return x


@step
def add(x: int) -> int:
    return x + 1


@step
def count(xs: list[int]) -> int:
    return len(xs)


@step
def unless_marked(x: int, mark: str) -> int:
    if x == 0 and Path(mark).exists():
        raise RuntimeError("not today")
    return x


@step
def turn(left: int) -> int:
    return turn(left - 1) if left > 0 else 0


@step
def spread(n: int) -> int:
    return count([one(i) for i in range(n)])


@workflow
def mapped(n: int):
    return count(add.map(x=one.map(x=range(n))))


@workflow
def same(n: int):
    return count(one.map(x=[i % 10 for i in range(n)]))


@workflow
def calls(n: int):
    return count([one(i) for i in range(n)])


@workflow
def chain(n: int):
    value = add(0)
    for _ in range(n - 1):
        value = add(value)
    return value


@workflow
def fan_in(n: int):
    """Tasks with many sources each, and one source with many tasks."""
    first = one(0)
    level = [add(first) for _ in range(n)]
    return count([count(level[at : at + 50]) for at in range(0, n, 50)])


@workflow
def loop(n: int):
    return turn(n)


@workflow
def grown(n: int):
    return spread(n)


@workflow
def fails_first(n: int, mark: str):
    return count([unless_marked(i, mark) for i in range(n)]), count(unless_marked.partial(mark=mark).map(x=range(n)))


FLOWS = {flow.name: flow for flow in (mapped, same, calls, chain, fan_in, loop, grown)}


def work_of(act: Callable[[], Any]) -> int:
    """Count the calls of functions, Python's and C's, that this thread makes meanwhile."""
    calls = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1

    before = sys.getprofile()
    # What the collector calls is not this thread's work, and comes when it comes.
    gc.collect()
    gc.disable()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


def assert_linear(work: list[int]) -> None:
    """Check that the work doubles with the size, or little more, over all sizes.

    A single doubling depends on how the recorder's commits happened to fall.
    """
    ratio = (work[-1] / work[0]) ** (1 / (len(work) - 1))
    assert ratio < MOST, f"{work} calls at {SIZES} tasks"


@pytest.mark.parametrize("name", FLOWS)
def test_twice_the_tasks_take_twice_the_work_to_run_and_to_reuse(tmp_path: Path, name: str) -> None:
    """Each form of work is linear: from building the graph to recording the last result, and when all is reused."""
    ran, reused = [], []
    for size in SIZES:
        store, params = tmp_path / str(size), {"n": size}
        ran.append(work_of(lambda: hookline.run(FLOWS[name], params, executor="inline", store=store)))
        reused.append(work_of(lambda: hookline.run(FLOWS[name], params, executor="inline", store=store)))
        assert hookline.open_store(store).run().counts["completed"] == 0
    assert_linear(ran)
    assert_linear(reused)


@pytest.mark.parametrize("name", FLOWS)
def test_twice_the_tasks_take_twice_the_work_to_plan(tmp_path: Path, name: str) -> None:
    """A plan is linear, where nothing is recorded and where everything is."""
    new, recorded = [], []
    for size in SIZES:
        store, params = tmp_path / str(size), {"n": size}
        new.append(work_of(lambda: api.plan(FLOWS[name], params, store=store)))
        hookline.run(FLOWS[name], params, executor="inline", store=store)
        recorded.append(work_of(lambda: api.plan(FLOWS[name], params, store=store)))
    assert_linear(new)
    assert_linear(recorded)


def test_twice_the_tasks_take_twice_the_work_to_resume(tmp_path: Path) -> None:
    """A resume is linear in what it keeps, of calls and of items."""
    work = []
    mark = tmp_path / "mark"
    for size in SIZES:
        store = tmp_path / str(size)
        mark.touch()
        run = hookline.run(fails_first, {"n": size, "mark": str(mark)}, executor="inline", store=store)
        assert run.status == "failed"
        mark.unlink()
        work.append(work_of(lambda: hookline.resume(store=store, workflow=fails_first, executor="inline")))
        assert hookline.open_store(store).run().status == "completed"
    assert_linear(work)


def test_a_quadratic_step_is_told() -> None:
    """The measure sees what it is there for: a scan of all tasks for each task."""

    def scan(size: int) -> None:
        for _ in range(size):
            # Some work per task, and a look at each hundredth task.
            for _ in range(100 + size // 100 * 10):
                len(())

    with pytest.raises(AssertionError, match="calls at"):
        assert_linear([work_of(lambda: scan(size)) for size in SIZES])
