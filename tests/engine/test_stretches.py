"""Linear stretches: what travels together is recorded, reused, retried and lost as if each call had travelled alone."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hookline
from engine.project import Project
from hookline import Run
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.planner import Planner
from hookline.engine.run.stretches import NOTHING
from hookline.engine.stop import Stop
from hookline.errors import RunFailedError
from hookline.executors.inline import InlineExecutor
from hookline.executors.processes import ProcessesExecutor
from hookline.executors.threads import ThreadsExecutor
from hookline.model.batch import Batch, Deliver, Finished, Lost, Message, RunFacts
from hookline.model.facts import TaskEvent
from hookline.model.states import Kind
from hookline.model.stretch import Taken
from hookline.store import open_store

Make = Callable[[str], Project]

EXECUTORS = ("inline", "threads", "processes")


class Seen:
    """Notes how many links the batches have that an executor is given."""

    links: list[int]

    def submit(self, batch: Batch) -> None:
        """See :meth:`Executor.submit`."""
        self.links.append(len(batch.links))
        super().submit(batch)  # type: ignore[misc]


class SeenInline(Seen, InlineExecutor):
    """Inline."""


class SeenThreads(Seen, ThreadsExecutor):
    """Threads."""


class SeenProcesses(Seen, ProcessesExecutor):
    """Processes."""


def seen(name: str) -> Any:
    """An executor of that kind."""
    executor = {"inline": SeenInline, "threads": SeenThreads, "processes": SeenProcesses}[name](1)
    executor.links = []
    return executor


CHAIN = """
@step
def add(x: int, by: int = 1) -> int:
    note(x)
    return x + by

@workflow
def flow(n: int = 60, start: int = 0):
    value = add(start)
    for _ in range(n - 1):
        value = add(value)
    return value
"""


ADDING = """
@step({options})
def add(x: int) -> int:
{body}
    return x + 1

@workflow
def flow():
    value = 0
    for _ in range({n}):
        value = add(value)
    return value
"""


def adding(project: Make, body: str, n: int = 40, options: str = "") -> Project:
    """A chain of calls that each do something before they add one."""
    return project(ADDING.format(options=options, body=textwrap.indent(body.strip("\n"), "    "), n=n))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_chain_travels_in_few_batches_and_is_recorded_call_by_call(project: Make, executor: str) -> None:
    """Sixty calls go out in a few batches; each has its row, its attempt, its reason; a second run reuses all."""
    flow = project(CHAIN)
    where = seen(executor)
    run = flow.run(where)
    assert run.result == 60
    assert len(where.links) < 20
    assert sum(where.links) + len(where.links) == 60
    assert flow.executions() == [str(x) for x in range(60)]
    assert run.counts == {"completed": 60, "reused": 0, "failed": 0, "skipped": 0}
    assert run.why("add-60") == "ran: first run of this workflow"
    rows = flow.attempts(run)
    assert [(row.node, row.attempt, row.kind) for row in rows] == [(node, 1, Kind.COMPLETED) for node in range(60)]
    assert all(row.key for row in rows)
    again = flow.run(seen(executor))
    assert again.counts["reused"] == 60
    other = flow.run(executor, start=1000)
    assert other.why("add-7") == "ran: input changed: 'add-6' gave another value"
    assert flow.executions() == [str(x) for x in range(1000, 1060)]


def test_keys_of_links_are_those_that_the_engine_works_out_itself(project: Make) -> None:
    """Constants, slots, structures of other values, defaults, large values: a plan finds all results again."""
    flow = project(
        """
    from typing import NamedTuple

    class Pair(NamedTuple):
        left: int
        right: list[int]

    @step
    def one(x: int, shift: int = 3, *, words: list[str] = ["a", "b"]) -> Pair:
        return Pair(x + shift, [x] * 3)

    @step
    def two(left: int, right: list[int], extra: tuple[int, int], big: bytes) -> bytes:
        return bytes([left % 251]) * 9000 + big[:1] + bytes(len(right) + sum(extra))

    @step
    def three(data: bytes) -> int:
        return len(data) + data[0]

    @workflow
    def flow(rounds: int = 12):
        value, other = 5, one(1000)
        for number in range(rounds):
            pair = one(value, words=["c"] * number)
            value = three(two(pair.left, pair.right, (other.left, number), b"q" * 6000))
        return value
    """
    )
    where = seen("threads")
    run = flow.run(where)
    assert sum(where.links) > 10
    assert flow.run("processes").counts == {"completed": 0, "reused": 37, "failed": 0, "skipped": 0}
    assert run.result == flow.run(fresh=True).result


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_comes_round_again_is_made_once(project: Make, executor: str) -> None:
    """A chain that returns to an earlier value does not run what it ran then, in this stretch or in an earlier one."""
    flow = project(
        """
    @step
    def turn(x: int, of: int) -> int:
        note(x)
        return (x + 1) % of

    @workflow
    def flow(of: int, n: int = 50):
        value = turn(0, of)
        for _ in range(n - 1):
            value = turn(value, of)
        return value
    """
    )
    for of in (1, 7, 40):
        run = flow.run(seen(executor), of=of)
        assert run.result == 50 % of
        assert sorted(map(int, flow.executions())) == list(range(of))
        assert run.counts["completed"] == of
        assert run.counts["reused"] == 50 - of
        assert run.why(f"turn-{of + 1}").startswith("reused: same as turn")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_an_earlier_run_made_is_reused_inside_a_chain(project: Make, executor: str) -> None:
    """Where a changed call comes to the value that it came to before, what follows on it is reused, not run."""
    flow = project(
        """
    @step
    def clip(x: int, most: int) -> int:
        note(f"clip {x}")
        return min(x, most)

    @step
    def add(x: int) -> int:
        note(f"add {x}")
        return x + 1

    @workflow
    def flow(start: int):
        value = start
        for _ in range(10):
            value = add(value)
        value = clip(value, 5)
        for _ in range(30):
            value = add(value)
        return value
    """
    )
    flow.run(executor, start=100)
    flow.executions()
    where = seen(executor)
    run = flow.run(where, start=200)
    assert run.result == 35
    assert flow.executions() == [*(f"add {x}" for x in range(200, 210)), "clip 210"]
    assert run.counts == {"completed": 11, "reused": 30, "failed": 0, "skipped": 0}
    assert any(where.links)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_link_that_fails_is_retried_and_what_follows_waits(project: Make, executor: str) -> None:
    """A failure ends the stretch; the attempts are numbered and recorded; the chain goes on, or ends, after them."""
    flow = adding(
        project,
        """
note(f"{x} {attempt().number}")
if x == 20 and attempt().number == 1 or x == 33 and not there("mended"):
    raise ValueError(f"no {x}")
""",
        options="retries=1",
    )
    run = flow.run(seen(executor))
    with pytest.raises(RunFailedError, match="'add-34' did not complete"):
        _ = run.result
    assert run.tasks["add-34"].error == "ValueError: no 33"
    assert run.why("add-35") == "skipped: upstream: 'add-34' has no value"
    expected = [*(f"{x} 1" for x in range(21)), "20 2", *(f"{x} 1" for x in range(21, 34)), "33 2"]
    assert flow.executions() == expected
    flow.touch("mended")
    resumed = flow.resume(executor=executor)
    assert resumed.result == 40
    assert flow.executions() == ["33 3", *(f"{x} 1" for x in range(34, 40))]


def test_a_worker_that_dies_over_a_link_costs_one_attempt_of_it(project: Make) -> None:
    """The call at fault is tried again under the next number; none is recorded twice, and all that was told stands."""
    flow = adding(
        project,
        """
note(f"{x} {attempt().number}")
if x == 25 and attempt().number <= 1:
    os._exit(3)
""",
    )
    where = seen("processes")
    run = flow.run(where)
    assert run.result == 40
    assert any(where.links)
    lines = flow.executions()
    assert [line for line in lines if line.startswith("25 ")] == ["25 1", "25 2"]
    assert set(lines) == {*(f"{x} 1" for x in range(40)), "25 2"}
    assert max(map(lines.count, lines)) <= 2, "what was told of ran again"
    completed = [row.node for row in flow.attempts(run) if row.kind == Kind.COMPLETED]
    assert completed == list(range(40))


def test_a_worker_that_always_dies_over_a_link_fails_it(project: Make) -> None:
    """A call that ends each of its workers uses up its losses, as it does alone."""
    flow = adding(
        project,
        """
note(f"{x} {attempt().number}")
if x == 25:
    os._exit(3)
""",
    )
    run = flow.run(seen("processes"))
    assert run.tasks["add-26"].state == "crashed"
    assert [line for line in flow.executions() if line.startswith("25 ")] == ["25 1", "25 2", "25 3"]
    assert run.counts["completed"] == 25


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_stop_ends_a_stretch_between_two_calls(project: Make, executor: str) -> None:
    """What ended is recorded, what was not begun is left; a resume makes just the rest."""
    flow = adding(
        project,
        """
note(x)
if x == 30:
    (HERE / "there").touch()
    while not attempt().cancelled():
        time.sleep(0.001)
""",
        n=60,
    )
    stop = Stop()

    def wait() -> None:
        while not (flow.folder / "there").exists():
            pass
        stop.soft()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    run = flow.run(seen(executor), stop=stop, grace=20)
    waiting.join()
    assert run.status == "interrupted"
    first = flow.executions()
    assert first == [str(x) for x in range(31)]
    resumed = flow.resume(executor=executor)
    assert resumed.result == 60
    assert flow.executions() == [str(x) for x in range(31, 60)]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_stretch_ends_where_a_call_grows_and_loops_go_on(project: Make, executor: str) -> None:
    """The recipe of the last call is planted, and what it grew runs; each turn's calls travel together."""
    flow = project(
        """
    @step
    def advance(x: int) -> int:
        note(x)
        return x + 1

    @step
    def loop(x: int, until: int) -> int:
        return x if x >= until else loop(advance(advance(x)), until)

    @workflow
    def flow(until: int = 40):
        return advance(loop(advance(0), until))
    """
    )
    where = seen(executor)
    run = flow.run(where)
    assert run.result == 42
    assert flow.executions() == [*(str(x) for x in range(41)), "41"]
    assert any(where.links)
    assert flow.run(executor).counts["completed"] == 0


HOOKS = """
from hookline import hookimpl

@hookimpl
def task_started(task):
    write("task_started", task)

@hookimpl
def task_finished(task):
    write("task_finished", task)

def write(hook, task):
    with open({log!r}, "a") as file:
        print(hook, task.task_id, task.state, file=file)
"""


def test_events_tell_of_each_call_of_a_stretch(tmp_path: Path) -> None:
    """Each call starts and ends once, in order: for plugins while the run goes on, and for who reads the journal."""
    flow = Project(tmp_path, CHAIN)
    log = tmp_path / "log"
    (tmp_path / "hookline_plugins.py").write_text(HOOKS.format(log=str(log)))
    command = [sys.executable, "-m", "hookline", "run", flow.file.name, "--n", "30", "--executor", "threads"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with hookline.open_store(tmp_path / ".hookline") as store:
        recorded = [event for event in store.events() if isinstance(event, TaskEvent)]
    names = ["add", *(f"add-{number}" for number in range(2, 31))]
    expected = [f"{hook} {name} {state}" for name in names for hook, state in ENDS]
    assert [f"{event.hook} {event.task_id} {event.state}" for event in recorded] == expected
    assert log.read_text().splitlines() == expected


ENDS = (("task_started", "running"), ("task_finished", "completed"))


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ("cache=False", "value = other(value)"),
        ("timeout=60", "value = other(value)"),
        ("limit=1", "value = other(value)"),
        ("", "value = other.when(yes(value))(value)"),
    ],
)
def test_what_must_be_decided_about_first_does_not_travel(project: Make, options: str, body: str) -> None:
    """Side effects, limits, time limits and conditions come to the same, and are never links."""
    flow = project(
        f"""
    @step
    def add(x: int) -> int:
        return x + 1

    @step
    def yes(x: int) -> bool:
        return True

    @step({options})
    def other(x: int) -> int:
        note(x)
        return x + 100

    @workflow
    def flow(n: int = 9):
        value = add(0)
        for _ in range(n):
            value = add(value)
            {body}
        return value
    """
    )

    class Steps(SeenThreads):
        def submit(self, batch: Batch) -> None:
            assert not any(link.work.step == "other" for link in batch.links)
            super().submit(batch)

    where = Steps(1)
    where.links = []
    run = flow.run(where)
    assert run.result == 10 + 9 * 100
    assert len(flow.executions()) == 9


class LostAfterwards(SeenThreads):
    """Its workers are lost when they have told all, and before they say that there is no more."""

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`."""

        def lose(message: Message) -> None:
            if not isinstance(message, Finished) or not message.done:
                deliver(message)
                return
            deliver(message._replace(done=False))
            deliver(Lost(message.batch, message.worker, "gone"))

        super().start(run, lose)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError",
        "return other(x)",
        "return 3",
    ],
)
def test_a_worker_that_is_lost_after_its_last_link_costs_no_attempt(project: Make, body: str) -> None:
    """What follows on a call that failed, that grew, or that came to a key that was made before, was not begun."""
    flow = project(
        f"""
    @step
    def other(x: int) -> int:
        note(f"other {{x}}")
        return x + 100

    @step
    def add(x: int) -> int:
        note(x)
        if x == 8:
            {body}
        return x + 1

    @workflow
    def flow():
        value = add(0)
        for _ in range(13):
            value = add(value)
        return value
    """
    )
    where = LostAfterwards(1)
    where.links = []
    run = flow.run(where)
    assert any(where.links)
    lines = flow.executions()
    assert len(lines) == len(set(lines)), "a call was made twice"
    rows = flow.attempts(run)
    assert all(row.kind != Kind.CRASHED for row in rows)
    if body == "raise ValueError":
        assert run.tasks["add-9"].error == "ValueError"
        assert run.counts == {"completed": 8, "reused": 0, "failed": 1, "skipped": 5}
    else:
        assert run.result == (113 if body == "return other(x)" else 8)


def test_a_thread_that_is_given_up_after_its_last_link_abandons_no_other(project: Make) -> None:
    """A call after one that failed was not begun: it is not said to have been."""
    flow = project(
        """
    @step
    def add(x: int) -> int:
        if x == 8:
            raise ValueError
        return x + 1

    @workflow
    def flow():
        value = add(0)
        for _ in range(13):
            value = add(value)
        return value
    """
    )
    stop = Stop()

    class Hanging(SeenThreads):
        def start(self, run: RunFacts, deliver: Deliver) -> None:
            def hang(message: Message) -> None:
                if isinstance(message, Finished) and any(one.kind == Kind.FAILED for one in message.outcomes):
                    deliver(message._replace(done=False))
                    stop.hard()
                else:
                    deliver(message)

            super().start(run, hang)

    where = Hanging(1)
    where.links = []
    run = flow.run(where, stop=stop)
    assert any(where.links)
    assert run.status == "interrupted"
    assert [row.kind for row in flow.attempts(run)] == [Kind.COMPLETED] * 8 + [Kind.FAILED]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_two_chains_that_are_the_same_are_made_once(project: Make, executor: str) -> None:
    """The second, which gets its values from the first, does not overtake a stretch of it that was not told of yet."""
    flow = project(
        """
    @step
    def add(x: int) -> int:
        note(x)
        time.sleep(0.002)
        return x + 1

    @workflow
    def flow(n: int = 20):
        left, right = add(0), add(0)
        for _ in range(n - 1):
            left, right = add(left), add(right)
        return left, right
    """
    )
    run = flow.run(executor, workers=2)
    assert run.result == (20, 20)
    assert flow.executions() == [str(x) for x in range(20)]
    assert run.counts == {"completed": 20, "reused": 20, "failed": 0, "skipped": 0}


def test_a_call_that_will_be_skipped_is_no_link(project: Make) -> None:
    """None of its alternatives has a value: that is known before the call before it has one, and does no harm."""
    flow = project(
        """
    @step
    def add(x: int, y: int = 1) -> int:
        return x + y

    @step
    def no() -> bool:
        return False

    @workflow
    def flow(n: int = 9):
        never = no()
        left, right = add.when(never)(1), add.when(never)(2)
        value = add(0, never)
        for _ in range(n):
            value = add(value)
        return value, add(value, first(left, right))
    """
    )
    where = seen("threads")
    run = flow.run(where)
    assert any(where.links)
    assert run.status == "completed"
    assert run.result == (9, None)
    assert run.why("add-13") == "skipped: condition: 'add', 'add-2' was skipped"


def test_where_every_other_result_is_there_few_links_are_found_in_vain(project: Make) -> None:
    """An edit that changes no value lets half of a chain run: its stretches end at once, and soon are short."""
    flow = project(
        """
    @step
    def first(x: int) -> int:
        return 0

    @step
    def add(x: int) -> int:
        return x + 1

    @step
    def more(x: int) -> int:
        return x + 1

    @workflow
    def flow(start: int = 0, n: int = 150):
        value = first(add(start))
        for _ in range(n):
            value = more(add(value))
        return value
    """
    )
    flow.run("inline")
    flow.edit("def more(x: int) -> int:\n    return x + 1", "def more(x: int) -> int:\n    return 1 + x")
    where = seen("inline")
    run = flow.run(where, start=1000)
    assert run.counts["completed"] == 152
    assert run.counts["reused"] == 150
    assert any(where.links)
    assert sum(where.links) < 64 + 150 + 10


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_journal_tells_the_same_as_without_stretches(project: Make, executor: str) -> None:
    """Rows, keys, reasons, notes and outputs, of loops, retries, side effects, seeds and structures, twice each."""
    flow = project(
        """
    @step
    def add(x: int, more: dict = {}) -> int:
        print("adds", x)
        log_metric("x", x)
        return x + 1

    @step
    def loop(x: int, until: int) -> int:
        return x if x >= until else loop(add(add(add(x))), until)

    @step
    def drawn(x: int, seed: Seed) -> int:
        return x + seed % 3

    @step(retries=1)
    def flaky(x: int) -> int:
        if x % 3 == 0 and attempt().number == 1:
            raise ValueError(x)
        return x + 1

    @step(cache=False)
    def effect(x: int) -> int:
        return x + 1

    @workflow
    def flow():
        value, same = add(add(0)), add(1)
        for turn in range(4):
            value = loop(add(add(value)), 20 * (turn + 1))
            value = add(add(value), {"same": [same, turn]})
            value = add(add(effect(add(drawn(add(flaky(flaky(flaky(value)))))))))
        return value
    """
    )
    told = []
    for stretches in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if not stretches:
                patch.setattr(Launcher, "_stretch", lambda *_: NOTHING)
            where = seen(executor)
            runs = [flow.run(where, seed=5), flow.run(executor, seed=5)]
        assert any(where.links) == stretches
        told.append([rows(flow, run) for run in runs])
        (flow.folder / ".hookline").rename(flow.folder / f"store {stretches}")
    assert told[0] == told[1]


def rows(flow: Project, run: Run) -> list[Any]:
    """What the journal tells of a run, but for its times and the names of runs."""
    with flow.store() as store:
        reasons = [
            decision._replace(why=re.sub(r"\b\d{8}-[-\w]+", "RUN", decision.why))
            for decision in store.decisions(run.id)
        ]
        return [
            run.status,
            run.counts,
            sorted(
                (row.node, row.name, row.parent, row.length, row.fingerprint, row.bindings)
                for row in store.nodes(run.id)
            ),
            [(row.node, row.item, row.attempt, row.kind, row.key, row.outputs) for row in store.attempts(run.id)],
            sorted((*row[:5], row.source_node, row.source_low, row.detail) for row in reasons),
            [note._replace(time_us=0) for note in store.notes(run.id)],
            store.logs(run.id),
            [row[:3] for row in store.failures(run.id)],
        ]


@given(st.lists(st.binary(min_size=32, max_size=32)), st.lists(st.binary(min_size=32, max_size=32)))
def test_taken_keys_are_found_wherever_they_travelled(first: Sequence[bytes], second: Sequence[bytes]) -> None:
    """A key that was added is in it; what is sent of it, in any parts, holds the same."""
    taken, there = Taken(), Taken()
    sent = 0
    for keys in (first, second):
        for key in keys:
            taken.add(key)
        there.extend(bytes(taken.prefixes[sent:]))
        sent = len(taken.prefixes)
    for key in itertools.chain(first, second):
        assert key in taken
        assert key in there
    strange = bytes(range(32))
    assert (strange in there) == (strange[:8] in {key[:8] for key in (*first, *second)})


def test_results_of_another_driver_are_found_while_a_chain_runs(tmp_path: Path) -> None:
    """Keys that another run records meanwhile are taken for the next stretch."""
    flow = Project(tmp_path, CHAIN)
    run = flow.run("inline", n=5)
    with open_store(tmp_path / ".hookline") as store:
        node = store.node(run.id, 0)
        assert node is not None
        assert node.fingerprint is not None
        planner = Planner(store, fresh=False, run=10**6)
        taken = planner.taken()
        assert taken is not None
        assert planner.covers(node.fingerprint)
        assert all(row.key in taken for row in store.attempts(run.id) if row.key is not None)
        assert len(taken) == 5
        later = flow.run("inline", n=9)
        assert planner.covers(node.fingerprint)
        assert all(row.key in taken for row in store.attempts(later.id) if row.key is not None)
        assert len(taken) == 9
