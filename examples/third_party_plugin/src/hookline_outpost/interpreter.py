"""One process of another interpreter, as the driver sees it: it is told batches, answers in messages, and may die."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from typing import IO

from hookline import Finished, RunFacts, Started
from hookline_outpost.wire import receive, send

__all__ = ["Interpreter"]

_MAIN = "from hookline_outpost.station import main; main()"
_END_WITHIN = 1.0
"""Seconds that a process may take to end once it has closed its pipe."""


class Interpreter:
    """Starts a process that makes attempts.

    Args:
        python: The interpreter's executable.
        run: What its worker must know.
        number: The worker's number.

    Raises:
        OSError: It can't be started.
    """

    def __init__(self, python: str, run: RunFacts, number: int) -> None:
        # Where output of attempts is kept, all that is left here is what the interpreter itself has to say.
        self._said: IO[bytes] | None = tempfile.TemporaryFile() if run.capture else None  # noqa: SIM115
        self._process = subprocess.Popen(
            # -P: a file beside the workflow must not stand in for a module of the standard library.
            [python, "-P", "-c", _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=run.cwd,
            # A group of its own: killed with all that steps have started, and out of the way of a Ctrl-C.
            start_new_session=True,
        )
        self._sending = threading.Lock()
        self.tell((run, number))

    @property
    def lives(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def tell(self, message: object) -> None:
        """Send a message, from any thread; whether that is in vain shows when one listens."""
        assert self._process.stdin is not None
        with self._sending, contextlib.suppress(OSError, ValueError):  # its pipe is broken, or closed already
            send(self._process.stdin, message)

    def hear(self) -> Started | Finished:
        """Wait for the next message.

        Raises:
            EOFError: The process has ended, or is not to be understood.
        """
        assert self._process.stdout is not None
        try:
            message: Started | Finished = receive(self._process.stdout)
        except EOFError:
            raise
        except Exception as error:
            # It has another version of something: nobody can go on with it.
            self.kill()
            raise EOFError(f"{type(error).__name__}: {error}") from error
        return message

    def kill(self) -> None:
        """End the process at once, and what steps have started in it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> str:
        """Clean up behind a process that has ended or is about to.

        Returns:
            How it ended, in words.
        """
        try:
            status = self._process.wait(_END_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        self.kill()  # what it has started may have outlived it
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return ": ".join(filter(None, (_in_words(status), self._last_words())))

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        with self._said as said:
            said.seek(0)
            return said.read().decode(errors="replace").strip().rpartition("\n")[2]


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"killed by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"killed by signal {-status}"
