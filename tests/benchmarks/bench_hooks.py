"""What plugins cost: hooks without implementations, with one and with five, and ``--help`` beside installed plugins.

Costs are differences to the same run without plugins, in turns; plugins lie in a folder of their own, as installed
distributions do.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

FLOW = """
from hookline import step, workflow

@step
def one(x: int) -> int:
    return x

@step
def count(xs: list[int]) -> int:
    return len(xs)

@workflow
def fan(n: int = 5000, salt: int = 0) -> int:
    return count(one.map(x=range(salt, salt + n)))
"""
IDLE = "@hookimpl\ndef register_steps(register): pass\n"
EVENT = "@hookimpl\ndef task_finished(task): pass\n"
AROUND = "@hookimpl\ndef around_attempt(attempt): yield\n"
_SALTS = itertools.count(1)


def install(folder: Path, count: int, code: str) -> None:
    """Install plugins that all have the same code."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        name = f"dummy{number}"
        (folder / f"{name}.py").write_text(f"from hookline import Plugin, hookimpl\nplugin = Plugin({name!r})\n{code}")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = f"[hookline]\n{name} = {name}\n[hookline.commands]\n{name} = {name}:command\n"
        (info / "entry_points.txt").write_text(lines)


MEASURE = """
import itertools, sys, time
import hookline
from hookline.worker.target import load_target
flow = load_target(sys.argv[1]).workflow
salts = itertools.count(int(time.time_ns() % 10**9) * 10**6, 10**6)

def seconds(n):
    started = time.perf_counter()
    run = hookline.run(flow, {"n": n, "salt": next(salts)}, executor=sys.argv[2])
    assert run.status == "completed"
    return time.perf_counter() - started

seconds(500)
for line in sys.stdin:
    n = int(line)
    print((seconds(n) - seconds(n // 10)) / (0.9 * n) * 1e6, flush=True)
"""


class Measured:
    """A program that measures a task's cost with some plugins when it is asked."""

    def __init__(self, folder: Path, count: int, code: str, executor: str) -> None:
        site, project = folder / "site", folder / "project"
        site.mkdir(parents=True)
        project.mkdir()
        (project / "pyproject.toml").touch()
        (project / "flow.py").write_text(FLOW)
        install(site, count, code)
        self._program = subprocess.Popen(
            [sys.executable, "-c", MEASURE, "flow.py", executor],
            cwd=project,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, n: int) -> float:
        """Give microseconds per task."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        print(n, file=self._program.stdin, flush=True)
        return float(self._program.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._program.communicate()


def in_turns(programs: dict[str, Callable[[int], float]], n: int, rounds: int) -> dict[str, float]:
    """Let each measure in turn; give the medians."""
    found: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            found[name].append(program(n))
    return {name: statistics.median(figures) for name, figures in found.items()}


def help_seconds(folder: Path, rounds: int) -> dict[str, float]:
    """Time ``--help`` with and without twenty installed plugins, in turns."""
    install(folder / "many", 20, EVENT)
    found: dict[str, list[float]] = {"none": [], "many": []}
    for _ in range(rounds):
        for name in found:
            path = os.pathsep.join(filter(None, [str(folder / name), os.environ.get("PYTHONPATH")]))
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", "from hookline.__main__ import main; main()", "--help"],
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            found[name].append(time.perf_counter() - started)
    return {name: statistics.median(figures) for name, figures in found.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", default="inline,threads,processes")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(argv)
    kinds = {
        "plugin without hooks of tasks": (1, IDLE),
        "1 x task_finished": (1, EVENT),
        "5 x task_finished": (5, EVENT),
        "1 x around_attempt": (1, AROUND),
        "5 x around_attempt": (5, AROUND),
    }
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        for executor in given.executors.split(","):
            programs = {
                kind: Measured(Path(name) / f"{executor}{number}", count, code, executor)
                for number, (kind, (count, code)) in enumerate({"no plugin": (0, ""), **kinds}.items())
            }
            medians = in_turns(dict(programs), 5000, given.rounds)
            for program in programs.values():
                program.close()
            base = medians.pop("no plugin")
            print(f"{executor}: a task without plugins {base:.1f} us")
            for kind, median in medians.items():
                print(f"  {kind:<32}{median - base:>+7.1f} us a task")
        with_and_without = help_seconds(Path(name), 3 * given.rounds)
        ratio = with_and_without["many"] / with_and_without["none"]
        print(
            f"--help: {with_and_without['none'] * 1e3:.0f} ms, with 20 plugins "
            f"{with_and_without['many'] * 1e3:.0f} ms: {ratio:.2f} x (limit 1.2 x)"
        )


if __name__ == "__main__":
    main()
