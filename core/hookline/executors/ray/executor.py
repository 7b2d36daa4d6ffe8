"""The Ray executor: attempts happen in outposts, which Ray places on the nodes of a cluster."""

from __future__ import annotations

import importlib
import logging
import os
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hookline.executors.listener import Listener
from hookline.executors.protocol import Traits
from hookline.executors.ray.amounts import Amounts, described, most
from hookline.executors.ray.channel import Channel
from hookline.executors.ray.crew import Crew
from hookline.executors.ray.door import Door
from hookline.executors.ray.explain import OUT_OF_MEMORY
from hookline.executors.ray.hearing import Hearing
from hookline.executors.ray.link import GatewayLink
from hookline.executors.ray.post import InHand, Post
from hookline.executors.ray.wire import CONNECTED, DISMISS, ENDED, NODES, POST, REFUSED, Node, new_token
from hookline.executors.worker_start import processors
from hookline.model.batch import Batch, Deliver, Finished, Gone, Lost, Places, RunFacts

__all__ = ["RayExecutor"]

_log = logging.getLogger("hookline.executors.ray")
# The worker stands above the executors; it is found by name.
_PROOFS = "hookline.worker.relocation"

_LOOK_EVERY = 0.2
_CONNECT_WITHIN = 120.0
_FORCE_AFTER = 3.0
"""Seconds, beyond the grace period, after which an outpost is ended that did not end what it was told to."""

_REASON_WITHIN = 2.0
"""Seconds in which Ray tells why an outpost's connection ended."""

_END_WITHIN = 10.0
"""Seconds in which the process ends of which Ray tells that it did, as the end of its connection proves."""

_CLOSE_WITHIN = 15.0
_CLOSE_AT_ONCE_WITHIN = 0.7
_STARTS = 3
"""How many outposts in a row may end before they can do anything."""

_SPARED = 3
_SHOW_EVERY = 0.5


class RayExecutor:
    """Makes attempts on the nodes of a Ray cluster.

    Args:
        workers: How many attempts at once; by default as many as fit on the cluster's nodes.
        address: Where the cluster's head is: ``"HOST:PORT"``, ``"auto"`` for one on this machine, ``"local"`` to start
            one; by default what ``RAY_ADDRESS`` says, else one is started.
        strict_resources: Whether tasks fail that need more than any node has; otherwise they wait for the cluster to
            grow.
        port: Where this process listens for its workers; 0 for any port.
        silence: For how many seconds the head may be silent before it counts as lost.
        ship: Whether the project's files are sent to workers; by default on a cluster that is joined.
        runtime_env: What Ray is to set up for workers: ``pip``, ``env_vars`` and so on.
    """

    traits = Traits(kills=True, remote=True, shares_memory=False)

    def __init__(
        self,
        workers: int | None = None,
        *,
        address: str = "",
        strict_resources: bool = False,
        port: int = 0,
        silence: float = 45.0,
        ship: bool | None = None,
        runtime_env: Mapping[str, Any] | None = None,
    ) -> None:
        self._address = address or os.environ.get("RAY_ADDRESS", "") or "local"
        self._cluster: dict[str, Any] = {"address": self._address, "workers": workers, "ship": ship}
        self._cluster["runtime_env"] = dict(runtime_env or {})
        self._strict = strict_resources
        self._port = port
        self._silence = silence
        self._crew = Crew(workers, processors() if self._address == "local" else 2)
        self._lock = threading.RLock()
        self._started = False
        self._closing: float | None = None
        self._lost: str | None = None
        self._door: Door | None = None
        self._callers: list[tuple[int, socket.socket]] = []
        self._failed_starts = 0
        self._spared: Counter[int] = Counter()
        self._unmet: set[Amounts] = set()
        self._shown = (0, 0, 0)
        self._shown_at = 0.0

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`; connecting to the cluster begins now."""
        self._started = True
        self._name = run.executor or "ray"
        self._deliver = deliver
        self._token = new_token()
        self._proofs: Any = importlib.import_module(_PROOFS)
        self._proof = self._proofs.proof_of(run)
        self._hearing = Hearing(run, self._proof, self._crew, deliver, self._lose, self._forget)
        self._listener = Listener(self._lock, self._look_around, self._act, self._is_done, self._give_up)
        leave_out = [str(Path(run.artifacts).parent)]
        self._link = GatewayLink({**self._cluster, "root": run.root, "leave_out": leave_out})
        self._connected = False
        self._began = time.monotonic()
        self._listener.listen(self._link.channel.fd, self._hear_gateway)
        self._listener.listen(self._link.supervisor_fd, self._hear_supervisor)
        self._listener.start()
        deliver(Places(self._name, 0, 0, 0))

    def capacity(self) -> int:
        """One batch per outpost that there can be."""
        return self._crew.capacity

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        with self._lock:
            if self._lost is not None or self._closing is not None:
                self._cancelled(batch, self._lost or "the executor was closed")
                return
            if self._crew.add(batch):
                self._listener.wake()

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """See :meth:`Executor.cancel`."""
        wanted = set(batches)
        with self._lock:
            for batch in self._crew.take_waiting(wanted):
                self._cancelled(batch, "cancelled before it began")
            for post in self._crew.posts.values():
                hands = [hand for hand in post.hands if hand.batch.number in wanted]
                if hands:
                    post.cancel(hands, grace)
                    due = time.monotonic() + grace + _FORCE_AFTER
                    post.kill_at = min(due, post.kill_at or due)

    def close(self, grace: float) -> None:
        """See :meth:`Executor.close`; a cluster that was started ends, another one gets its resources back."""
        if not self._started:
            return
        self._started = False
        # Without grace somebody is waiting for the end.
        within = grace + _CLOSE_WITHIN if grace else _CLOSE_AT_ONCE_WITHIN
        with self._lock:
            self._closing = time.monotonic() + within
            for batch in self._crew.take_waiting():
                self._cancelled(batch, "the executor was closed")
            for post in list(self._crew.posts.values()):
                if post.channel is None:
                    self._dismiss(post)
                elif not post.leaving:
                    post.leave(grace)
            self._listener.wake()
        if not self._listener.close(within + 1.0):
            _log.warning("workers on Ray were not reported to have ended, and are ended with the connection")
        self._link.close(_CLOSE_WITHIN if grace and not self._lost else 0.0)
        if self._door is not None:
            self._door.close()
        self._hearing.close()
        self._proofs.forget_proof(self._proof)

    # What the listening thread calls; it holds the lock.

    def _is_done(self) -> bool:
        return self._closing is not None and (not self._crew.posts or self._lost is not None)

    def _look_around(self) -> float | None:
        self._let_in()
        if self._lost is None and self._closing is None and self._door is not None:
            self._staff()
        for post in self._crew.posts.values():
            if post.channel is not None and post.writes != post.channel.waiting and post.lost_at is None:
                self._listen(post)
        return time.monotonic() + _LOOK_EVERY

    def _act(self) -> None:
        now = time.monotonic()
        for post in list(self._crew.posts.values()):
            if post.lost_at is not None and now - post.lost_at > _REASON_WITHIN:
                self._bury(post, post.ended or "its connection ended")
            elif post.ended and now - post.ended_at > _END_WITHIN:
                self._bury(post, post.ended)
            elif post.kill_at is not None and post.kill_at <= now:
                post.kill_at = None
                post.ended, post.ended_at = "it did not end by itself, and was ended", now
                self._link.channel.send((DISMISS, post.serial))
        if self._closing is not None and now > self._closing:
            for post in list(self._crew.posts.values()):
                self._dismiss(post)
        self._show()
        if self._lost is not None:
            return
        if not self._connected:
            if now - self._began > _CONNECT_WITHIN:
                self._lose(f"there was no connection to Ray within {_CONNECT_WITHIN:.0f} s", "")
        elif now - self._link.heard > self._silence:
            self._lose(
                f"the head of the Ray cluster at '{self._address}' has not answered for {self._silence:g} s",
                "see whether the cluster is up",
            )

    def _give_up(self, error: Exception) -> None:
        """End every batch: without the listening thread nobody would."""
        self._lose(f"the Ray executor failed: {type(error).__name__}: {error}", "please report it")

    def _lose(self, why: str, remedy: str) -> None:
        """Tell that no attempt can be made any more, and end what is in flight."""
        if self._lost is not None:
            return
        self._lost = why
        self._deliver(Gone(why, remedy))
        for batch in self._crew.take_waiting():
            self._cancelled(batch, why)
        for post in list(self._crew.posts.values()):
            for hand in post.hands:
                self._deliver(Lost(hand.batch.number, post.number, why, cancelled=True))
            post.hands.clear()
            self._forget(post)

    # The gateway.

    def _hear_gateway(self, event: int) -> None:
        channel = self._link.channel
        if event & select.POLLOUT:
            channel.flush()
        messages, open_ = channel.receive()
        for message in messages:
            self._link.heard = time.monotonic()
            self._take(message)
        if not open_:
            self._listener.ignore(channel.fd)  # why, the supervisor tells
        self._listener.change()

    def _hear_supervisor(self, _: int) -> None:
        why = self._link.ended()
        if why is not None:
            self._listener.ignore(self._link.supervisor_fd)
            self._lose(why, "the cluster may be gone, or this process was ended from outside")

    def _take(self, message: tuple[Any, ...]) -> None:
        kind, *facts = message
        if kind == CONNECTED:
            self._open_door(*facts)
        elif kind == REFUSED:
            self._lose(*facts)
        elif kind == NODES:
            self._take_nodes(*facts)
        elif kind == ENDED:
            self._take_end(*facts)

    def _open_door(self, address: str, host: str) -> None:
        self._connected = True
        self._address = address
        try:
            self._door = Door(host, self._port, self._token, self._admit)
        except OSError as error:
            self._lose(
                f"workers can't be listened for at {host}:{self._port}: {(error.strerror or str(error)).lower()}",
                "let 'port' in [tool.hookline.ray] be one that is free",
            )
            return
        self._listener.listen(self._door.fd, self._door.answer)

    def _take_nodes(self, nodes: tuple[Node, ...]) -> None:
        self._crew.take_nodes(nodes)
        self._unmet -= {amounts for amounts in self._unmet if self._crew.fits(amounts)}

    def _take_end(self, serial: int, why: str, hopeless: bool) -> None:
        post = self._crew.posts.get(serial)
        if post is None:
            return
        if not post.ready and not post.leaving:
            self._failed_starts += 1
            if hopeless or self._failed_starts >= _STARTS:
                self._lose(f"no worker can be started on Ray: {why}", "")
                return
            _log.warning("a worker on Ray ended before it could do anything: %s", why)
        post.ended, post.ended_at = why, time.monotonic()
        # Ray says of a process that it ended when it was told to; while its connection stands, its attempt may go on.
        if post.channel is None or post.lost_at is not None:
            self._bury(post, why)

    # Outposts.

    def _staff(self) -> None:
        """Ask for outposts that are needed, and send away those that are not."""
        assert self._door is not None
        for amounts in self._crew.pressing_kinds:
            if not self._crew.fits(amounts) and not self._note_unmet(amounts):
                continue
            for _ in range(self._crew.lacking(amounts)):
                post = self._crew.ask(amounts)
                order = (POST, post.serial, dict(amounts), self._door.address, self._token)
                self._link.channel.send(order)
        for post in self._crew.surplus(time.monotonic()):
            if post.channel is None:
                self._dismiss(post)
            else:
                post.leave(0.0)

    def _note_unmet(self, amounts: Amounts) -> bool:
        """Say that no node has what is needed; tell whether to ask for it all the same."""
        there = described(most(self._crew.nodes or ()))
        what = f"no node of the Ray cluster has {described(amounts)}; of each, the most that one has is {there}"
        if self._strict:
            for batch in self._crew.take_kind(amounts):
                self._deliver(Finished.failed(batch, f"{what}\nhelp: ask for less with resources=, or add such a node"))
            return False
        if amounts not in self._unmet:
            self._unmet.add(amounts)
            _log.warning("%s: its tasks wait for the cluster to grow; --strict-resources lets them fail", what)
        return True

    def _admit(self, serial: int, caller: socket.socket) -> None:
        """Take a connection from the door, in a thread of the door's."""
        with self._lock:
            self._callers.append((serial, caller))
            self._listener.wake()

    def _let_in(self) -> None:
        callers, self._callers = self._callers, []
        for serial, caller in callers:
            post = self._crew.posts.get(serial)
            if post is None or post.channel is not None or self._closing is not None:
                caller.close()
                continue
            post.channel = Channel(caller, self._listener.wake)
            self._listen(post)

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
        if post.ready:
            self._failed_starts = 0
        if not open_ and post.channel is not None:
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
        elif self._closing is not None:
            self._cancelled(hand.batch, "the executor was closed")
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

    def _dismiss(self, post: Post) -> None:
        self._link.channel.send((DISMISS, post.serial))
        self._forget(post)

    def _cancelled(self, batch: Batch, why: str) -> None:
        self._deliver(Lost(batch.number, -1, why, cancelled=True))

    def _show(self) -> None:
        """Tell where attempts can be made now, when that has changed."""
        crew, now = self._crew, time.monotonic()
        shown = (len(crew.nodes or ()), crew.placed, crew.busy)
        if (
            self._closing is None
            and shown != self._shown
            and (shown[:2] != self._shown[:2] or now - self._shown_at > _SHOW_EVERY)
        ):
            self._shown, self._shown_at = shown, now
            self._deliver(Places(self._name, *shown))
