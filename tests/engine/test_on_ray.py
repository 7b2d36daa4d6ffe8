"""Whole runs on a Ray cluster: what the engine promises holds there as it does on this machine."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable

import pytest

from chaos.test_driver_kills import is_alive
from engine.project import Project
from engine.test_stretches import CHAIN, Seen
from executors.ray.cluster import RayCluster
from hookline import Run
from hookline.executors.ray.executor import RayExecutor
from hookline.model.states import Kind
from hookline.store import unpack_outputs
from hookline.store.ids import task_ids
from hookline.testing.command import run_command

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("plain_ray")]

Make = Callable[[str], Project]
HERE = ("inline", "threads", "processes")

PLUGIN = """
import os
from pathlib import Path
from hookline import hookimpl

def say(text):
    with open(Path(__file__).parent / "plugin", "a") as file:
        file.write(text + "\\n")

@hookimpl
def worker_started(worker):
    say(f"up {worker.executor} {os.getpid()}")
    yield
    say(f"down {worker.executor} {os.getpid()}")

@hookimpl
def around_attempt(attempt):
    attempt.metadata["began"] = True
    outcome = yield
    attempt.metadata["outcome"] = outcome.state
"""

EVERYTHING = """
import asyncio, logging
from collections.abc import Iterator
from typing import Annotated
import numpy
from hookline import Secret, provider

@dataclass
class Point:
    x: int

@provider(scope="worker")
def scale(factor: int = 2) -> Iterator[dict]:
    note(f"open {os.getpid()}")
    yield {"factor": factor}
    note(f"close {os.getpid()}")

@step
def point(x: int, seed: Seed = Seed(0)) -> Point:
    return Point(x + seed % 7)

@step
def scaled(point: Point, scale: Annotated[dict, scale]) -> int:
    assert type(point) is Point
    note(f"use {os.getpid()}")
    return point.x * scale["factor"]

@step
async def waited(x: int) -> int:
    await asyncio.sleep(0.001)
    return x

@step
def large() -> numpy.ndarray:
    return numpy.arange(2_500_000, dtype=float)

@step
def middle(array: numpy.ndarray, add: int) -> float:
    assert array.nbytes == 20_000_000
    return float(array[1_000_000]) + add

@step
def listed() -> list[int]:
    return [1, 2, 3]

@step
def spoil(values: list[int], by: int) -> list[int]:
    values.append(by)
    return values

@step
def written() -> tuple[Path, Path]:
    folder = attempt().folder / "many"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "b.txt").write_text("b" * 9000)
    file = attempt().folder / "a.txt"
    file.write_text("a")
    return file, folder

@step
def read(both: tuple[Path, Path]) -> str:
    file, folder = both
    return file.name + file.read_text() + folder.name + (folder / "sub" / "b.txt").read_text()[:3]

@step
def secretive(token: Secret[str]) -> int:
    print("the token is", token.reveal())
    logging.getLogger("mine").warning("it is long: %s", token.reveal())
    return len(token.reveal())

@step(env=("ONLY_THE_DRIVER_HAS",))
def variable() -> str | None:
    return os.environ.get("ONLY_THE_DRIVER_HAS")

@step(retries=3, retry_on=ConnectionError)
def third_time() -> str:
    if attempt().number < 3:
        raise ConnectionError("nobody answers")
    log_metric("tries", attempt().number)
    log_artifact("answer", ["hello"])
    attempt().note("by", "third_time")
    return "hello"

@step
def inc(x: int) -> int:
    return x + 1

@step
def add(a: int, b: int) -> int:
    return a + b

@step
def loop(x: int, n: int) -> int:
    return loop(inc(x), n - 1) if n else x

@step
def fib(n: int) -> int:
    return add(fib(n - 1), fib(n - 2)) if n > 1 else n

@step
def even(x: int) -> bool:
    return x % 2 == 0

@step
def odd(x: int) -> bool:
    return x % 2 == 1

@step
def twice(x: int) -> int:
    return 2 * x

@workflow
def flow(token: Secret[str], ten: int = 10):
    array, values, value = large(), listed(), waited(ten)
    chosen = first(twice.when(even(value))(value), inc.when(odd(value))(value))
    return {
        "points": scaled.map(point=point.map(x=range(20))),
        "waited": waited.map(x=range(20)),
        "arrays": [middle(array, 0), middle(array, 1)],
        "spoilt": [spoil(values, 4), spoil(values, 5), values],
        "read": read(written()),
        "secret": secretive(token),
        "variable": variable(),
        "third": third_time(),
        "grown": [loop(0, 4), fib(8)],
        "chosen": chosen,
    }
"""


def facts(flow: Project, run: Run) -> dict[tuple[bytes, int], tuple[int, list[bytes]]]:
    """By key and attempt: how it ended, and the digests of what it came to."""
    return {
        (row.key, row.attempt): (row.kind, [slot.digest for slot in unpack_outputs(row.outputs)] if row.outputs else [])
        for row in flow.attempts(run)
    }


def told(flow: Project, word: str) -> list[tuple[str, int]]:
    """What the plugin said of workers that came up or went down: on which executor, and in which process."""
    lines = [line.split() for line in (flow.folder / "plugin").read_text().splitlines()]
    return sorted((executor, int(process)) for said, executor, process in lines if said == word)


def test_everything_comes_to_the_same_on_ray_as_here(
    project: Make, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, keys and digests; plugins, providers, notes, output, secrets, growth, conditions, retries and files."""
    monkeypatch.setenv("ONLY_THE_DRIVER_HAS", "this")
    flow = project(EVERYTHING)
    (flow.folder / "hookline_plugins.py").write_text(PLUGIN)
    token = flow.folder / "token"
    token.write_text("hunter2-and-more")
    given = {"token": f"file:{token}"}

    run = flow.run("ray", workers=3, ray_address=cluster.address, **given)

    # What it came to.
    assert run.result == {
        "points": [2 * point.x for point in run.load("point")],
        "waited": [*range(20)],
        "arrays": [1_000_000, 1_000_001],
        "spoilt": [[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 3]],
        "read": "a.txtamanybbb",
        "secret": 16,
        "variable": "this",
        "third": "hello",
        "grown": [4, 21],
        "chosen": 20,
    }
    assert run.tasks["inc"].state == "skipped"
    # Workers were set up and torn down by the end of the run, and what they had opened was closed.
    up, down = told(flow, "up"), told(flow, "down")
    assert up == down
    assert 1 <= len(up) <= 3
    assert {executor for executor, _ in up} == {"ray"}
    said = [line.split() for line in flow.executions()]
    opened, closed, used = ([place for word, place in said if word == what] for what in ("open", "close", "use"))
    assert sorted(opened) == sorted(closed) == sorted(set(used))
    assert str(os.getpid()) not in used
    # What attempts said.
    with flow.store() as store:
        names = task_ids(store.nodes(run.id))
        notes = [(names[note.node], note.attempt, note.kind, note.name, note.value) for note in store.notes(run.id)]
        said_outcomes = [json.loads(value) for *_, name, value in notes if name == "hookline_plugins.outcome" and value]
        assert Counter(said_outcomes) == {"completed": len(flow.attempts(run)) - 2, "failed": 2}
        assert ("third_time", 3, "metric", "tries", "3.0") in notes
        assert ("third_time", 3, "note", "by", '"third_time"') in notes
        assert ("third_time", 3, "artifact", "answer", None) in notes
    logs = run_command(["runs", "logs", "last", "secretive"], flow.folder)
    assert logs.out == "the token is ***\nWARNING mine: it is long: ***\n", logs.err
    # It does not matter where it was made.
    known = facts(flow, run)
    for executor in HERE:
        assert facts(flow, flow.run(executor, fresh=True, **given)) == known, executor


def test_what_was_made_on_ray_is_reused_on_threads_and_the_other_way_round(project: Make, cluster: RayCluster) -> None:
    """Each decision names the run whose result it took."""
    flow = project(
        """
        @step
        def load(n: int) -> list[int]:
            return [*range(n)]

        @step
        def double(x: int) -> int:
            note(f"double {x}")
            return 2 * x

        @workflow
        def flow(n: int = 3):
            return double.map(x=load(n))
        """
    )
    there = flow.run("ray", ray_address=cluster.address)
    here = flow.run("threads", n=5)
    assert sorted(flow.executions()) == [f"double {x}" for x in range(5)]
    assert (there.result, here.result) == ([0, 2, 4], [0, 2, 4, 6, 8])
    assert here.why("double[1]") == f"reused 3 items: same code and inputs as in run {there.id}"
    # Where there is nothing to do, nobody asks for a cluster.
    back = flow.run("ray", ray_address="127.0.0.1:1", n=5)
    assert (back.counts["completed"], back.counts["reused"]) == (0, 6)
    assert back.why("load").endswith(f"as in run {here.id}")


LIVE = """
import asyncio, signal, subprocess

@step
async def meet(x: int) -> int:
    (HERE / f"arrived-{x}").touch()
    while not all(there(f"arrived-{other}") for other in range(20)):
        await asyncio.sleep(0.001)
    return x

@step
def early(x: int) -> int:
    while x == 3 and not there("seen-0"):
        time.sleep(0.001)
    return x

@step
def seen(x: int) -> int:
    (HERE / f"seen-{x}").touch()
    return x

@step
def far(x: int) -> list[int]:
    return [x, os.getpid()]

@step(executor="threads")
def thread(found: list[int]) -> list[int]:
    return [*found, os.getpid()]

@step(executor="processes")
def process(found: list[int]) -> list[int]:
    return [*found, os.getpid()]

@step(timeout=4)
def late() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    note(f"late {os.getpid()}")
    note(f"late {child.pid}")
    time.sleep(600)

@step(retries=3, retry_on=ConnectionError)
def refused() -> None:
    raise ValueError("no")

@step(retries=1)
def dies() -> int:
    if attempt().number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt().number

@step
def after(value: object) -> None:
    note("after")

@step
def tell(run_id: str, failed: list[str]) -> None:
    note(f"told {' '.join(sorted(failed))}")

@workflow(on_failure=tell)
def flow():
    return {
        "met": meet.map(x=range(20)),
        "seen": seen.map(x=early.map(x=range(4))),
        "mixed": far.map(x=range(3)),
        "mixed_on": process.map(found=thread.map(found=far.map(x=range(3)))),
        "dies": dies(),
        "never": [after(late()), after(refused())],
    }
"""


def test_attempts_go_on_side_by_side_fail_and_end_in_time_on_ray(project: Make, cluster: RayCluster) -> None:
    """Async steps meet, maps follow item by item, executors mix, time limits end children too, failures are told."""
    flow = project(LIVE)
    (flow.folder / "hookline_plugins.py").write_text(PLUGIN)

    run = flow.run("ray", workers=3, ray_address=cluster.address, grace=0.5)

    assert run.status == "failed"
    assert run.load("meet") == [*range(20)]
    assert run.load("seen") == [*range(4)]
    workers = {name: {process for on, process in told(flow, "up") if on == name} for name in ("ray", "processes")}
    assert all(far in workers["ray"] and process in workers["processes"] for _, far, _, process in run.load("process"))
    assert {thread for _, _, thread, _ in run.load("process")} == {os.getpid()}
    assert run.load("dies") == 2
    late, refused = run.tasks["late"], run.tasks["refused"]
    assert (late.state, late.error) == ("timed_out", "TimeoutError: took longer than 4 s")
    assert (refused.state, refused.attempts, refused.error) == ("failed", 1, "ValueError: no")
    assert run.tasks["after"].state == run.tasks["after-2"].state == "skipped"
    *lines, last = flow.executions()
    assert last == "told late refused"
    step, child = (int(line.split()[1]) for line in lines)
    assert not is_alive(step)
    assert not is_alive(child)


FAILING = """
@step
def tell(run_id: str, failed: list[str]) -> None:
    note(f"told {failed}")

@step
def work(x: int) -> int:
    note(f"work {x}")
    if x == 0:
        raise ValueError("no")
    return x

@workflow(on_failure=tell)
def flow():
    return [work(x) for x in range(40)]
"""


def test_a_run_on_ray_that_fails_fast_starts_nothing_more_but_its_handler(project: Make, cluster: RayCluster) -> None:
    """What had been ready is cancelled."""
    flow = project(FAILING)
    run = flow.run("ray", workers=1, fail_fast=True, ray_address=cluster.address)
    assert run.status == "failed"
    assert flow.executions() == ["work 0", "told ['work']"]
    assert run.counts["cancelled"] == 39


class SeenRay(Seen, RayExecutor):
    """One worker on a cluster, and how many links each batch had."""

    def __init__(self, address: str) -> None:
        super().__init__(1, address=address)
        self.links = []


def test_a_chain_on_ray_travels_in_few_batches_and_comes_to_the_same(project: Make, cluster: RayCluster) -> None:
    """Keys, digests and rows are those of threads, which find all of it; and what was made before is not made again."""
    flow = project(CHAIN)
    where = SeenRay(cluster.address)
    run = flow.run(where)
    assert run.result == 60
    assert len(where.links) < 20
    assert sum(where.links) + len(where.links) == 60
    assert flow.executions() == [str(x) for x in range(60)]
    assert [(row.node, row.attempt, row.kind) for row in flow.attempts(run)] == [
        (node, 1, Kind.COMPLETED) for node in range(60)
    ]
    assert flow.run("threads").counts["reused"] == 60
    fresh = flow.run("threads", fresh=True)
    assert facts(flow, fresh) == facts(flow, run)
    assert [row.key for row in flow.attempts(fresh)] == [row.key for row in flow.attempts(run)]
    flow.executions()
    # One that comes to where that chain began stops there, and takes what was made.
    other = flow.run(SeenRay(cluster.address), start=-20)
    assert flow.executions() == [str(x) for x in range(-20, 0)]
    assert other.counts == {"completed": 20, "reused": 40, "failed": 0, "skipped": 0}


DYING = """
import signal

def outpost():
    return int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])

@step
def add(x: int, how: str) -> int:
    note(f"{x} {attempt().number}")
    if x == 25 and not there("died"):
        (HERE / "died").touch()
        if how == "exits":
            os._exit(3)
        os.kill(outpost(), signal.SIGKILL)
        time.sleep(600)
    return x + 1

@workflow
def flow(how: str):
    value = 0
    for _ in range(40):
        value = add(value, how)
    return value
"""


@pytest.mark.chaos
@pytest.mark.parametrize("how", ["exits", "is killed with its outpost"])
def test_a_worker_on_ray_that_dies_over_a_link_costs_one_attempt_of_it(
    project: Make, cluster: RayCluster, how: str
) -> None:
    """The call at fault is tried again under the next number; none is recorded twice, and all that was told stands."""
    flow = project(DYING)
    where = SeenRay(cluster.address)
    run = flow.run(where, how=how)
    assert run.result == 40
    assert any(where.links)
    lines = flow.executions()
    assert [line for line in lines if line.startswith("25 ")] == ["25 1", "25 2"]
    assert set(lines) == {*(f"{x} 1" for x in range(40)), "25 2"}
    assert max(map(lines.count, lines)) <= 2, "what was told of ran again"
    rows = flow.attempts(run)
    assert [row.node for row in rows if row.kind == Kind.COMPLETED] == [*range(40)]
    assert {row.node for row in rows if row.kind != Kind.COMPLETED} <= {25}
    run = flow.run("threads", how=how)
    assert (run.result, run.counts["reused"]) == (40, 40)
