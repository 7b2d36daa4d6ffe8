"""What the gateway is connected to: a cluster that was there, or one of the run's own. Ray is imported here on use."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.dial import dial
from hookline.executors.ray.explain import explain_connection
from hookline.executors.ray.shipping import with_project
from hookline.executors.ray.wire import Node

__all__ = ["Cluster", "connect"]

_TRIES = "3"
"""How often Ray tries to talk to a head that is there, a second each, before it says why that fails."""

_SAID = 4000
_KEEP = "RAY_kill_child_processes_on_worker_exit"
"""Ray's own way with children would end an outpost's supervisor, and with it whoever ends all the others."""

_LOOPBACK = "127.0.0.1"
_OBJECT_STORE = 100 << 20
"""Bytes of Ray's object store in a cluster of our own, which hookline makes no use of."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the gateway is connected to.

    Attributes:
        ray: The module.
        address: The head's address.
        host: This machine's address, as the cluster knows it.
        shipped: Whether the project's files are sent to workers.
        note: What the user should know; empty for nothing.
    """

    ray: Any
    address: str
    host: str
    shipped: bool
    note: str = ""

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
    # Ray reads all of these once, while it is imported.
    os.environ |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", _KEEP: "false"}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address != "local":
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", _TRIES)
    import ray

    if address == "local":
        options = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        _init(ray, address, runtime_env, _node_ip_address=_LOOPBACK, **options)
        return Cluster(ray, ray.get_runtime_context().gcs_address, _LOOPBACK, False)
    if address != "auto":
        dial(address)
    shipped, note = ship is not False, ""
    with contextlib.ExitStack() as stack:
        if shipped:
            try:
                runtime_env = stack.enter_context(with_project(runtime_env, root, leave_out))
            except HooklineError as error:
                if ship or not _is_alone(ray, address):
                    raise
                shipped, note = False, f"the project's files are not sent to workers, which is all right here: {error}"
        _init(ray, address, runtime_env)
    return Cluster(ray, ray.get_runtime_context().gcs_address, _host(ray), shipped, note)


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
