"""What every rewrite of task graphs keeps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hookline.config import configure
from hookline.config.facts import project
from hookline.engine import api
from hookline.graph.build import build_graph
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.rewrite import Rewriter, rewrite
from hookline.hooks.loader import found_plugins
from hookline.model.graph import Task, TaskGraph
from hookline.model.project_facts import ProjectFacts
from hookline.model.run import Run
from hookline.model.workflow import Workflow
from hookline.worker.target import target_of

__all__ = ["RewriteContract"]


class RewriteContract:
    """What every rewrite keeps; inherit, and bring ``rewrite_graph`` and ``workflows``.

    .. code-block:: python

        class TestPlausible(RewriteContract):
            rewrite_graph = staticmethod(my_plugin.rewrite_graph)
            workflows = ((churn, {"rows": 3}),)

    The workflows are run, without the plugins that are installed.

    Attributes:
        rewrite_graph: The hook's implementation.
        workflows: Workflows that complete, with their parameters; it has to change all of them.
        settings: What it gets as ``settings``.
        plugin: The plugin's name, which stands in the ids of what it inserts.
        project: What it gets as ``project``; None for the facts of the project that the first workflow is of.
    """

    rewrite_graph: Any
    workflows: Sequence[tuple[Workflow[..., Any], Mapping[str, Any]]] = ()
    settings: Any = None
    plugin = "under-test"
    project: ProjectFacts | None = None

    def test_it_changes_the_graph_and_leaves_it_sound(self) -> None:
        """No cycle, no type that can't meet; and each change carries the plugin's name."""
        assert self.workflows, "give a workflow"
        for graph in self._graphs():
            made = self._rewritten(graph)
            assert made.changes, f"it changes nothing in '{graph.workflow}'"
            assert {change.plugin for change in made.changes} == {self.plugin}

    def test_it_is_a_pure_function(self) -> None:
        """Plan and run both call it: the same graph has to come out each time."""
        for graph, same in zip(self._graphs(), self._graphs(), strict=True):
            before = _described(graph)
            made = _described(self._rewritten(graph))
            assert _described(self._rewritten(graph)) == made, "the second time, another graph comes out"
            assert _described(self._rewritten(same)) == made, "of an equal graph, another one comes out"
            assert _described(graph) == before, "it changes the graph that it was given"

    def test_what_it_inserts_is_not_rewritten_again(self) -> None:
        """Otherwise a second turn would put checks around its own checks, and so on."""
        for graph in self._graphs():
            once = self._rewritten(graph)
            own = {task.id for task in once.tasks if task.inserted_by == self.plugin}
            nested = [name for name in own if name.count(f"{self.plugin}:") > 1]
            assert nested == []

    def test_it_takes_a_graph_without_anything_for_it(self) -> None:
        """Parts that grow may be anything: where nothing matches, nothing is changed."""
        from hookline.model.step import step
        from hookline.model.workflow import workflow

        @step(name="nothing-of-the-kind")
        def nothing() -> None:
            """Do nothing."""

        @workflow
        def other() -> Any:
            return nothing()

        rewrite(build_graph(other, {}), [self._rewriter()], grown="any")

    def test_the_changed_workflow_runs_and_its_keys_follow_the_graph(self, tmp_path: Path) -> None:
        """What it changed runs again; typed twice, all is reused; without it, what was there before is reused."""
        for number, (flow, params) in enumerate(self.workflows):
            store = tmp_path / str(number)
            self._run(flow, params, store, rewritten=False)
            changed = self._run(flow, params, store, rewritten=True)
            assert _ran(changed), "nothing of what it changed runs: the result would be as without it"
            self._all_reused(self._run(flow, params, store, rewritten=True))
            self._all_reused(self._run(flow, params, store, rewritten=False))

    def test_the_changed_workflow_runs_in_processes(self, tmp_path: Path) -> None:
        """The steps that it inserts, and what it wraps in, are found there."""
        for number, (flow, params) in enumerate(self.workflows):
            self._run(flow, params, tmp_path / str(number), rewritten=True, executor="processes")

    def _graphs(self) -> list[TaskGraph]:
        return [build_graph(flow, params) for flow, params in self.workflows]

    def _rewritten(self, graph: TaskGraph) -> TaskGraph:
        return rewrite(graph, [self._rewriter()])

    def _rewriter(self) -> Rewriter:
        function = type(self).rewrite_graph
        wanted = inspect.signature(function).parameters
        facts_of_project = self.project or project(target_of(self.workflows[0][0]).root if self.workflows else None)

        def call(graph: GraphEditor) -> None:
            facts = {
                "graph": graph,
                "workflow": graph.workflow,
                "params": graph.params,
                "grown": graph.grown,
                "project": facts_of_project,
                "settings": self.settings,
            }
            function(**{name: fact for name, fact in facts.items() if name in wanted})

        return Rewriter(self.plugin, call)

    def _run(
        self,
        flow: Workflow[..., Any],
        params: Mapping[str, Any],
        store: Path,
        *,
        rewritten: bool,
        executor: str = "threads",
    ) -> Run:
        target = target_of(flow)
        others = [plugin.name for plugin in found_plugins(configure(target.root).root)]
        rewriters = [self._rewriter()] if rewritten else []
        run = api.run(flow, params, executor=executor, store=store, target=target, without=others, rewriters=rewriters)
        assert run.status == "completed", [f"{name}: {task.error}" for name, task in run.tasks.items() if task.error]
        return run

    def _all_reused(self, run: Run) -> None:
        cacheable = {name for name in _ran(run) if "cache=False" not in run.why(name)}
        if cacheable:
            pytest.fail("these run again: " + "; ".join(f"'{name}': {run.why(name)}" for name in sorted(cacheable)))


def _ran(run: Run) -> list[str]:
    return [name for name, task in run.tasks.items() if task.attempts]


def _described(graph: TaskGraph) -> list[tuple[Any, ...]]:
    return [*map(_facts, graph.tasks), (repr(graph.returns), tuple(map(str, graph.changes)))]


def _facts(task: Task) -> tuple[Any, ...]:
    return (task.id, task.step.name, task.form, repr(task.bindings), task.mapped, task.inserted_by, task.options)
