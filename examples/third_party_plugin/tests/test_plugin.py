"""What the plugin adds beside its executor, in projects that use it."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

import hookline
from hookline.testing import Project
from hookline.testing.contracts.steps import StepContract
from hookline_outpost import portable, scratch

FLOW = """
    import os
    from pathlib import Path
    from typing import Annotated

    from hookline import step, workflow
    from hookline_outpost import scratch

    @step(tags=["portable"])
    def load(rows: int) -> list[int]:
        return list(range(rows))

    @step
    def double(x: int) -> int:
        print("doubles", x)
        return 2 * x

    @step(cache=False)
    def visits(x: int, folder: Annotated[Path, scratch]) -> int:
        (folder / f"{os.getpid()}-{x}").touch()
        return len(list(folder.iterdir()))

    @step
    def total(doubled: list[int], seen: list[int]) -> int:
        return sum(doubled)

    @workflow
    def flow(rows: int = 4):
        items = load(rows)
        return total(double.map(x=items), visits.map(x=items))
"""


@pytest.fixture
def flow(project: Project) -> Project:
    """A project whose workflow uses all parts of the plugin."""
    project.write("flow.py", FLOW)
    return project


class TestPortable(StepContract):
    """What each step keeps that others use."""

    step = portable
    calls = ({"value": [1, 2.5, {"a": (None, b"")}]}, {"value": "text"})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "value is a builtins.object, which not each interpreter can read"),
        ([1, {"a": {2}}], r"value\[1\]\['a'\] is a builtins.set"),
        ({Path("x"): 1}, "a key of value is a pathlib"),
    ],
)
def test_what_is_not_portable_is_named_with_its_place(value: Any, message: str) -> None:
    """One learns which part it is."""
    with pytest.raises(TypeError, match=message):
        portable(value)


def test_results_are_those_of_other_executors_and_reused_there(flow: Project) -> None:
    """Where an attempt was made is no part of its key."""
    there = flow.run("flow.py", executor="outpost", workers=2)
    here = flow.run("flow.py", executor="threads")

    assert there.value == here.value == 12
    assert "double" in here.reused
    assert "load" in here.reused


def test_tagged_tasks_are_checked_unless_the_plugin_is_left_out(flow: Project) -> None:
    """The rewrite puts the step in; nothing of it is left without the plugin."""
    assert "outpost:portable@load" in flow.run("flow.py").ran
    assert "outpost:portable@load" not in flow.run("flow.py", without=["outpost"]).ran


def test_a_value_that_is_not_portable_fails_the_check(flow: Project) -> None:
    """The task's own result is recorded; the check behind it says what is wrong."""
    flow.edit("flow.py", "return list(range(rows))", "return [*range(rows), {1}]")
    run = flow.run("flow.py", executor="outpost", workers=1)

    assert run.status == "failed"
    assert run.error("outpost:portable@load") == (
        "TypeError: value[4] is a builtins.set, which not each interpreter can read"
    )


def test_attempts_of_one_worker_share_a_folder(flow: Project) -> None:
    """With one worker all see the same, and it is gone afterwards."""
    flow.edit("flow.py", "return total(double.map(x=items), visits.map(x=items))", "return visits.map(x=items)")
    assert sorted(flow.run("flow.py", executor="outpost", workers=1).value) == [1, 2, 3, 4]
    with scratch.open() as folder:
        assert folder.is_dir()
    assert not folder.exists()


def test_each_attempt_notes_its_interpreter(flow: Project) -> None:
    """The journal says where an attempt was made, whatever the executor."""
    run = flow.run("flow.py", executor="outpost", workers=1)
    with flow.store() as store:
        made_by = [json.loads(note.value) for note in store.notes(run.id) if note.name == "outpost.made_by"]
    assert len(made_by) == len(run.ran)
    assert {note["python"] for note in made_by} == {platform.python_version()}
    assert os.getpid() not in {note["process"] for note in made_by}


def test_a_step_that_takes_too_long_times_out(project: Project) -> None:
    """The attempt is killed; the engine hears why."""
    project.write(
        "slow.py",
        """
        import time
        from hookline import step, workflow

        @step(timeout=0.3)
        def slow() -> None:
            time.sleep(600)

        @workflow
        def flow():
            return slow()
        """,
    )
    run = project.run("slow.py", executor="outpost", workers=1)
    assert run.run.tasks["slow"].state == "timed_out"
    assert run.error("slow") == "TimeoutError: took longer than 0.3 s"


def test_output_belongs_to_its_attempt(flow: Project) -> None:
    """What steps print over there is kept here."""
    run = flow.run("flow.py", executor="outpost", workers=2)
    assert sorted(run.output("double").splitlines()) == ["doubles 0", "doubles 1", "doubles 2", "doubles 3"]


def test_the_command_tells_what_an_interpreter_has(project: Project) -> None:
    """It names the versions that count."""
    done = project.cli("outpost", "check", sys.executable)
    assert done.code == 0, done.err
    assert f"hookline {hookline.__version__}, outpost 0.1.0" in done.out


def test_the_command_tells_what_an_interpreter_lacks(project: Project) -> None:
    """Bad interpreters are errors with a remedy."""
    program = project.write("python", "#!/bin/sh\necho 'No module named hookline_outpost' >&2\nexit 1\n")
    program.chmod(0o755)
    lacking = project.cli("outpost", "check", "./python")
    missing = project.cli("outpost", "check", "/nowhere/python")

    assert (lacking.code, missing.code) == (1, 2)
    assert "'./python' can't make attempts: No module named hookline_outpost" in lacking.err
    assert "help: install the plugin there: ./python -m pip install hookline-outpost" in lacking.err
    assert "there is no interpreter '/nowhere/python'" in missing.err


def test_the_settings_are_checked(project: Project) -> None:
    """An interpreter that is not there fails what would have run in it; a misspelt key is refused."""
    project.write("flow.py", FLOW)
    project.settings('[tool.hookline.plugin.outpost]\npython = "/nowhere/python"\n')
    run = project.run("flow.py", executor="outpost")
    assert "can't start: there is no interpreter '/nowhere/python'" in run.error("load")

    project.settings('[tool.hookline.plugin.outpost]\npyton = "python3"\n')
    with pytest.raises(hookline.HooklineError, match="pyton"):
        project.run("flow.py")
