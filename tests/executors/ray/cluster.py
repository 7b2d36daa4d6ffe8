"""A Ray cluster of several nodes on this machine, in a process of its own that does as it is told line by line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from hookline.executors.supervisor import adopt_orphans, descendants, processes, send

__all__ = ["RayCluster"]

_OBJECT_STORE = 80 << 20
_WAIT = 60.0


class RayCluster:
    """The cluster, and this process's end of the conversation. Use it in a ``with`` block.

    Args:
        cpus: How many processors the head's node has.
        environment: What else Ray's processes find in their environment.
        **resources: What else it has.

    Attributes:
        cpus: How many processors the head's node has.
        address: The head's address.
    """

    def __init__(self, cpus: int = 2, *, environment: Mapping[str, str] | None = None, **resources: float) -> None:
        self.cpus = cpus
        ours = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
        # A node that is killed is known to be dead within seconds, one that is only slow is not taken for dead.
        ours |= {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "3"}
        ours.pop("RAY_ADDRESS", None)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**ours, **(environment or {})},
            start_new_session=True,
        )
        self.address: str = self.ask("head", cpus=cpus, resources=resources)

    def ask(self, what: str, **how: Any) -> Any:
        """Have something done; gives what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, how]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the cluster's process is gone"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["done"]

    def add_node(self, cpus: int = 1, **resources: float) -> int:
        """Add a node; gives its number."""
        number: int = self.ask("add", cpus=cpus, resources=resources)
        return number

    def add_apart(self, folder: Path, cpus: int = 1, **resources: float) -> int:
        """Add a node that sees an empty folder where others see this one; gives its number.

        Args:
            folder: The folder, which is there.
            cpus: How many processors it has.
            **resources: What else it has.
        """
        number: int = self.ask("add_apart", folder=str(folder), cpus=cpus, resources=resources)
        return number

    def remove_node(self, number: int) -> None:
        """Kill a node, without a word to its workers."""
        self.ask("remove", number=number)

    def kill_head(self) -> None:
        """Kill the head's own process; its node's other processes go on as long as they may."""
        self.ask("kill_head")

    def free(self) -> dict[str, float]:
        """Give what nobody holds, by Ray's names, as far as the head has heard."""
        found: dict[str, float] = self.ask("free")
        return found

    def close(self) -> None:
        """End all of it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_WAIT)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve() -> None:
    """Keep a cluster, as the lines on standard input say; ends with them."""
    from ray.cluster_utils import Cluster

    # Ray's agents outlive their node for a while.
    adopt_orphans()
    talk, sys.stdout = sys.stdout, sys.stderr
    cluster = Cluster()
    nodes: list[Any] = []

    def head(cpus: int, resources: dict[str, float]) -> str:
        add(cpus, resources, include_dashboard=False)
        return str(cluster.address)

    def add(cpus: int, resources: dict[str, float], **more: Any) -> int:
        gpus = int(resources.pop("GPU", 0))
        node = cluster.add_node(
            num_cpus=cpus, num_gpus=gpus, resources=resources, object_store_memory=_OBJECT_STORE, **more
        )
        nodes.append(node)
        return len(nodes) - 1

    def add_apart(folder: str, cpus: int, resources: dict[str, float]) -> int:
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={cluster.address}", "--block"]
        ray += [f"--num-cpus={cpus}", f"--resources={json.dumps(resources)}", f"--object-store-memory={_OBJECT_STORE}"]
        # Mounts of a namespace of its own are seen by nobody else, and end with it.
        inside = f"mount -t tmpfs none {shlex.quote(folder)} && exec {shlex.join(ray)}"
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", inside],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                nodes.append(process)
                return len(nodes) - 1
        raise OSError("".join(said))

    def remove(number: int) -> None:
        if isinstance(nodes[number], subprocess.Popen):
            for each in [*descendants(processes(), nodes[number].pid)]:
                send(each, signal.SIGKILL)
            nodes[number].kill()
            nodes[number].wait()
            return
        nodes[number].kill_all_processes(check_alive=False, allow_graceful=False, wait=True)

    def kill_head() -> None:
        nodes[0].kill_gcs_server(check_alive=False)

    def free() -> dict[str, float]:
        return dict(cluster.global_state.available_resources())

    does = {"head": head, "add": add, "add_apart": add_apart, "remove": remove, "kill_head": kill_head, "free": free}
    for line in sys.stdin:
        what, how = json.loads(line)
        try:
            answer = {"done": does[what](**how)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        talk.write(json.dumps(answer) + "\n")
        talk.flush()
    for each in descendants(processes(), os.getpid()):
        send(each, signal.SIGKILL)


if __name__ == "__main__":
    serve()
