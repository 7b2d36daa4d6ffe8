"""The process that is connected to Ray, and the only module that imports it; run as ``__main__``.

It can be ended at any time, by Ray too, which ends every process that has lost its head. Whatever it knows that counts,
the driver has been told. Nothing here waits for Ray's answers but one thread, whose silence the driver notices.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.explain import Explained, explain_connection, explain_dial, explain_end
from hookline.executors.ray.shipping import with_project
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
    Node,
)
from hookline.executors.wire import Inbox, framed

__all__ = ["main"]

_log = logging.getLogger("hookline.executors.ray")
_LOOK_EVERY = 0.1
"""Seconds between two looks at outposts that may have ended: Ray tells only who asks."""

_ASK_EVERY = 1.0
"""Seconds between two questions to the head."""

_DIAL = 5.0
_TRIES = "5"
"""How often Ray tries to talk to a head that is there, a second each, before it says why that fails."""

_FRAME = 9
_SETTINGS = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0])
"""How a conversation in HTTP/2 begins."""

_SAID = 4000
_KEEP = "RAY_kill_child_processes_on_worker_exit"
"""Ray's own way with children would end an outpost's supervisor, and with it whoever ends all the others."""

_LOOPBACK = "127.0.0.1"
_OBJECT_STORE = 100 << 20
"""Bytes of Ray's object store in a cluster of our own, which hookline makes no use of."""


class Outpost:
    """What Ray runs on a node. It travels by value, so that a node without hookline can say so."""

    def serve(self, driver: tuple[str, int], token: bytes, serial: int, shipped: bool) -> tuple[str, bool]:
        """Serve the driver; tell why it ended, and whether the next would end the same way."""
        import importlib

        import ray

        try:
            # The worker stands above the executors; it is found by name.
            serve = importlib.import_module("hookline.worker.outpost").serve
        except ImportError as error:
            return f"it can't import hookline with {sys.executable}: {error}", True
        # Ray makes the folder in which it unpacked a package the working directory.
        folder = os.getcwd() if shipped else ""  # noqa: PTH109 - as text
        answer: tuple[str, bool] = serve(driver, token, serial, ray.get_runtime_context().get_node_id(), folder)
        return answer


def main() -> None:
    """Serve the driver at the other end of the socket whose descriptor the command line holds."""
    link = _Link(socket.socket(fileno=int(sys.argv[1])))
    first = link.wait()
    if first is None or first[0] != CONNECT:
        return
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    os.environ[_KEEP] = "false"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        cluster = connect(**first[1])
    except Explained as error:
        link.send((REFUSED, error.why, error.help))
        return
    except HooklineError as error:
        link.send((REFUSED, error.message, error.help))
        return
    link.send((CONNECTED, cluster.address, cluster.host))
    gateway = _Gateway(link, cluster)
    threading.Thread(target=gateway.watch, name="hookline-ray-head", daemon=True).start()
    try:
        gateway.serve()
    finally:
        cluster.ray.shutdown()


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the gateway is connected to.

    Attributes:
        ray: The module.
        address: The head's address.
        host: This machine's address, as the cluster knows it.
        shipped: Whether the project's files are sent to workers.
    """

    ray: Any
    address: str
    host: str
    shipped: bool

    def nodes(self) -> tuple[Node, ...]:
        """Ask the head which nodes there are."""
        return _nodes(self.ray)


def connect(
    address: str,
    workers: int | None,
    runtime_env: dict[str, Any],
    root: str,
    leave_out: list[str],
    ship: bool | None,
) -> Cluster:
    """Connect to a cluster, or start one on this machine.

    Args:
        address: ``"HOST:PORT"``, ``"auto"``, or ``"local"`` to start one.
        workers: How many processors a cluster that is started has; None for those that there are.
        runtime_env: What Ray is to set up for workers.
        root: The project's folder.
        leave_out: Folders in there that are not the project's.
        ship: Whether the project's files are sent to the workers of a cluster that is joined: nodes that come later may
            be anywhere. None for where that is possible, or necessary.

    Returns:
        The cluster.

    Raises:
        Explained: There is none, or it can't be joined.
        HooklineError: The project's files can't be sent.
    """
    if address != "local":
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", _TRIES)
    import ray

    if address == "local":
        options = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        _init(ray, address, runtime_env, _node_ip_address=_LOOPBACK, **options)
        return Cluster(ray, ray.get_runtime_context().gcs_address, _LOOPBACK, False)
    if address != "auto":
        _dial(address)
    shipped = ship is not False
    with contextlib.ExitStack() as stack:
        if shipped:
            try:
                runtime_env = stack.enter_context(with_project(runtime_env, root, leave_out))
            except HooklineError as error:
                if ship or not _is_alone(ray, address):
                    raise
                _log.warning("the project's files are not sent to workers, which is all right here: %s", error)
                shipped = False
        _init(ray, address, runtime_env)
    return Cluster(ray, ray.get_runtime_context().gcs_address, _host(ray), shipped)


def _is_alone(ray: Any, address: str) -> bool:
    """Tell whether all of a cluster is on this machine."""
    _init(ray, address, {})
    try:
        return {node.host for node in _nodes(ray)} == {_host(ray)}
    finally:
        ray.shutdown()


def _init(ray: Any, address: str, runtime_env: dict[str, Any], **options: Any) -> None:
    quiet = {"log_to_driver": False, "configure_logging": False, "logging_level": "ERROR"}
    try:
        if address != "local":
            # There, Ray's processes have an environment of their own.
            runtime_env = {**runtime_env, "env_vars": {_KEEP: "false", **runtime_env.get("env_vars", {})}}
        ray.init(address=address, runtime_env=runtime_env or None, **quiet, **options)
    except BaseException as error:
        raise explain_connection(address, error, _said()) from error


def _said() -> str:
    """Give what this process has printed, where the driver keeps that: Ray's errors leave the reason out."""
    try:
        return os.pread(2, _SAID, max(0, os.fstat(2).st_size - _SAID)).decode("utf-8", "replace")
    except OSError:
        return ""


def _host(ray: Any) -> str:
    return str(ray.util.get_node_ip_address())


def _nodes(ray: Any) -> tuple[Node, ...]:
    return tuple(
        Node(node["NodeID"], node["NodeManagerAddress"], dict(node["Resources"]))
        for node in ray.nodes()
        if node["Alive"]
    )


def _dial(address: str) -> None:
    """Find out whether a head answers there: Ray itself would wait for minutes, and then end this process."""
    host, _, port = address.rpartition(":")
    try:
        if "/" in host or not 0 < int(port) < 1 << 16:
            raise ValueError(address)
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_DIAL) as sock:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                sock.sendall(_PREFACE)
                if not _speaks_http2(sock):
                    raise ConnectionAbortedError
    except (OSError, ValueError) as error:
        raise explain_dial(address, error) from error


def _speaks_http2(sock: socket.socket) -> bool:
    """Tell whether the first thing that is said is a frame of settings, as of everything that speaks gRPC."""
    said = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while len(said) < _FRAME and (part := sock.recv(_FRAME - len(said))):
            said += part
    return len(said) == _FRAME and said[3] == _SETTINGS


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
            actor = self._ray.remote(Outpost).options(**options).remote()
            serving = actor.serve.remote(driver, token, serial, self._cluster.shipped)
        except Exception as error:  # noqa: BLE001 - amounts may be refused here
            self._link.send((ENDED, serial, *explain_end(error)))
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
