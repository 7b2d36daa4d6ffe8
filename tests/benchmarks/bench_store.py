"""What recording a task and finding it again cost as the store grows."""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from hookline.model.states import Kind
from hookline.store import Group, NewRun, NodeRow, SqliteStore, open_store, pack_one

GROUP = 1000
LOOKUPS = 5000
SAMPLE = 20_000
STEP = blake3(b"the step's code").digest()


def main(argv: Sequence[str] | None = None) -> int:
    """Print µs per recorded row and per look-up at growing sizes, and the ratio of last to first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where to make the store; a temporary folder by default")
    options = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="hookline-bench-", dir=options.folder))
    try:
        figures = [measure(folder / ".hookline", size) for size in sorted(options.sizes)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names = (
        "µs per row recorded",
        "µs per look-up of 5,000",
        "µs per look-up of 5,000 misses",
        "µs per single look-up",
        "µs, first look-up after opening",
        "bytes per row",
    )
    print(f"{'recorded rows':32}" + "".join(f"{size:>12,}" for size in sorted(options.sizes)) + f"{'last/first':>12}")
    for name, values in zip(names, zip(*figures, strict=True), strict=True):
        print(f"{name:32}" + "".join(f"{value:12.2f}" for value in values) + f"{values[-1] / values[0]:12.2f}")
    return 0


def measure(path: Path, size: int) -> tuple[float, ...]:
    """Grow the store to a size, recording in groups, and measure the last rows and look-ups among all."""
    with open_store(path, create=True) as store:
        have = sum(count for run in store.runs() for (_, state), count in store.counters(run.run).items())
        costs = []
        while have < size:
            length = min(SAMPLE, size - have)
            costs.append(record(store, have, length))
            have += length
        last = statistics.median(costs[-5:])
        middle = size // 2
        asked = keys(middle, min(LOOKUPS, size - middle))
        absent = [blake3(b"absent %d" % number).digest() for number in range(LOOKUPS)]
        many = min(timed(store, [asked]) for _ in range(5)) / len(asked)
        misses = min(timed(store, [absent]) for _ in range(5)) / len(absent)
        some = random.Random(7).sample(range(size), 400)
        single = [[keys(number, 1)[0]] for number in some]
        timed(store, single)
        alone = timed(store, single) / len(single)
    firsts = []
    for number in some[:20]:
        with open_store(path) as store:
            firsts.append(timed(store, [keys(number, 1)]))
    used = sum(file.stat().st_size for file in path.glob("journal*")) / size
    return last, many, misses, alone, statistics.median(firsts), used


def record(store: SqliteStore, start: int, length: int) -> float:
    """Record one run of that many items; gives µs per row."""
    names = keys(start, length)
    outputs = [pack_one(name, b"\x80\x05K\x01.") for name in names]
    now = time.time_ns() // 1000
    with store.start_run(NewRun("bench")) as run:
        run.commit(Group(nodes=[NodeRow(0, "work", "work", STEP, 1, length)]))
        groups = [
            Group(
                novel=True,
                attempts=[
                    (0, item, 1, Kind.COMPLETED.value, names[item], outputs[item], now, 5, 0)
                    for item in range(low, min(low + GROUP, length))
                ],
                counters={(0, "completed"): min(low + GROUP, length)},
            )
            for low in range(0, length, GROUP)
        ]
        begin = time.perf_counter()
        for group in groups:
            run.commit(group)
        return (time.perf_counter() - begin) / length * 1e6


def keys(start: int, length: int) -> list[bytes]:
    """Make the keys of tasks by number."""
    return [blake3(b"key %d" % number).digest() for number in range(start, start + length)]


def timed(store: SqliteStore, batches: Sequence[Sequence[bytes]]) -> float:
    """Look the batches up; gives µs in all."""
    begin = time.perf_counter()
    for batch in batches:
        store.lookup(STEP, batch)
    return (time.perf_counter() - begin) * 1e6


if __name__ == "__main__":
    sys.exit(main())
