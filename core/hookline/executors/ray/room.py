"""How many outposts of which kind there should be, and which make room for others. Nothing is waited for here."""

from __future__ import annotations

import itertools
import time
from collections import deque
from dataclasses import dataclass, field

from hookline.executors.ray.amounts import Amounts, fitting
from hookline.executors.ray.post import Post
from hookline.executors.ray.wire import Node
from hookline.model.batch import Batch

__all__ = ["Kind", "Room"]

_IDLE_FOR = 30.0
"""Seconds after which an outpost that has nothing to do gives its resources back."""

_PATIENCE = 1.0
"""Seconds after which an outpost that there is no room for has others make some."""

_AT_LAST = 10.0
"""Seconds after which that is done although there seems to be room: on a node that is dead, or taken by others."""

_ASK_AGAIN = 60.0
"""Seconds after which an outpost is asked for anew that there seems to be room for."""

_TURN = 2.0
"""Seconds that an outpost works before it makes room for another kind: to come costs about as much."""

_YIELD_FOR = 5.0
"""Seconds in which Ray gives to others what a kind has left to them, before it asks for more."""


@dataclass(slots=True, eq=False)
class Kind:
    """The batches and outposts of one kind, so that none of the others need be looked at for a batch.

    Outposts are by serial, and may have come to an end since they were put here.

    Attributes:
        amounts: What its outposts have.
        queue: Batches that wait.
        idle: Outposts that have nothing.
        single: Those that have one batch, and may have another ahead.
        double: Those that have one ahead.
    """

    amounts: Amounts
    queue: deque[Batch] = field(default_factory=deque)
    idle: dict[int, Post] = field(default_factory=dict)
    single: dict[int, Post] = field(default_factory=dict)
    double: dict[int, Post] = field(default_factory=dict)

    def sort_in(self, post: Post) -> None:
        """Put an outpost where it belongs, as what it has in hand has changed."""
        serial, count = post.serial, len(post.hands)
        for at, group in enumerate((self.idle, self.single, self.double)):
            if at == count:
                group[serial] = post
            else:
                group.pop(serial, None)


class Room:
    """The outposts there are, the kinds of them that are needed, and the nodes that hold them.

    Args:
        workers: How many outposts there may be; None for as many as fit on the nodes.
        guess: What to take for their number before the nodes are known.

    Attributes:
        posts: The outposts there are or were asked for, by serial.
        kinds: What was ever needed.
        nodes: The cluster's nodes; None before they are known.
        capacity: How many batches can be worked on at once.
    """

    def __init__(self, workers: int | None, guess: int) -> None:
        self.posts: dict[int, Post] = {}
        self.kinds: dict[Amounts, Kind] = {}
        self.nodes: tuple[Node, ...] | None = None
        self.capacity = workers or guess
        self._workers = workers
        self._serials = itertools.count(1)
        self._asked: dict[Amounts, int] = {}
        self._yielded: dict[Amounts, float] = {}

    def kind(self, amounts: Amounts) -> Kind:
        """Give a kind, new or known."""
        kind = self.kinds.get(amounts)
        if kind is None:
            kind = self.kinds[amounts] = Kind(amounts)
            self._count()
        return kind

    def take_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Note which nodes there are now."""
        self.nodes = nodes
        self._count()

    def _count(self) -> None:
        """Work out the capacity, which is asked for often: of the kind that fits best of those that were needed."""
        if self._workers is None and self.nodes is not None:
            kinds = list(self.kinds) or [(("CPU", 1.0),)]
            self.capacity = max(1, *(fitting(amounts, self.nodes) for amounts in kinds))

    @property
    def waiting_kinds(self) -> list[Amounts]:
        """The kinds that batches wait for."""
        return [amounts for amounts, kind in self.kinds.items() if kind.queue]

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
        return 0 if self._holds_back(amounts) else min(self.missing(amounts), self._room)

    def missing(self, amounts: Amounts) -> int:
        """Count how many more would find something to do, with those of other kinds out of the way."""
        have = [post for post in self.posts.values() if post.amounts == amounts and not post.leaving]
        # What does not fit is asked for all the same: a cluster may grow for it.
        limit = self._workers or max(1, fitting(amounts, self.nodes or ()))
        in_hand = sum(len(post.hands) for post in have)
        return min(limit, in_hand + len(self.kinds[amounts].queue)) - len(have)

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
            if post.channel is None and now - post.asked_at > _ASK_AGAIN and self._has_room(post.amounts):
                going.append(post)
                continue
            if post.leaving or post.hands or self.kinds[post.amounts].queue:
                continue
            if post.channel is None:
                if now - post.asked_at > _IDLE_FOR / 3:
                    going.append(post)
            elif post.works and (now - post.idle_at > _IDLE_FOR or self.yields(post)):
                going.append(post)
        return going

    def _holds_back(self, amounts: Amounts) -> bool:
        """Tell whether a kind leaves to others what it has, or had just now."""
        there = any(post.amounts == amounts for post in self.posts.values())
        lately = time.monotonic() - self._yielded.get(amounts, -_YIELD_FOR) < _YIELD_FOR
        return (there or lately) and self.keeps_out(amounts)

    def yields(self, post: Post) -> bool:
        """Tell whether an outpost is to leave now to make room, where no other is on its way out for that; note it."""
        if not self.keeps_out(post.amounts) or any(other.leaving for other in self.posts.values()):
            return False
        self._yielded[post.amounts] = time.monotonic()
        return True

    def keeps_out(self, amounts: Amounts) -> bool:
        """Tell whether outposts of another kind are needed and none is there, though it had the time to come."""
        if len(self.kinds) < 2:
            return False  # all outposts are alike, and may be many
        now = time.monotonic()
        here = [post for post in self.posts.values() if post.amounts == amounts and post.works]
        if here and self.kinds[amounts].queue and all(now - post.ready_at < _TURN for post in here):
            return False
        for needed in self.waiting_kinds:
            if needed == amounts or not self.fits(needed):
                continue
            others = [other for other in self.posts.values() if other.amounts == needed]
            if any(other.ready for other in others):
                continue
            since = now - min((other.asked_at for other in others), default=now)
            if since > (_AT_LAST if self._has_room(needed) else _PATIENCE) or (not others and self._room <= 0):
                return True
        return False

    def _has_room(self, amounts: Amounts) -> bool:
        """Tell whether a node has room for an outpost beside those that are there: it is on its way then."""
        for node in self.nodes or ():
            free = dict(node.amounts)
            there = [post for post in self.posts.values() if post.hello is not None and post.hello.node == node.id]
            for name, amount in itertools.chain.from_iterable(post.amounts for post in there):
                free[name] = free.get(name, 0.0) - amount
            if fitting(amounts, [node._replace(amounts=free)]):
                return True
        return False
