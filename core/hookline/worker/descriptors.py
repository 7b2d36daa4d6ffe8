"""Descriptors 1 and 2 of a process through a pipe: what C code and child processes write belongs to the attempt too."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from typing import Any

from hookline.executors.tape import PIPE_SIZE, Tape, output_pipe, tape_size
from hookline.model.batch import Output

__all__ = ["Descriptors"]

_CHUNK = 1 << 18


class Descriptors:
    """Reads what a process writes to its descriptors 1 and 2, attempt by attempt.

    A thread keeps the pipe from filling up while an attempt writes; the end of an attempt empties it to the last byte.

    Args:
        limit: Bytes kept per attempt.
        inherited: The read end of a pipe that 1 and 2 lead to already, and a tape; None makes both.
    """

    def __init__(self, limit: int, inherited: tuple[int, Tape] | None) -> None:
        self._inherited = inherited
        self._tape = inherited[1] if inherited else Tape(bytearray(tape_size(limit)))
        self._lock = threading.Lock()
        self._reader = -1
        self._saved: list[tuple[int, int]] = []
        self._streams: dict[str, Any] = {}
        self._flush: Any = None
        # True, so that the first attempt does not begin with what imports printed.
        self._written = True
        self._active = False
        self._poll: Any = lambda _: False

    def active(self) -> bool:
        """Tell whether an attempt is being made."""
        return self._active

    def begin(self) -> None:
        """Forget what came between attempts."""
        self._active = True
        if self._written:
            self._take()
            self._tape.reset()
            self._written = False

    def end(self) -> Output | None:
        """Give what came since :meth:`begin`."""
        self._active = False
        if "ctypes" in sys.modules:
            self._flush_c()
        # The draining thread sets the mark before it reads: a pipe found empty afterwards was not emptied unmarked.
        if not self._poll(0) and not self._written:
            return None
        self._take()
        output = self._tape.output()
        self._tape.reset()
        self._written = False
        return output

    def install(self) -> None:
        """Lead the descriptors and Python's streams into the pipe, and start to read it."""
        if self._inherited is not None:
            self._reader = self._inherited[0]
        else:
            for name in ("stdout", "stderr"):
                with contextlib.suppress(AttributeError, ValueError):
                    getattr(sys, name).flush()
            self._reader, writer = output_pipe()
            for descriptor in (1, 2):
                self._saved.append((descriptor, os.dup(descriptor)))
                os.dup2(writer, descriptor)
            os.close(writer)
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        self._poll = poll.poll
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            self._streams[name] = getattr(sys, name)
            stream = open(  # noqa: SIM115 - it is the process's stream from now on
                descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1
            )
            stream.reconfigure(write_through=True)
            setattr(sys, name, stream)
        threading.Thread(target=self._drain, args=(self._reader,), name="hookline-output", daemon=True).start()

    def uninstall(self) -> None:
        """Give the descriptors and streams back."""
        for name, stream in self._streams.items():
            setattr(sys, name, stream)
        self._streams.clear()
        for descriptor, saved in self._saved:
            os.dup2(saved, descriptor)
            os.close(saved)
        self._saved.clear()
        self._poll = lambda _: False

    def _take(self) -> None:
        """Empty the pipe."""
        with self._lock:
            self._read()

    def _read(self) -> bool:
        self._written = True
        # No more than a full pipe: a child that prints without end must not keep us here.
        for _ in range(1 + PIPE_SIZE // _CHUNK):
            try:
                data = os.read(self._reader, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            self._tape.write(data)
        return True

    def _drain(self, reader: int) -> None:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        while True:
            poll.poll()
            with self._lock:
                if not self._read():
                    if self._inherited is None:
                        os.close(reader)
                    return

    def _flush_c(self) -> None:
        # C's own buffers hold back what C code prints to a pipe. Without ctypes nothing here can reach them.
        if self._flush is None:
            try:
                self._flush = sys.modules["ctypes"].CDLL(None).fflush
            except (OSError, AttributeError):
                self._flush = lambda _: None
        self._flush(None)
