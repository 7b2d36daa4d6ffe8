"""Calls of one step that differ in their inputs only travel to workers together; nothing else about them is shared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.project import Project
from hookline.executors.inline import InlineExecutor
from hookline.model.batch import Batch
from hookline.model.work import Work

Make = Callable[[str], Project]
EXECUTORS = ["inline", "threads", "processes"]

MANY = """
@step
def work(x: int, big: bytes = b"", keys: dict = {}) -> str:
    if x == 30 and there("poison"):
        os._exit(1)
    if x == 20:
        raise ValueError("twenty")
    return f"{attempt().task_id} {x} {len(big)} {list(keys.values())} {list(keys)}"

@step
def gather(xs: list[str]) -> list[str]:
    return xs

@workflow
def flow():
    big, other = bytes(9000), bytes(8000)
    calls = [work(i) for i in range(40)]
    large = [work(100 + i, big if i % 2 else other) for i in range(6)]
    keyed = [work(200 + i, keys={key: calls[i]}) for i, key in enumerate([1, True, 1.0, "a"])]
    return gather([call for i, call in enumerate(calls) if i not in (20, 30)] + large + keyed)
"""


def expected() -> list[str]:
    """What the calls of the workflow above give."""

    def name(number: int) -> str:
        return "work" if number == 0 else f"work-{number + 1}"

    calls = [f"{name(i)} {i} 0 [] []" for i in range(40)]
    large = [f"{name(40 + i)} {100 + i} {9000 if i % 2 else 8000} [] []" for i in range(6)]
    keyed = [f"{name(46 + i)} {200 + i} 0 [{calls[i]!r}] [{key!r}]" for i, key in enumerate([1, True, 1.0, "a"])]
    return [call for i, call in enumerate(calls) if i not in (20, 30)] + large + keyed


@pytest.mark.parametrize("executor", EXECUTORS)
def test_calls_that_travel_together_keep_their_names_inputs_and_failures(project: Make, executor: str) -> None:
    """Each attempt knows its own task and gets its own constants, large ones and dict keys too; one failure is one."""
    run = project(MANY).run(executor)
    assert run.counts == {"completed": 50, "failed": 1, "reused": 0, "skipped": 0}
    assert run.load("gather") == expected()
    assert run.tasks["work-21"].state == "failed"


def test_a_call_that_ends_its_worker_takes_no_other_call_with_it(project: Make) -> None:
    """Calls that travelled with the one that killed the process are made again, alone, under their own names."""
    flow = project(MANY)
    flow.touch("poison")
    run = flow.run("processes")
    assert run.tasks["work-31"].state == "crashed"
    assert run.load("gather") == expected()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_calls_with_equal_inputs_run_once(project: Make, executor: str) -> None:
    """Of calls with equal keys one runs, and the others take its result, or run when it fails."""
    flow = project("""
    @step
    def work(x: int) -> int:
        note(x)
        if x == 3 and not there("mended"):
            (HERE / "mended").touch()
            raise ValueError("once")
        return x

    @step
    def add(xs: list[int]) -> int:
        return sum(xs)

    @workflow
    def flow():
        return add([work(i % 3) for i in range(30)]), [work(3) for _ in range(3)]
    """)
    run = flow.run(executor)
    assert sorted(flow.executions()) == ["0", "1", "2", "3", "3"]
    assert run.counts["failed"] == 1
    assert run.counts["reused"] == 27 + 1
    assert run.load("add") == 30


def test_of_calls_that_are_ready_together_only_the_new_ones_run(project: Make) -> None:
    """What was recorded is found for each, among calls of several steps, those with equal inputs and side effects."""
    flow = project("""
    @step
    def double(x: int) -> int:
        note(f"double {x}")
        return 2 * x

    @step
    def square(x: int) -> int:
        note(f"square {x}")
        return x * x

    @step(cache=False)
    def tell(x: int) -> int:
        note(f"tell {x}")
        return x

    @workflow
    def flow(first: int, last: int, by: int = 1):
        numbers = range(first, last, by)
        return [[double(x), square(x), double(x)] for x in numbers], [tell(x) for x in range(2)]
    """)
    flow.run("inline", first=0, last=40, by=2)
    flow.executions()
    run = flow.run("inline", first=10, last=30)
    odd = range(11, 30, 2)
    expected = [f"{name} {x}" for x in odd for name in ("double", "square")] + ["tell 0", "tell 1"]
    assert sorted(flow.executions()) == sorted(expected)
    assert run.counts["completed"] == len(expected)
    assert run.counts["reused"] == 20 + 20 + 20 - len(odd) * 2
    assert run.result == ([[2 * x, x * x, 2 * x] for x in range(10, 30)], [0, 1])


NESTED = """
@step
def one(x: int) -> int:
    return x

@step
def show(xs: list | tuple | dict) -> str:
    return repr(xs)

@step
def gather(xs: list[str]) -> list[str]:
    return xs

@workflow
def flow():
    a = [one(i) for i in range(20)]
    shapes = [lambda x, y: [x, y], lambda x, y: (x, y), lambda x, y: {"x": x, "y": y}]
    alike = [show(shape(a[i], a[i + 1])) for i in range(8) for shape in shapes]
    keyed = [show({key: a[0]}) for key in (1, True)]
    return gather([*alike, *keyed, show(a), show([a[0], 7]), show([[a[0]]])])
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_calls_with_references_in_lists_tuples_and_dicts_get_each_its_own(project: Make, executor: str) -> None:
    """What a structure looks like is part of the call, down to keys that are equal and not the same."""
    shapes = [lambda x, y: [x, y], lambda x, y: (x, y), lambda x, y: {"x": x, "y": y}]
    alike = [repr(shape(i, i + 1)) for i in range(8) for shape in shapes]
    more = ["{1: 0}", "{True: 0}", repr(list(range(20))), "[0, 7]", "[[0]]"]
    assert project(NESTED).run(executor).load("gather") == [*alike, *more]


def test_calls_whose_structures_look_the_same_share_what_workers_make_ready(project: Make) -> None:
    """A worker finds the function and makes its loaders once for all of them, not once per call."""

    class Noting(InlineExecutor):
        def __init__(self) -> None:
            super().__init__()
            self.works: list[Work] = []

        def submit(self, batch: Batch) -> None:
            self.works.append(batch.work)
            super().submit(batch)

    executor = Noting()
    project(NESTED).run(executor)
    # One for each of the three shapes, a constant or not; and two with keys of their own, the long and the deep one.
    assert len({id(work) for work in executor.works if work.task_id.startswith("show")}) == 3 + 4
