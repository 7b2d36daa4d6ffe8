"""Event hooks: after the commit, in order, on one thread; slow and failing plugins harm nobody."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import pytest

import hookline
from hookline import Run
from hookline.errors import PluginError
from hookline.model.facts import RunEvent, TaskEvent
from hookline.worker.target import load_target
from hooks.site import FLOW, Site

SEE = """
seen = []

@hookimpl
def run_started(run): seen.append(run)
@hookimpl
def task_started(task): seen.append(task)
@hookimpl
def task_retrying(task): seen.append(task)
@hookimpl
def task_finished(task): seen.append(task)
@hookimpl
def run_finished(run): seen.append(run)
"""


def run(site: Site, code: str = FLOW, executor: str = "threads", **options: Any) -> Run:
    """Run the workflow of a file."""
    target = load_target(site.flow(code))
    return hookline.run(target.workflow, executor=executor, workers=1, **options)


def seen(module: str) -> list[str]:
    """What a plugin was told, once, in short."""
    events: list[RunEvent | TaskEvent] = sys.modules[module].seen
    found = []
    for event in events:
        if isinstance(event, TaskEvent):
            found.append(f"{event.hook} {event.task_id} {event.state} {event.number}")
        else:
            found.append(f"{event.hook} {event.state}")
    events.clear()
    return found


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_events_come_in_order(site: Site, executor: str) -> None:
    """Run, starts and ends of tasks, run; a second run tells of what it reuses."""
    module = site.install("data", SEE)
    file = site.flow()
    target = load_target(file)
    hookline.run(target.workflow, executor=executor, workers=1)
    assert seen(module) == [
        "run_started running",
        "task_started load running 1",
        "task_finished load completed 1",
        "task_started double running 1",
        "task_finished double completed 1",
        "run_finished completed",
    ]
    hookline.run(target.workflow, executor=executor, workers=1)
    assert seen(module) == [
        "run_started running",
        "task_finished load reused 0",
        "task_finished double reused 0",
        "run_finished completed",
    ]


FAILING = """
from hookline import attempt, step, workflow

@step(retries=1)
def flaky() -> int:
    if attempt().number == 1:
        raise ValueError("not yet")
    return 1

@step
def bad(x: int) -> int:
    raise KeyError("never")

@step
def after(x: int) -> int:
    return x

@step
def never() -> bool:
    return False

@workflow
def flow():
    after.when(never())(1)
    return after(bad(flaky()))
"""


def test_retries_failures_and_what_is_left_out_are_told(site: Site) -> None:
    """Each item ends once, with its state and, where it failed, why."""
    module = site.install("data", SEE)
    run(site, FAILING, "inline")
    events: list[TaskEvent] = [event for event in sys.modules[module].seen if isinstance(event, TaskEvent)]
    told = {
        (event.hook, event.task_id): (str(event.state), event.number, event.error, event.why)
        for event in events
        if event.hook != "task_started"
    }
    assert told["task_retrying", "flaky"] == ("failed", 1, "ValueError: not yet", "")
    assert told["task_finished", "flaky"] == ("completed", 2, "", "")
    assert told["task_finished", "bad"] == ("failed", 1, "KeyError: 'never'", "")
    assert told["task_finished", "after"] == ("skipped", 0, "", "condition: it is false")
    assert told["task_finished", "after-2"] == ("skipped", 0, "", "upstream: 'bad' has no value")
    assert seen(module)[-1] == "run_finished failed"


GROWING = """
from hookline import step, workflow

@step
def count(n: int) -> int:
    return n if n == 3 else count(n + 1)

@workflow
def flow():
    return count(0)
"""


def test_tasks_that_grew_are_told_of(site: Site) -> None:
    """With the ids that users see."""
    module = site.install("data", "seen = []\n@hookimpl\ndef task_finished(task): seen.append(task)")
    assert run(site, GROWING, "inline").result == 3
    events: list[TaskEvent] = sys.modules[module].seen
    assert [(event.task_id, event.grew) for event in events] == [
        ("count", True),
        ("count/2", True),
        ("count/3", True),
        ("count/4", False),
    ]


def test_what_an_event_tells_is_committed(site: Site) -> None:
    """A plugin that looks into the store when it is told finds what it was told of."""
    module = site.install(
        "data",
        """
        from hookline.store import open_store
        seen = []

        @hookimpl
        def task_finished(task):
            with open_store(task.store) as store:
                seen.append((task.task_id, [row.node for row in store.attempts(task.run_id)]))
        """,
    )
    run(site)
    (load, nodes), (double, more) = sys.modules[module].seen
    assert (load, double) == ("load", "double")
    assert 0 in nodes
    assert more == [0, 1]


def test_a_failing_plugin_is_reported_with_its_name_and_breaks_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Once per hook, with the count at the end; other plugins are told all the same."""
    site.install("bad", "@hookimpl\ndef task_finished(task): raise OSError('no room')")
    module = site.install("good", SEE)
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        assert run(site).result == 6
    first, count = caplog.messages
    assert first.startswith("the plugin 'bad' failed in 'task_finished' (")
    assert first.endswith("OSError: no room")
    assert count == "the plugin 'bad' failed 2 times in 'task_finished'"
    assert len(seen(module)) == 6


MANY = """
from hookline import step, workflow

@step
def same(x: int) -> int:
    return x

@workflow
def flow(n: int = 10):
    same.map(x=list(range(n)))
"""


def test_a_slow_plugin_never_stalls_the_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends while a plugin hangs at its first event; at the end it is waited for."""
    module = site.install(
        "slow",
        """
        import threading
        gate, count = threading.Event(), []

        @hookimpl
        def task_finished(task):
            gate.wait()
            count.append(task.task_id)
        """,
    )
    site.load()
    gate = sys.modules[module].gate
    ended: list[int] = []

    def observer(event: object) -> None:
        pass

    def work() -> None:
        ended.append(len(run(site, MANY, "inline", observers=[observer]).tasks))

    thread = threading.Thread(target=work)
    thread.start()
    from hookline.store import open_store

    journal = site.project / ".hookline"
    state = ""
    while state != "completed":
        thread.join(0.01)
        assert thread.is_alive()
        if journal.exists() and any(journal.iterdir()):
            try:
                with open_store(journal) as store:
                    runs = store.runs()
                    state = str(runs[0].state) if runs else ""
            except hookline.HooklineError:
                continue
    assert not ended  # everything is recorded; the plugin has not been told of the first task
    gate.set()
    thread.join()
    assert sys.modules[module].count == [f"same[{item}]" for item in range(10)]


def test_a_plugin_that_is_far_behind_is_told_how_much_it_missed(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is bounded; what is dropped is counted, and never an event of the run itself."""
    from hookline.engine.record import observers

    monkeypatch.setattr(observers, "_MOST", 1000)
    module = site.install(
        "slow",
        """
        import threading
        gate, count = threading.Event(), []

        @hookimpl
        def run_started(run): gate.wait(timeout=60)

        @hookimpl
        def task_finished(task): count.append(task)

        @hookimpl
        def run_finished(run): count.append(run)
        """,
    )
    site.load()
    gate = sys.modules[module].gate
    from hookline.engine.record.observers import Observers

    close = Observers.close

    def open_gate(self: Observers) -> None:
        gate.set()
        close(self)

    monkeypatch.setattr(Observers, "close", open_gate)
    target = load_target(site.flow(MANY))
    with caplog.at_level(logging.WARNING, logger="hookline"):
        hookline.run(target.workflow, {"n": 5000}, executor="threads")
    told = sys.modules[module].count
    (message,) = caplog.messages
    missed = 5000 - (len(told) - 1)
    assert missed > 0
    assert message.startswith(f"plugins were slower than the run: they were not told of {missed} ends and beginnings")
    assert isinstance(told[-1], RunEvent)


def test_a_veto_stops_a_run_before_it_begins(site: Site) -> None:
    """With the plugin's name and reason; nothing is recorded."""
    site.install("money", "@hookimpl\ndef plan_made(plan): raise Veto('the budget is used up', help='ask for more')")
    with pytest.raises(PluginError) as caught:
        run(site)
    assert str(caught.value) == "the plugin 'money' vetoes this plan: the budget is used up\nhelp: ask for more"
    assert caught.value.exit_code == 4
    from hookline.store import open_store

    with open_store(site.project / ".hookline") as store:
        assert store.runs() == []


def test_a_plan_is_shown_before_a_run_and_by_plan(site: Site) -> None:
    """With the verdicts that the run will come to."""
    module = site.install(
        "money", "seen = []\n@hookimpl\ndef plan_made(plan): seen.append([str(t.verdict) for t in plan])"
    )
    target = load_target(site.flow())
    hookline.run(target.workflow, executor="inline")
    hookline.run(target.workflow, executor="inline")
    assert len(sys.modules[module].seen) == 2
    first, second = sys.modules[module].seen
    assert first != second


MENDED = """
from pathlib import Path
from hookline import step, workflow

@step
def load() -> int:
    if not Path("mended").exists():
        raise OSError("not yet")
    return 6

@workflow
def flow():
    return load()
"""


@pytest.mark.parametrize("left_out", [{"without": ["data"]}, {"plugins": []}])
def test_a_plugin_that_is_left_out_is_told_nothing(site: Site, left_out: dict[str, Any]) -> None:
    """Whether it was left out by its name or with all others; a resume leaves it out as well."""
    module = site.install("data", SEE)
    site.load()
    failed = run(site, MENDED, **left_out)
    assert failed.status == "failed"
    (site.project / "mended").touch()
    assert hookline.resume(failed.id).result == 6
    assert seen(module) == []


def test_what_shows_a_run_does_not_wait_for_a_plugin(site: Site) -> None:
    """Observers are told on a thread of their own: all of it, while a plugin still hangs at its first event."""
    module = site.install(
        "slow",
        """
        import threading
        gate = threading.Event()

        @hookimpl
        def run_started(run): gate.wait(timeout=60)
        """,
    )
    site.load()
    gate = sys.modules[module].gate
    told: list[str] = []

    def observer(event: object) -> None:
        told.append(type(event).__name__)
        if told[-1] == "RunFinished":
            gate.set()

    assert run(site, executor="inline", observers=[observer]).status == "completed"
    assert gate.is_set()
    assert told[0] == "RunStarted"
