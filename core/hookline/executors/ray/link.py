"""The driver's end of the gateway: starting it, telling it what to do, hearing what it says, and of its end."""

from __future__ import annotations

import os
import select
import socket
import tempfile
import time
from collections.abc import Callable, Collection
from typing import Any

from hookline.executors.death import describe_exit
from hookline.executors.ray.channel import Channel
from hookline.executors.ray.wire import CLOSE, CONNECT
from hookline.executors.supervision import Supervision, environment_bytes
from hookline.executors.worker_start import python_command

__all__ = ["GatewayLink"]

_SERIAL = 1
_SHOWN = 1500
_MODULE = "hookline.executors.ray.gateway"


class GatewayLink:
    """A running gateway. It ends with this process, and with it a cluster that it started.

    Args:
        cluster: What :func:`hookline.executors.ray.gateway.connect` takes.
        last: Folders in which it looks for modules after all others: a project's 'signal' is not the one Ray means.
        starved: Called when something could not be sent to it at once.

    Attributes:
        channel: What is said to it and by it.
        supervisor_fd: Readable when there is something in :meth:`ended`.
        heard: When it, or the cluster's head through it, last gave a sign of life, on the monotonic clock.
    """

    def __init__(self, cluster: dict[str, Any], last: Collection[str], starved: Callable[[], None]) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours, starved)
        self.heard = time.monotonic()
        self._supervision = Supervision()
        self.supervisor_fd = self._supervision.fd
        # What Ray prints is of interest only where it comes to nothing. It is closed with the rest.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        code = f"import runpy; runpy.run_module({_MODULE!r}, run_name='__main__', alter_sys=True)"
        with theirs:
            self._supervision.spawn(
                _SERIAL,
                python_command(code, "{0}", last=last),
                environment_bytes({}),
                os.getcwd(),  # noqa: PTH109 - as text
                [theirs.fileno(), self._said.fileno()],
            )
        self.channel.send((CONNECT, cluster))

    def ended(self) -> str | None:
        """Tell why the gateway is gone; None while it is not."""
        reports = self._supervision.reports()
        if reports is None:
            return "the process that supervises the connection to Ray was ended"
        for report in reports:
            if report[0] == "exited":
                return f"the process that was connected to Ray is gone: {describe_exit(report[3])}{self._last_words()}"
        return None

    def close(self, within: float) -> None:
        """Have the gateway give everything back, then end it and whatever it started.

        Args:
            within: Seconds that it gets for that.
        """
        self.channel.send((CLOSE,))
        end = time.monotonic() + within
        poll = select.poll()  # a process with many files open has descriptors that ``select`` does not take
        poll.register(self.supervisor_fd, select.POLLIN)
        poll.register(self.channel.fd, select.POLLOUT)
        flushing = True
        try:
            while (left := end - time.monotonic()) > 0 and self.ended() is None:
                poll.poll(left * 1000)
                self.channel.flush()
                if flushing and not self.channel.waiting:
                    flushing = False
                    poll.unregister(self.channel.fd)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the gateway and whatever it started."""
        self._supervision.close()
        self.channel.close()
        self._said.close()

    def _last_words(self) -> str:
        size = os.fstat(self._said.fileno()).st_size
        said = os.pread(self._said.fileno(), _SHOWN, max(0, size - _SHOWN)).decode("utf-8", "replace")
        # What nodes say comes at any time, and is no reason for this end.
        lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("(")]
        return f"; it said: {lines[-1]}" if lines else ""
