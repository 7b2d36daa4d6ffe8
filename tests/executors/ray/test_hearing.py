"""What follows from what outposts say."""

from __future__ import annotations

from executors.ray.test_room import ready
from hookline.executors.ray.crew import Crew
from hookline.executors.ray.hearing import Hearing
from hookline.executors.ray.post import Post
from hookline.executors.ray.room import Room
from hookline.executors.ray.wire import BEGUN, RECALLED
from hookline.model.batch import Batch, Lost, Message, RunFacts, Started
from hookline.model.work import FunctionRef, Work

CPU = (("CPU", 1.0),)
RUN = RunFacts("test", "", "", "", "", "", "", capture=False, output_limit=1024)
WORK = Work(0, "task", False, FunctionRef("module", "function"), ())


def batch(number: int) -> Batch:
    return Batch(number, WORK, [0], 1, [()], [b""], None)


def numbers(post: Post) -> list[int]:
    return [hand.batch.number for hand in post.hands]


def test_what_is_given_back_and_was_cancelled_meanwhile_costs_its_outpost_nothing() -> None:
    """It is told as lost; the outpost is not ended for it, and goes on with what waits."""
    told: list[Message] = []
    room = Room(1, 1)
    crew = Crew(room)
    hearing = Hearing(RUN, None, crew, told.append, lambda *_: None, lambda _: None)
    for number in (1, 2, 3):
        crew.add(batch(number))
    post = ready(crew, room.ask(CPU))
    assert numbers(post) == [1, 2]
    hearing.take(post, (BEGUN, 1))
    assert post.recall()
    post.cancel([post.hands[1]], 0.0)
    post.kill_at = 1.0
    hearing.take(post, (RECALLED, 2))
    assert told == [Started(1, 0), Lost(2, -1, "cancelled before it began", cancelled=True)]
    assert post.kill_at is None
    assert numbers(post) == [1, 3]
    assert post.channel is not None
    post.channel.close()
