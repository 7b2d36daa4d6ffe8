"""What size costs: time and memory from a thousand tasks to a million, many small runs, and how soon tasks start.

Each row runs in a process of its own, so that its peak memory is its own. Sizes grow tenfold; a row prints µs a task as
the slope of the last decade, (t(N) - t(N/10)) / (0.9 N), bytes a task likewise, and how time grows with size: the
exponent of N, fitted over all sizes (a straight line on double-logarithmic paper; what a run costs at any size makes it
less than one) and in the last decade alone (1 is linear, 2 quadratic).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench_engine import floor

import hookline
from hookline import step, workflow
from hookline.engine import api

QUICK = (1_000, 10_000, 100_000)
FULL = (*QUICK, 1_000_000)
TICK = 0.002
"""Seconds for which a task of the latency row sleeps: by then the engine is idle."""


@step
def one(x: int) -> int:
    return x


@step
def add(x: int) -> int:
    return x + 1


@step
def count(xs: list[int]) -> int:
    return len(xs)


@step
def turn(left: int, total: int) -> int:
    return turn(left - 1, total + left) if left > 0 else total


@step
def tick(before: list[int]) -> list[int]:
    now = time.monotonic_ns()
    time.sleep(TICK)
    return [now - before[-1], time.monotonic_ns()]


@step
def gaps(ticks: list[list[int]]) -> list[int]:
    return [first for first, _ in ticks]


@workflow
def mapped(n: int) -> int:
    return count(one.map(x=range(n)))


@workflow
def calls(n: int) -> int:
    return count([one(i) for i in range(n)])


@workflow
def distinct(n: int) -> int:
    return count([add(one(i)) for i in range(n // 2)])


@workflow
def chain(n: int) -> int:
    value = one(0)
    for _ in range(n - 1):
        value = add(value)
    return value


@workflow
def loop(n: int) -> int:
    return turn(n, 0)


@workflow
def ticking(n: int) -> list[int]:
    ticks = [tick([0, time.monotonic_ns()])]
    for _ in range(n):
        ticks.append(tick(ticks[-1]))
    return gaps(ticks[1:])


@workflow
def small(number: int) -> int:
    return count([add(one(number + i)) for i in range(3)])


FLOWS = {"map": mapped, "calls": calls, "chain": chain, "loop": loop}


# -- in the row's own process ----------------------------------------------------------------------------------------


def grow(store: Path, flow: str, executor: str, sizes: Sequence[int], reuse: bool) -> list[dict[str, float]]:
    """Run at growing sizes after a warm-up; each size starts from an empty store."""
    hookline.run(FLOWS[flow], {"n": 500}, executor=executor, store=store / "warm")
    found = []
    for size in sizes:
        place = store / str(size)
        if reuse:
            # In a process of its own, whose memory is not this one's.
            prime = json.dumps(["prime", str(place), flow, executor, size])
            subprocess.run([sys.executable, __file__, "--row", prime], stdout=subprocess.DEVNULL, check=True)
        forget_peak()
        started = time.perf_counter()
        run = hookline.run(FLOWS[flow], {"n": size}, executor=executor, store=place)
        seconds = time.perf_counter() - started
        assert run.status == "completed", run
        assert not reuse or run.counts["completed"] == 0, run
        found.append({"size": size, "seconds": seconds, "peak": peak()})
    return found


def prime(store: Path, flow: str, executor: str, size: int) -> None:
    """Record what is to be reused."""
    hookline.run(FLOWS[flow], {"n": size}, executor=executor, store=store)


def plans(store: Path, size: int) -> dict[str, float]:
    """Build and check, plan, and run distinct tasks, each from the start."""
    hookline.run(distinct, {"n": 1000}, executor="inline", store=store / "warm")
    seconds = {}
    for name, act in (
        ("build", lambda: api.graph(distinct, {"n": size})),
        ("plan", lambda: api.plan(distinct, {"n": size}, store=store / "warm")),
        ("run", lambda: hookline.run(distinct, {"n": size}, executor="inline", store=store / "run")),
    ):
        started = time.perf_counter()
        act()
        seconds[name] = time.perf_counter() - started
    return {**seconds, "peak": peak()}


def many(store: Path, count: int) -> dict[str, float]:
    """Run small workflows one after another; what is held open or kept is compared with that after the first tenth."""
    started, warm = time.perf_counter(), count // 10
    before = (0, 0.0, 0, 0)
    for number in range(count):
        if number == warm:
            before, started = held(), time.perf_counter()
        hookline.run(small, {"number": number * 10}, executor="threads", store=store)
    milliseconds = (time.perf_counter() - started) / (count - warm) * 1e3
    names = ("files", "memory", "threads", "children")
    return {"ms": milliseconds, **dict(zip(names, (b - a for a, b in zip(before, held(), strict=True)), strict=True))}


def latency(store: Path, executor: str, count: int) -> dict[str, float]:
    """Measure from one function's end to the next one's start, where nothing else is to be done."""
    hookline.run(ticking, {"n": 50}, executor=executor, store=store)
    run = hookline.run(ticking, {"n": count}, executor=executor, store=store, fresh=True)
    found = sorted(gap / 1e6 for gap in run.result)
    return {"p50": found[len(found) // 2], "p99": found[int(len(found) * 0.99)], "most": found[-1]}


def held() -> tuple[int, float, int, int]:
    """Tell how many files are open, how much memory is used (MB), and how many threads and children there are."""
    files = len(os.listdir("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"))
    kin = Path(f"/proc/self/task/{os.getpid()}/children")
    children = len(kin.read_text().split()) if kin.exists() else 0
    return files, memory("VmRSS"), threading.active_count(), children


def memory(name: str) -> float:
    """Read one of the process's sizes, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


def peak() -> float:
    """Give the most memory that was used since :func:`forget_peak`, in MB."""
    return memory("VmHWM")


def forget_peak() -> None:
    """Let the peak be counted anew, where the system can."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


ROWS: dict[str, Callable[..., Any]] = {"grow": grow, "prime": prime, "plans": plans, "many": many, "latency": latency}


# -- in the main process ---------------------------------------------------------------------------------------------


def apart(row: str, *arguments: Any) -> Any:
    """Measure a row in a process of its own, with a folder of its own."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
        given = json.dumps([row, folder, *arguments])
        done = subprocess.run([sys.executable, __file__, "--row", given], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def decade(found: Sequence[dict[str, float]], name: str) -> float:
    """Give the slope per task between the last two sizes."""
    before, last = found[-2:]
    return (last[name] - before[name]) / (last["size"] - before["size"])


def exponents(found: Sequence[dict[str, float]]) -> tuple[float, float]:
    """Give the exponent with which time grows with size: over all sizes (least squares), and between the last two."""
    points = [(math.log10(entry["size"]), math.log10(entry["seconds"])) for entry in found]
    middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
    over = sum((x - middle[0]) * (y - middle[1]) for x, y in points) / sum((x - middle[0]) ** 2 for x, _ in points)
    (x1, y1), (x2, y2) = points[-2:]
    return over, (y2 - y1) / (x2 - x1)


def show_growth(
    what: str, row: tuple[Any, ...], base: float, goal_us: float, goal_bytes: float = 0, goal_peak: float = 0
) -> None:
    """Print a row of growing sizes."""
    found = apart("grow", *row)
    microseconds, memory_each = decade(found, "seconds") * 1e6, decade(found, "peak") * 1e6
    over, last = exponents(found)
    size = int(found[-1]["size"])
    show(f"{what}, {size:,}", f"{microseconds:.1f} us", f"<= {goal_us:.0f} us", f"{microseconds / base:.1f} x floor")
    show("  growth of time", f"N^{last:.2f}", "N^1", f"N^{over:.2f} from {int(found[0]['size']):,} on")
    show("  memory a task", f"{memory_each:.0f} B", f"<= {goal_bytes:.0f} B" if goal_bytes else "", "")
    show("  peak memory", f"{found[-1]['peak']:.0f} MB", f"<= {goal_peak:.0f} MB" if goal_peak else "", "")


def show(what: str, figure: str, goal: str, beside: str) -> None:
    """Print one figure."""
    print(f"{what:44} {figure:>12}  {'goal ' + goal if goal else '':16}  {beside}".rstrip(), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per figure, with its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="go to 1,000,000 tasks (loops and chains to 100,000)")
    parser.add_argument("--only", default="map,reuse,calls,chain,loop,plans,many,latency", help="which rows")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.row:
        row, folder, *arguments = json.loads(options.row)
        print(json.dumps(ROWS[row](Path(folder), *arguments)))
        return
    chosen = options.only.split(",")
    sizes = FULL if options.full else QUICK
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
        base = floor(Path(folder))
    show("floor of this run", f"{base:.1f} us", "", "what recording durably costs at least")
    peak_goal = 500 if options.full else 0
    if "map" in chosen:
        show_growth("map, inline", ("map", "inline", sizes, False), base, 25, goal_peak=peak_goal)
        show_growth("map, threads", ("map", "threads", sizes, False), base, 35, goal_peak=peak_goal)
    if "reuse" in chosen:
        show_growth("map all reused", ("map", "inline", sizes, True), base, 10, goal_peak=peak_goal)
    if "calls" in chosen:
        show_growth("explicit calls, inline", ("calls", "inline", sizes, False), base, 40)
    if "chain" in chosen:
        show_growth("chain, inline", ("chain", "inline", QUICK if options.full else QUICK[:2], False), base, 40)
    if "loop" in chosen:
        turns = QUICK if options.full else (1_000, 5_000, 25_000)
        show_growth("turns of a loop, inline", ("loop", "inline", turns, False), base, 150, goal_bytes=500)
    if "plans" in chosen:
        show_plans(100_000)
    if "many" in chosen:
        show_many(1_000 if options.full else 300)
    if "latency" in chosen:
        show_latency(2_000 if options.full else 500)


def show_plans(size: int) -> None:
    found = apart("plans", size)
    show(f"{size:,} distinct tasks: build and check", f"{found['build']:.2f} s", "", "")
    show("  build, check and plan", f"{found['plan']:.2f} s", "<= 3 s", "")
    show(
        "  build, check, plan and run, inline", f"{found['run']:.2f} s", "", f"{found['run'] / size * 1e6:.1f} us each"
    )
    show("  peak memory", f"{found['peak']:.0f} MB", "", "")


def show_many(count: int) -> None:
    found = apart("many", count)
    show(f"{count:,} runs of 7 tasks, one after another", f"{found['ms']:.1f} ms", "", "each, on threads")
    show(
        "  more open files, threads and processes",
        f"{found['files']}, {found['threads']}, {found['children']}",
        "0",
        "",
    )
    show("  more memory", f"{found['memory']:.1f} MB", "none", f"{found['memory'] * 1e3 / count:.1f} KB a run")


def show_latency(ticks: int) -> None:
    for executor in ("threads", "processes"):
        found = apart("latency", executor, ticks)
        goal = "<= 1 ms" if executor == "threads" else ""
        show(f"end of one task to start of next, {executor}", f"{found['p99']:.2f} ms", goal, "p99 on an idle engine")
        show("  median and most", f"{found['p50']:.2f} ms", "", f"{found['most']:.2f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
