"""How a worker process is started: its command line, its environment, and how many there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from hookline.executors.supervision import environment_bytes
from hookline.model.resources import THREAD_LIMITS

__all__ = ["processors", "python_command", "worker_command", "worker_environment"]

# The worker stands above the executors; it is started by name.
_WORKER = "hookline.worker.process"


def worker_command(descriptors: int) -> list[str]:
    """Give the command line of a worker that finds what this process finds.

    Args:
        descriptors: How many descriptors it is told; they stand for their numbers as ``{0}``, ``{1}``…
    """
    return python_command(f"from {_WORKER} import main; main()", *(f"{{{index}}}" for index in range(descriptors)))


def python_command(code: str, *arguments: str, last: Collection[str] = ()) -> list[str]:
    """Give the command line of a process that runs some code, and finds what this process finds.

    Args:
        code: What it runs.
        *arguments: What ``sys.argv`` has after its first element.
        last: Folders in which it looks after all others.
    """
    path = sorted(sys.path, key=lambda entry: os.path.abspath(entry) in last)  # noqa: PTH100 - as text
    start = f"import sys; sys.path[:] = {path!r}; {code}"
    return [sys.executable, *_interpreter_flags(), "-c", start, *arguments]


def worker_environment(cpu: int) -> dict[bytes, bytes]:
    """Give this process's environment, with native libraries limited to so many threads."""
    return environment_bytes(dict.fromkeys(THREAD_LIMITS, str(cpu)))


def processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _interpreter_flags() -> list[str]:
    """Give the flags that change what code does, as this interpreter was given them."""
    flags = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    if sys.flags.dont_write_bytecode:
        flags.append("-B")
    if sys.flags.utf8_mode:
        flags += ["-X", "utf8"]
    return [*flags, *(f"-W{option}" for option in sys.warnoptions)]
