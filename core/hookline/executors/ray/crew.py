"""Which outpost gets which batch. Nothing is waited for here.

Batches wait in one queue per kind of outpost; one that is idle takes the oldest. One that is busy gets one more ahead,
so that it need not wait for a round trip; if another would be idle, it is asked to give that back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from hookline.executors.ray.amounts import Amounts, amounts_of
from hookline.executors.ray.post import InHand, Post
from hookline.executors.ray.room import Kind, Room
from hookline.model.batch import Batch

__all__ = ["Crew"]


class Crew:
    """Batches that wait, and what outposts have in hand. Whoever calls holds the executor's lock.

    Args:
        room: The outposts.
    """

    def __init__(self, room: Room) -> None:
        self._room = room

    def add(self, batch: Batch) -> bool:
        """Take a new batch; tell whether it needs an outpost that nobody has asked for."""
        kind = self._room.kind(amounts_of(batch.work))
        kind.queue.append(batch)
        self._deal(kind)
        return bool(kind.queue) and self._room.missing(kind.amounts) > 0

    def put_back(self, batch: Batch) -> None:
        """Take a batch that an outpost had and did not begin, as the oldest."""
        kind = self._room.kinds[amounts_of(batch.work)]
        kind.queue.appendleft(batch)
        self._deal(kind)

    def ready(self, post: Post) -> None:
        """Note that an outpost can be given batches."""
        self._room.kinds[post.amounts].idle[post.serial] = post
        self._deal(self._room.kinds[post.amounts])

    def _deal(self, kind: Kind) -> None:
        """Give outposts of a kind what they can have."""
        queue = kind.queue
        while queue and kind.idle:
            _, post = kind.idle.popitem()
            if post.works:
                post.hand(queue.popleft())
                kind.single[post.serial] = post
        if queue and self._room.keeps_out(kind.amounts):
            return  # whoever has something ahead is never done
        # What has a time limit must not begin unseen.
        while queue and kind.single and queue[0].timeout is None:
            # The one that has been at work for longest is likely to be done first.
            post = kind.single.pop(next(iter(kind.single)))
            if post.may_get_ahead:
                post.hand(queue.popleft())
                kind.double[post.serial] = post
        if not queue and kind.idle and kind.double:
            self._recall(kind)

    def _recall(self, kind: Kind) -> None:
        """Ask for as many batches back that wait behind others as there are outposts with nothing to do."""
        behind = [post for post in kind.double.values() if post.works]
        count = sum(post.works for post in kind.idle.values()) - sum(post.hands[-1].recalled for post in behind)
        for post in behind:
            if count <= 0:
                return
            count -= post.recall()

    def drop(self, post: Post, hand: InHand) -> None:
        """Note that an outpost does not have a batch any more."""
        post.drop(hand)
        self._room.kinds[post.amounts].sort_in(post)

    def ended(self, post: Post, hand: InHand) -> None:
        """Note that an outpost is done with a batch, and find it something."""
        self.drop(post, hand)
        if not post.hands and post.works and self._room.yields(post):
            post.leave(0.0)
        else:
            self._deal(self._room.kinds[post.amounts])

    def forget(self, post: Post) -> bool:
        """Leave out an outpost that is gone and has nothing in hand; tell whether it was there."""
        kind = self._room.kinds[post.amounts]
        for group in (kind.idle, kind.single, kind.double):
            group.pop(post.serial, None)
        return self._room.posts.pop(post.serial, None) is not None

    def take_waiting(self, wanted: Collection[int] | None = None) -> list[Batch]:
        """Take batches away that no outpost has; all of them by default."""
        taken: list[Batch] = []
        for kind in self._room.kinds.values():
            kept: deque[Batch] = deque()
            for batch in kind.queue:
                (taken if wanted is None or batch.number in wanted else kept).append(batch)
            kind.queue = kept
        return taken

    def take_kind(self, amounts: Amounts) -> list[Batch]:
        """Take the batches of a kind away that no outpost has."""
        queue = self._room.kinds[amounts].queue
        taken = list(queue)
        queue.clear()
        return taken
