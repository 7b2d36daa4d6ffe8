"""Random edits of random graphs never leave one that can't run, and what runs comes to what plain Python comes to.

The oracle knows nothing of graphs: an insertion after a task is one more function over its value, one before an
argument one more function over that argument, a wrapper one more around the step's own.
"""

from __future__ import annotations

import contextlib
import functools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hookline import step, workflow
from hookline.engine import api
from hookline.errors import PluginError
from hookline.graph.build import build_graph
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.match import TaskMatch
from hookline.graph.rewriting.rewrite import Rewriter, rewrite
from hookline.model.graph import TaskGraph
from thorough import tries

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


def crumble(*parts: Any) -> int:
    """Give a number that depends on every part."""
    return zlib.crc32(repr(parts).encode()) % 100_000


@step
def mix(a: Any, b: Any) -> Any:
    return crumble("mix", a, b)


@step
def stir(a: Any, b: Any) -> Any:
    return crumble("stir", a, b)


@step
def after(value: Any, salt: int) -> Any:
    return crumble("after", value, salt)


@step
def before(value: Any, salt: int) -> Any:
    return crumble("before", value, salt)


def salted(call: Any, /, **arguments: Any) -> Any:
    return crumble("salted", call(**arguments))


def swapped(call: Any, /, **arguments: Any) -> Any:
    return call(a=arguments["b"], b=arguments["a"])


WRAPPERS = [salted, swapped]


@workflow
def sprout(nodes: list[Any]) -> Any:
    made: list[Any] = []
    for mapped, a, b in nodes:
        first, second = (made[each] if isinstance(each, int) else each[0] for each in (a, b))
        made.append(mix.partial(b=second).map(a=first) if mapped else mix(first, second))
    return made


@dataclass
class Plain:
    """What the oracle knows of a task: where its arguments come from, and the functions around it."""

    mapped: bool
    a: Any
    b: Any
    function: Callable[..., Any] = mix.fn
    first: dict[str, list[Callable[[Any], Any]]] = field(default_factory=lambda: {"a": [], "b": []})
    then: list[Callable[[Any], Any]] = field(default_factory=list)
    instead: Plain | None = None

    def takes(self, other: int, tasks: list[Plain]) -> bool:
        """Whether another task's value is an argument as it is."""
        given = (("a", self.a), ("b", self.b))
        return any(source == other and not self.first[name] and not tasks[other].then for name, source in given)

    def value(self, of: Callable[[Any], Any]) -> Any:
        """Give the value that others take."""
        # What stands in for a task is another one as it is, without what was put behind that before.
        done = (self.instead or self).own_value(of)
        # The newest takes over from those before, and hands on to them.
        for function in reversed(self.then):
            done = [function(x) for x in done] if self.mapped else function(done)
        return done

    def own_value(self, of: Callable[[Any], Any]) -> Any:
        """Give what the task itself makes."""
        given = {name: of(source) for name, source in (("a", self.a), ("b", self.b))}
        for name, functions in self.first.items():
            for function in functions:
                given[name] = (
                    [function(x) for x in given[name]] if self.mapped and name == "a" else function(given[name])
                )
        if self.mapped:
            return [self.function(a=x, b=given["b"]) for x in given["a"]]
        return self.function(**given)


def evaluate(nodes: list[Any], edits: list[list[Any]]) -> list[Any] | None:
    """Give what the workflow comes to; None where tasks would wait for each other after one of the plugins."""
    if len(edits) > 1 and evaluate(nodes, edits[:-1]) is None:
        return None
    tasks = [Plain(*node) for node in nodes]
    for edit in [edit for plugin in edits for edit in plugin]:
        kind, at, *rest = edit
        task = tasks[at]
        if kind == "connect":
            setattr(task, rest[1], rest[0])
        elif kind == "replace":
            task.function = stir.fn
        elif kind == "wrap":
            inner, wrapper = task.function, WRAPPERS[rest[0]]
            task.function = functools.partial(wrapper, inner)
        elif kind == "after":
            task.then.append(lambda value, salt=rest[0]: after.fn(value, salt))
        elif kind == "before":
            task.first[rest[1]].append(lambda value, salt=rest[0]: before.fn(value, salt))
        elif kind == "remove":
            other = tasks[rest[0]]
            if task is not other and task.mapped is other.mapped and not other.takes(at, tasks):
                task.instead = other
    known: dict[int, Any] = {}
    waiting: set[int] = set()

    def of(source: Any) -> Any:
        if not isinstance(source, int):
            return source[0]
        if source not in known:
            if source in waiting:
                raise RecursionError
            waiting.add(source)
            known[source] = tasks[source].value(of)
        return known[source]

    try:
        return [of(index) for index in range(len(tasks))]
    except RecursionError:
        return None


def rewriters(edits: list[list[Any]]) -> list[Rewriter]:
    """Make plugins of edits; each finds the user's tasks by their order."""

    def plugin(own: list[Any], graph: GraphEditor) -> None:
        tasks = [match for match in graph.tasks() if not match.inserted_by]
        tasks.sort(key=number_of)
        for kind, at, *rest in own:
            task = tasks[at]
            if kind == "connect":
                graph.connect(tasks[rest[0]], task, rest[1])
            elif kind == "replace":
                graph.replace(task, stir)
            elif kind == "wrap":
                graph.wrap(task, WRAPPERS[rest[0]])
            elif kind == "after":
                graph.insert_after(task, after, salt=rest[0])
            elif kind == "before":
                graph.insert_before(task, rest[1], before, salt=rest[0])
            elif kind == "remove":
                with contextlib.suppress(PluginError):  # what is refused leaves the graph as it is
                    graph.remove(task, use=tasks[rest[0]])
            else:
                graph.set_options(task, retries=1)

    return [Rewriter(f"p{at}", functools.partial(plugin, own)) for at, own in enumerate(edits)]


def number_of(match: TaskMatch) -> int:
    return int(match.id.partition("-")[2] or 1)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Any], list[list[Any]]]:
    """Nodes for :func:`sprout`, and edits of two plugins: the first connects first, the second removes last."""
    nodes: list[Any] = []

    def source(mapped: bool) -> Any:
        constant = st.sampled_from([([1, 2, 2],), ([],), ([7],)] if mapped else [(1,), ([1, 2],), (None,)])
        fitting = [index for index, node in enumerate(nodes) if node[0] or not mapped]
        return draw(st.one_of(constant, *([st.sampled_from(fitting)] * 3 if fitting else [])))

    for _ in range(draw(st.integers(1, 7))):
        mapped = draw(st.booleans())
        nodes.append((mapped, source(mapped), source(False)))
    every = st.integers(0, len(nodes) - 1)
    connects = st.tuples(st.just("connect"), every, every, st.just("b"))
    others = st.one_of(
        st.tuples(st.just("after"), every, st.integers(0, 3)),
        st.tuples(st.just("after"), every, st.integers(0, 3)),
        st.tuples(st.just("before"), every, st.integers(0, 3), st.sampled_from(["a", "b"])),
        st.tuples(st.just("wrap"), every, st.integers(0, 1)),
        st.tuples(st.just("replace"), every),
        st.tuples(st.just("options"), every),
    )
    first = draw(st.lists(connects, max_size=2)) + draw(st.lists(others, max_size=6))
    removals = st.tuples(st.just("remove"), every, every)
    return nodes, [first, draw(st.lists(others, max_size=6)) + draw(st.lists(removals, max_size=1))]


def check_shape(graph: TaskGraph) -> None:
    """Each task stands at its index, behind all that it waits for, under an id of its own."""
    assert [task.index for task in graph.tasks] == list(range(len(graph.tasks)))
    assert all(0 <= source < task.index for task in graph.tasks for source in task.depends())
    assert len({task.id for task in graph.tasks}) == len(graph.tasks)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all examples, as the runs of a project share one."""
    return tmp_path_factory.mktemp("random") / ".hookline"


def run_and_compare(store: Path, case: tuple[list[Any], list[list[Any]]], executor: str) -> None:
    nodes, edits = case
    expected = evaluate(nodes, edits)
    built = build_graph(sprout, {"nodes": nodes})
    if expected is None:
        with pytest.raises(PluginError, match="makes tasks of the workflow 'sprout' wait for each other: "):
            rewrite(built, rewriters(edits))
        return
    made = rewrite(built, rewriters(edits))
    check_shape(made)
    assert (made is built) is (not made.changes)
    run = api.run(sprout, {"nodes": nodes}, store=store, executor=executor, workers=2, rewriters=rewriters(edits))
    assert run.result == expected
    again = api.run(sprout, {"nodes": nodes}, store=store, executor="inline", rewriters=rewriters(edits))
    assert (again.result, again.counts["completed"]) == (expected, 0)


@settings(max_examples=tries(300), deadline=None)
@given(case=cases())
def test_random_edits_leave_a_graph_in_order(case: tuple[list[Any], list[list[Any]]]) -> None:
    """Or are refused with the circle; twice over the same graph they come to the same, and that graph stays."""
    nodes, edits = case
    built = build_graph(sprout, {"nodes": nodes})
    tasks = [(task, dict(task.bindings)) for task in built.tasks]
    if evaluate(nodes, edits) is None:
        with pytest.raises(PluginError, match=" wait for each other: "):
            rewrite(built, rewriters(edits))
        return
    made, again = (rewrite(built, rewriters(edits)) for _ in range(2))
    check_shape(made)
    assert [(task.id, task.bindings, task.mapped, task.changes) for task in made.tasks] == [
        (task.id, task.bindings, task.mapped, task.changes) for task in again.tasks
    ]
    assert (made.returns, made.changes) == (again.returns, again.changes)
    assert tasks == [(task, dict(task.bindings)) for task in built.tasks]


@settings(max_examples=tries(30), deadline=None, phases=PHASES)
@given(case=cases())
def test_a_rewritten_graph_comes_to_what_plain_python_comes_to(
    store: Path, case: tuple[list[Any], list[list[Any]]]
) -> None:
    """Run on threads, then reused whole."""
    run_and_compare(store, case, "threads")


@settings(max_examples=4, deadline=None, phases=PHASES)
@given(case=cases())
def test_so_it_does_in_processes(store: Path, case: tuple[list[Any], list[list[Any]]]) -> None:
    """Wrapped functions and inserted steps travel as others do."""
    run_and_compare(store, case, "processes")
