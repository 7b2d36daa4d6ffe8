"""Calls the hooks of the driver that are no events."""

from __future__ import annotations

from hookline.errors import Veto
from hookline.hooks.plugin_set import PluginSet
from hookline.model.plan import Plan

__all__ = ["show_plan"]


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
