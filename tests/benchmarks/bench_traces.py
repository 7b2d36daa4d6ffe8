"""Replays of real workflows: makespan against what no schedule can beat, on threads and processes.

Reads the traces (see ``traces.py``) in the folder that ``HOOKLINE_TRACES`` names. A first run of each measures its
tasks; then it is run with several numbers of workers, all anew each time. Every run is checked: each task exactly once,
after all its parents. The workers are all there when the first task begins; how long that takes is a row of its own.

``bound`` is the larger of the critical path and the work shared out: the goal is 1.05 times that. Where a workflow
begins or ends with few tasks, workers idle whatever the order, and no schedule comes so close: ``proven`` is a larger
bound that takes this into account. Where it is beyond the goal, the line says so, and 1.05 times ``proven`` is the goal
instead. ``list`` is what the engine's own order comes to if nothing but the tasks takes time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import traces

GOAL = 1.05


def main(argv: list[str] | None = None) -> int:
    """Print one line per trace, executor and number of workers; give how many miss the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", default="threads,processes")
    parser.add_argument("--workers", default="2,4,8")
    parser.add_argument("--only", default="", help="only traces whose names contain this")
    parser.add_argument("--work", type=float, default=30.0, help="seconds of all tasks of a trace together, about")
    parser.add_argument("--least", type=float, default=0.02, help="seconds of the shortest task")
    chosen = parser.parse_args(argv)
    missed = 0
    found = [(name, trace) for name, trace in traces.traces() if chosen.only in name]
    if not found:
        print("no traces: set HOOKLINE_TRACES to a folder of trace files")
    for name, recorded in found:
        trace = recorded.scaled(chosen.work, chosen.least)
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            traces.run(trace, Path(folder), "threads", 16)
            for executor in chosen.executors.split(","):
                for workers in map(int, chosen.workers.split(",")):
                    replayed = traces.run(trace, Path(folder), executor, workers)
                    missed += show(f"{name}, {executor} x {workers}", trace, workers, replayed.makespan)
                    print(f"{'- all workers there, after the call':52} {replayed.start_up:7.3f} s", flush=True)
    return missed


def show(what: str, trace: traces.Trace, workers: int, took: float) -> bool:
    """Print one figure; tells whether it misses the goal."""
    bound, proven, listed = trace.bound(workers), trace.proven(workers), trace.listed(workers)
    reachable = proven <= GOAL * bound
    missed = took > GOAL * (bound if reachable else proven)
    if took <= GOAL * bound:
        verdict = f"within {GOAL} x bound"
    elif reachable:
        verdict = f"MISSED: beyond {GOAL} x bound"
    else:
        verdict = f"{'MISSED: beyond' if missed else 'within'} {GOAL} x proven; no schedule is within {GOAL} x bound"
    known = {"bound": bound, "proven": proven, "list": listed}
    figures = "  ".join(f"{name} {seconds:.3f} x {took / seconds:.3f}" for name, seconds in known.items())
    print(f"{what:52} {took:7.3f} s  {figures}  {verdict}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
