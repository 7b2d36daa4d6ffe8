"""What the Ray executor costs, beside bare Ray in the same minutes; everything is on: journal, keys, results, reasons.

Bare Ray goes first, in a process and a cluster of its own that end before the rest begins. Then all runs join one
cluster. Joining it and placing workers takes seconds that vary by more than a task costs, so rows per task leave that
out: a run's time is that from the call to the executor's start, and from when all its workers are there, and a moment
more, to when the executor is told to close. Of these times the rows are slopes, (t(N) - t(N/10)) / (0.9 N). Start and
close are rows of their own, with a cluster of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timed_ray import Timed

import hookline
from hookline import step, workflow

SLOTS = 2
NAP = 0.02
TICK = 0.002
_SALTS = itertools.count(1)
"""Each run gets inputs that no run had before."""


@step
def one(x: int) -> int:
    return x


@step
def add(x: int) -> int:
    return x + 1


@step
def count(xs: list[Any]) -> int:
    return len(xs)


@step
def nap(x: int, seconds: float) -> int:
    time.sleep(seconds)
    return x


@step
def block(number: int) -> bytes:
    return number.to_bytes(8, "little") * 8192


@step
def array(megabytes: int, salt: int, there: list[int]) -> np.ndarray:
    return np.full(megabytes << 17, salt, dtype=np.int64)


@step
def consume(values: np.ndarray, number: int) -> int:
    return int(values[:: 1 << 9].sum()) * number


@step
def tick(before: list[int]) -> list[int]:
    now = time.monotonic_ns()
    time.sleep(TICK)
    return [now - before[-1], time.monotonic_ns()]


@step
def gaps(ticks: list[list[int]]) -> list[int]:
    return sorted(first for first, _ in ticks)


@workflow
def linked(n: int, salt: int = 0) -> int:
    value = add(salt)
    for _ in range(n - 1):
        value = add(value)
    return value


@workflow
def mapped(n: int, salt: int = 0) -> int:
    return count(one.map(x=range(salt, salt + n)))


@workflow
def calls(n: int, salt: int = 0) -> int:
    return count([one(salt + i) for i in range(n)])


@workflow
def naps(n: int, salt: int = 0) -> int:
    return count([nap(salt + i, NAP) for i in range(n)])


@workflow
def mixed(n: int, salt: int = 0) -> int:
    return count([nap(salt + i, 0.0 if i % 5 else NAP / 2) for i in range(n)])


@workflow
def blocks(n: int, salt: int = 0) -> int:
    return count(block.map(number=range(salt, salt + n)))


@workflow
def shared(n: int, salt: int = 0) -> list[int]:
    # So many tasks at once have all workers placed before the array is made.
    values = array(n, salt, [nap(salt + i, 0.5) for i in range(2 * SLOTS)])
    return [consume(values, number) for number in range(4)]


@workflow
def ticking(n: int, salt: int = 0) -> list[int]:
    ticks = [tick([salt, time.monotonic_ns()])]
    for _ in range(n):
        ticks.append(tick(ticks[-1]))
    return gaps(ticks[1:])


def run(flow: Any, n: int, store: Path, workers: int, address: str) -> tuple[Any, float, Timed]:
    """Make a run; gives it, the seconds that count, and the executor."""
    executor = Timed(workers, address=address, ship=False)
    began = time.perf_counter()
    done = hookline.run(flow, {"n": n, "salt": next(_SALTS) * 10**7}, executor=executor, store=store)
    assert done.status == "completed", done
    return done, executor.starts - began + executor.closes - executor.there, executor


def slope(flow: Any, n: int, times: int, how: tuple[Path, int, str]) -> float:
    """Microseconds each, the median of several."""

    def seconds(size: int) -> float:
        return run(flow, size, *how)[1]

    seconds(n // 10)
    return statistics.median((seconds(n) - seconds(n // 10)) / (0.9 * n) * 1e6 for _ in range(times))


def bare(times: int, megabytes: int) -> dict[str, float]:
    """Measure bare Ray."""
    script = str(Path(__file__).with_name("bare_ray.py"))
    command = [sys.executable, script, "--times", str(times), "--megabytes", str(megabytes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(what: str, figure: float, unit: str, base: float, goal: str = "", beside: str = "") -> None:
    """Print one figure, and how it compares with bare Ray's."""
    ratio = f"{figure / base:6.2f} x bare Ray ({base:,.2f})" if base else ""
    print(f"{what:42} {figure:10,.2f} {unit:3} {goal:14} {ratio}  {beside}".rstrip(), flush=True)


def load() -> str:
    """Tell how busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


Row = Callable[[Path, str, int, dict[str, float]], None]


def per_task(what: str, flow: Any, n: int, against: str, goal: str = "", workers: int = SLOTS, **beside: str) -> Row:
    """Make a row of microseconds each; beside bare Ray's way of the same, and others of its ways."""

    def measure(store: Path, address: str, times: int, base: dict[str, float]) -> None:
        found = slope(flow, n, times, (store, workers, address))
        more = ", ".join(f"{name.replace('_', ' ')} {base[key]:,.1f}" for name, key in beside.items() if key in base)
        show(what, found, "us", base.get(against, 0.0), goal, more)

    return measure


def makespan(what: str, flow: Any, n: int, against: str, work: float) -> Row:
    """Make a row of how long it takes as a multiple of the work shared out."""

    def measure(store: Path, address: str, times: int, base: dict[str, float]) -> None:
        best = work / SLOTS * 1e6
        found = slope(flow, n, times, (store, SLOTS, address)) / best
        show(what, found, "x", base.get(against, 0.0) / best, "goal 1.05")

    return measure


def large(store: Path, address: str, times: int, base: dict[str, float]) -> None:
    """Measure one array for four consumers; what brings the workers there is taken out."""
    size = int(base.get("megabytes", 400))
    how = (store, SLOTS, address)
    run(shared, 2, *how)
    naps_ = statistics.median(run(shared, 2, *how)[1] for _ in range(times))
    found = statistics.median(run(shared, size, *how)[1] - naps_ for _ in range(times))
    show(f"{size} MB array to four consumers", found, "s", base.get("shared", 0.0))


def latency(store: Path, address: str, _: int, base: dict[str, float]) -> None:
    """Measure from one function's end to the next one's start, where nothing else is to be done."""
    done, *_rest = run(ticking, 300, store, 1, address)
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        show(f"end to next start, idle, {name}", done.result[int(300 * part)] / 1e6, "ms", base.get(name, 0.0))


def start_up(store: Path, _: str, times: int, base: dict[str, float]) -> None:
    """Measure a run of one task on a cluster that it starts, and ends."""
    ends = [run(linked, 1, store, 1, "local")[2] for _ in range(times)]
    first = statistics.median(each.first - each.starts for each in ends)
    show("start of a cluster to first outcome", first, "s", base.get("start", 0.0))
    show(
        "close, and end of the cluster", statistics.median(e.closed - e.closes for e in ends), "s", base.get("close", 0)
    )


ROWS: dict[str, Row] = {
    "chain": per_task("chain of 1,000", linked, 1000, "linked", "goal 1.2 x", 1, fetched_one_by_one="fetched"),
    "map": per_task(".map of 20,000, an item", mapped, 20000, "mapped", "goal 45 us", hand_chunked_by_100="chunked"),
    "calls": per_task("2,000 explicit calls", calls, 2000, "mapped"),
    "naps": makespan("200 tasks of 20 ms, of work / slots", naps, 200, "naps", NAP),
    "mixed": makespan("1,000, each fifth of 10 ms, likewise", mixed, 1000, "mixed", NAP / 2 / 5),
    "blocks": per_task("5,000 results of 64 KiB", blocks, 5000, "blocks", "goal 150 us"),
    "shared": large,
    "latency": latency,
    "start": start_up,
}


def main() -> None:
    """Print one line per figure."""
    if importlib.util.find_spec("ray") is None:
        print("Ray is not installed")
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from executors.ray.cluster import RayCluster

    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ.pop("RAY_ADDRESS", None)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--alone", action="store_true", help="without bare Ray beside it")
    options = parser.parse_args()
    print(load())
    base = {} if options.alone else bare(options.times, options.megabytes)
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as store,
        RayCluster(cpus=SLOTS) as cluster,
    ):
        for name in options.rows.split(","):
            address = cluster.address
            ROWS[name](Path(store), address, options.times, {**base, "megabytes": options.megabytes})
    print(load())


if __name__ == "__main__":
    main()
