"""The driver's view of one outpost: what it has in hand, and how to reach it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hookline.executors.ray.amounts import Amounts
from hookline.executors.ray.channel import Channel
from hookline.executors.ray.wire import BATCH, CANCEL, LEAVE, RECALL, Hello
from hookline.executors.sent import Sent
from hookline.model.batch import Batch

__all__ = ["InHand", "Post"]

_LEAVE_WITHIN = 13.0
"""Seconds, beyond the grace period, in which an outpost has ended its worker and itself."""


@dataclass(slots=True, eq=False)
class InHand:
    """A batch that an outpost has.

    Attributes:
        batch: The batch.
        begun: Whether its worker said that it began.
        recalled: Whether it was asked to give the batch back.
        cancelled: Whether it was asked to end it.
    """

    batch: Batch
    begun: bool = False
    recalled: bool = False
    cancelled: bool = False


@dataclass(slots=True, eq=False)
class Post:
    """One outpost, from when it is asked for.

    Attributes:
        serial: Its number for the gateway; never used twice.
        number: Its number for the engine; used again after its end.
        amounts: What it has.
        asked_at: When it was asked for, on the monotonic clock.
        channel: The connection to it; None until it has called.
        hello: Who it is; None until it has said so.
        ready: Whether it said that it can make attempts.
        ready_at: When it said so, on the monotonic clock.
        shares: Whether its node sees the store's folder.
        hands: What it has: at work, and ahead.
        leaving: Whether it was told to end.
        kill_at: When it is to be ended by force, on the monotonic clock.
        idle_at: Since when it has had nothing to do, on the monotonic clock.
        lost_at: When its connection ended, on the monotonic clock; None while it has not.
        ended: Why it ended, in Ray's words; empty while Ray has none.
        ended_at: When Ray said so, on the monotonic clock.
        writes: Whether the listening thread waits for room to send.
    """

    serial: int
    number: int
    amounts: Amounts
    asked_at: float = field(default_factory=time.monotonic)
    channel: Channel | None = None
    hello: Hello | None = None
    ready: bool = False
    ready_at: float = 0.0
    shares: bool = False
    hands: list[InHand] = field(default_factory=list)
    leaving: bool = False
    kill_at: float | None = None
    idle_at: float = 0.0
    lost_at: float | None = None
    ended: str = ""
    ended_at: float = 0.0
    writes: bool = False
    _sent: Sent = field(default_factory=Sent)

    @property
    def works(self) -> bool:
        """Whether it can be given batches."""
        return self.ready and not self.leaving and self.lost_at is None and not self.ended

    @property
    def may_get_ahead(self) -> bool:
        """Whether it may have a batch beside the one that it works on; what has a time limit must not begin unseen."""
        return self.works and len(self.hands) == 1 and self.hands[0].batch.timeout is None and self.kill_at is None

    def hand(self, batch: Batch) -> None:
        """Give it a batch."""
        self._send((BATCH, *self._sent.pack(batch)))
        self.hands.append(InHand(batch))

    def recall(self) -> bool:
        """Ask for the batch back that it has not begun, if it has one."""
        last = self.hands[-1] if self.hands else None
        if last is None or last.begun or last.recalled or last.cancelled:
            return False
        last.recalled = True
        self._send((RECALL, last.batch.number))
        return True

    def cancel(self, hands: list[InHand], grace: float) -> None:
        """Ask it to end batches that it has."""
        for hand in hands:
            hand.cancelled = True
        self._send((CANCEL, [hand.batch.number for hand in hands], grace))

    def leave(self, grace: float) -> None:
        """Tell it to end; it is ended by force if it does not."""
        self.leaving = True
        due = time.monotonic() + grace + _LEAVE_WITHIN
        self.kill_at = min(due, self.kill_at or due)
        self._send((LEAVE, grace))

    def find(self, number: int) -> InHand | None:
        """Find a batch that it has."""
        return next((hand for hand in self.hands if hand.batch.number == number), None)

    def drop(self, hand: InHand) -> None:
        """Note that a batch has ended, or is elsewhere."""
        self.hands.remove(hand)
        if not self.hands:
            self.idle_at = time.monotonic()

    def _send(self, message: tuple[object, ...]) -> None:
        if self.channel is not None:
            self.channel.send(message)
