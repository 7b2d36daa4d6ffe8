"""How calls are noted: ids, places, and values as they were at the time of the call."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.errors import WorkflowError
from hookline.model.recording import Recording, in_attempt, snapshot
from hookline.model.step import step
from hookline.model.workflow import workflow


@step
def train(x: Any = 0) -> int:
    return 0


def ids(*names: str, inside: str = "") -> list[str]:
    recording = Recording()
    with recording.in_force(), recording.inside(object(), "top"):
        for name in names:
            if name.startswith("/"):
                with recording.inside(object(), "prep"):
                    train.options(name=name[1:])()
            else:
                train.options(name=name)()
    return [call.id for call in recording.calls]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train", "train", "train"], ["train", "train-2", "train-3"]),
        (["train-2", "train", "train"], ["train-2", "train", "train-3"]),
        (["train", "train", "train-2"], ["train", "train-2", "train-2-2"]),
        (["train", "train", "train-2", "train-2"], ["train", "train-2", "train-2-2", "train-2-3"]),
        (["train-02", "train-x", "train"], ["train-02", "train-x", "train"]),
        (["/load", "load", "/load"], ["prep/load", "load", "prep-2/load"]),
        (["prep", "/load"], ["prep", "prep-2/load"]),
    ],
)
def test_ids_are_unique_and_count_the_calls(names: list[str], expected: list[str]) -> None:
    """A second call of a step is ``train-2``, whatever other steps are called; workflows inside are prefixes."""
    assert ids(*names) == expected
    assert len(set(expected)) == len(expected)


def test_a_call_keeps_the_values_of_its_time() -> None:
    """What the workflow does to a list or dict after a call does not reach the call."""
    rows = [[1], {"a": [2]}]
    recording = Recording()
    with recording.in_force():
        train(rows)
        rows[0].append(9)  # type: ignore[union-attr]
        rows[1]["a"].append(9)  # type: ignore[call-overload]
        rows.append([9])
    assert recording.calls[0].args == ([[1], {"a": [2]}],)


def test_a_snapshot_shares_what_is_no_container() -> None:
    """Only exact lists, tuples, dicts and sets are copied."""
    thing = object()
    found = snapshot({"a": [(thing, {1})]})
    assert found == {"a": [(thing, {1})]}
    assert found["a"][0][0] is thing


def test_a_step_is_the_plain_function_outside_a_workflow() -> None:
    """Nothing is recorded, and the value comes back."""
    assert train(3) == 0


def test_a_step_inside_a_step_goes_to_the_attempts_recording() -> None:
    """Also when the attempt runs while a workflow is being built in the same thread."""
    recording, own = Recording(), Recording("outer")
    with recording.in_force():
        token = in_attempt.set(lambda: own)
        try:
            train()
        finally:
            in_attempt.reset(token)
        train()
    assert len(recording.calls) == len(own.calls) == 1


def test_a_step_may_build_another_workflow() -> None:
    """While that is being built, calls are recorded as anywhere else."""
    token = in_attempt.set(Recording)
    recording = Recording()
    try:
        with recording.in_force():
            train()
    finally:
        in_attempt.reset(token)
    assert [call.id for call in recording.calls] == ["train"]


def test_maps_and_workflows_need_a_workflow_around_them() -> None:
    """Outside there is nothing to map in, and the message says what to do."""

    @workflow
    def inner() -> None: ...

    with pytest.raises(WorkflowError, match="'train' was given a map outside a workflow"):
        train.map(x=[1])
    with pytest.raises(WorkflowError, match="'train' was given a call outside a workflow"):
        train.when(True)()
    with pytest.raises(WorkflowError, match="the workflow 'inner' was called outside a workflow"):
        inner()
