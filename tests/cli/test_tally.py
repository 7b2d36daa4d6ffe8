"""Summing up what the engine tells."""

from __future__ import annotations

from hookline.cli.tally import Tally
from hookline.model.events import RunStarted, TasksChanged
from hookline.model.states import TaskState

DONE, REUSED, FAILED = TaskState.COMPLETED, TaskState.REUSED, TaskState.FAILED


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def changed(task: str, total: int | None, running: int = 0, seconds: float = 0.0, **counts: int) -> TasksChanged:
    return TasksChanged(
        counts={task: {TaskState(word): count for word, count in counts.items()}},
        totals={task: total},
        running={task: running} if running else {},
        seconds={task: seconds},
    )


def started(*tasks: tuple[str, int | None]) -> RunStarted:
    return RunStarted("r1", "churn", tuple(tasks))


def test_counts_are_what_they_are_now():
    """An event replaces what was known of its tasks."""
    tally = Tally(Clock())
    tally.take(started(("load", 1), ("train", None)))
    tally.take(changed("train", 10, running=2, completed=3, reused=1))
    tally.take(changed("train", 10, running=1, completed=4, reused=1, failed=1))
    load, train = tally.lines()
    assert (load.progress(), load.details(), load.symbol) == ("0/1", "", "·")
    assert train.progress() == "6/10"
    assert train.details() == "4 done, 1 reused, 1 failed, 1 running"
    assert train.symbol == "✗"


def test_calls_of_one_step_share_a_line():
    """``train``, ``train-2`` and ``train-3`` are one line; a step that is itself called ``x-2`` keeps its own."""
    tally = Tally(Clock())
    tally.take(started(("train", 1), ("train-2", 1), ("train-3", 1), ("x-2", 1)))
    tally.take(changed("train-2", 1, completed=1))
    tally.take(changed("train-3", 1, reused=1))
    lines = tally.lines()
    assert [(line.name, line.progress()) for line in lines] == [("train", "2/3"), ("x-2", "0/1")]


def test_an_unknown_length_is_a_question_mark():
    """Until a map's length is known its total is open, and it is not finished."""
    tally = Tally(Clock())
    tally.take(started(("train", None)))
    (line,) = tally.lines()
    assert line.progress() == "0/?"
    assert not line.finished
    tally.take(changed("train", 2, completed=2))
    assert line.progress() == "2/2"
    assert line.finished


def test_the_time_left_counts_side_by_side_work():
    """Ten items of 2 s took 5 s side by side, so ten more take about as long."""
    clock = Clock()
    tally = Tally(clock)
    tally.take(started(("train", 20)))
    tally.take(changed("train", 20, running=4))
    clock.now += 5
    tally.take(changed("train", 20, running=4, seconds=2.0, completed=10))
    assert tally.remaining() == 5.0
    assert tally.overall() == "10 of 20 tasks, 4 running, 5.0 s, about 5.0 s left"


def test_nothing_is_guessed_from_nothing():
    """Without an executed item, or in the first two seconds, no time is promised."""
    clock = Clock()
    tally = Tally(clock)
    tally.take(started(("train", 20)))
    tally.take(changed("train", 20, seconds=0.5, completed=10))
    assert tally.remaining() is None
    clock.now += 60
    other = Tally(clock)
    other.take(started(("train", 20)))
    other.take(changed("train", 20, reused=10))
    clock.now += 60
    assert other.remaining() is None


def test_a_task_that_grew_later_gets_a_line():
    """A task that the start did not name is added when it is first heard of."""
    tally = Tally(Clock())
    tally.take(started(("loop", 1)))
    tally.take(changed("loop/fit", 1, completed=1))
    assert [line.name for line in tally.lines()] == ["loop", "loop/fit"]
