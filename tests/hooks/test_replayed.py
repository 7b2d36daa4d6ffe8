"""What hooks are told live is what the store replays: nobody has to learn two kinds of events."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import hookline
from engine.random_flow import LOG, sow, sprout
from engine.test_random_graphs import descriptions
from hookline.model.facts import RunEvent, TaskEvent
from hookline.model.workflow import Workflow
from hookline.worker.target import load_target
from hooks.site import Site
from hooks.test_events import FAILING, GROWING, SEE
from thorough import tries

Event = RunEvent | TaskEvent


def alike(event: Event) -> Event:
    """An event without what is known only where it is recorded, or only where it happens."""
    if isinstance(event, RunEvent):
        counts = {word: count for word, count in event.counts.items() if count}
        return event._replace(time_us=0, duration_us=0, counts=tuple(sorted(counts.items())), sequence=0, position=0)  # type: ignore[arg-type]
    event = event._replace(sequence=0, position=0)
    return event._replace(started_us=0) if event.hook == "task_started" else event


def compared(module: str, store: Path, cursor: str) -> str:
    """Compare what a plugin was told since the last time with what is replayed; give the next cursor."""
    live: list[Event] = [*sys.modules[module].seen]
    sys.modules[module].seen.clear()
    with hookline.open_store(store) as opened:
        replayed = list(opened.events(cursor))
        cursor = opened.cursor
    assert live
    assert Counter(map(alike, replayed)) == Counter(map(alike, live))
    assert (replayed[0].hook, replayed[-1].hook) == (live[0].hook, live[-1].hook) == ("run_started", "run_finished")
    return cursor


REUSING = """
from pathlib import Path
from hookline import attempt, log_artifact, log_metric, log_params, step, workflow

@step
def one(x: int) -> int:
    log_metric("loss", float("inf"), step=3)
    log_params({"x": [x]})
    log_artifact("blob", b"b" * 5000)
    attempt().note("seen", {"x": x})
    print("hello")
    return x % 2

@step
def again(x: int) -> tuple[int, bytes]:
    return x, b"c" * 5000

@step(cache=False)
def send(x: int) -> int:
    if not Path("go").exists():
        raise ValueError("not yet")
    return x

@step
def no() -> bool:
    return False

@step
def never(x: int) -> int:
    return x

@workflow
def flow(n: int = 5):
    numbers = one.map(x=list(range(n)))
    never.when(no()).map(x=numbers)
    return again.map(x=numbers), send(n)
"""


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_events_are_the_same_live_and_replayed(site: Site, executor: str) -> None:
    """Attempts, retries, notes, results that are reused, shared or grown, what is left out, and a resume."""
    module = site.install("watch", SEE)
    store, cursor = site.project / ".hookline", ""
    for code in (REUSING, FAILING, GROWING):
        target = load_target(site.flow(code))
        for _ in range(2):
            hookline.run(target.workflow, executor=executor, workers=2, name="again", tags=["a"])
            cursor = compared(module, store, cursor)
        if code is REUSING:
            (site.project / "go").touch()
            hookline.resume("last", store=store, workflow=target.workflow)
            cursor = compared(module, store, cursor)
            hookline.run(target.workflow, {"n": 9}, executor=executor, workers=2)
            cursor = compared(module, store, cursor)


@pytest.mark.parametrize("workflow", [sprout, sow], ids=["own", "grown"])
@settings(
    max_examples=tries(15),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(nodes=descriptions())
def test_events_of_any_run_are_the_same_live_and_replayed(
    site: Site, monkeypatch: pytest.MonkeyPatch, workflow: Workflow[..., Any], nodes: list[Any]
) -> None:
    """Whatever workflows there may be."""
    monkeypatch.setenv(LOG, str(site.project / "log"))
    store, cursor = site.project / ".hookline", ""
    if not store.exists():
        site.watcher = site.install("watch", SEE)  # type: ignore[attr-defined]
    else:
        with hookline.open_store(store) as opened:
            cursor = opened.cursor
    hookline.run(workflow, {"nodes": nodes}, executor="threads", workers=2, store=store)
    compared(site.watcher, store, cursor)  # type: ignore[attr-defined]
