"""One end of a connection for whoever may wait: for a process that does nothing but what it is told."""

from __future__ import annotations

import select
import socket
import threading
from collections import deque
from typing import Any

from hookline.executors.wire import Inbox, framed

__all__ = ["Line"]


class Line:
    """Sends and receives messages; sending is for any thread.

    Args:
        sock: The connection.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbox = Inbox(sock)
        self._sending = threading.Lock()
        self._waiting: deque[Any] = deque()

    def receive(self, patience: float | None = None) -> Any:
        """Wait for the next message.

        Args:
            patience: How many seconds to wait at most; None for as long as it takes.

        Returns:
            The message; None at the end, and () where none came in time.
        """
        while not self._waiting:
            try:
                if patience is not None and not select.select([self._sock], [], [], patience)[0]:
                    return ()
                if not self._inbox.receive():
                    return None
            except OSError:
                return None
            self._waiting.extend(self._inbox.messages())
        return self._waiting.popleft()

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message; that the other end is gone is noticed by :meth:`receive`."""
        with self._sending:
            try:
                self._sock.sendall(framed(message))
            except OSError:
                return

    def hang_up(self) -> None:
        """Say nothing more, and hear nothing."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
