"""A project's settings with its plugins: what its workflows are built, planned and run with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookline.config import Configuration, check_store
from hookline.engine.dry_run import dry_run
from hookline.engine.program.open_arguments import ProviderArguments, open_arguments, provider_arguments
from hookline.engine.request import Settings
from hookline.engine.run.session import prepare
from hookline.errors import StoreMissingError, UsageError
from hookline.graph.build import build_graph
from hookline.graph.select import Selection, select
from hookline.hooks.driver import rewriters_of, show_plan
from hookline.hooks.loader import load_plugins
from hookline.hooks.plugin_set import PluginSet
from hookline.hooks.stores import open_configured
from hookline.model.graph import TaskGraph
from hookline.model.plan import Plan
from hookline.model.states import Verdict
from hookline.model.workflow import Workflow
from hookline.store.protocol import Store
from hookline.values.policy import set_load_policy
from hookline.worker.target import Target

if TYPE_CHECKING:
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["Project", "open_project"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Project:
    """What holds for the runs of a project.

    Attributes:
        configuration: What its settings say.
        plugins: Its plugins.
        settings: What is asked of a run beside its parameters.
    """

    configuration: Configuration
    plugins: PluginSet
    settings: Settings

    def graph(self, workflow: Workflow[..., Any], params: Mapping[str, object]) -> TaskGraph:
        """Build and check a workflow's graph, and let plugins rewrite it.

        Raises:
            UsageError: Parameters are wrong; all of them are named.
            WorkflowError: The workflow is wrong; all problems are named.
            PluginError: A plugin failed, or left a graph that is wrong.
        """
        arguments, rewriters = self.settings.open_arguments, self.settings.rewriters
        graph = build_graph(workflow, params, arguments)
        if rewriters:
            from hookline.graph.rewriting.rewrite import rewrite  # few runs need it, and all load this module

            graph = rewrite(graph, rewriters, arguments=arguments)
        arguments.check_absent(graph.tasks)
        return graph

    def plan(self, graph: TaskGraph, target: Target, journal: Store | None, *, fresh: bool = False) -> Plan:
        """Plan a run of a graph.

        Args:
            graph: The graph.
            target: Where its workflow comes from.
            journal: What is recorded; None for nothing.
            fresh: Whether that is left alone.
        """
        settings = self.settings
        prepared = prepare(graph, Path(target.root), settings.providers)
        return dry_run(graph, prepared, journal, fresh, settings.seed, settings.open_arguments, settings.rewriters)

    def ask_plugins(self, graph: TaskGraph, target: Target, journal: Store, *, fresh: bool) -> None:
        """Let plugins look at the plan of a run, which is not made for anybody else.

        Raises:
            Veto: A plugin refuses it.
            PluginError: A plugin failed.
        """
        if self.plugins.implementations("plan_made"):
            show_plan(self.plugins, self.plan(graph, target, journal, fresh=fresh))

    def selected(self, graph: TaskGraph, selection: Selection, target: Target) -> TaskGraph:
        """Take the wanted part of a graph, once it is sure that what it is given is recorded.

        Raises:
            UsageError: Something is selected that there is not, or something needed is not recorded.
        """
        selected = select(graph, selection)
        if selected.given:
            found = self.plan(selected.graph, target, self.recorded())
            missing = [task for task in found if task.id in selected.given and task.verdict is not Verdict.REUSE]
            if missing:
                told = "; ".join(f"'{task.id}' ({task.why})" for task in missing[:_SHOWN])
                more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
                raise UsageError(
                    f"what was selected needs results that are not recorded: {told}{more}",
                    help=f"run these first: --to {','.join(task.id for task in missing[:_SHOWN])}",
                )
        return selected.graph

    def recorded(self) -> Store | None:
        """Give what is recorded; None where there is nothing yet."""
        address = check_store(self.configuration.store)
        if isinstance(address, Path):
            return self.open_store() if address.is_dir() and any(address.iterdir()) else None
        try:
            return self.open_store()
        except StoreMissingError:
            return None

    def open_store(self, *, create: bool = False) -> Store:
        """Open the store that the settings name.

        Args:
            create: Whether to make it when it isn't there.

        Raises:
            StoreError: It can't be used, or is not there.
            UsageError: There can't be such a store; says where it was set.
        """
        return open_configured(self.configuration, self.plugins, create=create)

    def check_executor(self) -> None:
        """Make sure that there is the executor that the settings name, with what it needs.

        Raises:
            UsageError: There is none; says where it was set.
        """
        try:
            self.plugins.executors.check(self.configuration.executor)
        except UsageError as error:
            origin = self.configuration.origin("executor")
            message = error.message if origin == "given" else f"{origin}: {error.message}"
            raise UsageError(message, help=error.help) from None


def open_project(
    configuration: Configuration,
    *,
    without: Sequence[str] = (),
    seed: int | None = None,
    fail_fast: bool = False,
    keep: Sequence[str] = (),
    rerun: Sequence[str] = (),
    providers: ProviderArguments | None = None,
    rewriters: Sequence[Rewriter] = (),
) -> Project:
    """Load what a project's settings ask for.

    Args:
        configuration: The settings.
        without: Names of plugins to leave out.
        seed: The run's seed, where it is not the settings'.
        fail_fast: Whether the first failure ends a run.
        keep: Tasks whose recorded side effects stand.
        rerun: Tasks whose recorded side effects may happen again.
        providers: Arguments of providers, which go before the settings'.
        rewriters: What rewrites graphs after the plugins.

    Returns:
        The project.

    Raises:
        PluginError: Plugins are faulty, or don't fit together.
        UsageError: Settings are wrong.
    """
    plugins = load_plugins(configuration, without)
    set_load_policy(configuration.load_policy)
    settings = Settings(
        configuration.seed if seed is None else seed,
        fail_fast,
        configuration.grace,
        frozenset(keep),
        frozenset(rerun),
        configuration.turns,
        configuration.limits,
        open_arguments(configuration),
        provider_arguments(configuration, providers),
        (*rewriters_of(plugins, configuration), *rewriters),
        configuration.load_policy,
    )
    return Project(configuration, plugins, settings)
