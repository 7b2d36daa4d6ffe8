"""The command line as users run it: in a process of its own, or in a fork of one that has imported everything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hookline.testing.command import WIDTH, CommandResult, command_environment, run_command

__all__ = ["WIDTH", "Shown", "call", "call_each", "environment", "normalised"]

environment = command_environment


class Shown(CommandResult):
    """How a command ended, and what it wrote."""

    @property
    def text(self) -> str:
        """All of it, without what differs from run to run."""
        return normalised(f"{self.out}--- stderr ---\n{self.err}--- exit {self.code} ---\n")


def normalised(text: str) -> str:
    """Put stand-ins for run ids, times, durations and folders, and take out the padding that depends on them."""
    text = re.sub(r"\d{8}-\d{6}-\w+", "RUN", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", text)
    text = re.sub(r"<?\b\d+(\.\d+)? s\b", "TIME", text)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": TIME', text)
    text = re.sub(r"/[^\s'\"]*?/project\b", "/project", text)
    text = re.sub(r"\(\d+\.\d+\.\d+[^)]*\)", "(VERSION)", text)
    return re.sub(r"(?<=\S) {2,}", "  ", text)


def call(arguments: Sequence[str], folder: Path, *, before: Callable[[], object] | None = None) -> Shown:
    """Run ``hookline`` in a process of its own."""
    done = run_command(arguments, folder, before=before)
    return Shown(done.code, done.out, done.err)


_FORKING = """
import json, os, sys
from hookline.cli import app, invocation, run
from hookline.engine import api
for arguments, out, err in json.load(sys.stdin):
    child = os.fork()
    if not child:
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["hookline", *arguments]
        try:
            code = app.main()
        except BaseException as error:
            print(f"Traceback: {error!r}", file=sys.stderr, flush=True)
            code = 99
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def call_each(lines: Sequence[Sequence[str]], folder: Path, scratch: Path) -> list[Shown]:
    """Run ``hookline`` several times, each in a fork of one process that has imported everything: much quicker."""
    files = [(str(scratch / f"{index}.out"), str(scratch / f"{index}.err")) for index in range(len(lines))]
    done = subprocess.run(
        [sys.executable, "-c", _FORKING],
        input=json.dumps([(list(line), *pair) for line, pair in zip(lines, files, strict=True)]),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    codes = [int(word) for word in done.stdout.split()]
    return [
        Shown(code, Path(out).read_text(), Path(err).read_text()) for code, (out, err) in zip(codes, files, strict=True)
    ]
