"""Attempts whose worker an executor killed because they took too long, told as ``Lost(timed_out=True)``."""

from __future__ import annotations

import pytest

from hookline.model.states import Kind
from hookline.testing import Project, RecordingExecutor


@pytest.fixture
def slow(project: Project) -> Project:
    project.write(
        "flow.py",
        """
        from hookline import step, workflow

        @step(retries=1)
        def slow(x: int) -> int:
            return x

        @workflow
        def flow():
            return slow.map(x=[1, 2])
        """,
    )
    return project


def test_an_attempt_that_timed_out_is_tried_again(slow: Project, recording_executor: RecordingExecutor) -> None:
    """It uses up a retry of the step, as any error does, and not the budget of lost workers."""
    recording_executor.lose("slow[1]", timed_out=True, reason="took longer than 3 s")
    run = slow.run("flow.py", executor=recording_executor)

    assert run.value == [1, 2]
    assert [(row.item, row.attempt, Kind(row.kind).state.value) for row in run.attempts()] == [
        (0, 1, "completed"),
        (1, 1, "timed_out"),
        (1, 2, "completed"),
    ]


def test_a_task_that_always_times_out_ends_so(slow: Project, recording_executor: RecordingExecutor) -> None:
    """Its state says that it timed out, and its error what the executor said."""
    recording_executor.lose("slow[1]", 9, timed_out=True, reason="took longer than 3 s")
    run = slow.run("flow.py", executor=recording_executor)

    assert run.status == "failed"
    assert run.error("slow") == "TimeoutError: took longer than 3 s"
    assert [Kind(row.kind).state.value for row in run.attempts() if row.item == 1] == ["timed_out", "timed_out"]
