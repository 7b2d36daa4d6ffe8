"""What starting costs: ``hookline --help`` beside a bare typer app, ``import hookline`` beside a bare Python."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

BARE_TYPER = """
import typer
app = typer.Typer()
@app.command()
def run(target: str) -> None: "Run."
@app.command()
def plan(target: str) -> None: "Plan."
app(prog_name="bare")
"""
HOOKLINE = "from hookline.__main__ import main; main()"
HELP_LIMIT = 1.5
IMPORT_LIMIT = 0.030


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exits with 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is started")
    rounds = parser.parse_args(argv).rounds
    programs = {
        "hookline": [HOOKLINE, "--help"],
        "typer": [BARE_TYPER, "--help"],
        "import": ["import hookline"],
        "python": ["pass"],
    }
    seconds = measured(programs, rounds)
    ratio = seconds["hookline"] / seconds["typer"]
    extra = seconds["import"] - seconds["python"]
    rows = [
        (
            "hookline --help",
            seconds["hookline"],
            "bare typer app --help",
            seconds["typer"],
            f"{ratio:.2f} x",
            f"{HELP_LIMIT} x",
        ),
        (
            "import hookline",
            seconds["import"],
            "bare Python",
            seconds["python"],
            f"{extra * 1000:+.1f} ms",
            f"+{IMPORT_LIMIT * 1000:.0f} ms",
        ),
    ]
    print(f"{'what':<18}{'ours':>10}   {'baseline':<24}{'':>8}{'ours against it':>18}{'limit':>10}")
    for what, ours, baseline, theirs, against, limit in rows:
        print(f"{what:<18}{ours * 1000:>7.1f} ms   {baseline:<22}{theirs * 1000:>7.1f} ms{against:>18}{limit:>10}")
    return int(ratio > HELP_LIMIT or extra > IMPORT_LIMIT)


def measured(programs: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Give the median seconds of each program; they take turns, so that a busy moment meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds + 1):
        for name, arguments in programs.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", *arguments], stdout=subprocess.DEVNULL, check=True)
            if turn:  # the first turn fills the disk cache and writes byte code
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


if __name__ == "__main__":
    sys.exit(main())
