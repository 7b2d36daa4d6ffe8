"""Async steps: attempts go on side by side in one event loop per worker, which is never the caller's."""

from __future__ import annotations

import asyncio
import errno
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookline
from engine.project import Project
from hookline import log_metric, step, workflow
from hookline.engine.stop import Stop
from hookline.model.states import Kind
from hookline.store import ArtifactWriter, Flight, Slot
from hookline.store.place import storage_error
from thorough import tries

Make = Callable[[str], Project]
EXECUTORS = ["inline", "threads", "processes"]
IN_THIS_PROCESS = ["inline", "threads"]

MEETING = """
import asyncio
from pathlib import Path

arrived = 0

@step
async def meet(x: int, of: int) -> int:
    global arrived
    arrived += 1
    note(f"{os.getpid()} {arrived}")
    while arrived < of:
        await asyncio.sleep(0)
    return x

@workflow
def flow(n: int = 100, of: int = 100):
    return meet.partial(of=of).map(x=list(range(n)))
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_hundred_attempts_go_on_at_once(project: Make, executor: str) -> None:
    """Each waits until all have arrived, before any of them was ever measured."""
    flow = project(MEETING)
    assert flow.run(executor, workers=1).result == list(range(100))


def test_threads_share_one_loop(project: Make) -> None:
    """Batches that two threads were given meet in the loop of their process."""
    assert project(MEETING).run("threads", workers=2).result == list(range(100))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_explicit_calls_of_an_async_step_go_on_side_by_side(project: Make, executor: str) -> None:
    """As items of a map do."""
    code = MEETING.replace("meet.partial(of=of).map(x=list(range(n)))", "[meet(x, of) for x in range(n)]")
    assert project(code).run(executor, workers=1, n=40, of=40).result == list(range(40))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_ends_first_is_recorded_first(project: Make, executor: str) -> None:
    """Each outcome belongs to its own item, whatever the order in which attempts end, and consumers need not wait."""
    flow = project(
        """
import asyncio

gates = {}

@step
async def turn(x: int) -> int:
    gate = gates.setdefault(x, asyncio.Event())
    if x < 9:
        await gates.setdefault(x + 1, asyncio.Event()).wait()
    note(x)
    gate.set()
    if x % 4 == 3:
        raise ValueError(f"no {x}")
    return 10 * x

@workflow
def flow():
    return turn.map(x=list(range(10)))
"""
    )
    run = flow.run(executor, workers=1)
    assert run.load("turn") == [None if x % 4 == 3 else 10 * x for x in range(10)]
    assert flow.executions() == [str(x) for x in reversed(range(10))]
    assert run.tasks["turn"].counts == {"completed": 8, "failed": 2}
    assert run.tasks["turn[3]"].error == "ValueError: no 3"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_loop_goes_on_from_one_attempt_to_the_next(project: Make, executor: str) -> None:
    """What a step keeps that is bound to the loop stays usable in later tasks."""
    flow = project(
        """
import asyncio

kept = []

@step
async def first_use(x: int) -> int:
    kept.append((asyncio.get_running_loop(), asyncio.Event()))
    return x

@step
async def later(x: int) -> bool:
    loop, event = kept[0]
    asyncio.get_running_loop().call_soon(event.set)
    await event.wait()
    return loop is asyncio.get_running_loop()

@workflow
def flow():
    return later(first_use(1))
"""
    )
    assert flow.run(executor, workers=1).result is True


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_driver_may_have_a_loop_of_its_own_running(project: Make, executor: str) -> None:
    """As in a notebook: the run neither needs nor touches the caller's loop."""
    flow = project(MEETING)

    async def caller() -> object:
        run = flow.run(executor, n=10, of=5)
        await asyncio.sleep(0)
        return run.result

    assert asyncio.run(caller()) == list(range(10))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_attempt_whose_time_is_over_is_cancelled(project: Make, executor: str) -> None:
    """Its own cleanup runs, it counts as timed out, and the attempts beside it go on."""
    flow = project(
        """
import asyncio

@step(timeout=0.3)
async def slow(x: int) -> int:
    try:
        if x == 1:
            await asyncio.Event().wait()
        return x
    finally:
        note(f"cleaned {x}")

@workflow
def flow():
    return slow.map(x=[0, 1, 2])
"""
    )
    run = flow.run(executor)
    assert run.tasks["slow"].counts == {"completed": 2, "timed_out": 1}
    assert run.tasks["slow[1]"].error == "TimeoutError: took longer than 0.3 s"
    assert sorted(flow.executions()) == ["cleaned 0", "cleaned 1", "cleaned 2"]


def test_an_attempt_that_swallows_its_cancellation_has_timed_out_all_the_same(project: Make) -> None:
    """What it returns after its time comes too late."""
    flow = project(
        """
import asyncio

@step(timeout=0.2)
async def stubborn(x: int) -> int:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        pass
    return x

@workflow
def flow():
    return stubborn(1)
"""
    )
    run = flow.run("threads")
    assert run.tasks["stubborn"].state == "timed_out"


BLOCKING = """
import asyncio

@step(timeout=0.2)
async def block(x: int) -> int:
    while not there("released"):
        time.sleep(0.01)
    return x

@step
async def after(x: int) -> int:
    return x

@workflow
def flow():
    return block(1), after(2)
"""


def test_an_attempt_that_blocks_the_loop_is_abandoned_in_the_drivers_process(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread can't be stopped; what comes later gets another loop."""
    monkeypatch.setattr("hookline.worker.run_concurrent._GRACE", 0.2)
    flow = project(BLOCKING.replace("return block(1), after(2)", "return block(1), after.map(x=[2, 3])"))
    try:
        run = flow.run("threads", workers=1)
        assert run.tasks["block"].state == "abandoned"
        assert run.load("after") == [2, 3]
    finally:
        flow.touch("released")


def test_attempts_that_have_not_begun_when_the_loop_is_blocked_are_made_in_another(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was at hand beside the one that blocks is given up with it."""
    monkeypatch.setattr("hookline.worker.run_concurrent._GRACE", 0.2)
    monkeypatch.setattr("hookline.worker.run_concurrent._ANSWER", 0.2)
    flow = project(
        BLOCKING.replace('there("released")', 'x or there("released")').replace(
            "return block(1), after(2)", "return block.map(x=list(range(130)))"
        )
    )
    try:
        run = flow.run("threads", workers=1)
        assert run.tasks["block"].counts == {"abandoned": 1, "completed": 129}
        assert run.tasks["block[0]"].error.startswith("abandoned: took longer than 0.2 s, and did not end")
    finally:
        flow.touch("released")


def test_attempts_that_do_not_let_go_do_not_keep_the_others_from_going_on(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the loop comes round, only the attempts that were cancelled in vain are given up."""
    monkeypatch.setattr("hookline.worker.run_concurrent._GRACE", 0.2)
    flow = project(
        """
import asyncio

@step(timeout=1)
async def some(x: int) -> int:
    while x < 99 and not there("released"):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
    await asyncio.sleep(0.05)
    if x == 139:
        (HERE / "released").touch()
    return x

@workflow
def flow():
    return some.map(x=list(range(140)))
"""
    )
    run = flow.run("threads", workers=1)
    assert run.tasks["some"].counts == {"abandoned": 99, "completed": 41}


def test_a_batch_of_another_thread_leaves_a_loop_that_is_held_too(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had begun is given up, and the rest is made: nobody waits for what was in the loop."""
    monkeypatch.setattr("hookline.worker.run_concurrent._GRACE", 0.2)
    monkeypatch.setattr("hookline.worker.run_concurrent._ANSWER", 0.2)
    monkeypatch.setattr("hookline.worker.run_concurrent.AT_ONCE", 50)
    flow = project(
        """
import asyncio

@step(timeout=1)
async def hold(x: int) -> int:
    while not there("all"):
        await asyncio.sleep(0)
    (HERE / "held").touch()
    while not there("released"):
        time.sleep(0.01)
    return x

@step
async def other(x: int) -> int:
    note(x)
    if x == 49:
        (HERE / "all").touch()
    while not there("held"):
        await asyncio.sleep(0.01)
    return x

@workflow
def flow():
    return other.map(x=list(range(100))), hold(1)
"""
    )
    try:
        run = flow.run("threads", workers=2)
        assert run.tasks["hold"].state == "abandoned"
        assert run.tasks["other"].counts == {"abandoned": 50, "completed": 50}
        assert sorted(map(int, flow.executions())) == list(range(100))
    finally:
        flow.touch("released")


def test_attempts_that_end_after_they_were_given_up_do_not_count_any_more(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop is left once nothing but such attempts is in it, not after so many."""
    monkeypatch.setattr("hookline.worker.run_concurrent._GRACE", 0.2)
    monkeypatch.setattr("hookline.worker.run_concurrent.AT_ONCE", 2)
    flow = project(
        """
import asyncio

async def wait_for(name):
    while not there(name):
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            pass

@step(timeout=0.2, limit=1)
async def stubborn(x: int) -> int:
    (HERE / f"began {x}").touch()
    if x < 3:
        await wait_for(f"began {x + 1}")
    return x

@step
async def long(x: int) -> int:
    while not there("began 3"):
        await asyncio.sleep(0.01)
    return x

@workflow
def flow():
    return long(1), stubborn.map(x=[0, 1, 2, 3])
"""
    )
    run = flow.run("threads", workers=2)
    assert run.tasks["stubborn"].counts == {"abandoned": 3, "completed": 1}
    assert run.tasks["long"].state == "completed"


@pytest.mark.parametrize("executor", IN_THIS_PROCESS)
def test_an_attempt_for_which_there_is_no_slot_fails(
    project: Make, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full when the flight file has to grow fails attempts, and keeps nobody waiting."""

    def full(flight: Flight, worker: int, number: int) -> Slot:
        raise storage_error(OSError(errno.ENOSPC, "No space left on device"), flight.path)

    monkeypatch.setattr(Flight, "side_slot", full)
    run = project(MEETING).run(executor, n=3, of=1)
    assert run.tasks["meet"].counts == {"failed": 3}
    assert "no space left on device (ENOSPC)" in (run.tasks["meet[0]"].error or "")


def test_what_is_reported_as_failed_because_nothing_can_be_written_is_not_made_afterwards(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts at hand are cancelled, and those that had not begun never do."""
    flow = project(
        """
import asyncio

@step(cache=False)
async def charge(x: int) -> int:
    if x:
        await asyncio.sleep(0.3)
    note(x)
    return x

@step
def slow(x: int) -> int:
    time.sleep(1)
    return x

@workflow
def flow():
    return charge.map(x=list(range(100))), slow(1)
"""
    )
    monkeypatch.setattr("hookline.worker.run_concurrent.AT_ONCE", 50)
    sync, full = ArtifactWriter.sync, [True]

    def sync_later(writer: ArtifactWriter) -> None:
        if (flow.folder / "executions").exists() and full and full.pop():
            raise storage_error(OSError(errno.ENOSPC, "No space left on device"), "packs")
        sync(writer)

    monkeypatch.setattr(ArtifactWriter, "sync", sync_later)
    run = flow.run("threads", workers=2)
    assert run.tasks["charge"].counts == {"failed": 100}
    assert flow.executions() == ["0"]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_attempts_at_hand_are_cancelled_when_the_run_stops(project: Make, executor: str) -> None:
    """Those that wait are cancelled and clean up; the run can be resumed, and does the rest."""
    flow = project(
        """
import asyncio

@step
async def wait(x: int) -> int:
    note(f"begun {x}")
    try:
        while there("closed"):
            await asyncio.sleep(0.01)
    finally:
        note(f"ended {x}")
    return x

@workflow
def flow():
    return wait.map(x=list(range(5)))
"""
    )
    flow.touch("closed")
    stop = Stop()

    def stop_when_begun() -> None:
        path = flow.folder / "executions"
        while not path.exists() or path.read_text().count("begun") < 5:
            threading.Event().wait(0.01)
        stop.soft()

    watcher = threading.Thread(target=stop_when_begun)
    watcher.start()
    run = flow.run(executor, workers=1, stop=stop)
    watcher.join()
    assert run.status == "interrupted"
    assert run.tasks["wait"].counts == {"cancelled": 5}
    assert Counter(line.split()[0] for line in flow.executions()) == {"begun": 5, "ended": 5}
    flow.remove("closed")
    assert flow.resume(run.id, executor=executor).result == [0, 1, 2, 3, 4]


def test_an_interrupt_of_the_drivers_own_thread_cancels_what_it_waits_for(project: Make) -> None:
    """Inline, that thread waits for the loop; Ctrl-C ends the attempts there, and the run softly."""
    flow = project(
        """
import _thread, asyncio

@step
async def wait(x: int) -> int:
    try:
        if there("closed"):
            _thread.interrupt_main()
            await asyncio.Event().wait()
    finally:
        note(f"ended {x}")
    return x

@workflow
def flow():
    return wait(1)
"""
    )
    flow.touch("closed")
    run = flow.run("inline")
    assert run.status == "interrupted"
    assert run.tasks["wait"].state == "cancelled"
    assert flow.executions() == ["ended 1"]
    flow.remove("closed")
    assert flow.resume(run.id, executor="inline").result == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_attempts_print_and_note_side_by_side_stays_apart(project: Make, executor: str) -> None:
    """Output, metrics, seeds, folders and checkpoints are each attempt's own, though they take turns."""
    flow = project(
        """
import asyncio, logging

@step
async def speak(x: int, seed: Seed = Seed(0)) -> tuple:
    here = attempt()
    (here.folder / "mine").write_text(str(x))
    for part in range(3):
        print(f"{x} says {part}")
        await asyncio.sleep(0)
    logging.getLogger("flow").warning("%d warns", x)
    log_metric("x", x)
    await asyncio.sleep(0)
    return here.task_id, attempt().seed == seed, (attempt().folder / "mine").read_text(), here is attempt()

@workflow
def flow():
    return speak.map(x=list(range(20)))
"""
    )
    run = flow.run(executor, workers=1)
    assert run.result == [(f"speak[{x}]", True, str(x), True) for x in range(20)]
    with flow.store() as store:
        logs = {log.item: store.artifacts.read(_only(log.outputs)) for log in store.logs(run.id)}
        notes = {note.item: note.value for note in store.notes(run.id)}
    assert {item: bytes(text).decode() for item, text in logs.items()} == {
        x: "".join(f"{x} says {part}\n" for part in range(3)) + f"WARNING flow: {x} warns\n" for x in range(20)
    }
    assert notes == {x: str(float(x)) for x in range(20)}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_async_step_grows_like_any_other(project: Make, executor: str) -> None:
    """Calls that attempts make side by side go to their own recordings."""
    flow = project(
        """
import asyncio

@step
async def leaf(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return 10 * x + y

@step
def total(xs: list[int]) -> int:
    return sum(xs)

@step
async def branch(x: int) -> int:
    calls = []
    for y in range(3):
        calls.append(leaf(x, y))
        await asyncio.sleep(0)
    return total(calls)

@workflow
def flow():
    return branch.map(x=[1, 2, 3])
"""
    )
    run = flow.run(executor)
    assert run.result == [33, 63, 93]
    assert run.load("branch[1]/leaf-2") == 21
    assert flow.run(executor).counts["completed"] == 0


@pytest.mark.parametrize("executor", EXECUTORS)
def test_exits_retries_and_raised_cancellations_are_failures_of_their_attempt(project: Make, executor: str) -> None:
    """sys.exit ends no loop, a CancelledError that nobody asked for is an error, and retries have their own numbers."""
    flow = project(
        """
import asyncio

@step(retries=2)
async def odd(x: int) -> int:
    if x == 0:
        sys.exit(3)
    if x == 1:
        raise asyncio.CancelledError("mine")
    if x == 2 and attempt().number < 3:
        raise ValueError("again")
    return attempt().number

@workflow
def flow():
    return odd.map(x=[0, 1, 2, 3])
"""
    )
    run = flow.run(executor)
    assert run.load("odd") == [None, None, 3, 1]
    assert run.tasks["odd[0]"].error == "SystemExit: the step called sys.exit(3)"
    assert "CancelledError" in run.tasks["odd[1]"].error
    assert run.tasks["odd[2]"].attempts == 3


def test_a_limit_bounds_what_goes_on_side_by_side(project: Make) -> None:
    """However many attempts one batch could have."""
    flow = project(
        """
import asyncio

going = 0

@step(limit=7)
async def some(x: int) -> int:
    global going
    going += 1
    most = going
    for _ in range(5):
        await asyncio.sleep(0)
        most = max(most, going)
    going -= 1
    return most

@workflow
def flow():
    return some.map(x=list(range(60)))
"""
    )
    assert max(flow.run("threads", workers=2).result) == 7


def test_an_attempt_that_ended_makes_room_in_a_limit_though_others_of_its_batch_go_on(project: Make) -> None:
    """With two at once, a slow one lets all others pass, one after the other."""
    flow = project(
        """
import asyncio

going = ended = 0

@step(limit=2)
async def some(x: int) -> int:
    global going, ended
    going += 1
    most = going
    end = time.monotonic() + 10
    while x == 0 and ended < 9 and time.monotonic() < end:
        await asyncio.sleep(0.001)
    going -= 1
    ended += 1
    return most if x else ended

@workflow
def flow():
    return some.map(x=list(range(10)))
"""
    )
    last, *most = flow.run("threads", workers=2).result
    assert last == 10
    assert max(most) <= 2


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    "made", ["twice.partial(of=30).map(x=list(range(30)))", "[twice(x, 30) for x in range(30)]"], ids=["map", "calls"]
)
def test_retries_go_on_side_by_side(project: Make, executor: str, made: str) -> None:
    """The second attempts of items, or of calls, meet, as the first ones could."""
    flow = project(
        """
import asyncio

second = 0

@step(retries=1)
async def twice(x: int, of: int) -> int:
    global second
    if attempt().number == 1:
        raise ValueError("again")
    assert attempt().number == 2
    second += 1
    # On a busy machine what failed comes in two parts, and the first one does not wait for the second.
    end = time.monotonic() + 2
    while second < of and time.monotonic() < end:
        await asyncio.sleep(0)
    return second

@workflow
def flow():
    return MADE
""".replace("MADE", made)
    )
    met = flow.run(executor, workers=1).result
    assert max(met) == 30
    assert len(set(met)) < 10  # one after the other, each would have met one more than the one before


@pytest.mark.parametrize("executor", EXECUTORS)
def test_time_that_is_over_is_over_whatever_the_step_makes_of_it(project: Make, executor: str) -> None:
    """Also where the cancellation becomes another error, or the loop was held until a value was there after all."""
    flow = project(
        """
import asyncio

@step(timeout=0.2)
async def odd(x: int) -> int:
    if x == 0:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("instead") from None
    time.sleep(0.4)
    return x

@workflow
def flow():
    return odd(0), odd(1)
"""
    )
    run = flow.run(executor)
    assert run.tasks["odd"].state == run.tasks["odd-2"].state == "timed_out"


@pytest.mark.integration
def test_ctrl_c_at_the_command_line_ends_what_the_drivers_own_thread_waits_for(project: Make) -> None:
    """Inline, the thread that would look around is the one that waits."""
    flow = project(
        """
import asyncio

@step
async def wait(x: int) -> int:
    note(f"begun {x}")
    try:
        await asyncio.Event().wait()
    finally:
        note(f"ended {x}")
    return x

@workflow
def flow():
    return wait(1)
"""
    )
    command = [sys.executable, "-m", "hookline", "run", str(flow.file), "-x", "inline"]
    driver = subprocess.Popen(command, cwd=flow.folder, stderr=subprocess.PIPE, text=True)
    path = flow.folder / "executions"
    while not path.exists() and driver.poll() is None:
        threading.Event().wait(0.02)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=30)
    assert driver.returncode == 130, said
    assert flow.executions() == ["begun 1", "ended 1"]


@pytest.mark.chaos
def test_a_worker_that_dies_takes_all_attempts_at_hand_with_it_and_one_task(project: Make) -> None:
    """Each has crashed, for none is known to be at fault; tried again one by one, only the one that kills fails."""
    flow = project(
        """
import asyncio

@step
async def risky(x: int) -> int:
    note(x)
    await asyncio.sleep(0.05)
    if x == 13:
        os.kill(os.getpid(), 9)
    await asyncio.sleep(0.05)
    return x

@workflow
def flow():
    return risky.map(x=list(range(30)))
"""
    )
    run = flow.run("processes", workers=2)
    assert run.load("risky") == [None if x == 13 else x for x in range(30)]
    assert run.tasks["risky"].counts == {"completed": 29, "crashed": 1}
    rows = flow.attempts(run)
    for x in range(30):
        kinds = [Kind(row.kind) for row in rows if row.item == x]
        assert kinds == ([Kind.CRASHED] * 3 if x == 13 else [Kind.CRASHED, Kind.COMPLETED])
        assert [row.attempt for row in rows if row.item == x] == list(range(1, len(kinds) + 1))


def test_an_async_step_is_its_own_function_outside_of_runs() -> None:
    """A call gives what the function gives: something to await."""

    @step
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        log_metric("x", x)
        return 2 * x

    async def main() -> list[int]:
        return [await double.fn(2), await double(3)]  # type: ignore[misc]

    assert asyncio.run(main()) == [4, 6]


async def _wait_for(order: list[int], x: int) -> None:
    while order and order[0] != x:
        await asyncio.sleep(0)
    if order:
        order.pop(0)


@settings(max_examples=tries(25), deadline=None)
@given(
    order=st.permutations(list(range(8))),
    failing=st.sets(st.integers(0, 7)),
    executor=st.sampled_from(["inline", "threads"]),
)
def test_any_order_and_any_failures_come_to_what_plain_python_comes_to(
    order: list[int], failing: set[int], executor: str
) -> None:
    """Attempts end in the given order, some of them by raising."""
    ends = list(order)

    @step(cache=False)
    async def one(x: int) -> int:
        await _wait_for(ends, x)
        if x in failing:
            raise ValueError(str(x))
        return x * x

    @workflow
    def flow() -> list[int]:
        return one.map(x=list(range(8)))

    run = hookline.run(flow, executor=executor, workers=1, store=_store)
    assert run.load("one") == [None if x in failing else x * x for x in range(8)]
    assert run.counts["failed"] == len(failing)


_store: Path


@pytest.fixture(autouse=True, scope="module")
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _store
    _store = tmp_path_factory.mktemp("async") / "store"


def _only(outputs: bytes):  # type: ignore[no-untyped-def]
    from hookline.store.outputs import unpack_outputs

    return unpack_outputs(outputs)[0]
