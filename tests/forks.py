"""Programs in a process of their own, which begins as a fork of one that has imported all of hookline: much quicker.

What is run that way is what ``python -m hookline`` or ``python script.py`` would run, with the working directory, the
environment and the standard streams that are given. Whatever is about how Python starts, or about what hookline
imports, takes a new interpreter instead.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hookline.testing.command import CommandResult, command_environment

__all__ = ["fork", "fork_hookline"]


def fork_hookline(
    arguments: Sequence[str], folder: Path, *, environment: Mapping[str, str] | None = None, timeout: float = 120
) -> CommandResult:
    """Run ``hookline``, as :func:`hookline.testing.command.run_command` does.

    Args:
        arguments: What follows ``hookline``.
        folder: Where it runs.
        environment: Further variables.
        timeout: Seconds after which it is killed.
    """
    return fork(["-m", "hookline", *arguments], folder, command_environment(**(environment or {})), timeout)


def fork(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float = 120, *, merge: bool = False
) -> CommandResult:
    """Run a program.

    Args:
        words: What follows ``python``: ``-m`` and a module, or a script, and its arguments.
        folder: Where it runs.
        environment: All of its variables.
        timeout: Seconds after which it is killed.
        merge: Whether what it writes to standard error goes to standard output, as it comes.

    Raises:
        subprocess.TimeoutExpired: It took longer.
    """
    global _server
    if _server is None:
        _server = _Server()
        atexit.register(_server.close)
    with tempfile.TemporaryDirectory(prefix="hookline-fork-") as said:
        files = [Path(said, "out"), Path(said, "out" if merge else "err")]
        code = _server.run(list(words), str(folder), dict(environment), [str(file) for file in files], timeout)
        out, err = (file.read_bytes().decode() for file in files)
    return CommandResult(code, out, "" if merge else err)


class _Server:
    """The process that is forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=command_environment(),
            start_new_session=True,
        )

    def run(self, words: list[str], folder: str, environment: dict[str, str], files: list[str], timeout: float) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, folder, environment, files]).encode() + b"\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        code = int(self._process.stdout.readline())
        if not ready:
            raise subprocess.TimeoutExpired(words, timeout)
        return code

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


_server: _Server | None = None
_LEFT_OUT = ("hookline.__main__", "hookline.testing", "hookline.executors.ray.gateway", "hookline.values.forms.")
"""What programs import themselves: the rest of it would import large libraries."""


def _serve() -> None:
    """Fork for each line; the child becomes what the line says."""
    _import_all()
    talk = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            talk.close()
            _become(*json.loads(line))
            return
        print(pid, file=talk, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=talk, flush=True)


def _import_all() -> None:
    import gc
    import importlib
    import pkgutil

    import hookline

    for module in pkgutil.walk_packages(hookline.__path__, "hookline."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    for name in ("networkx", "dill", "pydantic", "rich.console", "rich.live", "rich.table", "typer", "yaml"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _become(words: list[str], folder: str, environment: dict[str, str], files: list[str]) -> None:
    import runpy

    own = _entries(os.environ)
    streams = [
        os.open(os.devnull, os.O_RDONLY),
        *(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for file in files),
    ]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    module = words[0] == "-m"
    sys.argv = words[1:] if module else words
    first = folder if module else str(Path(words[0]).resolve().parent)
    sys.path[: 1 + len(own)] = [first, *_entries(environment)]
    if module:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(words[0], run_name="__main__")


def _entries(environment: Mapping[str, str]) -> list[str]:
    """List what ``PYTHONPATH`` adds to the path, behind its first entry."""
    return list(dict.fromkeys(filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))))


if __name__ == "__main__":
    _serve()
