"""What large values cost: results of 64 KiB, one array for four consumers, one frame; time and memory.

Time stands beside the floor of the same minute: making the same bytes, digesting them and writing them to a file once,
durably. Memory is that of the driver and all its workers together, sampled while they run: RSS counts a page once per
process that has it, PSS once in all. Each row runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from blake3 import blake3

import hookline
from hookline import step, workflow

MB = 1 << 20


@step
def block(number: int) -> bytes:
    return number.to_bytes(8, "little") * 8192


@step
def size_of(blocks: list[bytes]) -> int:
    return len(blocks)


@workflow
def results(n: int = 5000, salt: int = 0) -> int:
    return size_of(block.map(number=range(salt, salt + n)))


@step
def array(megabytes: int, salt: int) -> np.ndarray:
    return np.full(megabytes * MB // 8, salt, dtype=np.int64)


@step
def consume(values: np.ndarray, number: int) -> int:
    return int(values[:: 1 << 9].sum()) * number


@workflow
def shared(megabytes: int = 400, salt: int = 0) -> list[int]:
    values = array(megabytes, salt)
    return [consume(values, number) for number in range(4)]


@step
def frame(megabytes: int, salt: int):  # type: ignore[no-untyped-def]
    import pandas as pd

    rows = megabytes * MB // 8 // 16
    return pd.DataFrame({f"c{at}": np.full(rows, float(salt + at)) for at in range(16)}, copy=False)


@step
def total(values) -> float:  # type: ignore[no-untyped-def]
    return float(values.sum().sum())


@workflow
def framed(megabytes: int = 1000, salt: int = 0) -> float:
    return total(frame(megabytes, salt))


def main() -> None:
    """Print one line per row of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", default="threads,processes")
    parser.add_argument("--rows", default="results,shared,framed")
    parser.add_argument("--megabytes", type=int, help="size of the array and the frame, instead of 400 and 1000")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(ROWS[options.row](options.executors, options.megabytes)))
        return
    for row in options.rows.split(","):
        for executor in options.executors.split(","):
            show(row, executor, options.megabytes)


def run_results(executor: str, _: int | None) -> dict[str, float]:
    """Microseconds per result: (t(N) - t(N/10)) / (0.9 N); medians of five, each beside a floor of its own."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as store:
        pieces: list[bytes | memoryview] = [np.uint64(at).tobytes() * 8192 for at in range(2000)]
        timed(results, {"n": 500}, executor, store)
        found, floors = [], []
        for salt in range(1, 6):
            floors.append(floor_of(pieces, Path(store), per=50) / len(pieces) * 1e6)
            few = timed(results, {"n": 500, "salt": salt * 10**7}, executor, store)
            many = timed(results, {"n": 5000, "salt": salt * 10**7 + 10**6}, executor, store)
            found.append((many - few) / 4500 * 1e6)
        return {"per": statistics.median(found), "floor": statistics.median(floors)}


def run_large(flow: object, megabytes: int) -> Callable[[str, int | None], dict[str, float]]:
    """Measure runs whose large value is new each time; medians of three, each beside a floor of its own.

    Beside each stands the same run with a small value: what starting workers and ending a run takes at any size.
    """

    def measure(executor: str, size: int | None) -> dict[str, float]:
        size = size or megabytes
        found, small, floors = [], [], []
        for salt in range(3):
            # A store of its own each time: who writes first to memory that the last one left warm is faster.
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as store:
                timed(flow, {"megabytes": 2, "salt": -1}, executor, store)
                small.append(timed(flow, {"megabytes": 2, "salt": -2}, executor, store))
                print(json.dumps({"running": 1}), flush=True)
                found.append(timed(flow, {"megabytes": size, "salt": salt}, executor, store))
                print(json.dumps({"running": 0}), flush=True)
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
                # Fresh memory may cost more than all else, so that making the value counts on both sides.
                begin = time.perf_counter()
                values = np.full(size * MB // 8, salt, dtype=np.int64)
                floor_of([memoryview(values).cast("B")], Path(folder))
                floors.append(time.perf_counter() - begin)
                del values
        return {
            "seconds": statistics.median(found),
            "small": statistics.median(small),
            "floor": statistics.median(floors),
            "size": size,
        }

    return measure


ROWS = {"results": run_results, "shared": run_large(shared, 400), "framed": run_large(framed, 1000)}


def timed(flow: object, parameters: dict[str, int], executor: str, store: str) -> float:
    """Time one run."""
    begin = time.perf_counter()
    run = hookline.run(flow, parameters, executor=executor, store=Path(store))  # type: ignore[arg-type]
    elapsed = time.perf_counter() - begin
    assert run.status == "completed", run
    assert run.counts["reused"] == 0, run
    return elapsed


def floor_of(pieces: list[bytes | memoryview], folder: Path, per: int = 1) -> float:
    """Seconds to digest pieces and write them to one file, durable after each ``per`` of them."""
    begin = time.perf_counter()
    with open(folder / "floor", "wb", buffering=0) as file:
        for at, piece in enumerate(pieces, 1):
            blake3(piece).digest()
            done = 0
            while done < len(piece):
                done += file.write(piece[done:])
            if at % per == 0:
                os.fdatasync(file.fileno())
    elapsed = time.perf_counter() - begin
    (folder / "floor").unlink()
    return elapsed


def show(row: str, executor: str, megabytes: int | None) -> None:
    """Run a row in a process of its own and print its figures."""
    command = [sys.executable, __file__, "--row", row, "--executors", executor]
    command += ["--megabytes", str(megabytes)] if megabytes else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        text, peaks, base = b"", (0, 0), (0, 0)
        while child.poll() is None:
            text += child.stdout.read() or b""
            if text.count(b'"running": 1') > text.count(b'"running": 0'):
                peaks = tuple(map(max, peaks, memory_of(child.pid)))  # type: ignore[assignment]
            elif not peaks[0]:
                base = memory_of(child.pid)
            time.sleep(0.02)
        text += child.stdout.read() or b""
    if child.returncode:
        sys.exit(f"{row} on {executor} failed")
    found = json.loads(text.strip().splitlines()[-1])
    if row == "results":
        print(
            f"5,000 results of 64 KiB, {executor:10} {found['per']:7.1f} us each   goal 150   "
            f"floor {found['floor']:.1f}"
        )
        return
    rest = (found["seconds"] - found["small"]) / found["floor"]
    what = "array to four consumers" if row == "shared" else "frame through a consumer"
    print(
        f"{found['size']:,} MB {what}, {executor:10} {found['seconds']:6.2f} s = "
        f"{found['seconds'] / found['floor']:.2f} x floor ({found['floor']:.2f} s), "
        f"{rest:.2f} x without the {found['small']:.2f} s of a run of 2 MB   peak of all processes: "
        f"RSS {peaks[0]:,} MB, PSS {peaks[1]:,} MB (before: {base[1]:,} MB)",
        flush=True,
    )


def memory_of(root: int) -> tuple[int, int]:
    """Sum RSS and PSS of a process and all below it, in megabytes."""
    parents: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family = {root}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    rss = pss = 0
    for pid in family:
        try:
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split()[0]: int(line.split()[1]) for line in rows[1:]}
        rss, pss = rss + sizes.get("Rss:", 0), pss + sizes.get("Pss:", 0)
    return rss // 1024, pss // 1024


if __name__ == "__main__":
    main()
