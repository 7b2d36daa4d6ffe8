"""Which outpost gets which batch."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest

from hookline.executors.ray.crew import Crew
from hookline.executors.ray.post import Post
from hookline.executors.ray.room import Room
from hookline.executors.ray.wire import Node
from hookline.model.batch import Batch
from hookline.model.work import FunctionRef, Work

CPU = (("CPU", 1.0),)
WORK = Work(0, "task", False, FunctionRef("module", "function"), ())


def batch(number: int, timeout: float | None = None) -> Batch:
    return Batch(number, WORK, [0], 1, [()], [b""], timeout)


def crew_of(count: int) -> tuple[Crew, list[Post]]:
    """A crew whose outposts have nothing to do."""
    room = Room(None, 2)
    crew = Crew(room)
    room.take_nodes((Node("id", "host", {"CPU": float(count)}),))
    for number in range(count):
        crew.add(batch(-number))
    posts = [room.ask(CPU) for _ in range(count)]
    crew.take_waiting()
    for post in posts:
        post.ready = True
        crew.ready(post)
    return crew, posts


def numbers(post: Post) -> list[int]:
    return [hand.batch.number for hand in post.hands]


def calls_of(act: Callable[[], object]) -> int:
    """Count the calls of Python functions that something makes."""
    count = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    # A collection calls what others have hung on it.
    gc.disable()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_each_outpost_has_a_batch_before_any_has_another_ahead() -> None:
    """Two batches go to two outposts, the third behind the one that began first, and no more than one ahead."""
    crew, posts = crew_of(2)
    for number in range(1, 6):
        crew.add(batch(number))
    first, second = sorted(map(numbers, posts))
    assert (first, second) == ([1, 3], [2, 4])
    assert [waiting.number for waiting in crew.take_waiting()] == [5]


def test_what_waits_behind_another_is_asked_back_for_an_idle_outpost() -> None:
    """Once one has nothing to do, the batch ahead of another is recalled, and goes to the idle one."""
    crew, posts = crew_of(2)
    for number in range(1, 4):
        crew.add(batch(number))
    busy, other = sorted(posts, key=numbers)
    crew.ended(other, other.hands[0])
    assert busy.hands[1].recalled
    recalled = busy.hands[1]
    crew.drop(busy, recalled)
    crew.put_back(recalled.batch)
    assert (numbers(busy), numbers(other)) == ([1], [3])


def test_what_has_a_time_limit_is_never_ahead() -> None:
    """A batch with a time limit waits for an idle outpost, and nothing is put behind it."""
    crew, (post,) = crew_of(1)
    crew.add(batch(1))
    crew.add(batch(2, timeout=1.0))
    assert numbers(post) == [1]
    crew.ended(post, post.hands[0])
    crew.add(batch(3))
    assert numbers(post) == [2]
    crew.ended(post, post.hands[0])
    assert numbers(post) == [3]


def test_an_outpost_that_leaves_is_given_nothing() -> None:
    """Of two idle outposts, the one that was told to leave gets no batch, nor one that is forgotten."""
    crew, (leaving, gone) = crew_of(2)
    leaving.leave(0.0)
    assert crew.forget(gone)
    assert not crew.forget(gone)
    assert crew.add(batch(1))
    assert numbers(leaving) == numbers(gone) == []


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_batch_costs_the_same_whatever_the_number_of_outposts(ahead: int) -> None:
    """With 200 outposts, ending a batch and finding room for the next makes as many calls as with 10."""

    def calls(count: int) -> int:
        crew, posts = crew_of(count)
        for number in range(1, count * (1 + ahead) + 1):
            crew.add(batch(number))

        def go_on() -> None:
            for number, post in enumerate(posts[:10]):
                crew.ended(post, post.hands[0])
                crew.add(batch(1000 + number))

        return calls_of(go_on)

    assert calls(200) == calls(10)
