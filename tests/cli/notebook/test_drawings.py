"""Runs, plans, graphs and progress as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

import hookline
from hookline import step, workflow
from hookline.cli.notebook.cells import name_cells
from hookline.cli.notebook.graph import draw_graph
from hookline.cli.notebook.markup import badge, bar, box, table, text
from hookline.cli.notebook.plan import draw_plan
from hookline.cli.notebook.progress import draw_progress, write_progress
from hookline.cli.notebook.run import draw_run
from hookline.cli.tally import Tally
from hookline.model.events import PlacesChanged, RunFinished, RunStarted, TaskEnded, TasksChanged
from hookline.model.graph import TaskGraph
from hookline.model.plan import Plan, PlannedTask
from hookline.model.run import Run, RunSummary, StepSummary, TaskFailure, TaskRecord
from hookline.model.states import RunState, TaskState, Verdict

HOSTILE = "</pre></td><script>alert('x')</script><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;"
VOID = {"img", "br", "hr", "input", "meta", "link"}
KNOWN = {"style", "div", "span", "code", "pre", "b", "i", "table", "thead", "tbody", "tr", "th", "td", "details",
         "summary", "svg", "title", "g", "rect", "path", "text"}  # fmt: skip


class Checker(HTMLParser):
    """Notes which elements there are, and whether each is closed in turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.shown = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID and tag not in ("rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


def checked(drawn: str) -> Checker:
    """Make sure that a drawing is well-formed, has only known elements, and nothing that acts or is elsewhere."""
    checker = Checker()
    checker.feed(drawn)
    checker.close()
    assert checker.open == []
    assert checker.elements <= KNOWN
    assert not {name for name in checker.attributes if name.startswith("on") or name in ("src", "href")}
    assert not re.search(r"<(?![a-z/])", drawn)
    assert not re.search(r"url\(|@import|[\x00-\x08\x1b\u202e]", drawn)
    return checker


class Source:
    """A run that was never recorded: any number of tasks, and texts of anybody's."""

    def __init__(self, tasks: int = 2, words: str = "plain", status: str = "failed") -> None:
        self.tasks = tasks
        self.words = words
        self._status = status
        self.asked: list[str] = []

    def status(self) -> str:
        return self._status

    def counts(self) -> dict[str, int]:
        return {"completed": self.tasks - 1, "reused": 0, "failed": 1, "skipped": 0}

    def partitions(self) -> dict[str, str]:
        return {}

    def task_ids(self) -> list[str]:
        return [f"loop/{self.words}/{number}" for number in range(self.tasks)]

    def task(self, task_id: str) -> TaskRecord:
        self.asked.append(task_id)
        why = f"ran: {self.words}\nand {self.words}"
        return TaskRecord(task_id, self.words, "completed", why, 1, "", None, None, {"completed": 1})

    def why(self, task_id: str) -> str:
        return self.words

    def load(self, task_id: str) -> Any:
        return None

    def result(self) -> Any:
        return None

    def summary(self, failures: int) -> RunSummary:
        steps = (StepSummary(self.words, self.tasks, self.counts()),)
        failed = (TaskFailure(self.words, "timed_out", self.words * 2, f"churn.py:3 in x: {self.words}"),)
        return RunSummary(self._status, self.counts(), 61.0, self.words, steps, failed[:failures], 3)


def plan_of(words: str, count: int = 2) -> Plan:
    tasks = [PlannedTask(words, words, Verdict.REUSE, f"{words}\n{words}", 5, 2) for _ in range(count - 1)]
    return Plan(words, (*tasks, PlannedTask("last", words, Verdict.RUN, words, None)))


def tally_of(words: str, finished: bool) -> Tally:
    tally = Tally(clock=lambda: 1.0)
    tally.take(RunStarted(words, words, ((words, 1), ("map", None))))
    tally.take(TasksChanged({words: {TaskState.FAILED: 1}}, {"map": 7}, {"map": 2}, {}))
    tally.take(TaskEnded(words, TaskState.FAILED, words, words))
    tally.take(PlacesChanged(words, 3, 8, 5))
    if finished:
        tally.take(RunFinished(words, RunState.FAILED, {"failed": 1}, 1.5, words))
    return tally


def all_drawings(words: str) -> list[str]:
    return [
        draw_run(Run(words, words, Source(3, words))),
        draw_run(Run(words, words, Source(60, words, "running"))),
        draw_plan(plan_of(words)),
        draw_graph(TaskGraph(words, (), None)),
        draw_progress(tally_of(words, finished=False), words),
        draw_progress(tally_of(words, finished=True)),
        box(badge(words, "✓"), bar({"completed": 1}), table(["a"], [[text(words)]])),
    ]


def test_hostile_names_errors_and_whys_are_shown_as_text() -> None:
    """No text of a workflow's or a step's becomes markup, acts on a terminal, or turns other text around."""
    for drawn in all_drawings(HOSTILE):
        assert "<script>alert('x')</script>" in checked(drawn).shown


@given(st.text(max_size=40))
def test_any_text_leaves_a_drawing_well_formed(words: str) -> None:
    """Whatever the texts are, elements open and close in turn, and only those of ours are there."""
    for drawn in all_drawings(words):
        checked(drawn)


def test_a_run_of_a_hundred_thousand_tasks_is_counted_not_listed() -> None:
    """The drawing stays small, and only the few tasks that it shows are read."""
    source = Source(100_000, "inc")
    drawn = draw_run(Run("r", "flow", source))
    assert "100,000 tasks of 1 step" in checked(drawn).shown
    assert len(source.asked) <= 50
    assert len(drawn) < 20_000


def test_a_plan_of_many_tasks_shows_first_what_would_run() -> None:
    """Of what is left out the number is told."""
    drawn = draw_plan(plan_of("train", 500))
    assert re.findall(r"<code>(.*?)</code>", drawn)[:2] == ["last", "train"]
    assert "440 more tasks" in checked(drawn).shown


def test_progress_is_told_as_text_too() -> None:
    """What can't show HTML shows lines: one per step while the run goes on, one when it is over."""
    assert write_progress(tally_of("load", finished=False), "stopping") == (
        "load: 1 of 8 tasks, 1 failed, 2 running, 0 s (run load)\n"
        "  ✗ load  1/1  1 failed\n"
        "  ▶ map  0/7  2 running\n"
        "  load: 3 nodes, 5 of 8 slots in use\n"
        "  load: load\n"
        "stopping"
    )
    assert write_progress(tally_of("load", finished=True)) == (
        "✗ load: 1 failed in 1.5 s (run load)\n  load\n  load: load"
    )  # fmt: skip


def test_cells_outside_of_their_kernel_have_no_number() -> None:
    """The file that a cell was compiled as tells nobody anything."""
    assert name_cells("/tmp/ipykernel_12/345.py:3 in train (/tmp/ipykernel_12/345.py:1)") == (
        "a cell:3 in train (a cell:1)"
    )
    assert name_cells("churn.py:3 in train") == "churn.py:3 in train"


@step
def load(n: int) -> list[int]:
    return list(range(n))


@step
def train(row: int) -> int:
    if row == 1:
        raise ValueError(f"no <model> of {row}")
    return row


@step
def best(models: list[int]) -> int:
    return max(models)


@workflow
def churn(n: int = 2):
    return best(train.map(row=load(n)))


def masked(drawn: str) -> str:
    drawn = re.sub(r"\d{8}-\d{6}-\w{3}", "RUN", drawn)
    drawn = re.sub(r"&lt;0\.01 s|\d+(\.\d+)? s\b", "TIME", drawn)
    drawn = re.sub(r"[\w./-]*test_drawings\.py:\d+", "FILE", drawn)
    return re.sub(r"(?=<(div|table|tr|details|svg|g|path)\b)", "\n", re.sub(r"<style>.*</style>", "<style/>", drawn))


@pytest.fixture(scope="module")
def failed_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A recorded run with a failed item."""
    return hookline.run(churn, store=tmp_path_factory.mktemp("store"), executor="inline")


def test_a_graph_draws_itself(snapshot: SnapshotAssertion) -> None:
    """``_repr_html_`` is what notebooks ask for."""
    graph = churn.graph()
    checked(graph._repr_html_())
    assert masked(graph._repr_html_()) == snapshot
    assert repr(graph) == "<task graph of churn: 3 tasks>"


def test_a_run_draws_itself(failed_run: Run, snapshot: SnapshotAssertion) -> None:
    """State, counts, failures with the user's line, and whys to unfold."""
    checked(failed_run._repr_html_())
    assert masked(failed_run._repr_html_()) == snapshot


def test_a_plan_draws_itself(tmp_path: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts and whys."""
    monkeypatch.setenv("HOOKLINE_STORE", str(tmp_path / "store"))
    plan = churn.plan()
    checked(plan._repr_html_())
    assert masked(plan._repr_html_()) == snapshot
    assert repr(plan) == "<plan of churn: 1 run, 2 undecided>"


def test_a_summary_tells_of_items_that_have_no_value(failed_run: Run) -> None:
    """Steps with their counts, and the first failures with the line that raised."""
    summary = failed_run.summary()
    assert [(each.step, each.tasks, dict(each.counts)) for each in summary.steps] == [
        ("load", 1, {"completed": 1}),
        ("train", 1, {"completed": 1, "failed": 1}),
        ("best", 1, {"skipped": 1}),
    ]
    (failure,) = summary.failures
    assert (failure.task_id, failure.state, failure.error) == ("train[1]", "failed", "ValueError: no <model> of 1")
    assert "in train: raise ValueError" in failure.frame
    assert summary.failed == 1
    assert failed_run.summary(failures=0).failures == ()


def test_a_summary_leaves_out_what_a_later_attempt_mended(tmp_path: Path) -> None:
    """An error that a retry got over is no failure."""

    @step(retries=2)
    def sometimes(n: int) -> int:
        if hookline.attempt().number < 2:
            raise ValueError("not yet")
        return n

    @workflow
    def flow():
        return sometimes(1)

    run = hookline.run(flow, store=tmp_path, executor="inline")
    assert (run.status, run.summary().failures, run.summary().failed) == ("completed", (), 0)
