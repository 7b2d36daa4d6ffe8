"""Going on with a run that did not complete: nothing recorded again, nothing lost, today's code."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project import Project
from hookline import Run
from hookline.engine.stop import Stop
from hookline.errors import RunFailedError, RunInterruptedError, UsageError
from hookline.model.states import Kind

Make = Callable[[str], Project]

CHAIN = """
@step
def begin(n: int) -> list[int]:
    note(f"begin {n}")
    return list(range(n))

@step
def grow(x: int) -> int:
    note(f"grow {x}")
    time.sleep(0.002)
    return x * 2

@step
def again(x: int, plus: int) -> int:
    note(f"again {x}")
    return x + plus

@step
def total(xs: list[int]) -> int:
    note("total")
    return sum(xs)

@workflow
def flow(n: int = 25, plus: int = 1):
    grown = grow.map(x=begin(n))
    return total(again.partial(plus=plus).map(x=grown)), total(grown)
"""

FAILING = """
@step
def load(x: int) -> int:
    note(f"load {x}")
    return x

@step
def risky(x: int) -> int:
    note(f"risky {x}")
    if x in (2, 5) and there("broken"):
        raise ValueError(f"no {x}")
    return x + 10

@step
def after(x: int) -> int:
    note(f"after {x}")
    return x * 2

@step
def total(xs: list[int]) -> int:
    note("total")
    return sum(xs)

@workflow
def flow(n: int = 7):
    return total(after.map(x=risky.map(x=load.map(x=range(n)))))
"""

EFFECT = """
@step
def load(path: Path) -> str:
    note("load")
    return path.read_text()

@step(cache=False)
def send(text: str) -> str:
    note(f"send {text}")
    return text.upper()

@step
def check(sent: str) -> str:
    note("check")
    if there("broken"):
        raise ValueError("not now")
    return sent + "!"

@workflow
def flow(path: Path = HERE / "data.txt"):
    return check(send(load(path)))
"""


def run_until(flow: Project, count: int, executor: str = "threads", **params: Any) -> Run:
    """Run, and ask for a soft stop as soon as so many executions were noted."""
    stop, over = Stop(), threading.Event()
    notes = flow.folder / "executions"

    def watch() -> None:
        while not over.is_set() and (notes.read_text().count("\n") if notes.exists() else 0) < count:
            time.sleep(0.0005)
        stop.soft()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return flow.run(executor, stop=stop, **params)
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize("other", ["inline", "threads", "processes"])
def test_an_interrupted_run_goes_on_inside_half_finished_maps(project: Make, other: str) -> None:
    """What was recorded is kept, on whatever executor the run goes on; nothing is executed twice."""
    flow = project(CHAIN)
    run = run_until(flow, 20, n=60)
    assert run.status == "interrupted"
    with pytest.raises(RunInterruptedError, match="hookline resume"):
        _ = run.result
    first = flow.executions()
    recorded = sum(Kind(row.kind).succeeded for row in flow.attempts(run))
    assert 0 < recorded <= len(first) < 123
    resumed = flow.resume(executor=other, workers=2)
    assert resumed.id == run.id
    assert resumed.status == "completed"
    assert resumed.result == (sum(2 * x + 1 for x in range(60)), sum(2 * x for x in range(60)))
    assert not [line for line, count in Counter(first + flow.executions()).items() if count > 1 and line != "total"]
    assert sum(resumed.counts.values()) == resumed.counts["completed"] == 123


@settings(max_examples=12, deadline=None)
@given(point=st.integers(0, 75), executor=st.sampled_from(["inline", "threads"]))
def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, point: int, executor: str
) -> None:
    """Stopped at a random point: the same result, counts, keys and digests as without a stop."""
    flow, whole = (Project(tmp_path_factory.mktemp("project"), CHAIN) for _ in range(2))
    run = run_until(flow, point, executor)
    while run.status != "completed":
        run = flow.resume(executor="threads" if executor == "inline" else "inline")
    reference = whole.run("inline")
    assert run.result == reference.result
    assert run.counts == reference.counts
    assert outcomes(flow, run) == outcomes(whole, reference)
    assert sorted(flow.executions()) == sorted(whole.executions())


def outcomes(flow: Project, run: Run) -> dict[tuple[int, int], object]:
    # Keys hold the code, which names the folder; digests of values must be the same.
    return {(row.node, row.item): row.outputs for row in flow.attempts(run) if Kind(row.kind).succeeded}


def test_stopping_while_the_last_items_run_is_an_interruption_and_no_failure(project: Make) -> None:
    """A run whose remaining items all were in flight when it was stopped is interrupted, not failed."""
    flow = project(
        """
        @step
        def wait(x: int) -> int:
            note(x)
            while x == 0 and not attempt().cancelled():
                time.sleep(0.001)
            return x

        @workflow
        def flow(n: int = 3):
            return wait.map(x=range(n))
        """
    )
    run = run_until(flow, 1, n=2, workers=1)
    assert run.status == "interrupted"
    assert run.counts["completed"] == 1
    assert flow.resume().status == "completed"


def test_after_the_repair_only_what_failed_and_what_rests_on_it_runs(project: Make) -> None:
    """A step that failed and is mended outside of the code: the rest is kept, item by item."""
    flow = project(FAILING)
    flow.touch("broken")
    run = flow.run()
    assert run.status == "failed"
    assert run.counts == {"completed": 17, "reused": 0, "failed": 2, "skipped": 3}
    with pytest.raises(RunFailedError) as caught:
        _ = run.result
    assert caught.value.tasks == ("risky",)
    assert run.tasks["risky[2]"].error == "ValueError: no 2"
    assert run.tasks["after[2]"].state == "skipped"
    assert run.why("after[2]") == "skipped: upstream: 'risky[2]' has no value"
    flow.executions()
    flow.remove("broken")
    resumed = flow.resume()
    assert resumed.result == 2 * sum(x + 10 for x in range(7))
    assert sorted(flow.executions()) == ["after 12", "after 15", "risky 2", "risky 5", "total"]
    assert {word: count for word, count in resumed.counts.items() if count} == {"completed": 22}
    assert resumed.tasks["risky"].state == "completed"
    assert resumed.tasks["risky[2]"].attempts == 2
    assert "recorded by this run before it was resumed" in resumed.why("load[3]")


def test_code_that_was_edited_in_between_makes_a_next_attempt_with_its_reason(project: Make) -> None:
    """Today's code counts: what changed runs again in the same run, with a why; the rest is kept."""
    flow = project(FAILING)
    flow.touch("broken")
    run = flow.run()
    flow.executions()
    flow.edit("return x + 10", "return x + 20")
    flow.remove("broken")
    resumed = flow.resume(run.id)
    assert resumed.result == 2 * sum(x + 20 for x in range(7))
    executed = flow.executions()
    assert not [line for line in executed if line.startswith("load")]
    assert len([line for line in executed if line.startswith("risky")]) == 7
    assert resumed.tasks["risky[0]"].attempts == 2
    assert resumed.load("risky[0]") == 20
    assert resumed.why("risky[0]").startswith("ran")


def test_code_that_was_edited_and_put_back_finds_the_older_result(project: Make) -> None:
    """A result that this run recorded, and then superseded, counts again when its inputs are back."""
    flow = project(EFFECT.replace("(cache=False)", ""))
    data = flow.folder / "data.txt"
    data.write_text("one")
    flow.touch("broken")
    run = flow.run()
    data.write_text("two")
    flow.resume(run.id)
    data.write_text("one")
    flow.remove("broken")
    flow.executions()
    resumed = flow.resume(run.id)
    assert resumed.result == "ONE!"
    assert flow.executions() == ["check"]
    assert (resumed.load("load"), resumed.load("send")) == ("one", "ONE")


def test_what_another_run_made_meanwhile_takes_the_place_of_an_older_result(project: Make) -> None:
    """The result of a resumed run is that of its latest decisions, not of what it recorded first."""
    flow = project(EFFECT.replace("(cache=False)", ""))
    data = flow.folder / "data.txt"
    data.write_text("one")
    flow.touch("broken")
    run = flow.run()
    data.write_text("two")
    flow.remove("broken")
    flow.run()
    flow.executions()
    resumed = flow.resume(run.id)
    assert resumed.result == "TWO!"
    assert resumed.load("send") == "TWO"
    assert resumed.tasks["send"].state == "reused"
    assert flow.executions() == []
    data.write_text("one")
    assert flow.resume(run.id).load("send") == "ONE"


def test_a_recorded_side_effect_with_other_inputs_is_refused(project: Make) -> None:
    """It is neither repeated nor taken as done without a word; the message names both ways out."""
    flow, run = effect_with_other_inputs(project)
    resumed = flow.resume(run.id)
    assert resumed.status == "failed"
    assert flow.executions() == ["load"]
    record = resumed.tasks["send"]
    assert record.state == "failed"
    assert "--keep send" in record.error
    assert "--rerun send" in record.error
    with pytest.raises(RunFailedError, match="'send'"):
        _ = resumed.result
    assert resumed.tasks["check"].state == "skipped"


def test_keep_lets_a_recorded_side_effect_stand(project: Make) -> None:
    """With keep the recorded result goes on, whatever the inputs are now."""
    flow, run = effect_with_other_inputs(project)
    assert flow.resume(run.id, keep=["send"]).result == "ONE!"
    assert flow.executions() == ["load", "check"]


def test_rerun_lets_a_side_effect_happen_again(project: Make) -> None:
    """With rerun it happens once more, with today's inputs."""
    flow, run = effect_with_other_inputs(project)
    assert flow.resume(run.id, rerun=["send"]).result == "TWO!"
    assert flow.executions() == ["load", "send two", "check"]


def effect_with_other_inputs(project: Make) -> tuple[Project, Run]:
    flow = project(EFFECT)
    (flow.folder / "data.txt").write_text("one")
    flow.touch("broken")
    run = flow.run()
    assert flow.executions() == ["load", "send one", "check"]
    (flow.folder / "data.txt").write_text("two")
    flow.remove("broken")
    return flow, run


def test_a_completed_side_effect_is_kept_while_its_inputs_are_the_same(project: Make) -> None:
    """Resume does not repeat it; a new run does."""
    flow = project(EFFECT)
    (flow.folder / "data.txt").write_text("one")
    flow.touch("broken")
    flow.run()
    flow.remove("broken")
    flow.executions()
    assert flow.resume().result == "ONE!"
    assert flow.executions() == ["check"]
    flow.run()
    assert flow.executions() == ["send one"]


def test_a_task_to_keep_or_rerun_must_exist(project: Make) -> None:
    """A misspelt task is said before anything happens."""
    flow, run = effect_with_other_inputs(project)
    with pytest.raises(UsageError, match="has no task 'sent'"):
        flow.resume(run.id, keep=["sent"])
    assert flow.executions() == []


def test_failed_tasks_get_a_fresh_retry_budget(project: Make) -> None:
    """A resume counts failures anew, and goes on with the numbers of attempts."""
    flow = project(
        """
        @step(retries=2)
        def risky() -> int:
            note(attempt().number)
            if not there("mended"):
                raise ValueError("no")
            return 1

        @workflow
        def flow():
            return risky()
        """
    )
    run = flow.run()
    assert flow.executions() == ["1", "2", "3"]
    flow.resume()
    assert flow.executions() == ["4", "5", "6"]
    flow.touch("mended")
    resumed = flow.resume(run.id)
    assert resumed.result == 1
    assert flow.executions() == ["7"]
    assert resumed.tasks["risky"].attempts == 7


def test_a_task_that_can_not_begin_can_be_resumed(project: Make) -> None:
    """A map over lists of different lengths fails again when nothing was mended, and goes on when it was."""
    flow = project(
        """
        @step
        def some(n: int) -> list[int]:
            return list(range(3 if there("mended") and n == 2 else n))

        @step
        def add(x: int, y: int) -> int:
            return x + y

        @workflow
        def flow():
            return add.map(x=some(3), y=some.options(cache=False)(2))
        """
    )
    run = flow.run()
    assert run.status == "failed"
    assert "different lengths" in run.tasks["add"].error
    assert flow.resume().status == "failed"
    flow.touch("mended")
    resumed = flow.resume(rerun=["some-2"])
    assert resumed.result == [0, 2, 4]


def test_equal_keys_are_not_run_again_for_another_task(project: Make) -> None:
    """Two tasks with the same inputs share one result across a resume, whichever of them comes first."""
    flow = project(
        """
        @step
        def source(n: int) -> int:
            while n == 1 and not there("go"):
                if attempt().cancelled():
                    raise ValueError("stopped")
                time.sleep(0.001)
            return 7

        @step
        def work(x: int) -> int:
            note("work")
            return x

        @step
        def last(x: int, y: int) -> int:
            return x + y

        @workflow
        def flow():
            return last(work(source(1)), work(source(2)))
        """
    )
    run = run_until(flow, 1)
    assert flow.executions() == ["work"]
    flow.touch("go")
    assert flow.resume(run.id).result == 14
    assert flow.executions() == []


def test_tasks_keep_their_numbers_when_others_come_before_them(project: Make) -> None:
    """A task that today's code adds in front takes no recorded result and no value from the others."""
    flow = project(FAILING)
    flow.touch("broken")
    run = flow.run(n=3)
    flow.executions()
    flow.remove("broken")
    flow.edit(
        "return total(after.map(x=risky.map(x=load.map(x=range(n)))))",
        "new = load.options(name='new')(99)\n    return total(after.map(x=risky.map(x=load.map(x=range(n))))), new",
    )
    resumed = flow.resume(run.id)
    assert resumed.result == (2 * sum(x + 10 for x in range(3)), 99)
    assert sorted(flow.executions()) == ["after 12", "load 99", "risky 2", "total"]
    assert resumed.load("new") == 99
    assert resumed.load("load") == [0, 1, 2]


def test_a_fresh_run_stays_fresh_when_it_is_resumed(project: Make) -> None:
    """What was asked to be run anew is not taken from other runs later."""
    flow = project(FAILING)
    flow.run()
    flow.executions()
    flow.touch("broken")
    flow.run(fresh=True)
    flow.executions()
    flow.remove("broken")
    assert flow.resume().status == "completed"
    assert sorted(flow.executions()) == ["after 12", "after 15", "risky 2", "risky 5", "total"]


def test_a_checkpoint_outlives_an_interruption(project: Make) -> None:
    """What an attempt left in its checkpoint folder is there for the next, also after a resume; then it goes."""
    flow = project(
        """
        @step
        def train() -> int:
            saved = attempt().checkpoint_folder / "epoch"
            epoch = int(saved.read_text()) if saved.exists() else 0
            saved.write_text(str(epoch + 1))
            if epoch < 2:
                raise ValueError("not yet")
            return epoch

        @workflow
        def flow():
            return train()
        """
    )
    flow.run()
    flow.resume()
    assert flow.resume().result == 2
    left = [path for path in (flow.folder / ".hookline" / "attempts").rglob("*") if path.is_file()]
    assert left == []


def test_a_run_without_a_file_is_resumed_where_it_is_defined(tmp_path: Path) -> None:
    """Parameters and options come from the record; executors may change."""
    from engine.random_flow import LOG, sprout

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(tmp_path / "log"))
        import hookline

        nodes = [("plain", "call", ("const", 1), None, None, None, 0)]
        run = hookline.run(sprout, {"nodes": nodes}, store=tmp_path / "store")
        again = hookline.resume(run.id, store=tmp_path / "store", executor="inline", workflow=sprout)
        assert again.result == run.result
        assert len((tmp_path / "log").read_text().splitlines()) == 1
