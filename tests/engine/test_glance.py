"""A run at a glance: what summing it up costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hookline
from hookline import Run, step, workflow


@step
def inc(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return x + 1


@workflow
def many(count: int, failing: int = 0):
    return [inc(index) for index in range(count)], [inc(-index - 1) for index in range(failing)]


def queries(run: Run) -> int:
    """How often the store is asked while the run draws itself."""
    asked = 0

    def note(_: Any, event: str, what: Any) -> None:
        nonlocal asked
        asked += event == "c_call" and getattr(what, "__qualname__", "") == "Connection.execute"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run._repr_html_()
    finally:
        sys.setprofile(before)
    return asked


def test_drawing_a_run_costs_as_many_queries_however_many_tasks_it_has(tmp_path: Path) -> None:
    """Twice the tasks, failed ones too: not one query more."""
    small = hookline.run(many, {"count": 400, "failing": 10}, store=tmp_path / "small", executor="inline")
    large = hookline.run(many, {"count": 800, "failing": 20}, store=tmp_path / "large", executor="inline")
    assert queries(small) == queries(large) > 0


def test_many_tasks_are_counted_and_a_few_failures_told(tmp_path: Path) -> None:
    """Of many tasks it is not asked how each stands; counts of the whole run and failures stay exact."""
    run = hookline.run(many, {"count": 300, "failing": 7}, store=tmp_path, executor="inline")
    summary = run.summary(failures=2)
    assert [(each.step, each.tasks, dict(each.counts)) for each in summary.steps] == [("inc", 307, {})]
    assert (summary.status, summary.failed, summary.counts["completed"]) == ("failed", 7, 300)
    assert [failure.error for failure in summary.failures] == ["ValueError: negative"] * 2
    assert [failure.task_id for failure in summary.failures] == ["inc-301", "inc-302"]
