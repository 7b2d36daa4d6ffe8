"""The scheduler against a simple model of it: every task once, after its sources; only what must is skipped."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.engine.schedule import scheduler as module
from hookline.engine.schedule.scheduler import Dependencies, Scheduler, State
from thorough import tries

VALUES = (State.COMPLETED, State.REUSED)
FAILURES = (State.FAILED, State.TIMED_OUT, State.CRASHED, State.ABANDONED)
WEIGHTS = {0: 0, State.SKIPPED: 1, State.CANCELLED: 2, State.BLOCKED: 3}


@dataclass
class Sketch:
    """One task of a random graph: what it needs, and how its items would end if they ran."""

    needs: Dependencies = field(default_factory=Dependencies)
    length: int = 1
    condition: bool = True
    outcomes: list[int] = field(default_factory=list)


@st.composite
def sketches(draw: st.DrawFn) -> list[Sketch]:
    """Random graphs of plain and mapped tasks."""
    graph: list[Sketch] = []
    mapped: list[int] = []
    for index in range(draw(st.integers(1, 14))):
        below = st.lists(st.integers(0, index - 1), max_size=3, unique=True) if index else st.just([])
        whole, tolerant = draw(below), draw(below)
        itemwise: list[int] = []
        if mapped and draw(st.booleans()):
            itemwise = draw(st.lists(st.sampled_from(mapped), max_size=2, unique=True))
        itemwise = [source for source in itemwise if source not in whole]
        tolerant = [source for source in tolerant if source not in whole]
        length = draw(st.sampled_from([1, 1, 0, 2, 3, 5]))
        outcome = st.sampled_from([State.COMPLETED] * 6 + [State.REUSED, *FAILURES])
        graph.append(
            Sketch(
                Dependencies(whole, tolerant, itemwise),
                length,
                draw(st.sampled_from([True] * 7 + [False])),
                draw(st.lists(outcome, min_size=5, max_size=5)),
            )
        )
        if itemwise or length != 1:
            mapped.append(index)
    return graph


def lack(states: Sequence[int]) -> int:
    """Why a list of items is no value: the model's own reading of the rule."""
    missing = [state for state in states if state not in VALUES]
    if not missing:
        return 0
    return missing[0] if set(missing) in ({State.SKIPPED}, {State.CANCELLED}) else State.BLOCKED


def model(graph: list[Sketch]) -> list[list[int]]:
    """Work out how every item ends, in one pass from the first task to the last."""
    ends: list[list[int]] = []
    wholly: list[int] = []  # why a task never began; 0 where it did
    for sketch in graph:
        causes = [lack(ends[source]) for source in sketch.needs.whole]
        causes += [wholly[source] for source in sketch.needs.itemwise]
        cause = max(causes, key=WEIGHTS.__getitem__, default=0)
        lengths = {len(ends[source]) for source in sketch.needs.itemwise}
        never = cause
        if cause:
            states = [cause]
        elif not sketch.condition:
            states, never = [State.SKIPPED], State.SKIPPED
        elif len(lengths) > 1:
            states, never = [State.FAILED], State.BLOCKED
        else:
            length = lengths.pop() if lengths else sketch.length
            states = [
                sketch.outcomes[item % 5]
                if all(ends[source][item] in VALUES for source in sketch.needs.itemwise)
                else State.BLOCKED
                for item in range(length)
            ]
        ends.append(states)
        wholly.append(never)
    return ends


class Drive:
    """Runs a graph on the scheduler, taking ready items in a random order and in random portions."""

    def __init__(self, graph: list[Sketch], chance: random.Random) -> None:
        self.graph = graph
        self.chance = chance
        self.scheduler = Scheduler([sketch.needs for sketch in graph])
        self.started: list[tuple[int, int]] = []
        self.opened: list[int] = []

    def run(self) -> None:
        running: list[tuple[int, int, int]] = []
        for _ in range(100_000):
            for task in self.scheduler.take_opened():
                self.open(task)
            while self.scheduler.ready:
                task, low, high = self.scheduler.ready.popleft()
                for item in range(low, high):
                    self.start(task, item)
                running.append((task, low, high))
            if not running:
                if not self.scheduler.has_opened():
                    return
                continue
            task, low, high = running.pop(self.chance.randrange(len(running)))
            cut = self.chance.randint(low + 1, high)
            if cut < high:
                running.append((task, cut, high))
            self.finish(task, low, cut)
        raise AssertionError("the scheduler does not come to an end")

    def open(self, task: int) -> None:
        assert task not in self.opened
        self.opened.append(task)
        sketch, scheduler = self.graph[task], self.scheduler
        for source in (*sketch.needs.whole, *sketch.needs.tolerant):
            assert scheduler.ended(source)
        lengths = {scheduler.length(source) for source in sketch.needs.itemwise}
        if cause := scheduler.cause(task):
            scheduler.skip(task, cause)
        elif not sketch.condition:
            scheduler.skip(task, State.SKIPPED)
        elif len(lengths) > 1:
            scheduler.skip(task, State.FAILED)
        else:
            scheduler.begin(task, lengths.pop() if lengths else sketch.length)

    def start(self, task: int, item: int) -> None:
        assert (task, item) not in self.started
        self.started.append((task, item))
        for source in self.graph[task].needs.whole:
            assert self.scheduler.has_value(source)
        for source in self.graph[task].needs.itemwise:
            assert self.scheduler.states[source][item] in VALUES

    def finish(self, task: int, low: int, high: int) -> None:
        while low < high:
            state = self.graph[task].outcomes[low % 5]
            end = low + 1
            while end < high and self.graph[task].outcomes[end % 5] == state:
                end += 1
            self.scheduler.finish(task, low, end, state)
            low = end


@settings(max_examples=tries(300), deadline=None)
@given(graph=sketches(), seed=st.integers(0, 2**32))
def test_every_item_ends_as_the_model_says_whatever_the_order(graph: list[Sketch], seed: int) -> None:
    """Each item runs at most once and after its sources; exactly what has no inputs is left out; the run ends."""
    drive = Drive(graph, random.Random(seed))
    drive.run()
    expected = model(graph)
    assert [list(states) for states in drive.scheduler.states] == expected
    assert drive.scheduler.unfinished == 0
    assert sorted(drive.opened) == list(range(len(graph)))
    ran = {
        (task, item)
        for task, states in enumerate(expected)
        for item, state in enumerate(states)
        if state in (*VALUES, *FAILURES) and (task, item) in drive.started
    }
    assert ran == set(drive.started)
    for task, states in enumerate(expected):
        counts = drive.scheduler.counts[task]
        assert {state: states.count(state) for state in set(states)} == {s: n for s, n in enumerate(counts) if n}
        assert drive.scheduler.lack(task) == lack(states)


@settings(max_examples=tries(100), deadline=None)
@given(graph=sketches(), seed=st.integers(0, 2**32), after=st.integers(0, 30))
def test_cancelling_the_rest_ends_every_task_and_changes_no_outcome(graph: list[Sketch], seed: int, after: int) -> None:
    """After a cancellation nothing is left pending, and what had ended stays as it was."""
    drive = Drive(graph, random.Random(seed))
    left = after

    def stop_soon(task: int, low: int, high: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StopIteration
        Drive.finish(drive, task, low, high)

    drive.finish = stop_soon  # type: ignore[method-assign]
    with contextlib.suppress(StopIteration):
        drive.run()
    scheduler = drive.scheduler
    before = [bytes(states) for states in scheduler.states]
    scheduler.cancel_rest(range(len(graph)), State.CANCELLED)
    assert scheduler.unfinished == 0
    assert not scheduler.ready
    assert not scheduler.has_opened()
    for old, new in zip(before, scheduler.states, strict=True):
        assert State.PENDING not in new
        assert all(was in (State.PENDING, now) for was, now in zip(old, new, strict=False))


def test_a_failure_upstream_weighs_more_than_a_condition() -> None:
    """A task with a skipped and a failed source is blocked: the failure is what has to be mended."""
    for order in ((0, 1), (1, 0)):
        scheduler = Scheduler([Dependencies(), Dependencies(), Dependencies(whole=(0, 1))])
        scheduler.take_opened()
        for task in order:
            if task:
                scheduler.begin(1, 1)
                scheduler.finish(1, 0, 1, State.FAILED)
            else:
                scheduler.skip(0, State.SKIPPED)
        assert scheduler.take_opened() == [2]
        assert scheduler.cause(2) == State.BLOCKED


def test_a_map_that_ended_for_one_source_listens_no_more_to_the_other() -> None:
    """What one source blocked neither starts when the other has values, nor changes how it ended."""
    scheduler = Scheduler([Dependencies(), Dependencies(), Dependencies(itemwise=(0, 1))])
    for task in scheduler.take_opened():
        scheduler.begin(task, 1)
    scheduler.ready.clear()
    scheduler.begin(*scheduler.take_opened(), 1)
    scheduler.finish(0, 0, 1, State.FAILED)
    assert scheduler.ended(2)
    scheduler.finish(1, 0, 1, State.COMPLETED)
    assert not scheduler.ready
    assert scheduler.states[2] == bytes((State.BLOCKED,))
    assert not scheduler.unfinished


def test_an_item_can_be_put_back_to_be_tried_again() -> None:
    """A retried item is ready again and ends once."""
    scheduler = Scheduler([Dependencies()])
    scheduler.begin(*scheduler.take_opened(), 3)
    assert list(scheduler.ready) == [(0, 0, 3)]
    scheduler.ready.clear()
    scheduler.retry(0, 1)
    assert list(scheduler.ready) == [(0, 1, 2)]
    scheduler.finish(0, 0, 3, State.COMPLETED)
    assert scheduler.ended(0)


def chain(count: int) -> list[Dependencies]:
    return [Dependencies(whole=(index - 1,) if index else ()) for index in range(count)]


def fan(count: int) -> list[Dependencies]:
    return [*[Dependencies()] * count, Dependencies(whole=range(count))]


def maps(count: int) -> list[Dependencies]:
    """Ten maps in a row, item by item; the count goes into their items."""
    return [Dependencies(itemwise=(index - 1,) if index else ()) for index in range(10)]


def pairs(count: int) -> list[Dependencies]:
    """Two maps that a third takes side by side."""
    return [Dependencies(), Dependencies(), Dependencies(itemwise=(0, 1))]


def carry(dependencies: list[Dependencies], items: int, outcome: int = State.COMPLETED) -> Scheduler:
    """Run everything, item by item."""
    scheduler = Scheduler(dependencies)
    while scheduler.unfinished:
        for task in scheduler.take_opened():
            if cause := scheduler.cause(task):
                scheduler.skip(task, cause)
            else:
                scheduler.begin(task, items)
        while scheduler.ready:
            task, low, high = scheduler.ready.popleft()
            for item in range(low, high):
                scheduler.finish(task, item, item + 1, outcome)
    return scheduler


@pytest.mark.parametrize("outcome", [State.COMPLETED, State.FAILED])
def test_a_chain_of_a_hundred_thousand_needs_no_recursion(outcome: int) -> None:
    """Neither successes nor failures travel down a chain on Python's stack."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        scheduler = carry(chain(100_000), 1, outcome)
    finally:
        sys.setrecursionlimit(limit)
    last = scheduler.states[-1][0]
    assert last == (State.COMPLETED if outcome == State.COMPLETED else State.BLOCKED)


def test_a_long_row_of_maps_needs_no_recursion() -> None:
    """A failing item takes its descendants through ten thousand maps along."""
    scheduler = Scheduler([Dependencies(itemwise=(index - 1,) if index else ()) for index in range(10_000)])
    while scheduler.has_opened():
        for task in scheduler.take_opened():
            scheduler.begin(task, 2)
    scheduler.ready.clear()
    scheduler.finish(0, 0, 2, State.FAILED)
    assert scheduler.unfinished == 0
    assert list(scheduler.states[-1]) == [State.BLOCKED] * 2


@pytest.mark.parametrize(
    ("shape", "items"),
    [(chain, 1), (fan, 1), (maps, 0), (pairs, 0)],
    ids=["a chain", "a fan", "maps in a row", "maps side by side"],
)
@pytest.mark.parametrize("outcome", [State.COMPLETED, State.FAILED], ids=["completed", "failed"])
def test_twice_the_work_takes_twice_the_operations(
    shape: Callable[[int], list[Dependencies]], items: int, outcome: int
) -> None:
    """The number of executed lines grows with the number of items, and no faster."""

    def lines(count: int) -> int:
        dependencies = shape(count)
        return counted(lambda: carry(dependencies, items or count, outcome))

    small, large = lines(500), lines(1000)
    assert large < 2.2 * small


def counted(run: Callable[[], Any]) -> int:
    """Count the lines of the scheduler's module that are executed."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != module.__file__:
            return None
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count
