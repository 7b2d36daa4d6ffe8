"""What a task costs: maps, explicit calls, chains and reuse, per executor, beside the floor of the same run.

The floor is what nobody who records durably can avoid: pickling arguments and result, two digests, and a row in group
commits with ``synchronous=FULL``, in plain Python in this process.
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

import hookline
from hookline import step, workflow

_SALTS = itertools.count(1)
"""Each run gets inputs that no run had before."""


@step
def one(x: int) -> int:
    return x


@step
def add(x: int) -> int:
    return x + 1


@step
def count(xs: list[int]) -> int:
    return len(xs)


@workflow
def fan(n: int = 5000, salt: int = 0) -> int:
    return count(one.map(x=range(salt, salt + n)))


@workflow
def explicit(n: int = 5000, salt: int = 0) -> int:
    return count([one(salt + i) for i in range(n)])


@workflow
def chain(n: int = 1000, salt: int = 0) -> int:
    value = add(salt)
    for _ in range(n - 1):
        value = add(value)
    return value


def plain_one(x: int) -> int:
    return x


def slope(seconds: Callable[[int], float], n: int) -> float:
    """Microseconds per task: (t(N) - t(N/10)) / (0.9 N), the median of three."""
    seconds(n // 10)
    found = sorted((seconds(n) - seconds(n // 10)) / (0.9 * n) * 1e6 for _ in range(3))
    return found[1]


def floor(folder: Path, n: int = 20000) -> float:
    """Microseconds per task of the unavoidable."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (a, b, c, d, PRIMARY KEY (a, b)) WITHOUT ROWID")
    started = time.perf_counter()
    base = int(started * 1e9)
    for low in range(0, n, 1000):
        rows = []
        for i in range(low, low + 1000):
            argument = pickle.loads(pickle.dumps(i, 5))
            result = pickle.dumps(plain_one(argument), 5)
            rows.append((base, i, blake3(pickle.dumps(argument, 5)).digest(), blake3(result).digest() + result))
        connection.execute("BEGIN IMMEDIATE")
        for at in range(0, 1000, 500):
            part = rows[at : at + 500]
            text = ",".join(["(?,?,?,?)"] * len(part))
            connection.execute(f"INSERT INTO t VALUES {text}", list(itertools.chain.from_iterable(part)))
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    return elapsed / n * 1e6


def ours(flow: object, executor: str, store: Path, *, reuse: bool = False) -> Callable[[int], float]:
    """Time whole runs; each with new inputs, unless they are to be reused."""

    def seconds(n: int) -> float:
        salt = next(_SALTS) * 10**7
        if reuse:
            hookline.run(flow, {"n": n, "salt": salt}, executor=executor, store=store)  # type: ignore[arg-type]
        started = time.perf_counter()
        run = hookline.run(flow, {"n": n, "salt": salt}, executor=executor, store=store)  # type: ignore[arg-type]
        elapsed = time.perf_counter() - started
        assert run.status == "completed", run
        assert not reuse or run.counts["completed"] == 0, run
        return elapsed

    return seconds


def bare(pool: ThreadPoolExecutor | ProcessPoolExecutor, *, chained: bool = False) -> Callable[[int], float]:
    """Time a bare pool of the standard library, which records nothing."""

    def seconds(n: int) -> float:
        started = time.perf_counter()
        if chained:
            for i in range(n):
                pool.submit(plain_one, i).result()
        else:
            futures = [pool.submit(plain_one, i) for i in range(n)]
            for future in futures:
                future.result()
        return time.perf_counter() - started

    return seconds


def start_up(executor: str, store: Path) -> float:
    """Milliseconds from the call of run() to the end of a run of one task."""
    run = ours(chain, executor, store)
    run(1)
    return sorted(run(1) for _ in range(5))[2] * 1e3


def main(argv: list[str] | None = None) -> None:
    """Print one line per row of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", default="inline,threads,processes")
    chosen = parser.parse_args(argv).executors.split(",")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        store = folder / "store"
        goals = {"inline": (25, 40), "threads": (35, 150), "processes": (35, 150)}
        for executor in chosen:
            base = floor(folder)
            mapped = slope(ours(fan, executor, store), 5000)
            base = (base + floor(folder)) / 2
            show(
                f".map of 5,000, {executor}", mapped, goals[executor][0], f"{mapped / base:.1f} x floor ({base:.1f} us)"
            )
            linked = slope(ours(chain, executor, store), 1000)
            show(f"chain of 1,000, {executor}", linked, goals[executor][1], f"{linked / base:.1f} x floor")
            if executor == "inline":
                calls = slope(ours(explicit, executor, store), 5000)
                show("5,000 explicit calls, inline", calls, 40, f"{calls / base:.1f} x floor")
                again = slope(ours(fan, executor, store, reuse=True), 5000)
                show("5,000 items all reused", again, 10, f"{again / base:.1f} x floor")
            else:
                kind = ThreadPoolExecutor if executor == "threads" else ProcessPoolExecutor
                with kind(2) as pool:
                    show(f"  bare {kind.__name__}, fan-out", slope(bare(pool), 5000), 0, "records nothing")
                    show(f"  bare {kind.__name__}, chain", slope(bare(pool, chained=True), 1000), 0, "records nothing")
            print(f"{'one task, ' + executor:42} {start_up(executor, store):8.1f} ms from run() to its end", flush=True)


def show(what: str, microseconds: float, goal: float, beside: str) -> None:
    """Print one figure."""
    goal_text = f"goal {goal:>4} us" if goal else " " * 12
    print(f"{what:42} {microseconds:8.1f} us  {goal_text}  {beside}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
