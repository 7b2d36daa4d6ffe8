"""The outposts of one run: asked for, let in, listened to, and accounted for when they are gone."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hookline.executors.listener import Listener
from hookline.executors.ray.amounts import Amounts, described, most
from hookline.executors.ray.channel import Channel
from hookline.executors.ray.crew import Crew
from hookline.executors.ray.explain import NODE_DIED, OUT_OF_MEMORY
from hookline.executors.ray.hearing import Hearing
from hookline.executors.ray.post import InHand, Post
from hookline.executors.ray.room import Room
from hookline.executors.ray.wire import DISMISS, POST
from hookline.model.batch import Batch, Deliver, Finished, Lost, RunFacts

__all__ = ["Outposts"]

_log = logging.getLogger("hookline.executors.ray")

_REASON_WITHIN = 2.0
"""Seconds in which Ray tells why an outpost's connection ended."""

_END_WITHIN = 10.0
"""Seconds in which the process ends of which Ray tells that it did, as the end of its connection proves."""

_FORCE_AFTER = 3.0
"""Seconds, beyond the grace period, after which an outpost is ended that did not end what it was told to."""

_STARTS = 3
"""How many outposts in a row may end before they can do anything, on nodes that go on."""

_SPARED = 3


class Outposts:
    """Keeps outposts, and hands them batches. Whoever calls holds the executor's lock, unless it says otherwise.

    Args:
        room: Which there are.
        run: What they must know.
        proof: By what they find out what they see of this machine's files.
        listener: Listens to them.
        lock: The executor's lock.
        order: Tells the gateway to do something.
        deliver: Takes messages for the engine.
        lose: Called with a reason and a remedy where none can be of use.
        strict: Whether what no node has fails, rather than waits.
    """

    def __init__(
        self,
        room: Room,
        run: RunFacts,
        proof: object,
        listener: Listener,
        lock: threading.RLock,
        order: Callable[[tuple[Any, ...]], None],
        deliver: Deliver,
        lose: Callable[[str, str], None],
        strict: bool,
    ) -> None:
        self._room = room
        self._crew = Crew(room)
        self._hearing = Hearing(run, proof, self._crew, deliver, lose, self._forget)
        self._listener = listener
        self._lock = lock
        self._order = order
        self._deliver = deliver
        self._lose = lose
        self._strict = strict
        self._closed = ""
        self._callers: list[tuple[int, socket.socket]] = []
        self._failed_starts = 0
        self._spared: Counter[int] = Counter()
        self._unmet: set[Amounts] = set()

    # Batches.

    def submit(self, batch: Batch) -> None:
        """Take a batch."""
        if self._closed:
            self._cancelled(batch, self._closed)
        elif self._crew.add(batch):
            self._listener.wake()

    def cancel(self, wanted: set[int], grace: float) -> None:
        """Have batches ended: at once what no outpost has, within the grace period what one has."""
        for batch in self._crew.take_waiting(wanted):
            self._cancelled(batch, "cancelled before it began")
        for post in self._room.posts.values():
            hands = [hand for hand in post.hands if hand.batch.number in wanted]
            if hands:
                post.cancel(hands, grace)
                due = time.monotonic() + grace + _FORCE_AFTER
                post.kill_at = min(due, post.kill_at or due)

    def leave(self, grace: float) -> None:
        """Have all of them end; nothing is taken any more."""
        self._refuse("the executor was closed")
        for post in list(self._room.posts.values()):
            self._send_away(post, grace)

    def dismiss(self) -> None:
        """Have all of them ended by force, and wait for none."""
        for serial in self._room.posts:
            self._order((DISMISS, serial))
        self.abandon("the executor was closed")

    def abandon(self, why: str) -> None:
        """Let go of all of them: nothing reaches them any more, or nothing is to."""
        self._refuse(why)
        for post in list(self._room.posts.values()):
            for hand in post.hands:
                self._deliver(Lost(hand.batch.number, post.number, why, cancelled=True))
            post.hands.clear()
            self._forget(post)

    def close(self) -> None:
        """Give files back."""
        self._hearing.close()

    def _refuse(self, why: str) -> None:
        self._closed = why
        for batch in self._crew.take_waiting():
            self._cancelled(batch, why)

    # How many, and which.

    def staff(self, address: tuple[str, int], token: bytes) -> None:
        """Ask for outposts that are needed, and send away those that are not.

        Args:
            address: Where they call.
            token: What they must have.
        """
        room = self._room
        self._unmet -= {amounts for amounts in self._unmet if room.fits(amounts)}
        for amounts in room.pressing_kinds:
            if not room.fits(amounts) and not self._note_unmet(amounts):
                continue
            for _ in range(room.lacking(amounts)):
                post = room.ask(amounts)
                self._order((POST, post.serial, dict(amounts), address, token))
        for post in room.surplus(time.monotonic()):
            self._send_away(post, 0.0)

    def _note_unmet(self, amounts: Amounts) -> bool:
        """Say that no node has what is needed; tell whether to ask for it all the same."""
        there = described(most(self._room.nodes or ()))
        what = f"no node of the Ray cluster has {described(amounts)}; of each, the most that one has is {there}"
        if self._strict:
            for batch in self._crew.take_kind(amounts):
                self._deliver(Finished.failed(batch, f"{what}\nhelp: ask for less with resources=, or add such a node"))
            return False
        if amounts not in self._unmet:
            self._unmet.add(amounts)
            _log.warning("%s: its tasks wait for the cluster to grow; --strict-resources lets them fail", what)
        return True

    def take_unfit(self, serial: int, why: str) -> None:
        """Let the batches fail that need amounts which Ray does not take."""
        post = self._room.posts.get(serial)
        if post is None:
            return
        self._forget(post)
        for batch in self._crew.take_kind(post.amounts):
            self._deliver(Finished.failed(batch, f"Ray does not take the resources {described(post.amounts)}: {why}"))

    # Their connections.

    def admit(self, serial: int, caller: socket.socket) -> None:
        """Take a connection from the door, in a thread of the door's and without the lock."""
        with self._lock:
            self._callers.append((serial, caller))
            self._listener.wake()

    def look_around(self) -> None:
        """Let in who has called, and listen for room to send where something waits for that."""
        callers, self._callers = self._callers, []
        for serial, caller in callers:
            post = self._room.posts.get(serial)
            if post is None or post.channel is not None or self._closed:
                caller.close()
                continue
            post.channel = Channel(caller, self._listener.wake)
            self._listen(post)
        for post in self._room.posts.values():
            if post.channel is not None and post.writes != post.channel.waiting and post.lost_at is None:
                self._listen(post)

    def act(self, now: float) -> None:
        """Do what is due: account for those that are gone, and end those that do not end by themselves."""
        for post in list(self._room.posts.values()):
            if post.lost_at is not None and now - post.lost_at > _REASON_WITHIN:
                self._bury(post, post.ended or "its connection ended")
            elif post.ended and now - post.ended_at > _END_WITHIN:
                self._bury(post, post.ended)
            elif post.kill_at is not None and post.kill_at <= now:
                post.kill_at = None
                post.ended, post.ended_at = "it did not end by itself, and was ended", now
                self._order((DISMISS, post.serial))

    def take_end(self, serial: int, why: str, hopeless: bool) -> None:
        """Take Ray's word that an outpost is gone."""
        post = self._room.posts.get(serial)
        if post is None:
            return
        if not post.ready and not post.leaving:
            self._failed_starts += why != NODE_DIED
            if hopeless or self._failed_starts >= _STARTS:
                self._lose(f"no worker can be started on Ray: {why}", "")
                return
            _log.warning("a worker on Ray ended before it could do anything: %s", why)
        post.ended, post.ended_at = why, time.monotonic()
        # Ray says of a process that it ended when it was told to; while its connection stands, its attempt may go on.
        if post.channel is None or post.lost_at is not None:
            self._bury(post, why)

    def _listen(self, post: Post) -> None:
        assert post.channel is not None
        post.writes = post.channel.waiting
        self._listener.listen(post.channel.fd, lambda event: self._hear(post, event), room=post.writes)

    def _hear(self, post: Post, event: int) -> None:
        channel = post.channel
        if channel is None:
            return
        if event & select.POLLOUT:
            channel.flush()
            self._listener.change()
        messages, open_ = channel.receive()
        for message in messages:
            self._hearing.take(post, message)
            if post.channel is None:
                return
        if post.ready:
            self._failed_starts = 0
        if not open_:
            self._listener.ignore(channel.fd)
            self._listener.change()
            post.lost_at = time.monotonic()
            if post.ended or post.leaving:
                self._bury(post, post.ended or "it left")

    def _bury(self, post: Post, why: str) -> None:
        """Account for an outpost that is gone."""
        if post.channel is not None and post.lost_at is None:
            messages, _ = post.channel.receive()
            for message in messages:
                self._hearing.take(post, message)
        hands = list(post.hands)
        post.hands.clear()
        self._forget(post)
        host = f" on the node '{post.hello.host}'" if post.hello is not None else ""
        for hand in reversed(hands):
            self._end_hand(post, hand, f"the worker{host} is gone: {why}", why == OUT_OF_MEMORY)

    def _end_hand(self, post: Post, hand: InHand, why: str, out_of_memory: bool) -> None:
        number = hand.batch.number
        if hand.cancelled:
            self._deliver(Lost(number, post.number if hand.begun else -1, why, cancelled=True))
        elif hand.begun or self._spared[number] >= _SPARED:
            self._deliver(Lost(number, post.number, why, out_of_memory))
        elif self._closed:
            self._cancelled(hand.batch, self._closed)
        else:
            self._spared[number] += 1
            self._crew.put_back(hand.batch)

    def _forget(self, post: Post) -> None:
        """Let go of an outpost, which has nothing in hand."""
        if not self._crew.forget(post):
            return
        if post.channel is not None:
            self._listener.ignore(post.channel.fd)
            post.channel.close()
            post.channel = None
        self._hearing.forget(post)
        self._listener.change()

    def _send_away(self, post: Post, grace: float) -> None:
        if post.channel is None:
            self._order((DISMISS, post.serial))
            self._forget(post)
        elif not post.leaving:
            post.leave(grace)

    def _cancelled(self, batch: Batch, why: str) -> None:
        self._deliver(Lost(batch.number, -1, why, cancelled=True))
