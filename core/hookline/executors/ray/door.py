"""Where outposts call: a listening socket, and whoever lets callers in once they have proved who they are."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
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
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.fd = self._sock.fileno()
        self.address: tuple[str, int] = (host, self._sock.getsockname()[1])

    def answer(self, _: int) -> None:
        """Let whoever calls prove who it is, without waiting for that."""
        try:
            caller, _address = self._sock.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._turn_away()
            return
        threading.Thread(target=self._admit, args=(caller,), name="hookline-ray-door", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._sock.close()
        os.close(self._spare)

    def _turn_away(self) -> None:
        """Hang up on a caller for whom there is no descriptor: it would be announced again and again."""
        _log.warning("a worker on Ray is turned away: this process may open no more files; raise its limit (ulimit -n)")
        os.close(self._spare)
        with contextlib.suppress(OSError):
            self._sock.accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

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
