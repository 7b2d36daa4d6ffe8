"""Where outposts call: a listening socket, and whoever lets callers in once they have proved who they are."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from hookline.executors.ray.wire import NotOurs, admit, keep_alive

__all__ = ["Door"]

_log = logging.getLogger("hookline.executors.ray")
_WITHIN = 10.0
"""Seconds that a caller gets to prove who it is."""

_WAITING = 128


class Door:
    """A listening socket for outposts.

    Args:
        host: The address to listen at.
        port: The port; 0 for any.
        token: What callers must have.
        admitted: Called with the outpost's serial and the connection, in a thread of the caller's own.

    Attributes:
        fd: Its descriptor.
        address: Where outposts call.

    Raises:
        OSError: There can't be listened.
    """

    def __init__(self, host: str, port: int, token: bytes, admitted: Callable[[int, socket.socket], None]) -> None:
        self._token = token
        self._admitted = admitted
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sock = socket.create_server((host, port), family=family, backlog=_WAITING)
        self._sock.setblocking(False)
        self.fd = self._sock.fileno()
        self.address: tuple[str, int] = (host, self._sock.getsockname()[1])

    def answer(self, _: int) -> None:
        """Let whoever calls prove who it is, without waiting for that."""
        with contextlib.suppress(OSError):
            caller, _address = self._sock.accept()
            threading.Thread(target=self._admit, args=(caller,), name="hookline-ray-door", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._sock.close()

    def _admit(self, caller: socket.socket) -> None:
        try:
            caller.settimeout(_WITHIN)
            serial = admit(caller, self._token)
            keep_alive(caller)
        except (NotOurs, OSError) as error:
            _log.debug("a caller was not let in: %r", error)
            caller.close()
            return
        self._admitted(serial, caller)
