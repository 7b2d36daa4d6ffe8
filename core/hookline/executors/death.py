"""Why a process ended, in words."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

__all__ = ["MemoryWatch", "describe_exit"]

_MEANINGS = {
    signal.SIGSEGV: "a crash in native code",
    signal.SIGBUS: "a crash in native code, or a disk that is full",
    signal.SIGABRT: "native code gave up",
    signal.SIGFPE: "a crash in native code",
    signal.SIGILL: "a crash in native code",
}


def describe_exit(status: int) -> str:
    """Word how a process ended.

    Args:
        status: As ``os.waitpid`` gives it.

    Returns:
        ``"killed by signal 9 (SIGKILL)"`` or ``"exited with status 0"``.
    """
    if not os.WIFSIGNALED(status):
        return f"exited with status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"killed by signal {number}"
    meaning = _MEANINGS.get(known)
    return f"killed by signal {number} ({known.name}{': ' + meaning if meaning else ''})"


class MemoryWatch:
    """Tells whether the system has killed something for want of memory since the last time."""

    def __init__(self) -> None:
        self._files = _counters()
        self._count = self._read()

    def killed(self) -> bool:
        """Whether the count has risen."""
        before, self._count = self._count, self._read()
        return self._count > before

    def _read(self) -> int:
        total = 0
        for file in self._files:
            with contextlib.suppress(OSError, ValueError):
                for line in file.read_text().splitlines():
                    name, _, value = line.partition(" ")
                    if name == "oom_kill":
                        total += int(value)
        return total


def _counters() -> list[Path]:
    files = [Path("/proc/vmstat")]
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        groups = [line[3:].lstrip("/") for line in lines if line.startswith("0::")]
        files += [Path("/sys/fs/cgroup", group, "memory.events") for group in groups]
    return files
