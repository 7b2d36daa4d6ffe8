"""Whatever a plugin raises, it ends neither the program nor the thread or process that calls it."""

from __future__ import annotations

import json
import logging
import re

import pytest

from hookline import HooklineError, Run, run
from hookline.store import open_store
from hookline.worker.target import load_target
from hooks.site import Site

EXECUTORS = ("inline", "threads", "processes")
ENDINGS = (
    "raise SystemExit(3)",
    "raise GeneratorExit",
    "raise KeyboardInterrupt",
    "class Odd(BaseException): pass\n    raise Odd",
)


def finished(site: Site, executor: str = "threads") -> Run:
    """The run of a small workflow, with one worker: one that is gone would be missed."""
    return run(load_target(site.flow()).workflow, executor=executor, workers=1)


def failures(site: Site) -> list[str]:
    """What failed in the last run."""
    with open_store(site.project / ".hookline") as store:
        return [failure.message for failure in store.failures("last")]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_worker_that_can_not_be_set_up_fails_the_attempts(site: Site, executor: str, ending: str) -> None:
    """With the plugin's name; no run waits for a worker that is gone."""
    site.local(f"@hookimpl\ndef worker_started(worker):\n    {ending}\n    yield")
    assert finished(site, executor).status == "failed"
    assert failures(site)[0].startswith(
        "the plugin 'hookline_plugins' failed in 'worker_started' (hookline_plugins.py:"
    )


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if "Keyboard" not in ending])
def test_an_attempt_fails_for_what_is_raised_before_the_yield(site: Site, executor: str, ending: str) -> None:
    """As an error of the plugin's, not of the step's."""
    site.local(f"@hookimpl\ndef around_attempt(attempt):\n    {ending}\n    yield")
    assert finished(site, executor).status == "failed"
    assert failures(site)[0].startswith(
        "the plugin 'hookline_plugins' failed in 'around_attempt' (hookline_plugins.py:"
    )


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("hook", ["around_attempt(attempt)", "worker_started(worker)"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_results_stand_whatever_is_raised_after_the_yield(site: Site, executor: str, hook: str, ending: str) -> None:
    """A KeyboardInterrupt in the driver's own thread may be the user's: that run ends early, with what it has."""
    site.local(f"@hookimpl\ndef {hook}:\n    yield\n    {ending}")
    found = finished(site, executor)
    early = executor == "inline" and "Keyboard" in ending and "around" in hook
    assert found.status == ("interrupted" if early else "completed")
    if "around" in hook:
        with open_store(site.project / ".hookline") as store:
            told = [json.loads(note.value or "") for note in store.notes(found.id) if note.kind == "plugin error"]
        assert len(told) == (1 if early else 2)
        assert told[0].startswith("the plugin 'hookline_plugins' failed in 'around_attempt' (hookline_plugins.py:")


@pytest.mark.parametrize("ending", ENDINGS)
def test_events_go_on_whatever_an_implementation_raises(
    site: Site, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The next plugin is told, and so is whoever watches the run."""
    site.local(f"@hookimpl\ndef run_started(run):\n    {ending}\n\n@hookimpl\ndef task_finished(task):\n    {ending}")
    site.install("z", "told = []\n@hookimpl\ndef task_finished(task): told.append(task.task_id)")
    plugins = site.load()
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        assert finished(site).status == "completed"
    (told,) = [plugin.module.module.told for plugin in plugins.plugins if plugin.name == "z"]
    assert told == ["load", "double"]
    for hook in ("run_started", "task_finished"):
        assert any(
            record.message.startswith(f"the plugin 'hookline_plugins' failed in '{hook}' (hookline_plugins.py:")
            for record in caplog.records
        )


@pytest.mark.parametrize("hook", ["register_steps(register)", "rewrite_graph(graph)", "plan_made(plan)"])
@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if "Keyboard" not in ending])
def test_a_command_ends_with_the_plugins_name(site: Site, hook: str, ending: str) -> None:
    """Not as the plugin would have it."""
    site.local(f"@hookimpl\ndef {hook}:\n    {ending}")
    with pytest.raises(HooklineError, match=r"^the plugin 'hookline_plugins' failed in '"):
        finished(site)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if "Keyboard" not in ending])
def test_an_import_that_ends_the_program_is_reported_with_its_line(
    site: Site, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Like any other import that fails: the plugin is left out."""
    site.local(f"if True:\n    {ending}")
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        assert finished(site).status == "completed"
    (told,) = {record.message for record in caplog.records}
    assert told.startswith("the plugin 'hookline_plugins' (hookline_plugins.py) can't be imported and is left out: ")
    assert re.search(r", at hookline_plugins\.py:\d$", told)


def test_a_step_that_raises_keyboard_interrupt_in_a_thread_leaves_the_thread_at_work(site: Site) -> None:
    """Nobody interrupts a thread: the attempt is cancelled, and the only worker goes on."""
    flow = site.flow(
        """
        from hookline import step, workflow

        @step
        def f(x: int) -> int:
            if x == 0:
                raise KeyboardInterrupt
            return x

        @workflow
        def flow():
            return [f(0), f(1)]
        """
    )
    found = run(load_target(flow).workflow, executor="threads", workers=1)
    assert {name: task.state for name, task in found.tasks.items()} == {"f": "cancelled", "f-2": "completed"}


UNTOLD = """
class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")

@hookimpl
def around_attempt(attempt):
    attempt.metadata["name\\ud800"] = "\\ud800"
    yield
    raise Silent

@hookimpl
def task_finished(task):
    raise Silent

@hookimpl
def run_finished(run):
    raise Silent
"""

UNSTORABLE = """
from hookline import attempt, step, workflow

@step
def read(name: str) -> str:
    attempt().note("name\\ud800", name)
    if name:
        raise OSError(f"there is no file {name}")
    return name

@workflow
def flow():
    return read.map(name=["", "\\udcff"])
"""


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_texts_that_cant_be_made_or_stored_cost_no_outcome(
    site: Site, caplog: pytest.LogCaptureFixture, executor: str
) -> None:
    """An exception without a text, and half a character, as in a file name that is no UTF-8."""
    site.install("odd", UNTOLD)
    target = load_target(site.flow(UNSTORABLE))
    with caplog.at_level("WARNING", logger="hookline"):
        made = run(target.workflow, executor=executor)
    assert (made.counts["completed"], made.counts["failed"]) == (1, 1)
    failed = made.tasks["read[1]"].error or ""
    assert "there is no file \\udcff" in failed
    for hook in ("around_attempt", "task_finished", "run_finished"):
        assert any(f"in '{hook}'" in said and "text can't be made" in said for said in caplog.messages)
