"""Many runs in one process: none leaves anything behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import hookline
from hookline import step, workflow


@step
def add(x: int, y: int) -> int:
    return x + y


@step
async def wait(x: int) -> int:
    return x


@step(cache=False)
def total(xs: list[int]) -> int:
    print("in all", sum(xs))
    return sum(xs)


@workflow
def small(number: int):
    return total(wait.map(x=add.partial(number).map(y=range(3))))


def held() -> Counter[str]:
    """Count what this process holds: objects by type, open files, threads."""
    for _ in range(2):
        gc.collect()
    found = Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
    found["threads"] = threading.active_count()
    found["open files"] = len(os.listdir("/dev/fd"))
    return found


@pytest.mark.parametrize(("executor", "runs"), [("inline", 40), ("threads", 40), ("processes", 6)])
def test_a_run_that_ended_leaves_nothing_in_memory(tmp_path: Path, executor: str, runs: int) -> None:
    """After many runs a process holds as many objects of each type, files and threads as after a few."""

    def run(numbers: range) -> None:
        for number in numbers:
            hookline.run(small, {"number": number}, executor=executor, workers=1, store=tmp_path, progress=False)

    run(range(5))
    before = held()
    blocks = sys.getallocatedblocks()
    run(range(5, 5 + runs))
    gc.collect()
    # Sets and tables of the interpreter's grow by leaps, and a few objects come and go: not one per run.
    assert sys.getallocatedblocks() - blocks < 100 + 5 * runs
    assert {name: more for name, more in (held() - before).items() if more >= max(runs, 30)} == {}
