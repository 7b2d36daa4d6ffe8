"""The process that is connected to Ray; run as ``__main__``.

It can be ended at any time, by Ray too, which ends every process that has lost its head. Whatever it knows that counts,
the driver has been told. Nothing here waits for Ray's answers but one thread, whose silence the driver notices.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.cluster import Cluster, connect
from hookline.executors.ray.explain import Explained, explain_end, one_line
from hookline.executors.ray.package import INNER
from hookline.executors.ray.wire import (
    ALIVE,
    CLOSE,
    CONNECT,
    CONNECTED,
    DISMISS,
    ENDED,
    NODES,
    POST,
    REFUSED,
    UNFIT,
    Node,
)
from hookline.executors.wire import Inbox, framed

__all__ = ["main"]

_LOOK_EVERY = 0.1
"""Seconds between two looks at outposts that may have ended: Ray tells only who asks."""

_ASK_EVERY = 1.0
"""Seconds between two questions to the head."""


class Outpost:
    """What Ray runs on a node. It travels by value, so that a node without hookline can say so."""

    def serve(self, driver: tuple[str, int], token: bytes, serial: int, inner: str, home: str) -> tuple[str, bool]:
        """Serve the driver; tell why it ended, and whether the next would end the same way."""
        import importlib

        import ray

        if not inner and home in sys.path:
            # Ray puts the folder that the gateway is in first; a project's 'signal' is not the one that is meant here.
            sys.path.remove(home)
        try:
            # The worker stands above the executors; it is found by name.
            serve = importlib.import_module("hookline.worker.outpost").serve
        except ImportError as error:
            return f"it can't import hookline with {sys.executable}: {error}", True
        # Ray makes the folder in which it unpacked a package the working directory.
        folder = os.path.join(os.getcwd(), inner) if inner else ""  # noqa: PTH109, PTH118 - as text
        answer: tuple[str, bool] = serve(driver, token, serial, ray.get_runtime_context().get_node_id(), folder)
        return answer


def main() -> None:
    """Serve the driver at the other end of the socket whose descriptor the command line holds."""
    link = _Link(socket.socket(fileno=int(sys.argv[1])))
    first = link.wait()
    if first is None or first[0] != CONNECT:
        return
    try:
        cluster = connect(**first[1])
    except Explained as error:
        link.send((REFUSED, error.why, error.help))
        return
    except HooklineError as error:
        link.send((REFUSED, error.message, error.help))
        return
    link.send((CONNECTED, cluster.address, cluster.host, cluster.note))
    gateway = _Gateway(link, cluster)
    threading.Thread(target=gateway.watch, name="hookline-ray-head", daemon=True).start()
    try:
        gateway.serve()
    finally:
        cluster.ray.shutdown()


class _Link:
    """The socket to the driver; sending is for any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbox = Inbox(sock)
        self._sending = threading.Lock()
        self._waiting: list[Any] = []

    def wait(self, patience: float | None = None) -> Any:
        """Give the next message; None at the end, and () where none comes in time."""
        while not self._waiting:
            if patience is not None and not select.select([self._sock], [], [], patience)[0]:
                return ()
            if not self._inbox.receive():
                return None
            self._waiting.extend(self._inbox.messages())
        return self._waiting.pop(0)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message; a driver that is gone is noticed by :meth:`wait`."""
        with self._sending:
            try:
                self._sock.sendall(framed(message))
            except OSError:
                return


class _Gateway:
    """Places outposts, and tells how they end."""

    def __init__(self, link: _Link, cluster: Cluster) -> None:
        self._link = link
        self._cluster = cluster
        self._ray = cluster.ray
        self._outpost = cluster.ray.remote(Outpost)
        self._home = os.getcwd()  # noqa: PTH109 - as text
        self._actors: dict[int, Any] = {}
        self._serving: dict[Any, int] = {}

    def serve(self) -> None:
        """Do as the driver says until it is gone."""
        looked = 0.0
        while True:
            command = self._link.wait(_LOOK_EVERY)
            if command is None or (command and command[0] == CLOSE):
                return
            if command and command[0] == POST:
                self._post(*command[1:])
            elif command and command[0] == DISMISS:
                self._dismiss(command[1])
            now = time.monotonic()
            if now - looked >= _LOOK_EVERY:
                looked = now
                self._look()

    def _post(self, serial: int, amounts: dict[str, float], driver: tuple[str, int], token: bytes) -> None:
        others = dict(amounts)
        options: dict[str, Any] = {"num_cpus": others.pop("CPU", 0), "max_restarts": 0, "max_task_retries": 0}
        if "GPU" in others:
            options["num_gpus"] = others.pop("GPU")
        if "memory" in others:
            options["memory"] = others.pop("memory")
        if others:
            options["resources"] = others
        try:
            actor = self._outpost.options(**options).remote()
            inner = INNER if self._cluster.shipped else ""
            serving = actor.serve.remote(driver, token, serial, inner, self._home)
        except Exception as error:  # noqa: BLE001 - amounts that Ray does not take
            self._link.send((UNFIT, serial, one_line(" ".join(map(str, error.args)))))
            return
        self._actors[serial], self._serving[serving] = actor, serial

    def _dismiss(self, serial: int) -> None:
        actor = self._actors.pop(serial, None)
        if actor is not None:
            self._ray.kill(actor, no_restart=True)

    def _look(self) -> None:
        if not self._serving:
            return
        serving = list(self._serving)
        ended, _ = self._ray.wait(serving, num_returns=len(serving), timeout=0)
        for each in ended:
            serial = self._serving.pop(each)
            try:
                why, hopeless = self._ray.get(each, timeout=1.0)
            except Exception as error:  # noqa: BLE001 - this is how Ray tells of every kind of end
                why, hopeless = explain_end(error)
            self._dismiss(serial)
            self._link.send((ENDED, serial, why, hopeless))

    def watch(self) -> None:
        """Ask the head for its nodes again and again; in a thread that may wait for an answer for ever."""
        told: tuple[Node, ...] = ()
        while True:
            found = self._cluster.nodes()
            if found != told:
                told = found
                self._link.send((NODES, found))
            self._link.send((ALIVE,))
            time.sleep(_ASK_EVERY)


if __name__ == "__main__":
    main()
