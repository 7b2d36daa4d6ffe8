"""Hooks in workers: the same under every executor, in order, with their errors named."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

import hookline
from hookline import Run
from hookline.store import Note, SqliteStore, open_store
from hookline.worker.target import load_target
from hooks.site import FLOW, Site

EXECUTORS = ("inline", "threads", "processes")

NOTE = """
import os
from pathlib import Path

def note(text):
    file = os.open(Path(__file__).parent.parent / "noted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, (text + "\\n").encode())
    os.close(file)
"""

AROUND = (
    NOTE
    + """
@hookimpl
def around_attempt(attempt):
    note(f"{plugin.name} enters {attempt.task_id} {attempt.step} {attempt.number} {attempt.executor}")
    attempt.metadata["inputs"] = dict(attempt.inputs)
    outcome = yield
    note(f"{plugin.name} leaves {attempt.task_id} {outcome.state} {outcome.error_type} {len(outcome.outputs)}")
    attempt.metadata["seconds"] = outcome.seconds
"""
)


def noted(site: Site) -> list[str]:
    """What plugins noted, in order; once."""
    file = site.folder.parent / "noted"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def run(site: Site, code: str = FLOW, executor: str = "threads", **params: object) -> Run:
    """Run the workflow of a file."""
    target = load_target(site.flow(code))
    return hookline.run(target.workflow, params, executor=executor, workers=1)


def journal(site: Site) -> SqliteStore:
    """The project's journal."""
    return open_store(site.project / ".hookline")


def notes_of(site: Site, kind: str) -> list[Note]:
    """What is recorded with the attempts of the last run."""
    with journal(site) as store:
        return [note for note in store.notes("last") if note.kind == kind]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_generators_enter_in_declared_order_and_leave_in_reverse(site: Site, executor: str) -> None:
    """Around each attempt, wherever it is made."""
    site.install("inner", AROUND)
    site.install("outer", "plugin = Plugin('outer', before='inner')" + AROUND)
    assert run(site, executor=executor).result == 6
    assert noted(site) == [
        f"{line}"
        for task, step in (("load", "load"), ("double", "double"))
        for line in (
            f"outer enters {task} {step} 1 {executor}",
            f"inner enters {task} {step} 1 {executor}",
            f"inner leaves {task} completed  1",
            f"outer leaves {task} completed  1",
        )
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_metadata_travels_back_to_the_journal(site: Site, executor: str) -> None:
    """Under the plugin's name; the arguments' digests are those of the values."""
    site.install("data", AROUND)
    found = run(site, executor=executor)
    by_name = {(note.node, note.name): json.loads(note.value or "") for note in notes_of(site, "metadata")}
    assert sorted(by_name) == [(node, f"data.{name}") for node in (0, 1) for name in ("inputs", "seconds")]
    with journal(site) as store:
        recorded = store.attempts(found.id, 0)
        (attempt,) = list(recorded)
    from hookline.store import unpack_outputs

    assert attempt.outputs is not None
    assert by_name[1, "data.inputs"] == {"x": unpack_outputs(attempt.outputs)[0].digest.hex()}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Odd()", "hookline_plugins.py:9): ArithmeticError: no text"),
        ("deep", "RecursionError: maximum recursion depth exceeded while encoding a JSON object"),
        (
            "'x' * 2_000_000",
            "ValueError: the metadata 'odd' has 2,000,002 characters, and at most 1,000,000 are recorded",
        ),
    ],
)
def test_metadata_that_can_not_be_recorded_is_reported_only(site: Site, value: str, message: str) -> None:
    """The outcome stands, and other metadata is recorded."""
    site.local(f"""
        deep = {{}}
        for _ in range(100_000):
            deep = {{"a": deep}}
        class Odd:
            def __repr__(self): raise ArithmeticError("no text")

        @hookimpl
        def around_attempt(attempt):
            attempt.metadata["odd"] = {value}
            attempt.metadata["even"] = 2
            yield
    """)
    assert run(site).result == 6
    told = [json.loads(note.value or "") for note in notes_of(site, "plugin error")]
    assert len(told) == 2
    assert told[0].startswith("the plugin 'hookline_plugins' failed in 'around_attempt'")
    assert message in told[0]
    assert [note.name for note in notes_of(site, "metadata")] == ["hookline_plugins.even"] * 2


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_projects_own_plugin_works_in_workers_too(site: Site, executor: str) -> None:
    """hookline_plugins.py needs no installation, not even where steps run in processes."""
    site.local("""
        @hookimpl
        def around_attempt(attempt):
            attempt.metadata["pid"] = os.getpid()
            yield
    """)
    import os

    run(site, executor=executor)
    pids = {json.loads(note.value or "") for note in notes_of(site, "metadata")}
    assert (pids == {os.getpid()}) is (executor != "processes")


def test_one_process_may_run_projects_in_turns(site: Site) -> None:
    """Each has a plugin of its own under the same name, whose settings go to workers."""
    code = """
        from dataclasses import dataclass

        @dataclass
        class Settings:
            word: str

        plugin = Plugin("hookline_plugins", settings=Settings)

        @hookimpl
        def around_attempt(attempt, settings):
            attempt.metadata["word"] = settings.word
            yield
    """
    site.local(code)
    other = site.project.parent / "other"
    shutil.copytree(site.project, other)
    targets = {}
    for word, folder in (("one", site.project), ("two", other)):
        (folder / "pyproject.toml").write_text(f"[tool.hookline.plugin.hookline_plugins]\nword = '{word}'")
        (folder / f"flow_{word}.py").write_text(FLOW)
        targets[word] = load_target(folder / f"flow_{word}.py")
    for word in ("one", "two", "one"):
        found = hookline.run(targets[word].workflow, fresh=True)
        assert found.status == "completed", found.tasks["load"].error
        with open_store(targets[word].root / ".hookline") as store:
            assert {note.value for note in store.notes(found.id) if note.kind == "metadata"} == {json.dumps(word)}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_settings_reach_workers_as_the_driver_resolved_them(site: Site, executor: str) -> None:
    """A worker reads no settings file."""
    site.local("""
        from dataclasses import dataclass

        @dataclass
        class Settings:
            word: str = "default"

        plugin = Plugin("hookline_plugins", settings=Settings)

        @hookimpl
        def around_attempt(attempt, settings):
            attempt.metadata["word"] = settings.word
            yield
    """)
    site.settings("[tool.hookline.plugin.hookline_plugins]\nword = 'set'")
    run(site, executor=executor)
    assert {json.loads(note.value or "") for note in notes_of(site, "metadata")} == {"set"}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_exception_before_the_yield_fails_the_attempt(site: Site, executor: str) -> None:
    """As an error of the plugin's; the function is not called, and those that had entered leave."""
    site.install("a", AROUND)
    site.install("b", "@hookimpl\ndef around_attempt(attempt): \n    raise OSError('no room')\n    yield")
    found = run(site, executor=executor)
    assert found.status == "failed"
    with journal(site) as store:
        (failure,) = store.failures(found.id)
    assert failure.type == "PluginError"
    assert "the plugin 'b' failed in 'around_attempt' (" in failure.message
    assert "OSError: no room" in failure.message
    assert noted(site) == [f"a enters load load 1 {executor}", "a leaves load failed PluginError 0"]


def test_an_error_of_hooklines_own_kind_names_the_plugin_too(site: Site) -> None:
    """Whatever class a plugin chooses for what it raises."""
    site.install("b", "@hookimpl\ndef around_attempt(attempt): \n    raise PluginError('no licence')\n    yield")
    found = run(site)
    assert "the plugin 'b' failed in 'around_attempt' (" in (error := found.tasks["load"].error)
    assert "no licence" in error


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_exception_after_the_yield_is_reported_only(
    site: Site, executor: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The outcome stands, and the journal tells what went wrong."""
    site.install("b", "@hookimpl\ndef around_attempt(attempt): \n    yield\n    raise OSError('no room')")
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        found = run(site, executor=executor)
    assert found.result == 6
    (first, second) = notes_of(site, "plugin error")
    assert first.name == "b"
    assert "the plugin 'b' failed in 'around_attempt'" in (first.value or "")
    assert "OSError: no room" in (second.value or "")
    (at_once, at_the_end) = caplog.messages
    assert at_once == json.loads(first.value or "")
    assert at_the_end == "the plugin 'b' failed 2 times around attempts, whose results stand"


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        ("return\n    yield", "failed", "'around_attempt' of plugin 'b' ended without a yield"),
        ("yield\n    yield", "completed", "'around_attempt' of plugin 'b' yielded twice"),
    ],
)
def test_a_generator_has_to_yield_once(site: Site, body: str, state: str, message: str) -> None:
    """Without a yield the attempt fails, as nothing went along with it; a second one is reported."""
    site.install("b", f"@hookimpl\ndef around_attempt(attempt): \n    {body}")
    found = run(site)
    assert found.status == state
    with journal(site) as store:
        told = [failure.message for failure in store.failures(found.id)]
        told += [json.loads(note.value or "") for note in store.notes(found.id) if note.kind == "plugin error"]
    assert told
    assert all(message in text for text in told)


ASYNC = """
import asyncio
from hookline import step, workflow

@step
async def wait(x: int) -> int:
    await asyncio.sleep(0)
    return x

@workflow
def flow():
    return wait.map(x=[1, 2, 3])
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_async_step_is_awaited_inside(site: Site, executor: str) -> None:
    """Generators leave after the step has ended, with its outcome; attempts side by side have one each."""
    site.install("data", AROUND)
    assert run(site, ASYNC, executor).result == [1, 2, 3]
    lines = noted(site)
    assert sorted(lines) == sorted(
        line
        for item in range(3)
        for line in (f"data enters wait[{item}] wait 1 {executor}", f"data leaves wait[{item}] completed  1")
    )


def test_what_a_plugin_sees_can_not_be_changed(site: Site) -> None:
    """Facts and outcome are frozen: changing arguments or results is what wrap is for."""
    site.install(
        "b",
        """
        import dataclasses

        @hookimpl
        def around_attempt(attempt):
            try:
                attempt.step = "other"
            except dataclasses.FrozenInstanceError:
                attempt.metadata["facts"] = "frozen"
            outcome = yield
            try:
                outcome.state = "failed"
            except dataclasses.FrozenInstanceError:
                attempt.metadata["outcome"] = "frozen"
        """,
    )
    run(site)
    assert len(notes_of(site, "metadata")) == 4


LIFE = (
    NOTE
    + """
@hookimpl
def worker_started(worker):
    note(f"{plugin.name} up {worker.executor} {worker.number}")
    yield
    note(f"{plugin.name} down {worker.executor} {worker.number}")
"""
)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_is_set_up_before_its_first_attempt_and_torn_down_at_its_end(site: Site, executor: str) -> None:
    """In declared order, and in reverse."""
    site.install("a", LIFE)
    site.install("b", LIFE)
    assert run(site, executor=executor).result == 6
    up, down = [f"{name} up {executor} 0" for name in "ab"], [f"{name} down {executor} 0" for name in "ba"]
    assert noted(site) == [*up, *down]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_that_can_not_be_set_up_fails_what_it_is_given(site: Site, executor: str) -> None:
    """With the plugin's name; what was set up before is torn down."""
    site.install("a", LIFE)
    site.install("b", "@hookimpl\ndef worker_started(worker): \n    raise OSError('no room')\n    yield")
    found = run(site, executor=executor)
    assert found.status == "failed"
    with journal(site) as store:
        (failure,) = store.failures(found.id)
    assert "the plugin 'b' failed in 'worker_started'" in failure.message
    assert "OSError: no room" in failure.message
    assert set(noted(site)) == {f"a up {executor} 0", "a down " + f"{executor} 0"}


def test_a_plugin_that_a_worker_can_not_import_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in another environment says what it lacks; nothing hangs."""
    site.install("data", "import os\nif 'HOOKLINE_TEST_WORKER' in os.environ: import nothing_of_that_name\n" + AROUND)
    site.load()
    monkeypatch.setenv("HOOKLINE_TEST_WORKER", "1")
    found = run(site, executor="processes")
    assert found.status == "failed"
    with journal(site) as store:
        (failure,) = store.failures(found.id)
    assert failure.type == "PluginError"
    assert "the plugin 'data' (acme-data 1.0) can't be imported in a worker: ModuleNotFoundError" in failure.message


def test_plugins_without_worker_hooks_are_not_sent_to_workers(site: Site) -> None:
    """Workers import only what has something to do there."""
    site.install("driver", "@hookimpl\ndef run_started(run): pass")
    site.install("worker", AROUND)
    assert [ref.name for ref in site.load().refs()] == ["worker"]


def test_settings_that_can_not_travel_are_an_error(site: Site) -> None:
    """Before anything runs."""
    site.install(
        "data",
        """
        def make():
            class Settings:
                pass
            return Settings

        plugin = Plugin("data", settings=make())

        @hookimpl
        def around_attempt(attempt, settings):
            yield
        """,
    )
    with pytest.raises(hookline.HooklineError) as caught:
        run(site)
    assert str(caught.value).startswith("the settings of plugin 'data' can't be sent to workers: ")


def test_time_is_recorded_per_plugin_and_hook(site: Site, tmp_path: Path) -> None:
    """Of workers and of the driver; runs show --profile tells it."""
    from hookline.engine.record.hook_times import hook_times

    site.install("data", AROUND + "\n@hookimpl\ndef task_finished(task): pass\n@hookimpl\ndef run_finished(run): pass")
    found = run(site, executor="processes")
    with journal(site) as store:
        times = hook_times(store, store.run(found.id).run)
    assert {(time.plugin, time.hook, time.where, time.calls) for time in times} == {
        ("data", "around_attempt", "workers", 2),
        ("data", "task_finished", "driver", 2),
        ("data", "run_finished", "driver", 1),
    }
    assert all(time.seconds > 0 for time in times)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_worker_that_takes_too_long_to_end_is_told_of(
    site: Site, caplog: pytest.LogCaptureFixture, executor: str
) -> None:
    """What a plugin closes there may be lost, and nobody would know."""
    site.install(
        "slow", "import threading\n@hookimpl\ndef worker_started(worker):\n    yield\n    threading.Event().wait()"
    )
    with caplog.at_level("WARNING", logger="hookline"):
        run = hookline.run(load_target(site.flow()).workflow, executor=executor, workers=1)
    assert run.status == "completed"
    (message,) = caplog.messages
    assert message == (
        "1 worker(s) had not ended 2.0 s after the last attempt and are not waited for: "
        "what plugins and providers close there may be cut short"
    )
