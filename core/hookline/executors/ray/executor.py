"""The Ray executor: attempts happen in outposts, which Ray places on the nodes of a cluster."""

from __future__ import annotations

import importlib
import logging
import os
import select
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hookline.executors.listener import Listener
from hookline.executors.protocol import Traits
from hookline.executors.ray.door import Door
from hookline.executors.ray.link import GatewayLink
from hookline.executors.ray.outposts import Outposts
from hookline.executors.ray.room import Room
from hookline.executors.ray.wire import CONNECTED, ENDED, NODES, REFUSED, UNFIT, new_token
from hookline.executors.worker_start import processors
from hookline.model.batch import Batch, Deliver, Gone, Places, RunFacts

__all__ = ["RayExecutor"]

_log = logging.getLogger("hookline.executors.ray")
# The worker stands above the executors; it is found by name.
_PROOFS = "hookline.worker.relocation"

_LOOK_EVERY = 0.2
_SHOW_EVERY = 0.5
_CONNECT_WITHIN = 120.0
_CLOSE_WITHIN = 15.0
_CLOSE_AT_ONCE_WITHIN = 0.7


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
        # One of our own does not grow.
        self._strict = strict_resources or self._address == "local"
        self._port = port
        self._silence = silence
        self._room = Room(workers, processors() if self._address == "local" else 2)
        self._lock = threading.RLock()
        self._started = False
        self._closing: float | None = None
        self._lost = ""
        self._door: Door | None = None
        self._writes = False
        self._shown = (0, 0, 0)
        self._shown_at = 0.0

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`; connecting to the cluster begins now."""
        self._name = run.executor or "ray"
        self._deliver = deliver
        self._token = new_token()
        self._proofs: Any = importlib.import_module(_PROOFS)
        self._proof = self._proofs.proof_of(run)
        leave_out = [str(Path(run.artifacts).parent)]
        self._listener = Listener(self._lock, self._look_around, self._act, self._is_done, self._give_up)
        cluster = {**self._cluster, "root": run.root, "leave_out": leave_out}
        self._link = GatewayLink(cluster, {run.root, run.cwd, *run.search_path}, self._listener.wake)
        self._started = True  # from here on there is something to give back
        order = self._link.channel.send
        self._outposts = Outposts(
            self._room, run, self._proof, self._listener, self._lock, order, deliver, self._lose, self._strict
        )
        self._connected = False
        self._began = time.monotonic()
        self._listener.listen(self._link.channel.fd, self._hear_gateway)
        self._listener.listen(self._link.supervisor_fd, self._hear_supervisor)
        self._listener.start()
        deliver(Places(self._name, 0, 0, 0))

    def capacity(self) -> int:
        """One batch per outpost that there can be."""
        return self._room.capacity

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        with self._lock:
            self._outposts.submit(batch)

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """See :meth:`Executor.cancel`."""
        with self._lock:
            self._outposts.cancel(set(batches), grace)

    def close(self, grace: float) -> None:
        """See :meth:`Executor.close`; a cluster that was started ends, another one gets its resources back."""
        if not self._started:
            return
        self._started = False
        # Without grace somebody is waiting for the end.
        within = grace + _CLOSE_WITHIN if grace else _CLOSE_AT_ONCE_WITHIN
        with self._lock:
            self._closing = time.monotonic() + within
            self._outposts.leave(grace)
            self._listener.wake()
        if not self._listener.close(within + 1.0):
            _log.warning("workers on Ray were not reported to have ended, and are ended with the connection")
        # While it connects, it hears nothing, and has nothing to give back.
        self._link.close(_CLOSE_WITHIN if grace and self._connected and not self._lost else 0.0)
        if self._door is not None:
            self._door.close()
        self._outposts.close()
        self._proofs.forget_proof(self._proof)

    # What the listening thread calls; it holds the lock.

    def _is_done(self) -> bool:
        return self._closing is not None and not self._room.posts

    def _look_around(self) -> float | None:
        if not self._lost and self._closing is None and self._door is not None:
            self._outposts.staff(self._door.address, self._token)
        self._outposts.look_around()
        channel = self._link.channel
        if channel.waiting != self._writes:
            self._writes = channel.waiting
            self._listener.listen(channel.fd, self._hear_gateway, room=self._writes)
        return time.monotonic() + _LOOK_EVERY

    def _act(self) -> None:
        now = time.monotonic()
        self._outposts.act(now)
        if self._closing is not None:
            if now > self._closing:
                self._outposts.dismiss()
            return
        self._show(now)
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
        if not self._lost:
            self._lost = why
            self._deliver(Gone(why, remedy))
            self._outposts.abandon(why)

    def _show(self, now: float) -> None:
        """Tell where attempts can be made, when that has changed."""
        room = self._room
        shown = (len(room.nodes or ()), room.placed, room.busy)
        if shown != self._shown and (shown[:2] != self._shown[:2] or now - self._shown_at > _SHOW_EVERY):
            self._shown, self._shown_at = shown, now
            self._deliver(Places(self._name, *shown))

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
            self._lose(why, "the cluster may be gone, or that process was ended from outside; the run can be resumed")

    def _take(self, message: tuple[Any, ...]) -> None:
        kind, *facts = message
        if kind == CONNECTED:
            self._open_door(*facts)
        elif kind == REFUSED:
            self._lose(*facts)
        elif kind == NODES:
            self._room.take_nodes(*facts)
        elif kind == ENDED:
            self._outposts.take_end(*facts)
        elif kind == UNFIT:
            self._outposts.take_unfit(*facts)

    def _open_door(self, address: str, host: str, note: str) -> None:
        self._connected = True
        self._address = address
        if note:
            _log.warning("%s", note)
        try:
            self._door = Door(host, self._port, self._token, self._outposts.admit)
        except OSError as error:
            self._lose(
                f"workers can't be listened for at {host}:{self._port}: {(error.strerror or str(error)).lower()}",
                "let 'port' in [tool.hookline.ray] be one that is free",
            )
            return
        self._listener.listen(self._door.fd, self._door.answer)
