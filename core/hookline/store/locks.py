"""Locks that the kernel frees when their process dies: one for the whole store, one per run.

Locks are ``flock`` on files of the store. A lock belongs to the open file, which a forked child shares, so every
lock descriptor is closed in children that Python forks. A child that native code forks past Python's hooks keeps
the descriptor until it execs or ends; for run locks a second mark that children never inherit (a POSIX record lock)
tells whether the owner itself still lives. The store-wide lock is held for a few milliseconds at a time; a driver
killed within them, after native code forked within them, would leave it to that child until the child ends.

Whoever waits for a lock that others hold for moments waits as long as it takes, and says for whom: a process that was
stopped (Ctrl-Z, SIGSTOP, a frozen container) holds what it holds, and may go on.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from hookline.errors import StoreError
from hookline.store.place import storage_error

__all__ = ["RunLock", "StoreLock", "forget_in_children", "maintaining", "wait_for"]

TELL_AFTER = 5.0
"""Seconds of waiting for a lock after which a warning says who holds it."""

_TELL_AGAIN = 60.0
_LOOK = 0.005
_NOTE_SIZE = 96

_log = logging.getLogger("hookline.store")

_forgetful: weakref.WeakSet[Forgetful] = weakref.WeakSet()
_held: set[str] = set()


class Forgetful:
    """Something that a forked child must let go of."""

    def forget(self) -> None:
        """Let go of what belongs to the parent process, without telling anyone."""
        raise NotImplementedError


def forget_in_children(thing: Forgetful) -> None:
    """Call ``thing.forget()`` in every child that Python forks from here on."""
    _forgetful.add(thing)


class StoreLock(Forgetful):
    """The store-wide lock: every write, checkpoint and close of the journal happens under it.

    Each holder opens the file for itself, so that threads of one process exclude each other, too. It notes there who it
    is, for those who wait.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = _open(path)
        self._note = f"{os.getpid()} {os.uname().nodename}"[: _NOTE_SIZE - 1].ljust(_NOTE_SIZE - 1).encode() + b"\n"
        forget_in_children(self)

    def __enter__(self) -> None:
        try:
            wait_for(self._fd, fcntl.LOCK_EX, self._path, self.holder)
            # Nobody's lock depends on this; a single driver finds its own note there and writes nothing.
            with contextlib.suppress(OSError):
                if os.pread(self._fd, _NOTE_SIZE, 0) != self._note:
                    os.pwrite(self._fd, self._note, 0)
        except OSError as error:
            raise storage_error(error, self._path) from error
        except BaseException:
            # An interrupt may come when the lock is held already, and nobody would give it back.
            self.__exit__()
            raise

    def holder(self) -> tuple[int, str]:
        """Give the process that took the lock last, and words about it; 0 where that is unknown."""
        try:
            number, host = os.pread(self._fd, _NOTE_SIZE, 0).decode().split()
            pid = int(number)
        except (OSError, ValueError):
            return 0, "another process"
        if host != os.uname().nodename:
            return pid, f"process {pid} on {host}"
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return 0, "another process"  # which could not note itself, or has not yet
        except OSError:
            pass  # another user's
        return pid, f"process {pid} on {host}{_condition(pid)}"

    def is_free_within(self, seconds: float) -> bool:
        """Tell whether nobody holds the lock, or lets it go in time; it is not held afterwards.

        Args:
            seconds: How long to look.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    return False
                time.sleep(_LOOK)
            else:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
                return True

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    forget = close


class RunLock(Forgetful):
    """The ownership of one epoch of one run, held from start to end of its driver."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._mark = -1
        forget_in_children(self)

    def acquire(self, *, keep: bool = True) -> bool:
        """Take the lock if no living driver has it; never waits.

        Args:
            keep: Whether to hold it; otherwise this only tells whether it could be taken.
        """
        if _name(self.path) in _held:
            return False
        self._fd = _open(self.path)
        self._mark = _open(self.path.with_suffix(".mark"))
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A stray child of a dead driver may still share its flock; the mark dies with the driver alone.
            if not self._take_mark():
                self.forget()
                return False
        else:
            self._take_mark()
        if keep:
            _held.add(_name(self.path))
        else:
            self.forget()
        return True

    def release(self) -> None:
        """Give the lock back and remove its files."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(".mark").unlink(missing_ok=True)
        _held.discard(_name(self.path))
        self.forget()

    def forget(self) -> None:
        """Close the descriptors; in a forked child this leaves the parent's lock in force."""
        fds, self._fd, self._mark = (self._fd, self._mark), -1, -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)

    def _take_mark(self) -> bool:
        try:
            fcntl.lockf(self._mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def maintaining(folder: Path) -> Iterator[None]:
    """Be the one process that removes things from a store, for the length of a block.

    Args:
        folder: The store's.

    Raises:
        StoreError: Another one is at it.
    """
    fd = _open(folder / "maintenance.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StoreError(
            f"another process is cleaning up or upgrading the store '{folder}'", help="wait for it, then try again"
        ) from error
    finally:
        os.close(fd)


def wait_for(fd: int, how: int, path: Path, holder: Callable[[], tuple[int, str]] | None = None) -> None:
    """Take a ``flock`` that others hold for moments, as soon as it is free; warn when that takes long.

    Args:
        fd: The open file.
        how: ``LOCK_EX`` or ``LOCK_SH``.
        path: The file's, for the words.
        holder: Gives the number of the process that holds it (0: unknown), and words about it.
    """
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        over = threading.Event()
        teller = threading.Thread(target=_tell, args=(over, path, holder), name="hookline-waits", daemon=True)
        # Where no thread can begin, as at the interpreter's end, waiting is silent.
        with contextlib.suppress(RuntimeError):
            teller.start()
        try:
            # The kernel wakes whoever waits like this: looking again and again would lose against busy drivers.
            fcntl.flock(fd, how)
        finally:
            over.set()


def _tell(over: threading.Event, path: Path, holder: Callable[[], tuple[int, str]] | None) -> None:
    waited = 0.0
    while not over.wait(_TELL_AGAIN if waited else TELL_AFTER):
        waited += _TELL_AGAIN if waited else TELL_AFTER
        pid, words = holder() if holder else (0, "another process")
        name = pid or "PID"
        _log.warning(
            "waited %.0f s for '%s', which %s holds; "
            "if it was stopped, let it go on (kill -CONT %s) or end it (kill -9 %s)",
            waited,
            path,
            words,
            name,
            name,
        )


def _condition(pid: int) -> str:
    """Say in words to append what keeps a process of this machine from going on, where the system tells."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""
    return " (stopped)" if state in "Tt" else ""


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise storage_error(error, path) from error


def _name(path: Path) -> str:
    return os.path.realpath(path)


def _forget_all() -> None:
    _held.clear()
    for thing in list(_forgetful):
        thing.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
