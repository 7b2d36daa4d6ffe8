"""Which outpost gets which batch, and how many outposts of which kind there should be. Nothing is waited for here.

Batches wait in one queue per kind of outpost; one that is idle takes the oldest. One that is busy gets one more ahead,
so that it need not wait for a round trip; if another would be idle, it is asked to give that back.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Collection

from hookline.executors.ray.amounts import Amounts, amounts_of, fitting
from hookline.executors.ray.post import InHand, Post
from hookline.executors.ray.wire import Node
from hookline.model.batch import Batch

__all__ = ["Crew"]

_IDLE_FOR = 30.0
"""Seconds after which an outpost that has nothing to do gives its resources back."""

_PATIENCE = 1.0
"""Seconds in which Ray places an outpost where there is room."""

_TURN = 2.0
"""Seconds that an outpost works before it makes room for another kind: to come costs about as much."""

_YIELD_FOR = 5.0
"""Seconds in which Ray gives to others what a kind has left to them, before it asks for more."""


class Crew:
    """Batches that wait, outposts, and what these have in hand. Whoever calls holds the executor's lock.

    Args:
        workers: How many outposts there may be; None for as many as fit on the nodes.
        guess: What to take for their number before the nodes are known.

    Attributes:
        posts: The outposts there are or were asked for, by serial.
        nodes: The cluster's nodes; None before they are known.
        capacity: How many batches can be worked on at once.
    """

    def __init__(self, workers: int | None, guess: int) -> None:
        self.posts: dict[int, Post] = {}
        self.nodes: tuple[Node, ...] | None = None
        self.capacity = workers or guess
        self._workers = workers
        self._queues: dict[Amounts, deque[Batch]] = {}
        self._serials = itertools.count(1)
        self._asked: dict[Amounts, int] = {}
        self._yielded: dict[Amounts, float] = {}

    # Batches.

    def add(self, batch: Batch) -> None:
        """Take a new batch."""
        amounts = amounts_of(batch.work)
        queue = self._queues.get(amounts)
        if queue is None:
            queue = self._queues[amounts] = deque()
            self._count()
        queue.append(batch)
        self.deal(amounts)

    def put_back(self, batch: Batch) -> None:
        """Take a batch that an outpost had and did not begin, as the oldest."""
        amounts = amounts_of(batch.work)
        self._queues.setdefault(amounts, deque()).appendleft(batch)
        self.deal(amounts)

    def deal(self, amounts: Amounts) -> None:
        """Give outposts of a kind what they can have."""
        queue = self._queues.get(amounts)
        works = [post for post in self.posts.values() if post.amounts == amounts and post.works]
        idle = [post for post in works if not post.hands]
        while queue and idle:
            idle.pop().hand(queue.popleft())
        if queue:
            if len(self._queues) > 1 and self._keeps_out(amounts):
                return  # whoever has something ahead is never done
            for post in works:
                if not queue or queue[0].timeout is not None:
                    return
                if post.may_get_ahead:
                    post.hand(queue.popleft())
        elif idle:
            self._recall(works, len(idle))

    def _recall(self, works: list[Post], count: int) -> None:
        """Ask for so many batches back that wait behind others."""
        count -= sum(hand.recalled for post in works for hand in post.hands)
        for post in works:
            if count <= 0:
                return
            if len(post.hands) > 1 and post.recall():
                count -= 1

    def ended(self, post: Post, hand: InHand) -> None:
        """Note that an outpost is done with a batch, and find it something."""
        post.drop(hand)
        if post.hands:
            self.deal(post.amounts)
        elif post.works and self._stands_in_the_way(post):
            self._yielded[post.amounts] = time.monotonic()
            post.leave(0.0)
        else:
            self.deal(post.amounts)

    def take_waiting(self, wanted: Collection[int] | None = None) -> list[Batch]:
        """Take batches away that no outpost has; all of them by default."""
        taken = []
        for amounts, queue in self._queues.items():
            going = [batch for batch in queue if wanted is None or batch.number in wanted]
            taken += going
            if going:
                self._queues[amounts] = deque(batch for batch in queue if batch not in going)
        return taken

    def take_kind(self, amounts: Amounts) -> list[Batch]:
        """Take the batches of a kind away that no outpost has."""
        return list(self._queues.pop(amounts, ()))

    # How many outposts, and of which kind.

    def take_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Note which nodes there are now."""
        self.nodes = nodes
        self._count()

    def _count(self) -> None:
        """Work out the capacity, which is asked for often: of the kind that fits best of those that were needed."""
        if self._workers is None and self.nodes is not None:
            kinds = list(self._queues) or [(("CPU", 1.0),)]
            self.capacity = max(1, *(fitting(amounts, self.nodes) for amounts in kinds))

    @property
    def waiting_kinds(self) -> list[Amounts]:
        """The kinds that batches wait for."""
        return [amounts for amounts, queue in self._queues.items() if queue]

    @property
    def pressing_kinds(self) -> list[Amounts]:
        """The kinds that batches wait for, if only behind others; who was asked for first is first."""
        kinds = {*self.waiting_kinds, *(post.amounts for post in self.posts.values() if len(post.hands) > 1)}
        return sorted(kinds, key=lambda amounts: self._asked.get(amounts, 0))

    @property
    def busy(self) -> int:
        """How many outposts have something to do."""
        return sum(bool(post.hands) for post in self.posts.values())

    @property
    def placed(self) -> int:
        """How many outposts there are."""
        return sum(post.ready for post in self.posts.values())

    def fits(self, amounts: Amounts) -> bool:
        """Whether a kind fits on any of the nodes; yes before they are known."""
        return self.nodes is None or fitting(amounts, self.nodes) > 0

    def lacking(self, amounts: Amounts) -> int:
        """Count how many more outposts of a kind should be asked for."""
        if self._holds_back(amounts):
            return 0
        have = [post for post in self.posts.values() if post.amounts == amounts and not post.leaving]
        # What does not fit is asked for all the same: a cluster may grow for it.
        limit = self._workers or max(1, fitting(amounts, self.nodes or ()))
        busy = sum(bool(post.hands) for post in have)
        ahead = sum(len(post.hands) > 1 for post in have)
        wanted = min(limit, busy + ahead + len(self._queues.get(amounts, ())))
        return min(wanted - len(have), self._room)

    @property
    def _room(self) -> int:
        return 1 << 30 if self._workers is None else self._workers - len(self.posts)

    def ask(self, amounts: Amounts) -> Post:
        """Note that a further outpost is asked for."""
        taken = {post.number for post in self.posts.values()}
        number = next(number for number in itertools.count() if number not in taken)
        post = Post(next(self._serials), number, amounts)
        self.posts[post.serial] = post
        self._asked[amounts] = post.serial
        return post

    def surplus(self, now: float) -> list[Post]:
        """List outposts that are to go: idle for long, or in the way of others, or asked for in vain."""
        going = []
        for post in self.posts.values():
            if post.leaving or post.hands or self._queues.get(post.amounts):
                continue
            if post.channel is None:
                if now - post.asked_at > _IDLE_FOR / 3:
                    going.append(post)
            elif post.works and now - post.idle_at > _IDLE_FOR:
                going.append(post)
            elif post.works and self._stands_in_the_way(post):
                self._yielded[post.amounts] = now
                going.append(post)
        return going

    def _holds_back(self, amounts: Amounts) -> bool:
        """Tell whether a kind leaves to others what it has, or had just now."""
        there = any(post.amounts == amounts for post in self.posts.values())
        lately = time.monotonic() - self._yielded.get(amounts, -_YIELD_FOR) < _YIELD_FOR
        return (there or lately) and self._keeps_out(amounts)

    def _stands_in_the_way(self, post: Post) -> bool:
        """Tell whether an outpost should leave to make room, and no other is on its way out for that."""
        return not any(other.leaving for other in self.posts.values()) and self._keeps_out(post.amounts)

    def _keeps_out(self, amounts: Amounts) -> bool:
        """Tell whether outposts of another kind are needed and none is there, though it had the time to come."""
        now = time.monotonic()
        here = [post for post in self.posts.values() if post.amounts == amounts and post.works]
        if here and self._queues.get(amounts) and all(now - post.ready_at < _TURN for post in here):
            return False
        for needed in self.waiting_kinds:
            if needed == amounts or not self.fits(needed):
                continue
            others = [other for other in self.posts.values() if other.amounts == needed]
            if not any(other.ready for other in others) and (
                self._room <= 0 or any(now - other.asked_at > _PATIENCE for other in others)
            ):
                return True
        return False
