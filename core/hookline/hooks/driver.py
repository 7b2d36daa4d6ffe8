"""What the driver asks of plugins beside events: changes of a graph, and what they say of a plan."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from hookline.errors import Veto
from hookline.hooks.plugin_set import PluginSet
from hookline.model.plan import Plan

if TYPE_CHECKING:
    from hookline.graph.rewriting.editor import GraphEditor
    from hookline.graph.rewriting.rewrite import Rewriter
    from hookline.hooks.implementation import Implementation

__all__ = ["rewriters_of", "show_plan"]


def rewriters_of(plugins: PluginSet) -> tuple[Rewriter, ...]:
    """Give what plugins do to task graphs.

    Args:
        plugins: The plugins.

    Returns:
        Per implementation of ``rewrite_graph`` what calls it, in declared order.
    """
    implementations = plugins.implementations("rewrite_graph")
    if not implementations:
        return ()
    from hookline.graph.rewriting.rewrite import Rewriter  # few runs need it, and all load this module

    return tuple(Rewriter(each.plugin, functools.partial(_rewrite, each)) for each in implementations)


def _rewrite(implementation: Implementation, graph: GraphEditor) -> None:
    implementation.call(graph=graph, workflow=graph.workflow, params=graph.params, grown=graph.grown)


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
