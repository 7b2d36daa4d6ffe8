"""What callers of run() meet beside results: failures, stops, files that run themselves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import hookline
from hookline import step, workflow
from hookline.engine import api
from hookline.engine.stop import Stop
from hookline.errors import HooklineError, RunFailedError, RunInterruptedError, UsageError
from hookline.model.events import Event, RunFinished, RunStarted, TaskEnded, TasksChanged

told: list[tuple[str, list[str]]] = []


@step
def halve(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x // 2


@step
def after(x: int) -> int:
    return x


@step
def tell(run_id: str, failed: list[str]) -> None:
    told.append((run_id, failed))


@workflow(on_failure=tell)
def halves(numbers: list[int] = [2, 3, 4]):
    return after(halve(numbers[1])), halve.map(x=numbers)


def test_a_failed_run_names_the_tasks_and_runs_the_step_for_failures(tmp_path: Path) -> None:
    """The result raises with the failed tasks; on_failure gets the run's id and the same tasks, as one more task."""
    told.clear()
    run = hookline.run(halves, executor="inline", store=tmp_path)
    assert run.status == "failed"
    assert run.counts == {"completed": 3, "reused": 0, "failed": 2, "skipped": 1}
    with pytest.raises(RunFailedError, match="'halve', 'halve-2' did not complete") as caught:
        _ = run.result
    assert caught.value.tasks == ("halve", "halve-2")
    assert told == [(run.id, ["halve", "halve-2"])]
    assert run.tasks["tell"].state == "completed"
    assert run.why("tell") == "ran: the run failed"
    resumed = hookline.resume(run.id, store=tmp_path, executor="threads", workflow=halves)
    assert resumed.status == "failed"
    assert told == [(run.id, ["halve", "halve-2"])] * 2
    assert resumed.tasks["tell-2"].state == "completed"
    assert run.tasks["halve"].error == "ValueError: 3 is odd"
    assert run.why("after") == "skipped: upstream: 'halve' has no value"


def test_an_on_failure_step_is_not_called_when_the_run_completes(tmp_path: Path) -> None:
    """A run that completes has nothing to tell."""
    told.clear()
    assert hookline.run(halves, {"numbers": [2, 4]}, executor="inline", store=tmp_path).status == "completed"
    assert told == []


def test_a_stopped_run_is_interrupted_and_its_open_tasks_are_pending(tmp_path: Path) -> None:
    """What was not decided about is shown as pending, and the run can be resumed."""
    stop = Stop()
    stop.soft()
    run = hookline.run(halves, {"numbers": [2, 4]}, executor="inline", store=tmp_path, stop=stop)
    assert run.status == "interrupted"
    assert {run.tasks[name].state for name in run.tasks} == {"pending"}
    with pytest.raises(RunInterruptedError, match="hookline resume"):
        _ = run.result
    resumed = hookline.resume(run.id, store=tmp_path)
    assert resumed.id == run.id
    assert resumed.status == "completed"
    assert resumed.result == (2, [1, 2])


@step
def wrong(lines: int) -> int:
    raise HooklineError("\n".join(["wrong", *map(str, range(lines)), "x" * 1000]), help="mend it")


def test_observers_hear_what_an_error_says_below_its_first_line(tmp_path: Path) -> None:
    """Of many lines the first and the last, which is the remedy; none of them is of any length."""

    @workflow
    def errs():
        return wrong.map(lines=[1, 100])

    events: list[Event] = []
    api.run(errs, executor="inline", store=tmp_path, observers=[events.append])
    few, many = (event for event in events if isinstance(event, TaskEnded))
    assert (few.error, few.details) == ("HooklineError: wrong", f"0\n{'x' * 300}\nhelp: mend it")
    assert many.details.splitlines() == [*map(str, range(10)), "…", "help: mend it"]


def test_observers_hear_of_a_run_in_order_and_after_the_commit(tmp_path: Path) -> None:
    """The first event is the start and the last the end; failures are told with the user's line."""
    events: list[Event] = []
    run = api.run(halves, executor="threads", store=tmp_path, observers=[events.append])
    assert isinstance(events[0], RunStarted)
    assert events[0].run_id == run.id
    assert isinstance(events[-1], RunFinished)
    assert events[-1].counts == {"completed": 3, "reused": 0, "failed": 2, "skipped": 1}
    ended = [event for event in events if isinstance(event, TaskEnded)]
    assert {event.task_id for event in ended} == {"halve", "halve-2[1]"}
    assert all("raise ValueError" in event.frame for event in ended)
    last = {
        name: states for event in events if isinstance(event, TasksChanged) for name, states in event.counts.items()
    }
    assert {state.value: count for state, count in last["halve-2"].items()} == {"completed": 2, "failed": 1}


def test_an_observer_that_fails_does_not_break_the_run(tmp_path: Path) -> None:
    """Whoever watches can't change what happens."""

    def broken(event: Event) -> None:
        raise RuntimeError("observer")

    assert api.run(halves, {"numbers": [2, 4]}, store=tmp_path, observers=[broken]).status == "completed"


def test_workers_below_one_are_refused(tmp_path: Path) -> None:
    """Bad options say what is wrong before anything is recorded."""
    with pytest.raises(UsageError, match="workers takes a whole number from 1, not 0"):
        hookline.run(halves, workers=0, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_an_executor_that_does_not_exist_is_refused_before_the_run(tmp_path: Path) -> None:
    """A typing error in the executor's name leaves no run behind."""
    with pytest.raises(UsageError, match=r"there is no executor 'thread'; did you mean 'threads'\?"):
        hookline.run(halves, executor="thread", store=tmp_path)
    assert not list((tmp_path).glob("**/locks/*"))


def test_a_file_that_runs_its_workflow_on_import_is_told_to_guard_the_call(tmp_path: Path) -> None:
    """Without the guard each worker would run the workflow again."""
    file = tmp_path / "unguarded.py"
    file.write_text(
        "from hookline import step, workflow\n\n"
        "@step\ndef one() -> int:\n    return 1\n\n"
        "@workflow\ndef flow():\n    return one()\n\n"
        "flow.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "hookline", "run", str(file)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode != 0
    assert 'if __name__ == "__main__":' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [{"name": "a\udcff"}, {"tags": ["a\udcff"]}])
def test_a_run_is_not_called_what_cant_be_recorded(tmp_path: Path, words: dict[str, object]) -> None:
    """A shell hands on whatever bytes it was given."""
    with pytest.raises(UsageError) as caught:
        hookline.run(halves, store=tmp_path, **words)  # type: ignore[arg-type]
    assert caught.value.message == "a run can't be called 'a\\udcff', which is no UTF-8"
    assert caught.value.help == "use other characters"


def test_a_run_that_is_to_stop_waits_for_what_goes_on_without_a_spin(tmp_path: Path) -> None:
    """What could start next is left for a resume, and does not keep the driver looking around all the time."""
    stop = Stop()

    @step
    def ask() -> int:
        stop.soft()
        time.sleep(0.1)
        return 1

    @step
    def after(x: int) -> int:
        return x

    @step
    def last() -> int:
        time.sleep(3)
        return 2

    @workflow
    def flow() -> tuple[int, int]:
        return after(ask()), last()

    begun = time.process_time()
    run = hookline.run(flow, executor="threads", workers=2, store=tmp_path, stop=stop)
    assert run.status == "interrupted"
    assert time.process_time() - begun < 1.5
