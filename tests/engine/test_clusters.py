"""Executors whose places come and go: a cluster that is lost ends the run, one that grows is used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from engine.project import Project
from hookline.engine import api
from hookline.engine.stop import Stop
from hookline.executors.protocol import Traits
from hookline.executors.threads import ThreadsExecutor
from hookline.model.batch import Batch, Deliver, Gone, Lost, Message, Places, RunFacts, Started
from hookline.model.events import Event, PlacesChanged, RunFinished
from hookline.model.masking import keep_out
from hookline.model.states import Kind
from hookline.testing.recording_executor import RecordingExecutor

Make = Callable[[str], Project]

CHAIN = """
@step
def load(x: int) -> int:
    note(f"load {x}")
    return x

@step
def train(x: int) -> int:
    note(f"train {x}")
    return x

@workflow
def flow():
    return train(load(1)), load(2)
"""


class Cluster(ThreadsExecutor):
    """A cluster that is lost as soon as it is given an attempt of ``train``."""

    traits = Traits(kills=True, remote=True, shares_memory=True)
    told: Gone | None = Gone("the cluster at 'head:6379' was lost", "see that it is there, and resume the run")
    answers = True

    def __init__(self, workers: int = 1) -> None:
        super().__init__(workers)
        self.held: list[int] = []

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        self.tell = deliver
        super().start(run, deliver)

    def submit(self, batch: Batch) -> None:
        if batch.work.step != "train":
            super().submit(batch)
            return
        self.held.append(batch.number)
        self.tell(Started(batch.number, 7))
        if self.told is not None:
            self.tell(self.told)

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        for number in set(batches) & set(self.held) if self.answers else ():
            self.tell(Lost(number, 7, "the cluster was lost", cancelled=True))


def carried(
    flow: Project, executor: Cluster, grace: float = 600.0, stop: Stop | None = None
) -> tuple[str, list[Event]]:
    """Run the workflow; give the run's id, and what was told."""
    told: list[Event] = []
    target = flow.target
    run = api.run(target.workflow, executor=executor, grace=grace, observers=[told.append], stop=stop, target=target)
    return run.id, told


def test_a_lost_cluster_interrupts_the_run_and_is_no_attempts_fault(project: Make) -> None:
    """What is in flight is cancelled, the run says why it could not go on, and a resume does the rest."""
    flow = project(CHAIN)
    began = time.monotonic()
    run_id, events = carried(flow, Cluster())
    assert time.monotonic() - began < 300, "the grace period was waited for"
    with flow.store() as store:
        row = store.run(run_id)
        assert row.state.value == "interrupted"
        assert row.error == ("the cluster at 'head:6379' was lost\nhelp: see that it is there, and resume the run")
        kinds = {attempt.kind for attempt in store.attempts(run_id)}
    assert kinds <= {Kind.COMPLETED, Kind.CANCELLED}
    assert Kind.CANCELLED in kinds
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert (last.state.value, last.error) == ("interrupted", row.error)

    flow.executions()
    resumed = flow.resume(run_id, executor="threads")
    assert resumed.status == "completed"
    assert resumed.summary().error == ""
    assert resumed.result == (1, 2)
    assert "train 1" in flow.executions()


def test_a_cluster_that_cant_be_joined_interrupts_the_run_before_anything_ran(project: Make) -> None:
    """An executor may say so before it was given anything."""

    class Unreachable(Cluster):
        def start(self, run: RunFacts, deliver: Deliver) -> None:
            super().start(run, deliver)
            deliver(Gone("nobody answers at 'head:6379'"))

        def capacity(self) -> int:
            return 0

    flow = project(CHAIN)
    run_id, _ = carried(flow, Unreachable())
    with flow.store() as store:
        row = store.run(run_id)
    assert (row.state.value, row.error) == ("interrupted", "nobody answers at 'head:6379'")
    assert flow.executions() == []
    assert flow.resume(run_id, executor="threads").status == "completed"


def test_a_lost_cluster_that_answers_nothing_more_is_left_behind(project: Make) -> None:
    """Once the grace period is over the run ends, whatever the executor still has."""

    class Silent(Cluster):
        answers = False

    flow = project(CHAIN)
    run_id, _ = carried(flow, Silent(), grace=0.0)
    with flow.store() as store:
        assert store.run(run_id).state.value == "interrupted"
    assert flow.resume(run_id, executor="threads").status == "completed"


def test_a_cluster_that_is_lost_while_the_run_stops_is_not_why(project: Make) -> None:
    """The first reason counts: a run that was asked to stop says nothing of the cluster."""

    class Stopped(Cluster):
        told = None

        def submit(self, batch: Batch) -> None:
            super().submit(batch)
            if self.held:
                stop.soft()

        def cancel(self, batches: Iterable[int], grace: float) -> None:
            self.tell(Gone("the cluster was lost"))
            super().cancel(batches, grace)

    flow, stop = project(CHAIN), Stop()
    run_id, _ = carried(flow, Stopped(), stop=stop)
    with flow.store() as store:
        row = store.run(run_id)
    assert (row.state.value, row.error) == ("interrupted", None)


def test_secrets_are_masked_in_the_reason(project: Make) -> None:
    """What the executor says of a lost cluster is recorded and told without them."""

    class Talkative(Cluster):
        told = Gone("the cluster refused the token 'o9x-very-secret-71'")

    keep_out("o9x-very-secret-71")
    flow = project(CHAIN)
    run_id, events = carried(flow, Talkative())
    with flow.store() as store:
        assert store.run(run_id).error == "the cluster refused the token '***'"
    assert "o9x-very-secret" not in str(events[-1])


def test_a_cluster_that_grows_is_given_more(project: Make) -> None:
    """A run waits while there is no place at all, goes on when there are some, and those who watch are told."""

    class Growing(ThreadsExecutor):
        slots = 0

        def start(self, run: RunFacts, deliver: Deliver) -> None:
            super().start(run, deliver)
            deliver(Places("growing", 0, 0, 0))
            threading.Timer(0.2, self._grow, [deliver]).start()

        def _grow(self, deliver: Deliver) -> None:
            self.slots = 2
            deliver(Places("growing", 1, 2, 0))

        def capacity(self) -> int:
            return self.slots

    flow = project(CHAIN)
    events: list[Event] = []
    target = flow.target
    run = api.run(target.workflow, executor=Growing(2), observers=[events.append], target=target)
    assert run.result == (1, 2)
    places = [event for event in events if isinstance(event, PlacesChanged)]
    assert places == [PlacesChanged("growing", 0, 0, 0), PlacesChanged("growing", 1, 2, 0)]


def test_places_are_told_now_and_then_however_often_they_change(project: Make) -> None:
    """An executor may say so with each batch; those who watch are told ten times a second at most."""

    class Busy(RecordingExecutor):
        def _tell(self, message: Message) -> None:
            super()._tell(message)
            for busy in range(100):
                super()._tell(Places("busy", 1, 100, busy))

    flow = project(CHAIN)
    events: list[Event] = []
    began = time.monotonic()
    run = flow.run(Busy(), observers=[events.append])  # type: ignore[arg-type]
    most = 2 + (time.monotonic() - began) * 10
    assert run.status == "completed"
    assert 1 <= sum(isinstance(event, PlacesChanged) for event in events) <= most


def test_the_executor_may_know_which_attempt_a_lost_worker_was_making(project: Make) -> None:
    """That one is at fault then, and the rest of its batch is tried as if nothing had been."""

    class Forgetful(ThreadsExecutor):
        lost: tuple[int, int, int] | None = None

        def start(self, run: RunFacts, deliver: Deliver) -> None:
            self.tell = deliver
            super().start(run, deliver)

        def submit(self, batch: Batch) -> None:
            if self.lost is not None or len(batch.items) < 4:
                super().submit(batch)
                return
            self.lost = (batch.work.node, batch.items[2], batch.attempt)
            self.tell(Started(batch.number, 0))
            self.tell(Lost(batch.number, 0, "the machine was switched off", last=self.lost))

    flow = project("""
    @step
    def one(x: int) -> int:
        return x

    @workflow
    def flow():
        return one.map(x=range(300))
    """)
    executor = Forgetful(1)
    run = flow.run(executor)  # type: ignore[arg-type]
    assert run.status == "completed"
    assert executor.lost is not None
    crashed = [row for row in flow.attempts(run) if row.kind == Kind.CRASHED]
    assert [(row.node, row.item, row.attempt) for row in crashed] == [executor.lost]


def test_works_say_what_attempts_need_beside_processors(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other resources by name, and the driver's values of the variables that keys count; these are never written."""
    monkeypatch.setenv("CHURN_TOKEN", "a-value-to-keep-41")
    monkeypatch.delenv("CHURN_REGION", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    executor = RecordingExecutor()
    flow = project("""
    @step(resources={"memory": 2e9, "cpu": 2, "gpu": 0.5}, env=["CHURN_TOKEN", "CHURN_REGION", "OMP_NUM_THREADS"])
    def one(x: int) -> int:
        return x

    @workflow
    def flow():
        return one(1)
    """)
    run = flow.run(executor)  # type: ignore[arg-type]
    assert run.status == "completed"
    (batch,) = executor.batches
    assert batch.work.cpu == 2.0
    assert batch.work.resources == (("gpu", 0.5), ("memory", 2e9))
    # How many threads there are follows from cpu, wherever the worker is.
    assert batch.work.env == (("CHURN_TOKEN", "a-value-to-keep-41"), ("CHURN_REGION", None))
    assert "a-value-to-keep-41" not in repr(batch.work)
    for file in (tmp_path / ".hookline").rglob("*"):
        assert not file.is_file() or b"a-value-to-keep-41" not in file.read_bytes(), file
