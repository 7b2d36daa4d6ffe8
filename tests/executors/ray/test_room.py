"""When outposts with nothing to do make room for others."""

from __future__ import annotations

import socket

import pytest

from hookline.executors.ray.channel import Channel
from hookline.executors.ray.crew import Crew
from hookline.executors.ray.post import Post
from hookline.executors.ray.room import Room
from hookline.executors.ray.wire import Hello, Node
from hookline.model.batch import Batch
from hookline.model.work import FunctionRef, Work


def batch(number: int, **resources: float) -> Batch:
    work = Work(number, "task", False, FunctionRef("flow", "task"), (), resources=tuple(resources.items()))
    return Batch(number, work, [0], 1, [()], [b""])


@pytest.mark.parametrize(("cpus", "leaves"), [(4, False), (1, True)])
def test_outposts_stay_while_others_that_have_room_are_starting(cpus: int, leaves: bool) -> None:
    """Ray takes its time to start them; only what keeps their resources from them goes."""
    room = Room(None, 2)
    crew = Crew(room)
    room.take_nodes((Node("one", "host", {"CPU": float(cpus), "disk": 1.0, "tape": 1.0}),))
    crew.add(batch(1, disk=1.0))
    idle = ready(crew, room.ask((("CPU", 1.0), ("disk", 1.0))))
    (hand,) = idle.hands
    crew.add(batch(2, tape=1.0))
    late = room.ask((("CPU", 1.0), ("tape", 1.0)))
    late.asked_at -= 5.0
    crew.ended(idle, hand)
    assert (idle.leaving or idle in room.surplus(idle.idle_at)) is leaves
    assert idle.channel is not None
    idle.channel.close()


def ready(crew: Crew, post: Post) -> Post:
    """Let an outpost be there, with nobody at the other end."""
    ours, theirs = socket.socketpair()
    theirs.close()
    post.channel = Channel(ours)
    post.hello = Hello("one", "host", "1", "3.11")
    post.ready = True
    crew.ready(post)
    return post
