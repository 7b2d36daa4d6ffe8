"""Random workflows on every executor come to what plain Python comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

import hookline
from engine.random_flow import BLOCKED, FAILED, LOG, SKIPPED, Expected, evaluate, sow, sprout
from hookline import Run
from hookline.errors import WorkflowError
from hookline.graph.build import build_graph
from hookline.model.states import Kind
from hookline.store import open_store, unpack_outputs
from thorough import tries

# Shrinking a failure would take minutes of whole runs; what is drawn is small as it is.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
CONSTANTS = st.sampled_from([1, 2, [1, 2], {"a": 1}, None, 2.5, "text", (1, (2,)), [], b"bytes", {"s": [3]}])


@st.composite
def descriptions(draw: st.DrawFn) -> list[Any]:
    """Descriptions of workflows, for :func:`engine.random_flow.sprout`."""
    nodes: list[Any] = []
    kinds: list[tuple[str, bool]] = []

    def some(wanted: Any) -> list[int]:
        return [index for index, kind in enumerate(kinds) if wanted(*kind)]

    def leaf() -> Any:
        options: list[st.SearchStrategy[Any]] = [st.tuples(st.just("const"), CONSTANTS)]
        if kinds:
            every = list(range(len(kinds)))
            options += [st.tuples(st.just("ref"), st.sampled_from(every))] * 3
            options.append(
                st.tuples(st.just("first"), st.lists(st.sampled_from(every), min_size=1, max_size=3).map(tuple))
            )
        for index in some(lambda name, mapped: name in ("pair", "two") and not mapped):
            options.append(st.tuples(st.just("slot"), st.just(index), st.integers(0, 1), st.just(kinds[index][0])))
        for index in some(lambda _, mapped: mapped):
            options.append(st.tuples(st.just("completed"), st.just(index)))
        return st.one_of(options)

    def structure() -> Any:
        return st.one_of(
            leaf(),
            leaf(),
            st.tuples(st.just("list"), st.lists(leaf(), max_size=3)),
            st.tuples(st.just("tuple"), st.lists(leaf(), max_size=2)),
            st.tuples(st.just("dict"), st.lists(leaf(), max_size=2).map(lambda items: list(enumerate(items)))),
        )

    def source(form: str) -> Any:
        options: list[Any] = [st.tuples(st.just("const"), st.sampled_from([[1, 2, 3], [[1], [1]], [], [4, 4]]))]
        for index in some(lambda name, mapped: mapped or name == "several"):
            options += [st.tuples(st.just("ref"), st.just(index))] * 2
        for index in some(lambda _, mapped: mapped):
            options.append(st.tuples(st.just("completed"), st.just(index)))
        for index in some(lambda name, mapped: name in ("pair", "two") and not mapped):
            options.append(st.tuples(st.just("slot"), st.just(index), st.just(1), st.just(kinds[index][0])))
        return st.one_of(options)

    for _ in range(draw(st.integers(1, 9))):
        name = draw(st.sampled_from(["plain", "plain", "several", "pair", "two", "even"]))
        form = draw(st.sampled_from(["call", "call", "map", "map", "product"]))
        parts = draw(structure())
        first_source = second = condition = None
        if form != "call":
            first_source = draw(source(form))
            if form == "product" or draw(st.booleans()):
                second = draw(source(form))
        evens = some(lambda name, mapped: name == "even" and not mapped)
        if evens and draw(st.booleans()):
            condition = ("ref", draw(st.sampled_from(evens)))
        k = draw(st.sampled_from([0, 0, 0, 3, 5]))
        nodes.append((name, form, parts, first_source, second, condition, k))
        kinds.append((name, form != "call"))
    try:
        build_graph(sprout, {"nodes": nodes})
    except WorkflowError as error:
        # What can be told before the run is refused there; the engine meets only what shows later.
        if any("lists of different lengths" not in problem for problem in error.problems):
            raise
        reject()
    return nodes


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all examples; they share steps and often inputs, as the runs of a project do."""
    folder = tmp_path_factory.mktemp("random")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(folder / "log"))
        yield folder / ".hookline"


@settings(max_examples=tries(45), deadline=None, phases=PHASES)
@given(nodes=descriptions())
def test_inline_and_threads_come_to_what_plain_python_comes_to(store: Path, nodes: list[Any]) -> None:
    """Values, counts, keys and digests are those of a plain evaluation, though every consumer spoils its inputs."""
    expected = evaluate(nodes)
    inline = check(store, nodes, expected, "inline", fresh=True)
    threads = check(store, nodes, expected, "threads", fresh=True)
    assert recorded(store, inline) == recorded(store, threads)
    again = check(store, nodes, expected, "threads")
    assert again.counts["completed"] == 0


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(nodes=descriptions())
def test_processes_come_to_what_inline_comes_to(store: Path, nodes: list[Any]) -> None:
    """The same holds where every value crosses the border of a process."""
    expected = evaluate(nodes)
    inline = check(store, nodes, expected, "inline", fresh=True)
    processes = check(store, nodes, expected, "processes", fresh=True)
    assert recorded(store, inline) == recorded(store, processes)


@settings(max_examples=tries(30), deadline=None, phases=PHASES)
@given(nodes=descriptions())
def test_what_a_step_grows_comes_to_what_the_workflow_would_make_of_it(store: Path, nodes: list[Any]) -> None:
    """A grown task behaves as if its calls had been written in the workflow in its place; reused, it does so again."""
    check_grown(store, nodes, "inline", fresh=True)
    check_grown(store, nodes, "threads")


@settings(max_examples=5, deadline=None, phases=PHASES)
@given(nodes=descriptions())
def test_what_a_step_grows_on_processes_is_the_same(store: Path, nodes: list[Any]) -> None:
    """The same holds where recipes cross the border of a process."""
    check_grown(store, nodes, "processes", fresh=True)


def check_grown(store: Path, nodes: list[Any], executor: str, *, fresh: bool = False) -> Run:
    """Let a step make the tasks of a description, and compare all that can be seen of them with what is expected."""
    expected = evaluate(nodes)
    run = hookline.run(sow, {"nodes": nodes}, executor=executor, workers=2, store=store, fresh=fresh)
    words = Counter(word for end in expected for word in ([end.never] if end.never else map(state_of, end.items)))
    bad, counts = words[FAILED] + words[BLOCKED] + words[SKIPPED], run.counts
    # The step itself, and the task that puts its list together, end with a value or not at all.
    assert counts["completed"] + counts["reused"] == words["value"] + (0 if bad else 2)
    assert counts["failed"] == words[FAILED]
    assert counts["skipped"] == words[SKIPPED] + words[BLOCKED] + (2 if bad else 0)
    assert run.status == ("failed" if words[FAILED] else "completed")
    if run.status == "completed":
        assert run.result == (None if bad else [end.value() for end in expected])
    for index, end in enumerate(expected):
        if not end.never and not (end.mapped is False and isinstance(end.items[0], str)):
            values = [None if isinstance(item, str) else item for item in end.items]
            assert run.load(f"sown/n{index}") == (values if end.mapped else values[0])
    return run


def check(store: Path, nodes: list[Any], expected: list[Expected], executor: str, *, fresh: bool = False) -> Run:
    """Run a description, and compare all that can be seen of the run with what is expected."""
    run = hookline.run(sprout, {"nodes": nodes}, executor=executor, workers=2, store=store, fresh=fresh)
    words = Counter(word for end in expected for word in ([end.never] if end.never else map(state_of, end.items)))
    counts = run.counts
    assert counts["completed"] + counts["reused"] == words["value"]
    assert counts["failed"] == words[FAILED]
    assert counts["skipped"] == words[SKIPPED] + words[BLOCKED]
    assert sum(counts.values()) == sum(words.values())
    assert run.status == ("failed" if words[FAILED] else "completed")
    if run.status == "completed":
        assert run.result == [None if end.never else end.value() for end in expected]
    for index, end in enumerate(expected):
        if not end.never and not (end.mapped is False and isinstance(end.items[0], str)):
            values = [None if isinstance(item, str) else item for item in end.items]
            assert run.load(f"n{index}") == (values if end.mapped else values[0])
    executions = Counter(line for line in log(store) if line[0] == run.id)
    assert all(count == 1 for count in executions.values()), executions
    if not fresh:
        assert len(executions) == words[FAILED] - sum(end.never == FAILED for end in expected)
    return run


def state_of(item: Any) -> str:
    return item if isinstance(item, str) else "value"


def log(store: Path) -> list[tuple[str, ...]]:
    path = store.parent / "log"
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def recorded(store: Path, run: Run) -> dict[bytes, tuple[int, list[bytes]]]:
    """By key: how the attempt ended, and the digests of its outputs."""
    with open_store(store) as opened:
        return {
            row.key: (row.kind, [slot.digest for slot in unpack_outputs(row.outputs)] if row.outputs else [])
            for row in opened.attempts(run.id)
            if row.key is not None and row.kind in (Kind.COMPLETED, Kind.FAILED)
        }


def test_the_descriptions_reach_every_corner(store: Path) -> None:
    """Skips, failures, blocked items and empty maps all occur in what is drawn, or the tests above show little."""
    seen: Counter[str] = Counter()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(nodes=descriptions())
    def look(nodes: list[Any]) -> None:
        for end in evaluate(nodes):
            seen.update([f"never {end.never}"] if end.never else map(state_of, end.items))
            seen["empty"] += end.mapped and not end.items and not end.never

    look()
    for corner in ("never skipped", "never blocked", "never failed", FAILED, BLOCKED, "value", "empty"):
        assert seen[corner], seen
