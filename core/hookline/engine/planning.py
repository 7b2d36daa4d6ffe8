"""Plans a run that nobody has asked for yet: settings, graph, record and plan together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hookline.config import StoreAddress, configure
from hookline.engine.program.open_arguments import ProviderArguments
from hookline.engine.project import open_project
from hookline.graph.select import Selection, select
from hookline.hooks.driver import show_plan
from hookline.model.graph import TaskGraph
from hookline.model.plan import Plan
from hookline.model.workflow import Workflow
from hookline.store.protocol import Store
from hookline.worker.target import Target, target_of

if TYPE_CHECKING:
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["Planned", "planned"]


class Planned(NamedTuple):
    """A plan, with what it was made of.

    Attributes:
        plan: The plan.
        graph: The graph.
        journal: What is recorded; None for nothing.
    """

    plan: Plan
    graph: TaskGraph
    journal: Store | None


def planned(
    workflow: Workflow[..., Any],
    params: Mapping[str, object] | None,
    *,
    store: StoreAddress | None,
    fresh: bool,
    seed: int | None,
    selection: Selection,
    plugins: Sequence[str] | None,
    without: Sequence[str],
    env: str | None,
    step_arguments: Mapping[str, object] | None,
    providers: ProviderArguments | None,
    target: Target | None,
    rewriters: Sequence[Rewriter],
) -> Planned:
    """Plan a run; nothing is run or recorded.

    Args:
        workflow: The workflow.
        params: Its parameters.
        store: As for :func:`hookline.run`, like all that follows.
        fresh: Whether what is recorded is left alone.
        seed: What seeds derive from.
        selection: Which part of the workflow is wanted.
        plugins: Names of the plugins that alone take part.
        without: Names of plugins to leave out.
        env: The environment.
        step_arguments: Values for arguments of steps that the workflow leaves open.
        providers: Arguments of providers.
        target: Where the workflow was loaded from.
        rewriters: What rewrites the graph after the plugins.

    Returns:
        The plan, which plugins have seen.
    """
    target = target or target_of(workflow)
    settings = configure(
        target.root, env=env, plugins=plugins, step_arguments=step_arguments, store=store or None, seed=seed
    )
    project = open_project(settings, without=without, providers=providers, rewriters=rewriters)
    built = project.graph(workflow, params or {})
    if selection:
        built = select(built, selection).graph
    journal = project.recorded()
    made = project.plan(built, target, journal, fresh=fresh)
    show_plan(project.plugins, made)
    return Planned(made, built, journal)
