"""What is shown while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from hookline.cli.live_progress import LiveProgress
from hookline.cli.plain_progress import PlainProgress
from hookline.cli.progress import QuietProgress, make_progress
from hookline.cli.tally import Tally
from hookline.model.events import PlacesChanged, RunFinished, RunStarted, TaskEnded, TaskRetrying, TasksChanged
from hookline.model.states import RunState, TaskState


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def changed(**counts: dict[str, int]) -> TasksChanged:
    return TasksChanged(
        counts={task: {TaskState(word): count for word, count in now.items()} for task, now in counts.items()},
        totals=dict.fromkeys(counts, 100),
        running={},
        seconds=dict.fromkeys(counts, 0.5),
    )


def console(width: int = 80, height: int = 12) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False
    )


def drawn(progress: LiveProgress) -> str:
    screen = console()
    screen.print(progress._draw())
    output = screen.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_plain_progress_tells_each_step_once(capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion):
    """Elsewhere than on a terminal a step gets one line when it is through, failures get theirs at once."""
    clock = Clock()
    progress = PlainProgress(Tally(clock))
    progress(RunStarted("r1", "churn", (("load", 100), ("train", 100), ("pick", 100))))
    for done in range(0, 101, 10):
        clock.now += 1
        progress(changed(load={"completed": done}))
    progress(TaskRetrying("train[3]", 1, 3, 2.0, "OSError: no\nroute"))
    progress(TaskEnded("train[3]", TaskState.FAILED, "ValueError: bad \x1b[2J depth", "churn.py:14 in train: raise"))
    progress(changed(train={"completed": 99, "failed": 1}, pick={"skipped": 40}))
    progress(RunFinished("r1", RunState.FAILED, {}, 3.0))
    progress.close()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == snapshot


def test_plain_progress_is_throttled(capsys: pytest.CaptureFixture[str]):
    """A million events in an hour make a line a minute at most."""
    clock = Clock()
    progress = PlainProgress(Tally(clock))
    progress(RunStarted("r1", "churn", (("load", 100), ("train", None))))
    for second in range(3600):
        clock.now += 1
        progress(changed(load={"completed": second % 100}))
    assert len(capsys.readouterr().err.splitlines()) <= 75


def test_ten_thousand_steps_do_not_flood_a_log(capsys: pytest.CaptureFixture[str]):
    """With many different steps only the whole run is told of, and failures only up to a number."""
    progress = PlainProgress(Tally(Clock()))
    names = [f"step_{index}" for index in range(10_000)]
    progress(RunStarted("r1", "wide", tuple((name, 1) for name in names)))
    progress(TasksChanged({name: {TaskState.FAILED: 1} for name in names}, dict.fromkeys(names, 1), {}, {}))
    for name in names:
        progress(TaskEnded(name, TaskState.FAILED, "ValueError: no", ""))
    progress.close()
    assert len(capsys.readouterr().err.splitlines()) <= 25


def test_the_live_table_shows_one_line_per_step(snapshot: SnapshotAssertion):
    """On a terminal each step has a line with its symbol, how far it is, counts and time."""
    clock = Clock()
    progress = LiveProgress(Tally(clock), console())
    progress.tally.take(RunStarted("r1", "churn", (("load", 100), ("train", 100), ("pick", 1), ("publish", None))))
    progress.tally.take(changed(load={"reused": 100}))
    clock.now = 5
    progress.tally.take(
        TasksChanged(
            {"train": {TaskState.COMPLETED: 20, TaskState.FAILED: 1}}, {"train": 100}, {"train": 4}, {"train": 1.0}
        )
    )
    clock.now = 12.5
    progress.stopping("stopping")
    assert drawn(progress) == snapshot


def test_the_live_table_fits_the_terminal(snapshot: SnapshotAssertion):
    """Where there are more steps than lines, what runs and what failed is shown and the rest summed up."""
    progress = LiveProgress(Tally(Clock()), console(height=8))
    names = [f"step_{index}" for index in range(10_000)]
    progress.tally.take(RunStarted("r1", "wide", tuple((name, 1) for name in names)))
    progress.tally.take(
        TasksChanged({"step_17": {TaskState.FAILED: 1}}, {"step_17": 1, "step_9000": 1}, {"step_9000": 1}, {})
    )
    text = drawn(progress)
    assert len(text.splitlines()) <= 8
    assert text == snapshot


def test_the_live_table_is_started_and_left_on_screen():
    """The display begins with the run and leaves its last state behind."""
    screen = console()
    progress = LiveProgress(Tally(Clock()), screen)
    progress(RunStarted("r1", "churn", (("load", 100),)))
    progress(changed(load={"completed": 100}))
    progress.close()
    progress.close()
    output = screen.file
    assert isinstance(output, io.StringIO)
    assert "✓ load  100/100  100 done" in output.getvalue()


def test_quiet_shows_nothing_and_remembers_failures(capsys: pytest.CaptureFixture[str]):
    """``--quiet`` draws nothing; what failed is known for the ending."""
    progress = make_progress(quiet=True)
    assert isinstance(progress, QuietProgress)
    progress(RunStarted("r1", "churn", (("load", 100),)))
    progress(TaskEnded("load", TaskState.FAILED, "ValueError: no", ""))
    progress.stopping("stopping")
    progress.close()
    assert capsys.readouterr() == ("", "")
    assert progress.tally.failed == 1


def test_places_of_an_executor_are_a_line_of_their_own():
    """A terminal shows how many are taken, while the run goes on; what stays is without them."""
    progress = LiveProgress(Tally(Clock()), console())
    progress(RunStarted("r1", "churn", (("load", 100),)))
    progress(PlacesChanged("ray", 3, 8, 2))
    progress(PlacesChanged("ray", 3, 8, 5))
    lines = drawn(progress).splitlines()
    assert [line.strip() for line in lines if "slots" in line] == ["ray: 3 nodes, 5 of 8 slots in use"]
    progress.close()
    assert "slots" not in drawn(progress)


def test_plain_progress_tells_places_when_there_are_others(capsys: pytest.CaptureFixture[str]):
    """How many are taken changes all the time, and is worth no line."""
    progress = PlainProgress(Tally(Clock()))
    progress(RunStarted("r1", "churn", (("load", 100),)))
    for nodes, slots, busy in ((1, 4, 0), (1, 4, 3), (2, 8, 3), (2, 8, 8), (1, 1, 1)):
        progress(PlacesChanged("ray", nodes, slots, busy))
    lines = capsys.readouterr().err.splitlines()[1:]
    assert lines == ["  ray: 1 node, 4 slots", "  ray: 2 nodes, 8 slots", "  ray: 1 node, 1 slot"]
