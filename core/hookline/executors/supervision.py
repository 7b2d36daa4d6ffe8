"""The driver's end of the supervisor: starting it, giving it commands, reading what it reports."""

from __future__ import annotations

import contextlib
import marshal
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Supervision", "environment_bytes"]

_SCRIPT = Path(__file__).with_name("supervisor.py")
_LENGTH = struct.Struct("<I")


class Supervision:
    """A running supervisor. When this object's process ends, however it ends, so do all workers.

    Attributes:
        fd: The descriptor that becomes readable when there is something to report.
        process_id: The supervisor's process.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SCRIPT), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        self._inbox = b""
        self._owner = os.getpid()
        self.fd = self._control.fileno()
        self.process_id = self._process.pid

    def spawn(
        self,
        number: int,
        argv: Sequence[str],
        environment: Mapping[bytes, bytes],
        folder: str,
        descriptors: Sequence[int],
    ) -> None:
        """Start a worker.

        Args:
            number: Never used before.
            argv: Its command line, with ``{0}`` for the first descriptor's number.
            environment: Its environment.
            folder: Its working directory.
            descriptors: What it inherits; one that ``argv`` does not name becomes its output.

        Raises:
            OSError: The supervisor is gone.
        """
        self._send(("spawn", number, list(argv), dict(environment), folder, len(descriptors)), tuple(descriptors))

    def kill(self, number: int, grace: float) -> None:
        """End a worker and all processes that it started.

        Args:
            number: Which.
            grace: Seconds between SIGTERM and SIGKILL; 0 for SIGKILL at once.
        """
        with contextlib.suppress(OSError):
            self._send(("kill", number, float(grace)), ())

    def reports(self) -> list[tuple[Any, ...]] | None:
        """Read what was reported since the last call.

        Returns:
            Reports; None when the supervisor is gone.
        """
        try:
            data = self._control.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._inbox += data
        found = []
        while len(self._inbox) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._inbox)[0]
            if len(self._inbox) < end:
                break
            found.append(marshal.loads(self._inbox[_LENGTH.size : end]))
            self._inbox = self._inbox[end:]
        return found

    def close(self) -> None:
        """End the supervisor, and with it every worker that is left; waits for that.

        A forked child only gives its copy of the socket back: the workers are its parent's.
        """
        if os.getpid() != self._owner:
            self._control.close()
            return
        # Closing alone would end nothing where a forked child of this process has the socket as well.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: tuple[Any, ...], descriptors: tuple[int, ...]) -> None:
        data = marshal.dumps(message)
        frame = _LENGTH.pack(len(data)) + data
        sent = socket.send_fds(self._control, [frame], descriptors) if descriptors else 0
        self._control.sendall(frame[sent:])


def environment_bytes(changes: Mapping[str, str]) -> dict[bytes, bytes]:
    """Give this process's environment with changes, as :meth:`Supervision.spawn` takes it."""
    return {os.fsencode(key): os.fsencode(value) for key, value in {**os.environ, **changes}.items()}
