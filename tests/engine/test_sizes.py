"""Long chains and wide maps: neither recursion nor anything else limits a run but its work."""

from __future__ import annotations

import sys
from pathlib import Path

import hookline
from hookline import step, workflow


@step
def add(x: int) -> int:
    return x + 1


@step
def double(x: int) -> int:
    return x * 2


@step
def count(xs: list[int]) -> int:
    return len(xs) + xs[-1]


@workflow
def chain(n: int):
    value = add(0)
    for _ in range(n - 1):
        value = add(value)
    return value


@workflow
def wide(n: int):
    return count(double.map(x=add.map(x=range(n))))


def test_a_chain_of_ten_thousand_tasks_completes_and_is_reused(tmp_path: Path) -> None:
    """Each task waits for the one before; nothing recurses, neither when it runs nor when it is reused."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        run = hookline.run(chain, {"n": 10_000}, executor="threads", store=tmp_path)
        assert run.result == 10_000
        assert run.counts["completed"] == 10_000
        again = hookline.run(chain, {"n": 10_000}, executor="threads", store=tmp_path)
        assert again.counts["reused"] == 10_000
        assert again.load("add-9999") == 9999
    finally:
        sys.setrecursionlimit(limit)


def test_a_map_of_a_hundred_thousand_items_completes_and_is_reused(tmp_path: Path) -> None:
    """A hundred thousand items through two maps, item by item."""
    run = hookline.run(wide, {"n": 100_000}, executor="threads", store=tmp_path)
    assert run.result == 300_000
    assert run.counts["completed"] == 200_001
    again = hookline.run(wide, {"n": 100_000}, executor="inline", store=tmp_path)
    assert (again.counts["completed"], again.counts["reused"]) == (0, 200_001)
    assert again.result == 300_000
