"""What attempts print and log, kept apart per attempt: streams by thread, and descriptors of whole processes.

Nothing happens for an attempt that writes nothing but a few attribute accesses.
"""

from __future__ import annotations

import contextvars
import io
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import IO, Any

from hookline.executors.tape import Tape, tape_size
from hookline.model.batch import Output
from hookline.worker.descriptors import Descriptors

__all__ = ["Capture"]


class Capture:
    """Keeps what each attempt prints and logs, up to a limit.

    Args:
        limit: Bytes kept per attempt; the middle of longer output is left out.
        descriptors: Whether this process makes one attempt at a time, so that descriptors 1 and 2 as a whole, which C
            code and child processes write to, belong to that attempt.
        inherited: For ``descriptors``: the pipe that 1 and 2 lead to already, and the tape; None makes both.

    Attributes:
        begin: Lets what this thread writes from now on belong to an attempt of its own.
        end: Ends the attempt of this thread, and gives what it wrote; None where that is nothing.
    """

    begin: Callable[[], None]
    end: Callable[[], Output | None]

    def __init__(self, limit: int, descriptors: bool, inherited: tuple[int, Tape] | None = None) -> None:
        self._limit = limit
        self._routed = None if descriptors else _Routed(limit)
        self._descriptors = Descriptors(limit, inherited) if descriptors else None
        self._source = source = self._descriptors or self._routed
        assert source is not None
        self._logging = _Logging(self._active)
        # Called twice per attempt: bound once, so that there is no further call in between.
        self.begin = source.begin
        self.end = source.end

    def begin_here(self) -> Callable[[], Output | None]:
        """Let what this context writes through Python's streams belong to an attempt of its own, beside others.

        Returns:
            Ends the attempt, in the same context, and gives what it wrote; None where that is nothing.
        """
        if self._routed is None:
            # Whatever else writes to the descriptors can't be told apart.
            self._routed = _Routed(self._limit)
            self._routed.install()
        held = _Held()
        _here.set(held)

        def end() -> Output | None:
            _here.set(None)
            return held.tape.output() if held.tape is not None else None

        return end

    def _active(self) -> bool:
        return _here.get() is not None or (self._source is not None and self._source.active())

    def install(self) -> None:
        """Put this process's streams and its loggers' handlers through here."""
        if self._routed is not None:
            self._routed.install()
        if self._descriptors is not None:
            self._descriptors.install()
        self._logging.install()

    def uninstall(self) -> None:
        """Put everything back as it was."""
        self._logging.uninstall()
        if self._routed is not None:
            self._routed.uninstall()
        if self._descriptors is not None:
            self._descriptors.uninstall()


class _Held:
    """The tape of an attempt that goes on beside others, once it has written something."""

    tape: Tape | None = None


_here: contextvars.ContextVar[_Held | None] = contextvars.ContextVar("hookline_output", default=None)


class _Current(threading.local):
    """The attempt of a thread: whether there is one, and its tape once it has written something."""

    active = False
    tape: Tape | None = None


class _Routed:
    """``sys.stdout`` and ``sys.stderr`` that lead to the attempt of the thread that writes, or on to the real ones."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._current = current = _Current()
        self._routers: dict[str, _Router] = {}

        def begin() -> None:
            current.active = True

        def end() -> Output | None:
            current.active = False
            tape = current.tape
            if tape is None:
                return None
            current.tape = None
            return tape.output()

        self.begin = begin
        self.end = end

    def active(self) -> bool:
        """Tell whether this thread or context makes an attempt."""
        return self._current.active or _here.get() is not None

    def write(self, data: bytes) -> None:
        """Take what this thread's attempt wrote."""
        current = _here.get() or self._current
        if current.tape is None:
            current.tape = Tape(bytearray(tape_size(self._limit)))
        current.tape.write(data)

    def install(self) -> None:
        """Replace the streams, also in log handlers that hold them."""
        with _replacing:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None:
                    router = self._routers[name] = _router_of(stream)
                    router.routed = (self, *router.routed)
                    setattr(sys, name, router)
                    _move_handlers(router.real, router)

    def uninstall(self) -> None:
        """Give the streams back, unless another run uses ours, or somebody replaced them since."""
        with _replacing:
            for name, router in self._routers.items():
                router.routed = tuple(routed for routed in router.routed if routed is not self)
                if router.routed:
                    continue
                if getattr(sys, name) is router:
                    setattr(sys, name, router.real)
                _move_handlers(router, router.real)
                _retired.append(router)
            self._routers.clear()


class _Router(io.TextIOBase):
    """One standard stream, whose writes go to the attempt of the writing thread.

    Attributes:
        real: Where all other writes go.
        routed: The runs that use it, the innermost first.
    """

    def __init__(self, real: IO[str]) -> None:
        super().__init__()
        self.real = real
        self.routed: tuple[_Routed, ...] = ()
        self._binary: _BinaryRouter | None = None

    def active(self) -> _Routed | None:
        """Give whose attempt this thread or context makes, if it makes one."""
        for routed in self.routed:
            if routed.active():
                return routed
        return None

    def write(self, text: str, /) -> int:
        routed = self.active()
        if routed is None:
            return self.real.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        routed.write(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.active() is None:
            self.real.flush()

    def isatty(self) -> bool:
        return self.active() is None and self.real.isatty()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.real.fileno()

    def close(self) -> None:
        """Leave the stream open: it is not the step's to close."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.real, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    @property
    def buffer(self) -> _BinaryRouter:
        """The stream for bytes."""
        if self._binary is None:
            self._binary = _BinaryRouter(self)
        return self._binary

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _BinaryRouter(io.RawIOBase):
    """What ``sys.stdout.buffer`` gives."""

    def __init__(self, router: _Router) -> None:
        super().__init__()
        self._router = router

    def write(self, data: Any, /) -> int:
        routed = self._router.active()
        if routed is None:
            return int(self._router.real.buffer.write(data))  # type: ignore[attr-defined]
        taken = bytes(data)
        routed.write(taken)
        return len(taken)

    def flush(self) -> None:
        if not self.closed:
            self._router.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the stream open."""


_replacing = threading.Lock()

# Kept for later runs, and not freed at once: the ``print`` of older Pythons holds no reference to ``sys.stdout`` while
# it writes, so that the interpreter crashes where the stream goes away under another thread's ``print``.
_retired: deque[_Router] = deque(maxlen=8)


def _router_of(stream: Any) -> _Router:
    """Give what stands in for a stream: itself, where it does already."""
    for router in list(_retired):
        if stream is router or stream is router.real:
            _retired.remove(router)
            return router
    return stream if isinstance(stream, _Router) else _Router(stream)


_WRITTEN = "hookline_written"
"""Marks a record, so that runs side by side in one process, or a thread of one that is past, don't write it twice."""


class _Logging:
    """Lets log records at INFO and above reach an attempt's output where no handler of the program's writes them there.

    Where the root logger has no handler, ``logging.lastResort`` is the place: a handler on the root logger would turn a
    later ``basicConfig`` of the user's into nothing. Where it has some, such as one for a file, ours joins them.
    """

    def __init__(self, active: Callable[[], bool]) -> None:
        self._last_resort = _LastResort(active)
        self._joined = _Handler(active)

    def install(self) -> None:
        """Stand in for logging's last resort, and join handlers that are there."""
        if logging.lastResort is not self._last_resort:
            self._last_resort.former = logging.lastResort
            logging.lastResort = self._last_resort
        if logging.getLogger().handlers:
            logging.getLogger().addHandler(self._joined)

    def uninstall(self) -> None:
        """Give its place back, also from under that of a run that began later."""
        above, ours = logging.lastResort, self._last_resort
        if above is ours:
            logging.lastResort = ours.former
        while isinstance(above, _LastResort):
            if above.former is ours:
                above.former = ours.former
            above = above.former
        logging.getLogger().removeHandler(self._joined)


class _Handler(logging.Handler):
    """Writes a record to the attempt's output, unless another handler does, or that of another run did."""

    def __init__(self, active: Callable[[], bool]) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self._active = active

    def emit(self, record: logging.LogRecord) -> None:
        if self._active() and not hasattr(record, _WRITTEN) and not _is_written(record):
            setattr(record, _WRITTEN, True)
            try:
                sys.stderr.write(self.format(record) + "\n")
            except Exception:  # noqa: BLE001 - logging's own rule: a handler never raises
                self.handleError(record)


class _LastResort(_Handler):
    """What logging turns to where it finds no handler; outside of attempts its former self."""

    former: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._active():
            super().emit(record)
        elif self.former is not None and record.levelno >= self.former.level:
            self.former.handle(record)


def _is_written(record: logging.LogRecord) -> bool:
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        for handler in logger.handlers:
            stream = getattr(handler, "stream", None)
            if record.levelno >= handler.level and (stream is sys.stderr or stream is sys.stdout):
                return True
        logger = logger.parent if logger.propagate else None
    return False


def _move_handlers(old: Any, new: Any) -> None:
    for logger in [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)
