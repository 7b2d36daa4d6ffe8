"""What the journal holds is replayed as the events that plugins are told live."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings

import hookline
from engine.project import Project
from engine.random_flow import LOG, sprout
from engine.test_random_graphs import descriptions
from hookline.engine.past.replay import replay
from hookline.errors import UsageError
from hookline.model.facts import RunEvent, TaskEvent
from hookline.model.states import Kind, RunState
from hookline.store import Group, NewRun, NodeRow, SqliteStore, open_store
from hookline.store.deletion import delete_runs
from hookline.store.ids import task_ids
from thorough import tries

Make = Callable[[str], Project]
Event = RunEvent | TaskEvent


def events(project: Project, after: str = "", limit: int | None = None) -> list[Event]:
    store = hookline.open_store(project.folder / ".hookline")
    try:
        return list(store.events(after, limit))
    finally:
        store.close()


def told(found: list[Event]) -> list[str]:
    """One line per event: its hook, its task, and how that stands."""
    return [f"{e.hook} {e.task_id if isinstance(e, TaskEvent) else e.workflow} {e.state}" for e in found]


def of_tasks(found: list[Event]) -> list[TaskEvent]:
    return [event for event in found if isinstance(event, TaskEvent)]


FLOW = """
@step
def double(x: int) -> int:
    log_metric("loss", 0.5, step=1)
    log_metric("loss", 0.25, step=2)
    log_params({"rate": [1, x]})
    attempt().note("remark", {"x": x})
    log_artifact("blob", b"b" * 5000)
    return x * 2

@step
def total(xs: list[int]) -> tuple[int, bytes]:
    return sum(xs), b"t" * 5000

@workflow
def flow(n: int = 2):
    return total(double.map(x=list(range(n))))
"""


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_a_run_is_replayed_from_its_start_to_its_end(project: Make, executor: str) -> None:
    """Each attempt has a start and an end, tasks come after those they depend on, and the run around all."""
    flow = project(FLOW)
    run = flow.run(executor, 1, n=2, name="first", tags=["a", "b"])
    found = events(flow)
    assert told(found) == [
        "run_started flow running",
        "task_started double[0] running",
        "task_finished double[0] completed",
        "task_started double[1] running",
        "task_finished double[1] completed",
        "task_started total running",
        "task_finished total completed",
        "run_finished flow completed",
    ]
    begin, end = found[0], found[-1]
    assert isinstance(begin, RunEvent)
    assert isinstance(end, RunEvent)
    assert (begin.run_id, begin.params, begin.resumed) == (run.id, {"n": 2}, False)
    assert (begin.run.name, begin.run.tags, Path(begin.store)) == ("first", ("a", "b"), flow.folder / ".hookline")
    assert end.counts == {"completed": 3}
    assert 0 < end.seconds < 60
    assert end.time_us > begin.time_us > 0


def test_an_end_tells_what_is_recorded_of_the_attempt(project: Make) -> None:
    """Times, outputs and notes are there; what is stored is decoded when it is asked for."""
    flow = project(FLOW)
    run = flow.run("threads")
    ends = {event.task_id: event for event in of_tasks(events(flow)) if event.hook == "task_finished"}
    one = ends["double[1]"]
    assert (one.run_id, one.step, one.item, one.number, one.plugin) == (run.id, "double", 1, 1, "")
    assert one.ended_us > one.started_us > 0
    assert one.seconds == pytest.approx(one.duration_us / 1e6)
    assert one.noted("metric") == {"loss": 0.25}
    assert one.noted("param") == {"rate": [1, 1]}
    assert one.noted("note") == {"remark": {"x": 1}}
    assert one.noted("artifact")["blob"].size > 5000
    assert one.noted() == {}
    assert [ref.size > 5000 for ref in ends["total"].outputs] == [False, True]
    assert len({ref.digest for ref in ends["total"].outputs}) == 2
    assert (one.error, one.frame) == ("", "")


def test_events_are_frozen_and_travel(project: Make) -> None:
    """An event can't be changed, and is itself after a journey to another process."""
    flow = project(FLOW)
    flow.run()
    for event in events(flow):
        with pytest.raises(AttributeError):
            event.sequence = 7  # type: ignore[misc]
        assert pickle.loads(pickle.dumps(event)) == event


def test_a_failed_attempt_that_is_followed_by_another_is_retrying(project: Make) -> None:
    """The last failure is the task's end; earlier ones say how long the next attempt waits."""
    flow = project(
        """
        @step(retries=2, retry_delay=0.01)
        def shaky(x: int) -> int:
            if attempt().number <= x:
                raise ValueError(f"not yet\\nnumber {attempt().number}")
            return x

        @workflow
        def flow():
            return shaky.map(x=[0, 1, 3])
        """
    )
    flow.run()
    found = of_tasks(events(flow))
    by_task = {
        name: [(e.hook, e.number, e.state, e.error) for e in found if e.task_id == name and e.hook != "task_started"]
        for name in ("shaky[0]", "shaky[1]", "shaky[2]")
    }
    error = "ValueError: not yet"
    assert by_task["shaky[0]"] == [("task_finished", 1, "completed", "")]
    assert by_task["shaky[1]"] == [("task_retrying", 1, "failed", error), ("task_finished", 2, "completed", "")]
    assert by_task["shaky[2]"] == [
        ("task_retrying", 1, "failed", error),
        ("task_retrying", 2, "failed", error),
        ("task_finished", 3, "failed", error),
    ]
    retrying = next(event for event in found if event.hook == "task_retrying")
    assert 0 < retrying.delay < 1
    assert retrying.failure is not None
    assert "number 1" in retrying.failure.message
    assert "in shaky: raise ValueError" in retrying.frame
    assert retrying.outputs == ()


def test_a_resumed_run_is_replayed_as_it_went(project: Make) -> None:
    """What failed before a resume stays a failure; the second driver has a start and an end of its own."""
    flow = project(
        """
        @step
        def a() -> int:
            return 1

        @step
        def b(x: int) -> int:
            if not there("go"):
                raise ValueError("no")
            return x

        @workflow
        def flow():
            return b(a())
        """
    )
    flow.run()
    flow.touch("go")
    flow.resume()
    found = events(flow)
    assert [line for line in told(found) if "task_started" not in line] == [
        "run_started flow running",
        "task_finished a completed",
        "task_finished b failed",
        "run_finished flow failed",
        "run_started flow running",
        "task_finished b completed",
        "run_finished flow completed",
    ]
    assert [event.resumed for event in found if isinstance(event, RunEvent)] == [False, False, True, True]
    assert [event.counts for event in found if isinstance(event, RunEvent)] == [
        {},
        {"completed": 1, "failed": 1},
        {},
        {"completed": 2},
    ]


def test_what_was_reused_or_left_out_is_replayed_with_its_reason(project: Make) -> None:
    """Items without an attempt of their own end once, too; a reused one has its outputs."""
    flow = project(
        """
        @step
        def part(x: int) -> int:
            return x

        @step
        def never(x: int) -> int:
            return x

        @step
        def bad() -> int:
            raise ValueError("bad")

        @step
        def after(x: int) -> int:
            return x

        @step
        def no() -> bool:
            return False

        @workflow
        def flow(n: int = 3):
            parts = part.map(x=list(range(n)))
            return never.when(no())(1), after(bad()), never.when(no()).map(x=parts), parts
        """
    )
    flow.run(n=3)
    cursor = events(flow)[-1].cursor
    flow.run(n=1200)
    found = of_tasks(events(flow, cursor))
    ends = {event.task_id: event for event in found if event.hook == "task_finished"}
    assert Counter(event.state for event in ends.values() if event.step == "part") == {"completed": 1197, "reused": 3}
    assert ends["part[2]"].why == "same code and inputs"
    assert (ends["part[2]"].number, ends["part[2]"].started_us, ends["part[2]"].seconds) == (0, 0, 0)
    assert len(ends["part[2]"].outputs) == 1
    assert (ends["never"].state, ends["never"].why) == ("skipped", "condition: it is false")
    assert ends["never-2"].state == "skipped"
    assert (ends["after"].state, ends["after"].why) == ("skipped", "upstream: 'bad' has no value")
    assert ends["bad"].error == "ValueError: bad"


def test_a_task_that_called_others_says_that_it_grew(project: Make) -> None:
    """Its own end comes first and has no outputs; tasks that grew have ids within it."""
    flow = project(
        """
        @step
        def inc(x: int) -> int:
            return x + 1

        @step
        def loop(x: int, n: int) -> int:
            return loop(inc(x), n - 1) if n else x

        @step
        def several(n: int) -> int:
            return loop(n, 1)

        @workflow
        def flow():
            return several.map(n=[1, 2])
        """
    )
    flow.run("inline")
    first = [event for event in of_tasks(events(flow)) if event.hook == "task_finished"]
    grew = [event for event in first if event.grew]
    assert {event.task_id for event in grew} == {"several[0]", "several[1]", "several[0]/loop", "several[1]/loop"}
    assert all(event.outputs == () and event.state.succeeded for event in grew)
    assert [event.task_id for event in first if event.task_id.startswith("several[0]")] == [
        "several[0]",
        "several[0]/loop",
        "several[0]/loop/inc",
        "several[0]/loop/2",
    ]
    flow.run("inline")
    again = of_tasks(events(flow))[-len(first) :]
    assert [(event.task_id, event.state, event.grew) for event in again if "[0]" in event.task_id] == [
        ("several[0]", "reused", True),
        ("several[0]/loop", "reused", True),
        ("several[0]/loop/inc", "reused", False),
        ("several[0]/loop/2", "reused", False),
    ]


def test_going_on_from_any_cursor_misses_nothing_and_repeats_nothing(project: Make) -> None:
    """However events are read, in pages of any size or from any event on, they are the same."""
    flow = project(FLOW)
    flow.run(n=1)
    flow.run(n=3)
    found = events(flow)
    for at, event in enumerate(found):
        assert events(flow, event.cursor) == found[at + 1 :]
    for size in (1, 2, 3):
        pages: list[Event] = []
        while page := events(flow, pages[-1].cursor if pages else "", size):
            assert len(page) <= size
            pages += page
        assert pages == found
    assert events(flow, limit=0) == []


def test_following_begins_now_and_sees_what_comes(project: Make) -> None:
    """The store's own cursor stands after all that is recorded."""
    flow = project(FLOW)
    flow.run()
    store = hookline.open_store(flow.folder / ".hookline")
    cursor = store.cursor
    assert list(store.events(cursor)) == []
    flow.run(n=3)
    assert told(list(store.events(cursor)))[0] == "run_started flow running"
    store.close()


def test_the_events_of_a_deleted_run_are_gone(project: Make) -> None:
    """Others stay, with the cursors they had."""
    flow = project(FLOW)
    flow.run()
    before = events(flow)
    flow.run(n=3)
    kept = [event for event in events(flow) if event not in before]
    with open_store(flow.folder / ".hookline") as store:
        delete_runs(store, [store.run("last~1")])
    assert [event.cursor for event in events(flow)] == [event.cursor for event in kept]


@pytest.mark.parametrize("cursor", ["x", "1.2.3", "-1", "1.", " 1", 3])
def test_what_is_no_cursor_is_refused(project: Make, cursor: Any) -> None:
    """The message says where cursors come from."""
    flow = project(FLOW)
    flow.run()
    with pytest.raises(UsageError) as caught:
        events(flow, cursor)
    assert str(caught.value) == (
        f"'{cursor}' is no cursor\nhelp: take it from an event: store.events(after=event.cursor)"
    )


def test_a_limit_below_none_is_refused(project: Make) -> None:
    """As a cursor that is none."""
    flow = project(FLOW)
    flow.run()
    with open_store(flow.folder / ".hookline") as store, pytest.raises(UsageError) as caught:
        list(replay(store, limit=-1))
    assert str(caught.value) == "-1 events can't be asked for\nhelp: give a limit of 0 or more, or none"


@pytest.fixture(scope="module")
def random_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("replay")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(folder / "log"))
        yield folder / ".hookline"


@settings(max_examples=tries(25), deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(nodes=descriptions())
def test_every_item_of_any_run_ends_once_as_the_run_says(random_store: Path, nodes: list[Any]) -> None:
    """Ends add up to the run's counts, and each follows its start, if an attempt was made."""
    before = ""
    if random_store.exists():
        opened = hookline.open_store(random_store)
        before = opened.cursor
        opened.close()
    run = hookline.run(sprout, {"nodes": nodes}, executor="threads", workers=2, store=random_store)
    store = hookline.open_store(random_store)
    found = list(store.events(before))
    store.close()
    ends = [event for event in of_tasks(found) if event.hook == "task_finished"]
    assert Counter(event.state.value for event in ends) == {word: n for word, n in run.counts.items() if n}
    assert max(Counter(event.task_id for event in ends).values(), default=1) == 1
    begun: Counter[str] = Counter()
    for event in of_tasks(found):
        begun[event.task_id] += event.hook == "task_started"
        if event.hook == "task_finished":
            # Where lists of different lengths meet, a map fails before there are attempts.
            assert begun[event.task_id] <= event.number <= 1
            assert begun[event.task_id] == 1 or not event.number or "lists of different lengths" in event.error
            assert bool(event.outputs) == event.state.succeeded
    assert [event.hook for event in found if isinstance(event, RunEvent)] == ["run_started", "run_finished"]


def test_a_task_in_flight_when_its_driver_was_killed_is_tried_again(project: Make) -> None:
    """A driver that was killed has no end; what it left in flight crashed, and the next driver goes on."""
    flow = project(
        """
        @step
        def fatal() -> int:
            if not there("go"):
                (HERE / "go").touch()
                os.kill(os.getpid(), 9)
            return 1

        @workflow
        def flow():
            return fatal()
        """
    )
    command = [sys.executable, "-m", "hookline", "run", str(flow.file), "--executor", "inline"]
    killed = subprocess.run(command, cwd=flow.folder, capture_output=True, check=False)
    assert killed.returncode == -9
    flow.resume()
    found = events(flow)
    assert told(found) == [
        "run_started flow running",
        "run_started flow running",
        "task_started fatal running",
        "task_retrying fatal crashed",
        "task_started fatal running",
        "task_finished fatal completed",
        "run_finished flow completed",
    ]


def test_ids_of_tasks_that_come_later_are_those_that_the_run_shows(empty: SqliteStore) -> None:
    """Whoever reads while a run goes on learns of new tasks as they come, however deep they are named."""
    store = empty
    with store.start_run(NewRun("w")) as run:
        run.commit(Group(nodes=[NodeRow(0, "loop", "loop", shape=1, length=2)], attempts=[done(0, 1)]))
        following = replay(store)
        assert next(following).hook == "run_started"
        seen = [next(following) for _ in range(2)]
        parent = (0, 1)
        for node in range(1, 50):
            name = "step" if node % 3 else str(node)
            run.commit(Group(nodes=[NodeRow(node, name, "loop", parent=parent[0], parent_item=parent[1])]))
            run.commit(Group(attempts=[done(node, 0)]))
            parent = (node, 0)
        seen += following
        expected = task_ids(store.nodes(run.run))
        del expected[0]
    assert [event.task_id for event in seen if isinstance(event, TaskEvent)] == ["loop[1]"] * 2 + [
        task_id for task_id in expected.values() for _ in ("start", "end")
    ]


def test_a_run_that_is_deleted_while_it_is_read_ends_there(empty: SqliteStore) -> None:
    """Events of others follow."""
    for name in ("first", "second"):
        with empty.start_run(NewRun(name)) as run:
            run.commit(Group(nodes=[NodeRow(0, "a", "a")], attempts=[done(0, 0)]))
            run.finish(RunState.COMPLETED)
    following = replay(empty)
    assert next(following).hook == "run_started"
    delete_runs(empty, [empty.run("last~1")])
    rest = list(following)
    assert [event.run.workflow for event in rest if isinstance(event, RunEvent)] == ["second", "second"]


def test_what_was_in_flight_may_have_no_name_yet(empty: SqliteStore) -> None:
    """A driver was killed before it recorded the task; whoever reads before the next one does so gets the number."""
    with empty.start_run(NewRun("w")) as run:
        run.commit(Group(attempts=[(7, 0, 1, int(Kind.ORPHANED), None, None, 1, 0, -1)]))
    found = [event for event in replay(empty) if isinstance(event, TaskEvent)]
    assert [(event.hook, event.task_id, event.state) for event in found] == [
        ("task_started", "#7", "running"),
        ("task_retrying", "#7", "crashed"),
    ]


def test_a_task_that_a_plugin_put_in_says_so(empty: SqliteStore) -> None:
    """Ids of inserted tasks begin with the plugin's name, also within tasks that grew."""
    store = empty
    with store.start_run(NewRun("w")) as run:
        names = ["load", "data:validate@load", "load:3", "grown"]
        nodes = [NodeRow(number, name, "s") for number, name in enumerate(names)]
        nodes.append(NodeRow(4, "data:validate@x", "s", parent=3, parent_item=0))
        run.commit(Group(nodes=nodes, attempts=[done(number, 0) for number in range(5)]))
    ends = [event for event in replay(store) if isinstance(event, TaskEvent) and event.hook == "task_finished"]
    assert [(event.task_id, event.plugin) for event in ends] == [
        ("load", ""),
        ("data:validate@load", "data"),
        ("load:3", ""),
        ("grown", ""),
        ("grown/data:validate@x", "data"),
    ]


def done(node: int, item: int) -> Any:
    return node, item, 1, int(Kind.COMPLETED), None, None, 1, 1, 0


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / ".hookline", create=True) as store:
        yield store
