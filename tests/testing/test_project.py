"""The kit's project fixture, as authors of workflows use it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hookline.errors import RunFailedError, UsageError
from hookline.model.events import RunFinished
from hookline.model.states import Verdict
from hookline.testing import Clock, Project, RecordingExecutor

FLOW = """
from pathlib import Path
from helper import factor
from hookline import step, workflow

@step
def load(path: Path) -> list[int]:
    print("loading")
    return [int(word) for word in path.read_text().split()]

@step
def scale(x: int) -> int:
    return x * factor()

@step
def total(parts: list[int]) -> int:
    return sum(parts)

@workflow
def flow(path: Path = Path("numbers.txt")):
    return total(scale.map(x=load(path)))
"""


@pytest.fixture
def numbers(project: Project) -> Project:
    project.write("flow.py", FLOW)
    project.write("helper.py", "def factor(): return 2")
    project.write("numbers.txt", "1 2 3")
    return project


def test_a_workflow_is_run_on_every_executor_and_looked_at(numbers: Project, executor: str) -> None:
    """Value, what ran, what was reused and why, what was printed, and events."""
    first = numbers.run("flow.py", executor=executor)
    assert (first.status, first.value) == ("completed", 12)
    assert first.ran == ("load", "scale[0]", "scale[1]", "scale[2]", "total")
    assert first.reused == first.skipped == first.failed == ()
    assert first.output("load") == first.output() == "loading\n"
    assert isinstance(first.events[-1], RunFinished)
    again = numbers.run("flow.py", executor=executor)
    assert again.ran == ()
    assert again.reused == ("load", "scale", "total")
    numbers.edit("numbers.txt", "3", "4")
    third = numbers.run("flow.py", executor=executor)
    assert third.ran == ("load", "scale[2]", "total")
    assert "path" in third.why("load")
    assert third.whys.keys() == {"load", "scale", "total"}


def test_edited_helpers_count_as_in_a_new_process(numbers: Project) -> None:
    """What was imported from the project is imported anew once a file was written."""
    assert numbers.run("flow.py").value == 12
    numbers.edit("helper.py", "2", "3")
    assert [task.verdict for task in numbers.plan("flow.py").tasks][:2] == [Verdict.REUSE, Verdict.RUN]
    run = numbers.run("flow.py")
    assert run.value == 18
    assert run.reused == ("load",)
    assert "factor" in run.why("scale")


def test_parameters_and_options_are_those_of_hookline_run(numbers: Project, tmp_path: Path) -> None:
    """The parameters as a mapping, options by name; relative paths mean the project's folder."""
    numbers.write("other.txt", "5")
    run = numbers.run("flow.py:flow", {"path": "other.txt"}, executor="inline", tags=["x"], store=tmp_path / "s")
    assert run.value == 10
    assert run.ran == ("load", "scale[0]", "total")
    assert not numbers.store_path.exists()
    assert Path.cwd() != numbers.folder


def test_a_failed_run_is_looked_at_and_resumed(numbers: Project) -> None:
    """A failure is no exception of the fixture's; its value is."""
    numbers.edit("helper.py", "return 2", "raise ValueError('no factor')")
    run = numbers.run("flow.py")
    assert run.failed == ("scale",)
    assert run.skipped == ("total",)
    assert run.error("scale") == "ValueError: no factor"
    with pytest.raises(RunFailedError):
        _ = run.value
    numbers.edit("helper.py", "raise ValueError('no factor')", "return 1")
    resumed = numbers.resume(run)
    assert (resumed.id, resumed.value) == (run.id, 6)


def test_the_command_line_runs_in_a_process_of_its_own(numbers: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code, output and errors, in the project's folder and settings, without the shell's."""
    monkeypatch.setenv("HOOKLINE_EXECUTOR", "nothing")
    numbers.settings("[tool.hookline]\nexecutor = 'inline'")
    done = numbers.cli("run", "flow.py", "--json")
    assert done.code == 0, done.err
    assert '"status": "completed"' in done.out
    wrong = numbers.cli("run", "flow.py", "--nothing")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--nothing" in wrong.err
    monkeypatch.delenv("HOOKLINE_EXECUTOR")
    assert numbers.run("flow.py").reused == ("load", "scale", "total")


def test_variables_of_the_shell_do_not_reach_a_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in this process; what a test sets itself does."""
    assert not [name for name in os.environ if name.startswith("HOOKLINE_")]


def test_closing_a_project_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    """Modules, the search path and ``__main__``."""
    before, path, main = set(sys.modules), [*sys.path], sys.modules["__main__"]
    made = Project(tmp_path)
    made.write(
        "own_flow.py",
        "from hookline import step, workflow\n@step\ndef one(): return 1\n@workflow\ndef flow(): return one()",
    )
    made.run("own_flow.py", executor="inline")
    assert "own_flow" in sys.modules
    made.close()
    assert "own_flow" not in sys.modules
    assert not [
        name
        for name in set(sys.modules) - before
        if (getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path))
    ]
    assert sys.path == path
    assert sys.modules["__main__"] is main


def test_an_edit_that_fits_nowhere_is_an_error(numbers: Project) -> None:
    """A test that means to change code and changes nothing would pass for the wrong reason."""
    with pytest.raises(UsageError) as caught:
        numbers.edit("flow.py", "nothing of the kind", "x")
    assert caught.value.message == "'nothing of the kind' stands in 0 places of 'flow.py'"


RETRY = """
from hookline import attempt, step, workflow

@step(retries=2, retry_delay="10m")
def shaky():
    if attempt().number < 3:
        raise ValueError("not yet")
    return attempt().number

@step
def apart(x: int):
    return x

@workflow
def flow():
    return shaky(), apart.map(x=[1, 2, 3])
"""


def test_a_clock_of_the_test_jumps_over_the_waits_between_attempts(project: Project, clock: Clock) -> None:
    """Retries that wait for minutes are tested in no time, and the waits can be looked at."""
    project.write("flow.py", RETRY)
    run = project.run("flow.py", clock=clock)
    assert run.value == (3, [1, 2, 3])
    assert len(clock.waits) == 2
    assert all(300 <= wait <= 600 for wait in clock.waits)


def test_a_clock_can_be_moved_by_hand(project: Project) -> None:
    """It stands until it is advanced: here by an observer, when the run tells that it will try again."""
    from hookline.model.events import TaskRetrying

    project.write("flow.py", RETRY)
    clock = Clock(jumps=False)

    def advance(event: object) -> None:
        if isinstance(event, TaskRetrying):
            clock.advance(3600)

    assert project.run("flow.py", clock=clock, observers=[advance]).value[0] == 3
    assert clock.now() == 7200


def test_the_recording_executor_notes_what_it_is_given(numbers: Project, recording_executor: RecordingExecutor) -> None:
    """Batches, attempts and messages can be looked at after the run."""
    run = numbers.run("flow.py", executor=recording_executor)
    assert run.value == 12
    assert recording_executor.attempted == ["load", "scale[0]", "scale[1]", "scale[2]", "total"]
    assert recording_executor.closed
    assert recording_executor.facts is not None
    assert recording_executor.facts.run_id == run.id


def test_the_recording_executor_loses_workers(numbers: Project, recording_executor: RecordingExecutor) -> None:
    """The attempt is recorded as crashed and made again, until the budget for lost workers is used up."""
    recording_executor.lose("scale[1]")
    run = numbers.run("flow.py", executor=recording_executor)
    assert run.value == 12
    assert run.run.tasks["scale"].attempts == 4
    lossy = RecordingExecutor()
    lossy.lose("load", times=3, reason="the machine burnt down")
    poor = numbers.run("flow.py", executor=lossy, fresh=True)
    assert poor.failed == ("load",)
    assert "the machine burnt down" in poor.error("load")


def test_the_recording_executor_fails_attempts(project: Project, recording_executor: RecordingExecutor) -> None:
    """With the error that is asked for; a retry follows where the step allows it."""
    project.write("flow.py", RETRY)
    recording_executor.fail("apart[1]", error=KeyError("gone"), retryable=False)
    run = project.run("flow.py", executor=recording_executor, clock=Clock())
    assert run.failed == ("apart",)
    assert run.error("apart") == "KeyError: 'gone'"
    assert run.run.tasks["apart"].counts == {"completed": 2, "failed": 1}


def test_the_recording_executor_delays_what_it_tells(numbers: Project, recording_executor: RecordingExecutor) -> None:
    """A task is held back until another has ended: orders that rarely happen can be made to happen."""
    numbers.write("flow.py", FLOW.replace("return total(scale.map(x=load(path)))", "return scale(1), total([1])"))
    recording_executor.hold("scale", until="total")
    run = numbers.run("flow.py", executor=recording_executor)
    assert run.value == (2, 1)
    order = [message.batch for message in recording_executor.messages]
    scale, total = (batch.number for batch in recording_executor.batches)
    assert order == [scale, total, total, scale]


def test_a_store_in_memory_is_a_store(numbers: Project, memory_store: Path) -> None:
    """Runs are recorded and reused; the folder is gone when the test is over."""
    assert numbers.run("flow.py", store=memory_store).value == 12
    assert numbers.run("flow.py", store=memory_store).reused == ("load", "scale", "total")


def test_starting_pytest_with_the_plugin_imports_next_to_nothing(project: Project) -> None:
    """Only the plugin's own module: whoever uses no fixture pays for none."""
    import subprocess

    code = (
        "import sys, pytest; before = set(sys.modules); import hookline.testing.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('hookline')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hookline', 'hookline.testing', 'hookline.testing.pytest_plugin']"


def test_the_entry_point_names_the_plugin() -> None:
    """pytest finds it by the distribution's metadata; under its module's name, so that ``-p`` means the same thing."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"hookline.testing.pytest_plugin": "hookline.testing.pytest_plugin"}
