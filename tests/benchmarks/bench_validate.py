"""What it costs to check a table: 1,000,000 rows of 20 columns, against pandera alone with the same checks.

Both stand in one process and take turns, so that the ratio holds on a machine that has other work, too.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandera.errors

from hookline import ml
from hookline_data import screen, to_pandera
from hookline_data.validation import Mode

KINDS = ("gold", "plain", "silver")


def schema() -> ml.Schema:
    """Twenty columns: numbers with limits, texts with patterns and allowed values, times."""
    columns = [ml.Column("id", "int", unique=True, minimum=0)]
    columns += [ml.Column(f"count{at}", "int", minimum=0, maximum=10_000) for at in range(5)]
    columns += [ml.Column(f"amount{at}", "float", minimum=0.0, maximum=1e6) for at in range(4)]
    columns += [ml.Column(f"rate{at}", "float", nullable=True, minimum=0.0, maximum=1.0) for at in range(3)]
    columns += [ml.Column("kind", "category", allowed=KINDS), ml.Column("code", "str", pattern="[A-Z]{2}[0-9]{4}")]
    columns += [ml.Column("land", "str", allowed=("de", "fr", "it")), ml.Column("note", "str", nullable=True)]
    columns += [ml.Column("made", "datetime", minimum="2020-01-01"), ml.Column("seen", "datetime", nullable=True)]
    columns += [ml.Column("open", "bool")]
    return ml.Schema(tuple(columns), name="orders")


def columns(rows: int, bad: float) -> dict[str, Any]:
    """Make values; of a share of rows one amount is below its limit."""
    random = np.random.default_rng(0)
    made: dict[str, Any] = {"id": np.arange(rows)}
    made |= {f"count{at}": random.integers(0, 10_000, rows) for at in range(5)}
    made |= {f"amount{at}": random.random(rows) * 1e5 for at in range(4)}
    made |= {f"rate{at}": np.where(random.random(rows) < 0.1, np.nan, random.random(rows)) for at in range(3)}
    made["kind"] = np.array(KINDS)[random.integers(0, 3, rows)]
    made["code"] = np.array([f"AB{number:04}" for number in range(10_000)])[random.integers(0, 10_000, rows)]
    made["land"] = np.array(["de", "fr", "it"])[random.integers(0, 3, rows)]
    made["note"] = np.array(["", "late", "broken"])[random.integers(0, 3, rows)]
    made["made"] = np.datetime64("2024-01-01", "us") + random.integers(0, 10**13, rows).astype("timedelta64[us]")
    made["seen"] = made["made"].copy()
    made["seen"][::7] = np.datetime64("NaT")
    made["open"] = random.random(rows) < 0.5
    made["amount0"][: int(rows * bad)] = -1.0
    return made


def frame(library: str, values: dict[str, Any]) -> Any:
    if library == "pandas":
        import pandas as pd

        return pd.DataFrame(values).astype({"kind": "category"})
    import polars as pl

    texts = {name: values[name].tolist() for name in ("kind", "code", "land", "note")}
    return pl.DataFrame({**values, **texts}).with_columns(pl.col("kind").cast(pl.Categorical))


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def plain(checks: Any, table: Any) -> None:
    with contextlib.suppress(pandera.errors.SchemaErrors):
        checks.validate(table, lazy=True)


def main() -> None:
    """Print one line per library and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=7, help="how many turns count; one more warms up")
    parser.add_argument("--frames", default="pandas,polars")
    options = parser.parse_args()
    for library in options.frames.split(","):
        for bad in (0.0, 0.01):
            show(library, bad, options.rows, options.times)


def show(library: str, bad: float, rows: int, times: int) -> None:
    """Measure both in turns, and print medians: of the times, and of the ratios of neighbours."""
    contract, table = schema(), frame(library, columns(rows, bad))
    checks = to_pandera(contract, library)
    mode: Mode = "quarantine" if bad else "fail"
    alone, ours = [], []
    for _ in range(times + 1):
        alone.append(timed(lambda: plain(checks, table)))
        ours.append(timed(lambda: screen(table, contract, mode=mode)))
    ratio = statistics.median([mine / its for mine, its in zip(ours[1:], alone[1:], strict=True)])
    goal = "" if bad else f" (goal 1.1{'' if ratio <= 1.1 else ', MISSED'})"
    what = f"{library}, {rows:,} rows, {bad:.0%} bad: {mode}"
    print(
        f"{what:42} {statistics.median(ours[1:]):6.3f} s, pandera alone {statistics.median(alone[1:]):6.3f} s,"
        f" {ratio:5.2f} x{goal}",
        flush=True,
    )


if __name__ == "__main__":
    main()
