"""The process that is connected to Ray; run as ``__main__``.

It can be ended at any time, by Ray too, which ends every process that has lost its head. Whatever it knows that counts,
the driver has been told. Two threads wait for Ray's answers; if either waits for long, the driver
notices the silence.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.cluster import Cluster, connect
from hookline.executors.ray.explain import Explained, explain_end, one_line
from hookline.executors.ray.line import Line
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

__all__ = ["main"]

_LOOK_EVERY = 0.1
"""Seconds between two looks at outposts that may have ended: Ray tells only who asks."""

_ASK_EVERY = 1.0
"""Seconds between two questions to the head."""

_TURN_WITHIN = 20.0
"""Seconds in which Ray does what it is told."""


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
        folder = ""
        if inner:
            try:
                unpacked = importlib.import_module("hookline.executors.ray.shipping").unpacked()
            except FileNotFoundError as error:
                return str(error), False
            folder = os.path.join(unpacked, inner)  # noqa: PTH118 - as text
        answer: tuple[str, bool] = serve(driver, token, serial, ray.get_runtime_context().get_node_id(), folder)
        return answer


def main() -> None:
    """Serve the driver at the other end of the socket whose descriptor the command line holds."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    first = line.receive()
    if first is None or first[0] != CONNECT:
        return
    try:
        cluster = connect(**first[1])
    except Explained as error:
        line.send((REFUSED, error.why, error.help))
        return
    except HooklineError as error:
        line.send((REFUSED, error.message, error.help))
        return
    line.send((CONNECTED, cluster.address, cluster.host, cluster.note))
    gateway = _Gateway(line, cluster)
    threading.Thread(target=gateway.watch, name="hookline-ray-head", daemon=True).start()
    try:
        gateway.serve()
    finally:
        cluster.ray.shutdown()


class _Gateway:
    """Places outposts, and tells how they end."""

    def __init__(self, line: Line, cluster: Cluster) -> None:
        self._line = line
        self._cluster = cluster
        self._ray = cluster.ray
        self._outpost = cluster.ray.remote(Outpost)
        self._home = os.getcwd()  # noqa: PTH109 - as text
        self._actors: dict[int, Any] = {}
        self._serving: dict[Any, int] = {}
        self._turned = time.monotonic()

    def serve(self) -> None:
        """Do as the driver says until it is gone."""
        looked = 0.0
        while True:
            self._turned = time.monotonic()
            command = self._line.receive(_LOOK_EVERY)
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
            self._line.send((UNFIT, serial, one_line(" ".join(map(str, error.args)))))
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
            self._line.send((ENDED, serial, why, hopeless))

    def watch(self) -> None:
        """Ask the head for its nodes again and again; in a thread that may wait for an answer for ever."""
        told: tuple[Node, ...] = ()
        while True:
            try:
                told = self._tell_nodes(told)
            except Exception:  # noqa: BLE001 - the head may be back for the next question
                continue
            finally:
                time.sleep(_ASK_EVERY)

    def _tell_nodes(self, told: tuple[Node, ...]) -> tuple[Node, ...]:
        found = self._cluster.nodes()
        if found != told:
            self._line.send((NODES, found))
        # Where the other thread waits for Ray and does not come back, nothing is alive here.
        if time.monotonic() - self._turned < _TURN_WITHIN:
            self._line.send((ALIVE,))
        return found


if __name__ == "__main__":
    main()
