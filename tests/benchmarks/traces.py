"""Replays of recorded workflows: graphs that nobody here designed, and a check that the engine ran them as it must.

A trace is a JSON file ``{"name", "tasks": [{"id", "name", "parents": [ids], "seconds"}]}``. Its tasks become calls of
one step that sleeps as long as the task took, scaled, and leaves a line that says when it began and ended. Before the
first of them all workers meet, so that their start is not taken for a part of the schedule.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hookline import step, workflow

LOG = "HOOKLINE_TRACE_LOG"
"""Environment variable: the file that takes a line per execution. Not an argument, so that keys don't depend on it."""

_MEET_WITHIN = 60.0


@dataclass(frozen=True)
class Trace:
    """A recorded workflow.

    Attributes:
        name: Its name.
        parents: Per task, in an order in which they can run, the tasks that it waits for.
        seconds: Per task how long it takes.
    """

    name: str
    parents: Mapping[str, tuple[str, ...]]
    seconds: Mapping[str, float]

    @staticmethod
    def read(path: Path) -> Trace:
        """Read a trace; its tasks may stand in any order."""
        found = json.loads(path.read_text())
        tasks = {task["id"]: task for task in found["tasks"]}
        missing = {task: len(tasks[task]["parents"]) for task in tasks}
        children: dict[str, list[str]] = {task: [] for task in tasks}
        for task in tasks.values():
            for parent in task["parents"]:
                children[parent].append(task["id"])
        ordered = [task for task in tasks if not missing[task]]
        for task in ordered:
            for child in children[task]:
                missing[child] -= 1
                if not missing[child]:
                    ordered.append(child)
        assert len(ordered) == len(tasks), f"the tasks of {path} wait for each other"
        return Trace(
            found["name"],
            {task: tuple(tasks[task]["parents"]) for task in ordered},
            {task: float(tasks[task]["seconds"]) for task in ordered},
        )

    def scaled(self, work: float, least: float) -> Trace:
        """Give the same graph with other times.

        Args:
            work: About how many seconds all tasks take together.
            least: How many the shortest takes.
        """
        factor = work / sum(self.seconds.values())
        return Trace(self.name, self.parents, {task: max(least, took * factor) for task, took in self.seconds.items()})

    def ways(self) -> dict[str, float]:
        """Per task, the seconds from its start to the end of the longest chain that begins with it."""
        ways = dict.fromkeys(self.parents, 0.0)
        for task in reversed(ways):
            ways[task] += self.seconds[task]
            for parent in self.parents[task]:
                ways[parent] = max(ways[parent], ways[task])
        return ways

    def bound(self, workers: int) -> float:
        """Seconds that no schedule can do with less: the critical path, or all work shared out."""
        return max(max(self.ways().values()), sum(self.seconds.values()) / workers)

    def heads(self) -> dict[str, float]:
        """Per task, the seconds before which it can't start however many workers there are."""
        heads: dict[str, float] = {}
        for task, parents in self.parents.items():
            heads[task] = max((heads[parent] + self.seconds[parent] for parent in parents), default=0.0)
        return heads

    def proven(self, workers: int) -> float:
        """Seconds that no schedule can do with less, by a closer look than :meth:`bound`.

        What can't start before ``head``, and has at least ``tail`` after it, has to fit between the two (Fernandez and
        Bussell 1973). So a stage that one task begins or ends, while the other workers idle, counts in full.
        """
        heads = self.heads()
        tails = {task: way - self.seconds[task] for task, way in self.ways().items()}
        most = self.bound(workers)
        for head in set(heads.values()):
            after = [task for task in heads if heads[task] >= head]
            for tail in {tails[task] for task in after}:
                between = [self.seconds[task] for task in after if tails[task] >= tail]
                most = max(most, head + shared_out(between, workers) + tail)
        return most

    def listed(self, workers: int, *, longest_first: bool = True) -> float:
        """Seconds of the engine's schedule if nothing but the tasks took time."""
        index = {task: number for number, task in enumerate(self.parents)}
        depends = [[index[parent] for parent in parents] for parents in self.parents.values()]
        return simulate(depends, list(self.seconds.values()), workers, longest_first=longest_first)


def shared_out(seconds: Sequence[float], workers: int) -> float:
    """Seconds that no sharing out of tasks can do with less, though they wait for nothing.

    Not less than an equal share of the work; and of the ``k`` x workers + 1 longest, one worker gets ``k`` + 1.
    """
    longest = sorted(seconds, reverse=True)
    crowded = (sum(longest[k * workers - k : k * workers + 1]) for k in range(1, (len(longest) - 1) // workers + 1))
    return max(sum(longest) / workers, max(crowded, default=0.0))


def simulate(
    depends: Sequence[Sequence[int]],
    seconds: Sequence[float],
    workers: int,
    *,
    longest_first: bool = True,
    eager: bool = False,
) -> float:
    """Run tasks through the engine's scheduler, priorities and queue with a clock of its own.

    Args:
        depends: Per task those that it waits for.
        seconds: Per task how long it takes.
        workers: How many tasks at once.
        longest_first: Whether priorities are used; otherwise tasks start in the order in which they can.
        eager: Whether a worker gets, beside the task that it works on, the next, as the launcher does it.

    Returns:
        When the last task ends.
    """
    # Workers import this file for its step, and need none of these.
    from hookline.engine.schedule.priorities import Priorities
    from hookline.engine.schedule.ready import ReadyQueue
    from hookline.engine.schedule.scheduler import Dependencies, Scheduler, State

    scheduler = Scheduler([Dependencies(whole=tuple(needs)) for needs in depends])
    priorities = Priorities(depends, seconds)
    ready: ReadyQueue[int] = ReadyQueue()
    running: list[tuple[float, int]] = []
    ahead: deque[int] = deque()
    turns = itertools.count()
    now = 0.0
    while scheduler.unfinished:
        for task in scheduler.take_opened():
            scheduler.begin(task, 1)
        while scheduler.ready:
            task, _, _ = scheduler.ready.popleft()
            ready.push((-priorities.of(task) if longest_first else 0.0, next(turns), task))
        while (ahead or ready) and len(running) < workers:
            task = ahead.popleft() if ahead else ready.pop()[2]
            heapq.heappush(running, (now + seconds[task], task))
        while eager and ready and len(ahead) < workers:
            opening = max(map(priorities.after, (*ahead, *(task for _, task in running))))
            if priorities.of(ready.first[2]) < opening:
                break
            ahead.append(ready.pop()[2])
        now, task = heapq.heappop(running)
        scheduler.finish(task, 0, 1, State.COMPLETED)
    return now


@step
def meet(worker: int, workers: int) -> int:
    place = Path(os.environ[LOG] + ".met")
    with place.open("a") as file:
        file.write(f"{time.monotonic_ns()}\n")
    end = time.monotonic() + _MEET_WITHIN
    while len(place.read_text().splitlines()) < workers:
        assert time.monotonic() < end, f"not all {workers} workers came"
        time.sleep(0.005)
    return worker


@step
def work(seconds: float, parents: list[int], name: str) -> int:
    began = time.monotonic_ns()
    time.sleep(seconds)
    line = f"{began} {time.monotonic_ns()} {name}\n".encode()
    file = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line)
    os.close(file)
    return len(parents)


@workflow
def replay(trace: dict[str, Any], workers: int):
    met = meet.partial(workers=workers).map(worker=range(workers))
    done: dict[str, Any] = {}
    for name, parents in trace["parents"].items():
        done[name] = work(trace["seconds"][name], [done[parent] for parent in parents] or met, name)
    return list(done.values())


class Replayed(NamedTuple):
    """How long a replay took.

    Attributes:
        makespan: Seconds from the first task's begin to the last one's end.
        start_up: Seconds from the call until the last worker was there, building the graph included.
    """

    makespan: float
    start_up: float


def run(trace: Trace, folder: Path, executor: str, workers: int) -> Replayed:
    """Replay a trace, all of it anew, and check how it ran.

    Args:
        trace: What to replay.
        folder: Where the store is, and the log of executions.
        executor: The executor's name.
        workers: How many tasks at once.

    Returns:
        How long it took.
    """
    from hookline.engine import api
    from hookline.worker.target import load_target

    log = folder / "executions"
    met = folder / "executions.met"
    for place in (log, met):
        place.unlink(missing_ok=True)
    os.environ[LOG] = str(log)
    target = load_target(f"{__file__}:replay")
    together = 1 if executor == "inline" else workers
    called = time.monotonic_ns()
    done = api.run(
        target.workflow,
        {"trace": {"parents": dict(trace.parents), "seconds": dict(trace.seconds)}, "workers": together},
        executor=executor,
        workers=workers,
        store=folder / ".hookline",
        fresh=True,
        target=target,
    )
    assert done.status == "completed", done
    assert done.result == [len(parents) or together for parents in trace.parents.values()]
    start_up = (max(map(int, met.read_text().split())) - called) / 1e9
    return Replayed(check(trace, [_read(line) for line in log.read_text().splitlines()]), start_up)


def _read(line: str) -> tuple[int, int, str]:
    began, ended, name = line.split(" ", 2)
    return int(began), int(ended), name


def check(trace: Trace, executions: Sequence[tuple[int, int, str]]) -> float:
    """Check that every task ran exactly once, and began after all its parents had ended.

    Args:
        trace: What was replayed.
        executions: Begin and end in nanoseconds, and the task, of each execution.

    Returns:
        Seconds from the first begin to the last end.
    """
    counts = Counter(name for _, _, name in executions)
    assert set(counts) == set(trace.parents), set(counts) ^ set(trace.parents)
    assert set(counts.values()) == {1}, [name for name, count in counts.items() if count > 1]
    times = {name: (began, ended) for began, ended, name in executions}
    for name, parents in trace.parents.items():
        for parent in parents:
            assert times[parent][1] <= times[name][0], f"'{name}' began before '{parent}' had ended"
    return (max(ended for _, ended in times.values()) - min(began for began, _ in times.values())) / 1e9


def traces() -> Iterator[tuple[str, Trace]]:
    """Read the traces in the folder that ``HOOKLINE_TRACES`` names."""
    folder = os.environ.get("HOOKLINE_TRACES", "")
    for path in sorted(Path(folder).glob("*.json")) if folder else ():
        yield path.stem, Trace.read(path)
