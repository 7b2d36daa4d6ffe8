"""What a user asks for when a run is started or resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.engine.program.open_arguments import ProviderArguments
from hookline.engine.program.provided import Given
from hookline.engine.schedule.clock import SYSTEM, Clock
from hookline.engine.stop import Stop
from hookline.executors.protocol import Executor
from hookline.graph.open_arguments import NO_ARGUMENTS, OpenArguments
from hookline.graph.select import Selection
from hookline.hooks.plugin_set import NO_PLUGINS, PluginSet
from hookline.model.events import Observer
from hookline.model.graph import TaskGraph
from hookline.worker.target import Target

if TYPE_CHECKING:
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["Request", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked of a run beside its parameters.

    Attributes:
        seed: The run's seed.
        fail_fast: Whether the first failure ends the run.
        grace: Seconds that running attempts get to end when the run stops.
        keep: Tasks whose recorded side effects stand.
        rerun: Tasks whose recorded side effects may happen again.
        turns: How many turns a loop may take, and how many levels deep steps may grow.
        limits: How many attempts may run at once of all steps that have a name or a tag.
        open_arguments: What settings give to arguments that calls leave open.
        providers: What settings give to arguments of providers, by provider and argument.
        rewriters: What rewrites the graph, and each part that grows; the graph was rewritten already.
        load_policy: Which stored formats may be loaded.
    """

    seed: int = 0
    fail_fast: bool = False
    grace: float = 10.0
    keep: frozenset[str] = frozenset()
    rerun: frozenset[str] = frozenset()
    turns: int = 1_000_000
    limits: Mapping[str, int] = field(default_factory=dict)
    open_arguments: OpenArguments = NO_ARGUMENTS
    providers: Given = field(default_factory=dict)
    rewriters: Sequence[Rewriter] = ()
    load_policy: str = "any"


@dataclass(frozen=True, slots=True)
class Request:
    """What one run is to be.

    Attributes:
        graph: The checked graph.
        target: Where the workflow comes from.
        executor: Name of an executor, or one made by the caller.
        workers: How many workers; None for the executor's default.
        fresh: Whether results of other runs are left alone.
        name: What the user calls the run.
        tags: The user's words for it.
        settings: Further wishes.
        observers: Who watches.
        stop: Asks the run to stop.
        selection: Which part of the workflow the graph is.
        plugins: The plugins that take part.
        without: Names of plugins that were left out.
        env: The environment whose settings hold; empty for none.
        step_arguments: What the call gave to arguments that the workflow leaves open, by step and argument.
        providers: What the call gave to arguments of providers, by provider and argument.
        progress: Whether a notebook's cell shows the run while it goes on.
        clock: What waits before further attempts go by.
        only_plugins: Names of the plugins that alone were asked for; None for what settings allow.
        executor_options: What executors are made with, by executor, beside the number of workers.
    """

    graph: TaskGraph
    target: Target
    executor: str | Executor = "threads"
    workers: int | None = None
    fresh: bool = False
    name: str | None = None
    tags: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
    observers: Sequence[Observer] = ()
    stop: Stop = field(default_factory=Stop)
    selection: Selection = field(default_factory=Selection)
    progress: bool = True
    plugins: PluginSet = NO_PLUGINS
    without: Sequence[str] = ()
    env: str = ""
    step_arguments: Mapping[str, object] = field(default_factory=dict)
    providers: ProviderArguments = field(default_factory=dict)
    clock: Clock = SYSTEM
    only_plugins: Sequence[str] | None = None
    executor_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
