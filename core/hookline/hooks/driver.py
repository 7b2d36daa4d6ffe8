"""What the driver asks of plugins beside events: changes of a graph, and what they say of a plan."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from hookline.errors import Veto
from hookline.hooks.plugin_set import PluginSet
from hookline.model.plan import Plan

if TYPE_CHECKING:
    from hookline.config import Configuration
    from hookline.graph.rewriting.editor import GraphEditor
    from hookline.graph.rewriting.rewrite import Rewriter
    from hookline.hooks.implementation import Implementation
    from hookline.model.project_facts import ProjectFacts

__all__ = ["rewriters_of", "show_plan"]


def rewriters_of(plugins: PluginSet, configuration: Configuration) -> tuple[Rewriter, ...]:
    """Give what plugins do to task graphs.

    Args:
        plugins: The plugins.
        configuration: The settings of the project.

    Returns:
        Per implementation of ``rewrite_graph`` what calls it, in declared order.
    """
    implementations = plugins.implementations("rewrite_graph")
    if not implementations:
        return ()
    # Few runs need these, and all load this module.
    from hookline.config.facts import project_facts
    from hookline.graph.rewriting.rewrite import Rewriter

    project = project_facts(configuration)
    return tuple(Rewriter(each.plugin, functools.partial(_rewrite, each, project)) for each in implementations)


def _rewrite(implementation: Implementation, project: ProjectFacts, graph: GraphEditor) -> None:
    implementation.call(graph=graph, workflow=graph.workflow, params=graph.params, grown=graph.grown, project=project)


def show_plan(plugins: PluginSet, plan: Plan) -> None:
    """Let plugins look at a plan.

    Args:
        plugins: The plugins.
        plan: The plan.

    Raises:
        Veto: A plugin refuses it; names the plugin.
        PluginError: A plugin failed.
    """
    for implementation in plugins.implementations("plan_made"):
        try:
            implementation.checked(plan=plan)
        except Veto as veto:
            raise Veto(
                f"the plugin '{implementation.plugin}' vetoes this plan: {veto.message}", help=veto.help
            ) from veto
