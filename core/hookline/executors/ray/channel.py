"""A socket that is never waited for: what finds no room now is sent when there is some."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from hookline.executors.wire import Inbox, framed

__all__ = ["Channel"]

_AT_ONCE = 64
"""How many messages are sent, or reads made, before others get their turn."""


class Channel:
    """One end of a connection.

    Args:
        sock: The connection; from now on it does not block.
        starved: Called when something could not be sent at once.

    Attributes:
        fd: Its descriptor.
    """

    def __init__(self, sock: socket.socket, starved: Callable[[], None] = lambda: None) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._starved = starved
        self._inbox = Inbox(sock)
        self._outbox: deque[memoryview] = deque()
        self._later: deque[Iterator[tuple[Any, ...]]] = deque()
        self.fd = sock.fileno()

    @property
    def waiting(self) -> bool:
        """Whether :meth:`flush` has something to do."""
        return bool(self._outbox or self._later)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message, as much as goes now."""
        frame = memoryview(framed(message))
        if not self._outbox:
            frame = frame[self._send(frame) :]
        if frame:
            self._outbox.append(frame)
            self._starved()

    def send_later(self, messages: Iterator[tuple[Any, ...]]) -> None:
        """Send messages that are made one by one, when those before them are on their way: they may be large."""
        self._later.append(messages)
        self._starved()

    def flush(self) -> None:
        """Send what was kept, as much as goes now; not all of what is large, for others wait for their turn."""
        for _ in range(_AT_ONCE):
            while self._outbox:
                frame = self._outbox[0]
                sent = self._send(frame)
                if sent < len(frame):
                    self._outbox[0] = frame[sent:]
                    return
                self._outbox.popleft()
            if not self._later:
                return
            message = next(self._later[0], None)
            if message is None:
                self._later.popleft()
            else:
                self._outbox.append(memoryview(framed(message)))

    def receive(self) -> tuple[list[Any], bool]:
        """Take what has come.

        Returns:
            Messages, and whether more may come: false at the end of the stream.
        """
        messages: list[Any] = []
        try:
            for _ in range(_AT_ONCE):
                if not self._inbox.receive():
                    return messages, False
                messages.extend(self._inbox.messages())
                if self._inbox.drained:
                    break
        except BlockingIOError:
            pass
        except OSError:
            return messages, False
        return messages, True

    def close(self) -> None:
        """Give the descriptor back."""
        self._outbox.clear()
        self._later.clear()
        self._sock.close()

    def _send(self, data: memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the other end is gone, which whoever listens is about to notice
