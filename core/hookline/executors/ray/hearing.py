"""What outposts say, and what follows from it. Whoever calls holds the executor's lock."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.crew import Crew
from hookline.executors.ray.files import file_messages
from hookline.executors.ray.post import InHand, Post
from hookline.executors.ray.wire import (
    BEGUN,
    BROKEN,
    HELLO,
    LEFT,
    LOST,
    OPEN,
    OUTCOMES,
    PIECE,
    READY,
    RECALLED,
    UNREADABLE,
    WANT,
    WANT_FILES,
    Hello,
)
from hookline.model.batch import Deliver, Failure, Finished, Lost, RunFacts, Started, outcome_of, python_minor

__all__ = ["Hearing"]

_log = logging.getLogger("hookline.executors.ray")
# The worker stands above the executors; it is found by name.
_CARRIER = "hookline.worker.carrier"


class Hearing:
    """Takes messages of outposts.

    Args:
        run: What outposts must know.
        proof: By what they find out what they see of this machine's files.
        crew: Who has what.
        deliver: Takes messages for the engine.
        give_up: Called with a reason and a remedy where no outpost can be of use.
        left: Called with an outpost that has ended as it was told to.
    """

    def __init__(
        self,
        run: RunFacts,
        proof: object,
        crew: Crew,
        deliver: Deliver,
        give_up: Callable[[str, str], None],
        left: Callable[[Post], None],
    ) -> None:
        self._run, self._proof = run, proof
        self._crew = crew
        self._deliver = deliver
        self._give_up = give_up
        self._left = left
        self._carrier: Any = None
        self._does: dict[int, Callable[..., None]] = {
            HELLO: self._hello,
            READY: self._ready,
            BROKEN: self._broken,
            BEGUN: self._begun,
            OUTCOMES: self._outcomes,
            LOST: self._lost,
            RECALLED: self._recalled,
            WANT: self._want,
            WANT_FILES: self._want_files,
            PIECE: self._piece,
            LEFT: self._left_by,
        }

    def take(self, post: Post, message: tuple[Any, ...]) -> None:
        """Take one message of an outpost."""
        if post.channel is None:
            return
        try:
            self._does[message[0]](post, *message[1:])
        except HooklineError as error:  # the disk is full, say
            self._give_up(error.message, error.help)

    def forget(self, post: Post) -> None:
        """Let go of what an outpost that is gone had not finished sending."""
        if self._carrier is not None:
            self._carrier.forget(post.serial)

    def close(self) -> None:
        """Give files back."""
        if self._carrier is not None:
            self._carrier.close()

    # How outposts begin and end.

    def _hello(self, post: Post, hello: Hello) -> None:
        post.hello = hello
        ours, python = version("hookline"), python_minor()
        if (hello.hookline, hello.python) != (ours, python):
            self._give_up(
                f"the node '{hello.host}' has hookline {hello.hookline} on Python {hello.python}, and this process "
                f"hookline {ours} on Python {python}",
                "install the same versions on the nodes, as part of their image or by [tool.hookline.ray.runtime_env]",
            )
            return
        assert post.channel is not None
        post.channel.send((OPEN, self._run, post.number, self._proof))

    def _ready(self, post: Post, shares: bool) -> None:
        post.ready, post.shares = True, shares
        post.ready_at = post.idle_at = time.monotonic()
        if not shares and self._carrier is None:
            assert post.hello is not None
            _log.warning(
                "the node '%s' does not see the store's folder '%s': data of its tasks passes through this process",
                post.hello.host,
                self._run.store,
            )
            self._carrier = importlib.import_module(_CARRIER).carrier_of(self._run)
        self._crew.ready(post)

    def _broken(self, post: Post, failure: Failure) -> None:
        host = post.hello.host if post.hello is not None else "?"
        self._give_up(f"no attempts can be made on the node '{host}': {failure.message}", "")

    def _left_by(self, post: Post) -> None:
        self._left(post)

    # What becomes of batches.

    def _begun(self, post: Post, number: int) -> None:
        hand = post.find(number)
        if hand is not None and not hand.begun:
            hand.begun, hand.recalled = True, False
            self._deliver(Started(number, post.number))

    def _outcomes(self, post: Post, number: int, rows: list[Any], done: bool, positions: Sequence[int] | None) -> None:
        hand = post.find(number)
        if hand is None:
            return
        if not post.shares:
            self._carrier.sync()
        self._begun(post, number)
        self._deliver(Finished(number, post.number, [outcome_of(row) for row in rows], done, positions))
        if done:
            self._ended(post, hand)

    def _lost(self, post: Post, lost: tuple[Any, ...]) -> None:
        message = Lost._make(lost)
        hand = post.find(message.batch)
        if hand is not None:
            self._deliver(message)
            self._ended(post, hand)

    def _recalled(self, post: Post, number: int) -> None:
        hand = post.find(number)
        if hand is None:
            return
        if hand.cancelled:
            self._deliver(Lost(number, -1, "cancelled before it began", cancelled=True))
            self._ended(post, hand)
        else:
            self._crew.drop(post, hand)
            self._crew.put_back(hand.batch)

    def _ended(self, post: Post, hand: InHand) -> None:
        if hand.cancelled and not any(other.cancelled for other in post.hands if other is not hand):
            post.kill_at = None
        self._crew.ended(post, hand)

    # Data of nodes that do not see the store's folder.

    def _want(self, post: Post, wanted: list[Any]) -> None:
        assert post.channel is not None
        post.channel.send_later(self._pieces(wanted))

    def _want_files(self, post: Post, asked: list[Any]) -> None:
        assert post.channel is not None
        post.channel.send_later(file_messages(asked, self._run.cwd))

    def _pieces(self, wanted: list[Any]) -> Iterator[tuple[Any, ...]]:
        for stored in wanted:
            try:
                for piece in self._carrier.pieces(stored):
                    yield PIECE, piece
            except Exception as error:  # noqa: BLE001 - whatever it is, the batch there is not to wait for ever
                _log.debug("an artifact can't be sent: %r", error)
                yield UNREADABLE, stored.digest, stored.place

    def _piece(self, post: Post, piece: tuple[Any, ...]) -> None:
        self._carrier.take(piece, post.serial)
