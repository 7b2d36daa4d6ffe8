"""Random workflows of mainly linear shape: much of them travels in stretches, and none of it may differ for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookline
from engine.random_flow import BLOCKED, FAILED, LOG, SKIPPED, evaluate, sow, sprout
from engine.test_random_graphs import PHASES, check, log, recorded, state_of
from engine.test_stretches import SeenInline, SeenProcesses, SeenThreads, seen
from hookline import Run
from hookline.engine import api
from hookline.engine.stop import Stop
from hookline.model.batch import Deliver, Finished, Message, RunFacts
from hookline.model.states import Kind, Verdict
from hookline.store import open_store
from hookline.worker import run_batch
from thorough import tries


@st.composite
def chains(draw: st.DrawFn) -> list[Any]:
    """Descriptions for :func:`engine.random_flow.sprout`, most of whose tasks wait for the one before only.

    Two chains may be the same for a while, or come to the same values later.
    """
    nodes: list[Any] = []
    names: list[str] = []

    def add(name: str, parts: Any, k: int = 0, condition: Any = None, form: str = "call", source: Any = None) -> int:
        nodes.append((name, form, parts, source, None, condition, k))
        names.append(name)
        return len(nodes) - 1

    def follow(before: int, kind: str) -> Any:
        here = ("ref", before)
        if names[before] in ("pair", "two") and kind != "whole":
            here = ("slot", before, 0, names[before])
        if kind == "beside" or kind == "first":
            plain = [index for index, node in enumerate(nodes) if node[1] == "call"]
            if kind == "first":
                ends = evaluate(nodes)
                lacking = [index for index in plain if ends[index].never or isinstance(ends[index].items[0], str)]
                plain = lacking if lacking and draw(st.booleans()) else plain
            others = st.sampled_from(plain)
            if kind == "first":
                return ("list", [("first", tuple(draw(st.lists(others, min_size=1, max_size=2)))), here])
            return ("list", [("ref", draw(others)), here])
        if kind == "map":
            mapped = add("plain", here, form="map", source=("const", [1, 2, 2]))
            return ("list", [("ref", mapped), here]) if draw(st.booleans()) else ("ref", mapped)
        return here

    fails = draw(st.sampled_from([0, 0, 0, 20, 6]))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        start = len(nodes)
        steps = draw(
            st.sampled_from([("plain",), ("turn",), ("plain", "turn"), ("plain", "two", "turn", "even", "pair")])
        )
        before = add(steps[0], ("const", draw(st.integers(0, 1))), draw(st.sampled_from([0, fails])))
        if len(nodes) > 1 and draw(st.booleans()):
            before = draw(st.integers(0, len(nodes) - 2))
        for _ in range(draw(st.integers(3, 30))):
            kind = draw(st.sampled_from(["next"] * 20 + ["whole", "beside", "first", "map"]))
            condition = None
            evens = [index for index, name in enumerate(names) if name == "even" and nodes[index][1] == "call"]
            if evens and draw(st.integers(0, 15)) == 0:
                condition = ("ref", draw(st.sampled_from(evens)))
            parts = follow(before, kind)
            before = add(draw(st.sampled_from(steps)), parts, draw(st.sampled_from([0, fails])), condition)
        if draw(st.integers(0, 2)) == 0:
            nodes += [moved(node, start, len(nodes) - start) for node in nodes[start:]]
            names += names[start:]
    return nodes


def moved(part: Any, start: int, by: int) -> Any:
    """Give a part of a description whose references to what begins at ``start`` lead that much further."""
    if not isinstance(part, (tuple, list)) or part[:1] == ("const",):
        return part
    if part[:1] == ("first",):
        return ("first", tuple(index + by if index >= start else index for index in part[1]))
    if part[:1] in (("ref",), ("slot",)):
        return (part[0], part[1] + by if part[1] >= start else part[1], *part[2:])
    return type(part)(moved(one, start, by) for one in part)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all examples; workers in this process tell of each link at once."""
    folder = tmp_path_factory.mktemp("chains")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(folder / "log"))
        patch.setattr(run_batch, "_TELL_LINKS_AFTER_NS", 0)
        yield folder / ".hookline"


def check_rows(store: Path, run: Run, *, resumed: bool = False) -> None:
    """What ended well has one row as a task, one reason, and one attempt that made it; no key was made twice."""
    with open_store(store) as opened:
        nodes, attempts, decisions = opened.nodes(run.id), list(opened.attempts(run.id)), opened.decisions(run.id)
    assert len({node.node for node in nodes}) == len(nodes)
    made = [(row.node, row.item) for row in attempts if row.kind in (Kind.COMPLETED, Kind.GREW)]
    assert len(made) == len(set(made))
    keys = Counter(row.key for row in attempts if row.kind in (Kind.COMPLETED, Kind.GREW))
    assert all(count == 1 for count in keys.values())
    if not resumed:
        ran = Counter(row.node for row in decisions if row.verdict is Verdict.RUN)
        plain = {node.node for node in nodes if node.shape == 0}
        assert all(ran[node] == 1 for node, _ in made if node in plain)
        assert {row.node for row in attempts} <= {node.node for node in nodes}


@settings(max_examples=tries(60), deadline=None, phases=PHASES)
@given(nodes=chains(), executor=st.sampled_from(["inline", "threads", "threads"]))
def test_chains_come_to_what_plain_python_comes_to(store: Path, nodes: list[Any], executor: str) -> None:
    """Values, states, rows; each key once; a second run, on another executor, reuses all that succeeded."""
    expected = evaluate(nodes)
    run = check(store, nodes, expected, executor, fresh=True)
    check_rows(store, run)
    again = check(store, nodes, expected, "threads")
    check_rows(store, again)
    assert again.counts["completed"] == 0


@settings(max_examples=tries(12), deadline=None, phases=PHASES)
@given(nodes=chains())
def test_chains_on_processes_come_to_the_same(store: Path, nodes: list[Any]) -> None:
    """The same where links cross the border of a process."""
    expected = evaluate(nodes)
    run = check(store, nodes, expected, "processes", fresh=True)
    check_rows(store, run)
    inline = check(store, nodes, expected, "inline", fresh=True)
    assert recorded(store, run) == recorded(store, inline)


@settings(max_examples=tries(30), deadline=None, phases=PHASES)
@given(nodes=chains())
def test_chains_that_a_step_grows_come_to_the_same(store: Path, nodes: list[Any]) -> None:
    """The same for the tasks of a grown part."""
    expected = evaluate(nodes)
    run = hookline.run(sow, {"nodes": nodes}, executor="threads", workers=2, store=store, fresh=True)
    check_rows(store, run)
    words = Counter(word for end in expected for word in ([end.never] if end.never else map(state_of, end.items)))
    assert run.counts["failed"] == words[FAILED]
    if not (words[FAILED] or words[SKIPPED] or words[BLOCKED]):
        assert run.result == [end.value() for end in expected]


class Stopping:
    """Asks the run to stop once so many attempts have ended."""

    stop: Stop
    left: int

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """See :meth:`Executor.start`."""

        def count(message: Message) -> None:
            if isinstance(message, Finished):
                self.left -= len(message.outcomes)
                if self.left <= 0:
                    self.stop.soft()
            deliver(message)

        super().start(run, count)  # type: ignore[misc]


class StoppingInline(Stopping, SeenInline):
    """Inline."""


class StoppingThreads(Stopping, SeenThreads):
    """Threads."""


class StoppingProcesses(Stopping, SeenProcesses):
    """Processes."""


@settings(max_examples=tries(45), deadline=None, phases=PHASES)
@given(
    nodes=chains(),
    first=st.sampled_from([StoppingInline, StoppingThreads, StoppingThreads, StoppingProcesses]),
    then=st.sampled_from(["inline", "threads"]),
    after=st.integers(1, 40),
)
def test_a_chain_that_is_stopped_is_resumed_where_it_was(
    store: Path, nodes: list[Any], first: Any, then: str, after: int
) -> None:
    """Nothing that was told of runs again, on whichever executor; all comes to what it would have come to."""
    expected = evaluate(nodes)
    where = first(2)
    where.links, where.left, where.stop = [], after, Stop()
    run = api.run(sprout, {"nodes": nodes}, executor=where, store=store, fresh=True, stop=where.stop, grace=20)
    if run.status == "interrupted":
        run = hookline.resume(run.id, store=store, executor=then)
    check_rows(store, run, resumed=True)
    words = Counter(word for end in expected for word in ([end.never] if end.never else map(state_of, end.items)))
    assert run.counts["completed"] + run.counts["reused"] == words["value"]
    assert run.counts["failed"] == words[FAILED]
    if run.status == "completed":
        assert run.result == [None if end.never else end.value() for end in expected]
    assert max(Counter(line for line in log(store) if line[0] == run.id).values(), default=1) == 1


def test_what_is_drawn_travels_in_stretches(store: Path) -> None:
    """Links, and chains that part, fail and are skipped all occur, or the tests above show little."""
    links: list[int] = []
    words: Counter[str] = Counter()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(nodes=chains())
    def look(nodes: list[Any]) -> None:
        where = seen("threads")
        run = hookline.run(sprout, {"nodes": nodes}, executor=where, store=store, fresh=True)
        links.append(sum(where.links))
        words.update(
            word for end in evaluate(nodes) for word in ([end.never] if end.never else map(state_of, end.items))
        )
        words["same"] += run.counts["reused"]

    look()
    assert sum(links) > 30
    assert min(words[word] for word in (FAILED, BLOCKED, SKIPPED, "value", "same")) > 5, words
