"""Growth: steps that call steps while a run executes them add tasks, which are decided about by their own keys."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline import step, workflow
from hookline.engine import api
from hookline.engine.program.program import GrownPart, TaskProgram
from hookline.errors import RunFailedError

Make = Callable[[str], Project]
EXECUTORS = ["inline", "threads", "processes"]

STEPS = """
@step
def inc(x: int) -> int:
    note(f"inc {x}")
    return x + 1

@step
def add(a: int, b: int) -> int:
    note(f"add {a} {b}")
    return a + b

@step
def total(xs: list[int]) -> int:
    note(f"total {xs}")
    return sum(xs)
"""

LOOP = (
    STEPS
    + """
@step
def loop(x: int, n: int) -> int:
    note(f"loop {n}")
    return loop(inc(x), n - 1) if n else x

@workflow
def flow(n: int = 3):
    return add(loop(0, n), 100)
"""
)

FIB = (
    STEPS
    + """
@step
def fib(n: int) -> int:
    note(f"fib {n}")
    return add(fib(n - 1), fib(n - 2)) if n > 1 else n

@workflow
def flow(n: int = 12):
    return fib(n)
"""
)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_that_returns_a_call_of_itself_is_a_loop(project: Make, executor: str) -> None:
    """Each turn is a task of its own, named below the first; consumers get the last one's value."""
    flow = project(LOOP)
    run = flow.run(executor)
    assert run.result == 103
    assert list(run.tasks) == ["loop", "add", "loop/inc", "loop/2", "loop/2/inc", "loop/3", "loop/3/inc", "loop/4"]
    assert Counter(flow.executions()) == Counter(
        ["loop 3", "loop 2", "loop 1", "loop 0", "inc 0", "inc 1", "inc 2", "add 3 100"]
    )
    assert run.load("loop") == run.load("loop/2") == run.load("loop/4") == 3
    assert run.load("loop/2/inc") == 2


def test_a_turn_of_a_loop_that_was_reused_has_its_value(project: Make) -> None:
    """What a turn came to can be loaded from each run, whether its recipe was made there or taken from another run."""
    flow = project(LOOP)
    for _ in range(2):
        run = flow.run("inline")
        assert [run.load(name) for name in ("loop", "loop/2", "loop/3", "loop/4")] == [3, 3, 3, 3]
    assert run.tasks["loop/2"].state == "reused"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_recursion_does_equal_work_once(project: Make, executor: str) -> None:
    """Tasks with equal keys run once in a run, however they grew: fib of n takes n + 1 attempts."""
    flow = project(FIB)
    run = flow.run(executor)
    assert run.result == 144
    counts = Counter(line.split()[0] for line in flow.executions())
    assert counts["fib"] == 13
    assert run.load("fib/fib/fib-2") == 34
    assert flow.run(executor).counts["completed"] == 0
    assert not flow.executions()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_grew_is_reused_by_each_tasks_own_key(project: Make, executor: str) -> None:
    """A recorded recipe is replayed; a step in it that counts as changed runs again, and what depends on it."""
    flow = project(LOOP.replace("@step\ndef inc", '@step(version="1")\ndef inc'))
    assert flow.run(executor).result == 103
    flow.executions()
    flow.edit('version="1"', 'version="2"')
    run = flow.run(executor)
    assert run.result == 103
    assert Counter(flow.executions()) == Counter(["inc 0", "inc 1", "inc 2"])
    assert run.why("loop").startswith("reused")
    assert "its version= changed from '1' to '2'" in run.why("loop/inc")


def test_an_edited_inner_step_changes_the_result(project: Make) -> None:
    """The end of a loop is never taken for the result of its beginning."""
    flow = project(LOOP)
    assert flow.run("inline").result == 103
    flow.edit("return x + 1", "return x + 2")
    assert flow.run("inline").result == 106


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_shapes_that_a_step_may_return(project: Make, executor: str) -> None:
    """Structures, slots, lists of mapped results, choices and skipped calls come out as they would of a workflow."""
    flow = project(
        STEPS
        + """
@dataclass
class Both:
    low: int
    high: list

@step
def both(n: int) -> Both:
    return Both(n, [n, n + 1])

@step
def odd(n: int) -> bool:
    return n % 2 == 1

@step
def spread(n: int) -> list[int]:
    return inc.map(x=list(range(n)))

@step
def twin(n: int) -> tuple[int, int]:
    return inc(n), inc(n + 1)

@step
def nested(n: int) -> dict:
    return {"a": [inc(n), n], "b": (inc(n + 1),), 3: "x"}

@step
def slot(n: int) -> list:
    return both(n).high

@step
def whole(n: int) -> Both:
    return both(n)

@step
def maybe(n: int) -> int | None:
    return inc.when(odd(n))(n)

@step
def either(n: int) -> int:
    return first(inc.when(odd(n))(n), add(n, n))

@step
def some(n: int):
    return completed(inc.map(x=list(range(n))))

@step
def weigh(n: int) -> int:
    return total(inc.map(x=list(range(n))))

@workflow
def flow():
    a, b = twin(1)
    return {
        "spread": spread(3), "sum": total(spread(2)), "a": a, "b": b, "nested": nested(5), "slot": slot(7),
        "whole": whole(1).high, "maybe": [maybe(1), maybe(2)], "either": [either(1), either(2)], "some": some(2),
        "weighed": weigh.map(n=[1, 2, 3]), "further": inc.map(x=weigh.map(n=[2, 4])), "skipped": inc(maybe(4)),
    }
"""
    )
    expected = {
        "spread": [1, 2, 3],
        "sum": 3,
        "a": 2,
        "b": 3,
        "nested": {"a": [6, 5], "b": (7,), 3: "x"},
        "slot": [7, 8],
        "whole": [1, 2],
        "maybe": [2, None],
        "either": [2, 4],
        "some": [1, 2],
        "weighed": [1, 3, 6],
        "further": [4, 11],
        "skipped": None,
    }
    run = flow.run(executor)
    assert run.result == expected
    assert run.tasks["maybe-2"].state == run.tasks["inc-2"].state == "skipped"
    assert run.load("weigh[2]/inc[1]") == 2
    flow.executions()
    again = flow.run(executor)
    assert again.result == expected
    assert again.counts["completed"] == 0
    assert not flow.executions()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_values_that_a_step_gives_to_what_it_calls(project: Make, executor: str) -> None:
    """Large values, files and objects reach the called step as they were given, and count by content."""
    flow = project(
        """
@dataclass
class Thing:
    words: list

@step
def size(data: bytes, file: Path, thing: Thing, path: Path) -> tuple:
    note("size")
    return len(data), file.read_text(), file.name, thing.words, sorted(p.name for p in path.iterdir())

@step
def make(n: int) -> tuple:
    written = attempt().folder / "notes.txt"
    written.write_text("text")
    folder = attempt().folder / "several"
    folder.mkdir()
    (folder / "one").write_text("1")
    data, thing = bytes(n), Thing(["a"])
    made = size(data, written, thing, folder)
    thing.words = ["changed"] if n < 0 else thing.words
    return made

@workflow
def flow(n: int = 3_000_000):
    return make(n)
"""
    )
    expected = (3_000_000, "text", "notes.txt", ["a"], ["one"])
    assert flow.run(executor).result == expected
    assert flow.run(executor).counts["completed"] == 0
    assert flow.executions() == ["size"]


@pytest.mark.parametrize(("first", "then"), [("inline", "processes"), ("processes", "threads"), ("threads", "inline")])
def test_a_resume_goes_on_inside_a_loop(project: Make, first: str, then: str) -> None:
    """What a loop did before it failed is kept, on another executor too; it goes on at the turn that failed."""
    code = LOOP.replace(
        '    note(f"inc {x}")\n',
        '    note(f"inc {x}")\n    if x == 2 and there("broken"):\n        raise ValueError("no")\n',
    )
    flow = project(code)
    flow.touch("broken")
    run = flow.run(first, n=5)
    assert run.status == "failed"
    with pytest.raises(RunFailedError, match="'loop/3/inc' did not complete"):
        _ = run.result
    assert run.tasks["loop"].state == "skipped"
    assert run.tasks["add"].state == "skipped"
    assert "upstream: 'loop' has no value" in run.why("add")
    flow.executions()
    flow.remove("broken")
    again = flow.resume(run.id, executor=then)
    assert again.result == 105
    assert Counter(flow.executions()) == Counter(["inc 2", "loop 2", "inc 3", "loop 1", "inc 4", "loop 0", "add 5 100"])
    assert again.tasks["loop"].state == "completed"


def test_side_effects_that_grew_happen_once(project: Make) -> None:
    """A resume repeats no call of a step with side effects that its run recorded, though a loop made it."""
    flow = project(
        """
@step(cache=False)
def send(n: int) -> int:
    note(f"send {n}")
    return n

@step
def last(n: int) -> int:
    if there("broken"):
        raise ValueError("no")
    return n

@step
def loop(n: int, sent: int) -> int:
    return loop(n - 1, send(n)) if n else last(sent)

@workflow
def flow():
    return loop(3, 0)
"""
    )
    flow.touch("broken")
    run = flow.run("threads")
    assert run.status == "failed"
    assert flow.executions() == ["send 3", "send 2", "send 1"]
    flow.remove("broken")
    assert flow.resume(run.id).result == 1
    assert flow.executions() == []


def test_what_grew_in_items_goes_on_at_once_when_it_ends(project: Make) -> None:
    """Nothing is waited for where the next map can start: each of twenty would lose half a second."""
    flow = project(
        STEPS
        + """
@step
def more(x: int) -> int:
    return inc(x)

@workflow
def flow():
    xs = [1, 2]
    for _ in range(20):
        xs = more.map(x=xs)
    return xs
"""
    )
    run = flow.run("inline")
    assert run.result == [21, 22]
    begun = time.monotonic()
    assert flow.run("inline").counts["completed"] == 0
    assert time.monotonic() - begun < 5


def test_a_failure_in_what_grew_stops_what_depends_on_it(project: Make) -> None:
    """The item that grew has no value, nor have its consumers; other items go on, and the reason names the part."""
    flow = project(
        STEPS
        + """
@step
def risky(n: int) -> int:
    if n == 1:
        raise ValueError("no 1")
    return n

@step
def deep(n: int) -> int:
    return add(risky(n), 1)

@workflow
def flow():
    return inc.map(x=deep.map(n=[0, 1, 2]))
"""
    )
    run = flow.run("threads")
    assert run.status == "failed"
    assert run.tasks["deep"].counts == {"completed": 2, "skipped": 1}
    assert run.tasks["inc"].counts == {"completed": 2, "skipped": 1}
    assert run.tasks["deep[1]"].state == "skipped"
    assert run.tasks["deep[1]/risky"].error == "ValueError: no 1"
    assert run.load("deep") == [1, None, 3]
    assert run.load("inc") == [2, None, 4]


def test_calls_that_the_returned_value_does_not_need_fail_the_attempt(project: Make) -> None:
    """They would never be waited for; the message names each with its place."""
    flow = project(
        STEPS
        + """
@step
def careless(x: int) -> int:
    inc(x)
    return add(inc(x), 1)

@step
def forgetful(x: int) -> int:
    inc(x)
    return x

@workflow
def flow():
    return careless(1), forgetful(2)
"""
    )
    run = flow.run("inline")
    error = run.tasks["careless"].error
    assert error.startswith("WorkflowError: the steps that 'careless' called can't become tasks: a problem")
    assert f"{flow.file.name}:" in error
    assert "is not needed by what the step returned" in error
    assert "call inc.fn(…) for the plain function" in error
    assert "task 'inc-2'" not in error
    assert "'forgetful' called can't become tasks" in run.tasks["forgetful"].error


def test_wrong_calls_in_a_step_are_told_all_at_once(project: Make) -> None:
    """As in a workflow: wrong arguments, wrong types along edges, and a result of another type than is declared."""
    flow = project(
        """
@step
def text(x: int) -> str:
    return str(x)

@step
def number(x: int) -> int:
    return x

@step
def wrong(x: int) -> int:
    return text(number(x, y=1))

@step
def mixed(x: int) -> int:
    return number(text(x))

@workflow
def flow():
    return wrong(1), mixed(1)
"""
    )
    run = flow.run("inline")
    assert "takes int as 'x', but what task 'text'" in run.tasks["mixed"].error
    error = run.tasks["wrong"].error
    assert "2 problems" in error
    assert "'y'" in error
    assert "which is str where int is declared" in error


def test_a_returned_structure_must_be_of_the_declared_type(project: Make) -> None:
    """What is put together of references is looked at like any step's value."""
    flow = project(
        STEPS
        + """
@step
def wrong(x: int) -> int:
    return [inc(x)]

@workflow
def flow():
    return wrong(1)
"""
    )
    run = flow.run("inline")
    assert run.status == "failed"
    assert "returned a list where 'int' is declared" in run.tasks["wrong/return"].error


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_that_exists_only_in_the_attempt_is_refused(project: Make, executor: str) -> None:
    """A later run that replays the recipe could not find it."""
    flow = project(
        """
@step
def outer(x: int) -> int:
    @step
    def inner(y: int) -> int:
        return y
    return inner(x)

@workflow
def flow():
    return outer(1)
"""
    )
    error = flow.run(executor).tasks["outer"].error
    assert "the step 'inner' ('outer.<locals>.inner' of" in error
    assert "help: define it at the top level of a file, or in the workflow" in error


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_that_waits_for_its_own_result_fails(project: Make, executor: str) -> None:
    """Growth in a circle, directly or by way of others, ends the run with a message instead of never."""
    flow = project(
        STEPS
        + """
@step
def narcissus(x: int) -> int:
    return narcissus(x)

@step
def ping(x: int) -> int:
    return inc(pong(x))

@step
def pong(x: int) -> int:
    return inc(ping(x))

@workflow
def flow():
    return narcissus(1), ping(2), inc(3)
"""
    )
    run = flow.run(executor)
    assert run.status == "failed"
    assert (
        "'narcissus/2' waits for its own result (narcissus/2 → narcissus → narcissus/2)"
        in run.tasks["narcissus/2"].error
    )
    assert "ping/pong/ping" in run.tasks["ping/pong/ping"].error
    assert "help: let each call of a step that calls itself have other arguments" in run.tasks["narcissus/2"].error
    assert run.load("inc") == 4


def test_a_loop_without_end_meets_a_limit() -> None:
    """The task at the limit fails, and says how to raise it."""

    @step
    def on(n: int) -> int:
        return on(n + 1)

    @workflow
    def flow() -> int:
        return on(0)

    run = hookline.run(flow, executor="inline", store=_store, turns=25)
    assert run.status == "failed"
    error = run.tasks["on/25"].error
    assert error.startswith("WorkflowError: the step 'on' grew more than 25 turns or levels below task 'on'")
    assert "turns = " in error


def test_deep_recursion_needs_no_stack(project: Make) -> None:
    """Three thousand levels, each waiting for the one below, are as good as three; far down, ids stay short."""
    flow = project(
        STEPS
        + """
@step
def deep(n: int) -> int:
    return inc(deep(n - 1)) if n else 0

@workflow
def flow(n: int = 3000):
    return deep(n)
"""
    )
    run = flow.run("inline")
    assert run.result == 3000
    assert max(map(len, run.tasks)) < 200
    assert flow.run("inline").counts["completed"] == 0


_left: list[int] = []
_store: Path


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path) -> None:
    global _store
    _store = tmp_path / "own"


def test_a_long_loop_keeps_nothing_of_its_turns() -> None:
    """Tasks and parts of turns that are over are let go: a thousand turns leave as many as a few hundred do."""

    @step(cache=False)
    def count(x: int) -> int:
        kinds = Counter(type(thing) for thing in gc.get_objects())
        _left.append(kinds[TaskProgram] + kinds[GrownPart])
        return x + 1

    @step
    def turn(x: int, n: int) -> int:
        if n % 300 == 0:
            x = count(x) if n else x
        return turn(x, n - 1) if n else x

    @workflow
    def flow(n: int = 1199) -> int:
        return turn(0, n)

    _left.clear()
    run = hookline.run(flow, executor="inline", store=_store)
    assert run.result == 3
    assert len(_left) == 3
    assert max(_left) < 100  # a few parts may be over and not let go yet; three hundred turns lie between the counts


def test_a_workflow_called_in_a_step_puts_its_name_before_its_tasks(project: Make) -> None:
    """As a workflow inside a workflow does."""
    flow = project(
        STEPS
        + """
def inner():
    @workflow
    def twice(x: int):
        return inc(inc(x))

    return twice

TWICE = [inner()]

@step
def outer(x: int) -> int:
    return TWICE[0](x)

@workflow
def flow():
    return outer(1)
"""
    )
    run = flow.run("threads")
    assert run.result == 3
    assert list(run.tasks) == ["outer", "outer/twice/inc", "outer/twice/inc-2"]


def test_steps_with_options_of_their_own_keep_them(project: Make) -> None:
    """A name and retries given where a step is called hold for the grown task, also when its recipe is replayed."""
    flow = project(
        STEPS
        + """
@step
def flaky(x: int) -> int:
    if attempt().number < 3:
        raise ValueError("not yet")
    return x

@step
def outer(x: int) -> int:
    return flaky.options(name="patient", retries=x)(x)

@workflow
def flow():
    return outer(2)
"""
    )
    run = flow.run("threads")
    assert run.result == 2
    assert run.tasks["outer/patient"].attempts == 3
    assert flow.run("threads").counts["completed"] == 0


def test_a_seed_of_a_grown_task_is_that_of_the_same_call_in_a_workflow(project: Make) -> None:
    """It derives from the run's seed, the step's name and its other arguments, wherever the call was made."""
    flow = project(
        """
@step
def draw(n: int, seed: Seed = Seed(0)) -> int:
    return int(seed)

@step
def outer(n: int) -> int:
    return draw(n)

@workflow
def flow():
    return outer(5), draw(5)
"""
    )
    grown, direct = flow.run("threads", seed=3).result
    assert grown == direct


def test_a_plan_follows_recorded_recipes(project: Make) -> None:
    """Grown tasks that would run are named with their reasons; what is reused below a task is summed up."""
    flow = project(FIB.replace("@step\ndef add", '@step(version="1")\ndef add'))
    flow.run("inline", n=6)  # where equal calls are made in the same order each time
    plan = api.plan(flow.target.workflow, {"n": 6}, target=flow.target)
    assert {task.verdict.word for task in plan} == {"reuse"}
    assert plan.task("fib/fib").items == 10
    flow.edit('version="1"', 'version="2"')
    plan = api.plan(flow.target.workflow, {"n": 6}, target=flow.target)
    assert plan.task("fib").verdict.word == "reuse"
    ready = [task for task in plan if task.verdict.word == "run"]
    assert all(task.step == "add" for task in ready)
    assert "its version= changed from '1' to '2'" in ready[0].why
    assert any(task.verdict.word == "undecided" for task in plan)


def test_events_sum_up_what_grew(project: Make) -> None:
    """A loop of many turns is a few lines for those who watch, and the counts come out as the run's."""
    from hookline.cli.tally import Tally

    flow = project(LOOP)
    tally = Tally()
    run = flow.run("threads", n=30, observers=[tally.take])
    lines = {line.name: line for line in tally.lines()}
    assert set(lines) == {"loop", "add", "loop/loop", "loop/inc"}
    assert lines["loop/loop"].progress() == "30/30"
    assert sum(line.over for line in lines.values()) == sum(run.counts.values()) == 62
