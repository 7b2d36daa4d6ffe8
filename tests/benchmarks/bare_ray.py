"""What bare Ray costs, for ``bench_ray.py``: a cluster of its own in this process, ended before anything else begins.

Prints one JSON object, with seconds, or microseconds each, by row.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

STARTED = time.perf_counter()
os.environ.update(RAY_AUTH_MODE="disabled", RAY_ENABLE_UV_RUN_RUNTIME_ENV="0", RAY_USAGE_STATS_ENABLED="0")
os.environ.pop("RAY_ADDRESS", None)

import numpy as np  # noqa: E402
import ray  # noqa: E402

SLOTS = 2
NAP = 0.02
TICK = 0.002
_OBJECT_STORE = 2 << 30


@ray.remote
def one(x: int) -> int:
    return x


@ray.remote
def add(x: int) -> int:
    return x + 1


@ray.remote
def chunk(xs: list[int]) -> list[int]:
    return list(xs)


@ray.remote
def nap(x: int, seconds: float) -> int:
    time.sleep(seconds)
    return x


@ray.remote
def block(number: int) -> bytes:
    return number.to_bytes(8, "little") * 8192


@ray.remote
def array(megabytes: int, salt: int) -> np.ndarray:
    return np.full(megabytes << 17, salt, dtype=np.int64)


@ray.remote
def consume(values: np.ndarray, number: int) -> int:
    return int(values[:: 1 << 9].sum()) * number


@ray.remote
def tick(before: list[int]) -> list[int]:
    now = time.monotonic_ns()
    time.sleep(TICK)
    return [now - before[-1], time.monotonic_ns()]


def linked(n: int) -> None:
    value = add.remote(0)
    for _ in range(n - 1):
        value = add.remote(value)
    assert ray.get(value) == n


def fetched(n: int) -> None:
    value = 0
    for _ in range(n):
        value = ray.get(add.remote(value))


def mapped(n: int) -> None:
    assert sum(ray.get([one.remote(x) for x in range(n)])) == n * (n - 1) // 2


def chunked(n: int) -> None:
    parts = ray.get([chunk.remote(list(range(low, low + 100))) for low in range(0, n, 100)])
    assert sum(map(len, parts)) == n


def naps(n: int) -> None:
    ray.get([nap.remote(x, NAP) for x in range(n)])


def mixed(n: int) -> None:
    ray.get([nap.remote(x, 0.0 if x % 5 else NAP / 2) for x in range(n)])


def blocks(n: int) -> None:
    assert len(ray.get([block.remote(number) for number in range(n)])) == n


def shared(megabytes: int) -> None:
    values = array.remote(megabytes, 1)
    ray.get([consume.remote(values, number) for number in range(4)])


def gaps(n: int) -> list[int]:
    ticks = [tick.remote([0, time.monotonic_ns()])]
    for _ in range(n):
        ticks.append(tick.remote(ticks[-1]))
    return sorted(first for first, _ in ray.get(ticks[1:]))


def timed(flow: Callable[[int], None], n: int) -> float:
    """Time one go."""
    began = time.perf_counter()
    flow(n)
    return time.perf_counter() - began


def slope(flow: Callable[[int], None], n: int, times: int) -> float:
    """Microseconds each: (t(N) - t(N/10)) / (0.9 N), the median of several."""
    timed(flow, n // 10)
    return statistics.median((timed(flow, n) - timed(flow, n // 10)) / (0.9 * n) * 1e6 for _ in range(times))


def main() -> None:
    """Measure all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=400)
    options = parser.parse_args()
    times = options.times
    ray.init("local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, object_store_memory=_OBJECT_STORE)
    ray.get(one.remote(1))
    found: dict[str, float] = {"start": time.perf_counter() - STARTED}
    ray.get([nap.remote(x, 0.5) for x in range(SLOTS)])
    found["linked"] = slope(linked, 1000, times)
    found["fetched"] = slope(fetched, 1000, times)
    found["mapped"] = slope(mapped, 2000, times)
    found["chunked"] = slope(chunked, 20000, times)
    found["naps"] = slope(naps, 200, times)
    found["mixed"] = slope(mixed, 1000, times)
    found["blocks"] = slope(blocks, 5000, times)
    timed(shared, 2)
    found["shared"] = statistics.median(timed(shared, options.megabytes) for _ in range(times))
    gaps(20)
    ticks = gaps(300)
    found["p50"], found["p99"] = (ticks[int(len(ticks) * part)] / 1e6 for part in (0.5, 0.99))
    began = time.perf_counter()
    ray.shutdown()
    found["close"] = time.perf_counter() - began
    print(json.dumps(found))


if __name__ == "__main__":
    main()
