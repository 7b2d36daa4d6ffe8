"""What Python programs and the command line call: run, resume, plan, graph."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hookline.config import StoreAddress, configure
from hookline.engine.past.descriptions import read_params
from hookline.engine.past.history import recorded_run, split_task_id
from hookline.engine.past.recorded import as_recorded, recorded_target
from hookline.engine.planning import planned
from hookline.engine.program.open_arguments import (
    ProviderArguments,
    read_provider_arguments,
    read_step_arguments,
)
from hookline.engine.project import open_project
from hookline.engine.request import Request
from hookline.engine.run.session import drive
from hookline.engine.schedule.clock import SYSTEM, Clock
from hookline.engine.stop import Stop
from hookline.errors import UsageError
from hookline.executors.protocol import Executor
from hookline.graph.select import Selection, select
from hookline.hooks.stores import open_configured
from hookline.model.events import Observer
from hookline.model.graph import TaskGraph
from hookline.model.plan import Plan
from hookline.model.run import Run
from hookline.model.states import RunState
from hookline.model.step import Step
from hookline.model.workflow import Workflow
from hookline.store.protocol import Store
from hookline.store.rows import RunRow
from hookline.worker.target import Target, is_loading, target_of

if TYPE_CHECKING:
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["cancel", "graph", "plan", "resume", "run"]

_log = logging.getLogger(__name__)
_LOOK = 0.1


def run(
    workflow: Workflow[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    executor: str | Executor | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    strict_resources: bool | None = None,
    store: StoreAddress | None = None,
    durability: str | None = None,
    grace: float | str | None = None,
    turns: int | None = None,
    fresh: bool = False,
    fail_fast: bool = False,
    seed: int | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    to: Sequence[str] = (),
    from_: Sequence[str] = (),
    only: Sequence[str] = (),
    plugins: Sequence[str] | None = None,
    without: Sequence[str] = (),
    progress: bool = True,
    observers: Sequence[Observer] = (),
    stop: Stop | None = None,
    env: str | None = None,
    step_arguments: Mapping[str, object] | None = None,
    providers: ProviderArguments | None = None,
    target: Target | None = None,
    clock: Clock = SYSTEM,
    rewriters: Sequence[Rewriter] = (),
) -> Run:
    """Run a workflow and wait for the end.

    What is left out of ``executor``, ``workers``, ``ray_address``, ``strict_resources``, ``store``, ``durability``,
    ``grace``, ``turns`` and ``seed`` is taken from the environment (``HOOKLINE_WORKERS`` and so on), else from the
    table ``[tool.hookline]`` of the project's ``pyproject.toml``, else it is the default that is given here.

    Args:
        workflow: What is decorated with ``@workflow``.
        params: Its parameters.
        executor: ``"inline"``, ``"threads"`` (default), ``"processes"``, ``"ray"``, a plugin's name, or an executor.
        workers: How many attempts at once; by default what the machine has.
        ray_address: The Ray cluster to run on: ``"HOST:PORT"`` of its head, ``"auto"`` for the one that this machine
            belongs to, or ``"local"`` (default) for one of the run's own. Where no executor is given, it is ``"ray"``.
        strict_resources: Whether attempts fail that fit on no node of the cluster, rather than wait for one.
        store: The store's folder, or its URL (``scheme://…``) where a plugin brings it; by default ``.hookline`` in
            the project root.
        durability: ``"full"`` (default): what is recorded survives a power cut; ``"fast"``: the last seconds may run
            again.
        grace: Seconds that running attempts get to end when the run stops, or a text such as ``"30s"``; 10 by default.
        turns: How many turns a loop may take, and how many levels deep steps may grow; a million by default.
        fresh: Run everything, whatever is recorded.
        fail_fast: Stop at the first failure; otherwise what does not depend on it goes on.
        seed: What all seeds of the run derive from; 0 by default.
        name: A name for the run.
        tags: Words for the run.
        to: Run these tasks and what they need; ids, names of steps, or tags. The run's result is their value.
        from_: Run these tasks and what depends on them, with recorded results of what they need.
        only: Run just these tasks, with recorded results of what they need.
        plugins: Names of the plugins that alone take part; by default what settings allow. An empty list is none.
        without: Names of plugins to leave out.
        progress: Whether a notebook's cell shows the run while it goes on; elsewhere nothing is shown in any case.
        observers: Called with events, on a thread of the engine's.
        stop: With this another thread asks the run to stop.
        env: The environment in ``[tool.hookline.env]`` whose settings are laid over the others; by default what
            ``HOOKLINE_ENV`` says, else none.
        step_arguments: Values for arguments of steps that the workflow leaves open, by step and argument:
            ``{"train.depth": 3}``. They go before those in ``[tool.hookline.step]``.
        providers: Arguments of providers, by provider and argument: ``{"warehouse": {"url": …}}``; they go before the
            project's settings.
        target: Where the workflow was loaded from; found out by default.
        clock: What waits before further attempts go by; tests give ``hookline.testing.Clock()``.
        rewriters: What rewrites the graph, and each part that grows, after the plugins; for tests of rewrites.

    Returns:
        The run, whatever its outcome; ``run.result`` raises when it did not complete.

    Raises:
        UsageError: A parameter or option is wrong.
        WorkflowError: The workflow can't be built, or an argument can't be stored.
        StoreError: The store can't be used.
    """
    _check_call(workflow, params, executor)
    _refuse_while_loading(workflow.name)
    target = target or target_of(workflow)
    executor = _executor(executor, ray_address)
    settings = configure(
        target.root,
        store=store or None,
        executor=executor if isinstance(executor, str) else None,
        workers=workers,
        durability=durability,
        grace=grace,
        turns=turns,
        seed=seed,
        env=env,
        plugins=plugins,
        step_arguments=step_arguments,
        ray={"address": ray_address, "strict_resources": strict_resources},
    )
    project = open_project(settings, without=without, fail_fast=fail_fast, providers=providers, rewriters=rewriters)
    project.check_executor()
    built = project.graph(workflow, params or {})
    selection = Selection.of(to, from_, only)
    if selection:
        built = project.selected(built, selection, target)
    journal = project.open_store(create=True)
    project.ask_plugins(built, target, journal, fresh=fresh)
    request = Request(
        built,
        target,
        executor or settings.executor,
        settings.workers,
        fresh,
        name,
        (tags,) if isinstance(tags, str) else tuple(tags),
        project.settings,
        observers,
        stop or Stop(),
        selection,
        progress,
        project.plugins,
        tuple(without),
        settings.env,
        step_arguments or {},
        providers or {},
        clock,
        plugins,
        settings.executor_options,
    )
    return recorded_run(journal, journal.run(drive(request, journal)), lambda: None, built)


def resume(
    run_id: str = "last",
    *,
    store: StoreAddress | None = None,
    executor: str | Executor | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    strict_resources: bool | None = None,
    durability: str | None = None,
    grace: float | str | None = None,
    turns: int | None = None,
    keep: Sequence[str] = (),
    rerun: Sequence[str] = (),
    takeover: bool = False,
    progress: bool = True,
    observers: Sequence[Observer] = (),
    stop: Stop | None = None,
    env: str | None = None,
    step_arguments: Mapping[str, object] | None = None,
    providers: ProviderArguments | None = None,
    workflow: Workflow[..., Any] | None = None,
    rewriters: Sequence[Rewriter] = (),
) -> Run:
    """Go on with a run that did not complete, with today's code.

    Args:
        run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.
        store: As for :func:`run`.
        executor: Another executor than the run had.
        workers: Another number of workers.
        ray_address: Another Ray cluster than the run had. Where no executor is given, it is ``"ray"``.
        strict_resources: As for :func:`run`.
        durability: As for :func:`run`.
        grace: As for :func:`run`.
        turns: As for :func:`run`.
        keep: Ids of side-effect tasks whose recorded results stand although their inputs changed.
        rerun: Ids of side-effect tasks that may happen again.
        takeover: Take the run from a driver that is still there.
        progress: As for :func:`run`.
        observers: As for :func:`run`.
        stop: As for :func:`run`.
        env: Another environment than the run had; an empty text stands for none.
        step_arguments: As for :func:`run`; beside those that the run was started with.
        providers: As for :func:`run`; in place of those that the run was started with.
        workflow: The workflow, where it can't be loaded from a file.
        rewriters: As for :func:`run`.

    Returns:
        The run.

    Raises:
        UsageError: There is no such run, or its workflow is gone.
        OwnershipError: Another driver has it.
    """
    executor = _executor(executor, ray_address)
    ray = {"address": ray_address, "strict_resources": strict_resources}
    wishes: dict[str, Any] = {
        "executor": executor if isinstance(executor, str) else None,
        "workers": workers,
        "durability": durability,
        "grace": grace,
        "turns": turns,
    }
    here = configure(env=env, store=store or None, ray=ray, **wishes)
    journal = open_configured(here)
    row = journal.run(run_id)
    recorded = json.loads(row.options)
    target = as_recorded(target_of(workflow), row) if workflow is not None else recorded_target(row)
    # What the run was started with goes on, unless the call says otherwise; an executor that was given is gone.
    began = {"executor": recorded.get("executor"), "workers": recorded.get("workers")}
    if began["executor"] == "given":
        began["executor"] = None
    wishes |= {name: value for name, value in began.items() if wishes[name] is None}
    if ray_address is None:
        ray["address"] = recorded.get("ray_address")
    given = {**read_step_arguments(row.id, row.extra, journal.artifacts), **(step_arguments or {})}
    settings = configure(
        target.root,
        env=recorded.get("env", "") if env is None else env,
        plugins=recorded.get("plugins"),
        step_arguments=given,
        store=here.store,
        ray=ray,
        **wishes,
    )
    without = recorded.get("without", ())
    provided = read_provider_arguments(row.id, row.extra, journal.artifacts) if providers is None else providers
    project = open_project(
        settings,
        without=without,
        seed=row.seed,
        fail_fast=bool(recorded.get("fail_fast")),
        keep=keep,
        rerun=rerun,
        providers=provided,
        rewriters=rewriters,
    )
    project.check_executor()
    built = project.graph(target.workflow, _recorded_params(row, journal))
    selection = Selection.read(recorded.get("select", {}))
    if selection:
        built = select(built, selection).graph
    known = {task.id for task in built.tasks}
    for task_id in (*keep, *rerun):
        if task_id not in known:
            what = "keep and rerun take tasks, not items" if split_task_id(task_id)[0] in known else ""
            raise UsageError(
                f"run {row.id} has no task '{task_id}'",
                help=what or f"list its tasks: hookline runs show {row.id}",
            )
    request = Request(
        built,
        target,
        executor or settings.executor,
        settings.workers,
        bool(recorded.get("fresh")),
        row.name,
        row.tags,
        project.settings,
        observers,
        stop or Stop(),
        selection,
        progress,
        project.plugins,
        without,
        settings.env,
        given,
        provided,
        only_plugins=recorded.get("plugins"),
        executor_options=settings.executor_options,
    )
    return recorded_run(journal, journal.run(drive(request, journal, row.id, takeover)), lambda: None, built)


def cancel(
    run_id: str = "last",
    *,
    store: StoreAddress | None = None,
    kill: bool = False,
    why: str = "",
    wait: float = 15.0,
) -> Run:
    """Stop a run that another process drives; what it recorded stays, and it can be resumed.

    Args:
        run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.
        store: As for :func:`run`.
        kill: End running attempts at once, instead of giving them time to end.
        why: What to record as the reason.
        wait: Seconds to wait for the driver, which looks once a second; 0 for not at all.

    Returns:
        The run; its status tells whether it has ended.

    Raises:
        UsageError: There is no such run, or it has ended.
    """
    journal = open_configured(configure(store=store or None))
    row = journal.run(run_id)
    if row.state.ended:
        raise UsageError(f"run {row.id} has ended: it is {row.state.word}", help="see: hookline runs list")
    found = recorded_run(journal, row, lambda: recorded_target(row))
    if not journal.is_driven(row):
        # Its driver is dead, so nobody would see the flag.
        writer = journal.take_run(row.id)
        try:
            writer.finish(RunState.CANCELLED, error=why or None)
        finally:
            writer.close()
        return found
    journal.request_cancel(row.id, kill=kill, why=why)
    end = time.monotonic() + wait
    while not RunState(found.status).ended and time.monotonic() < end:
        time.sleep(_LOOK)
    return found


def plan(
    workflow: Workflow[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    store: StoreAddress | None = None,
    fresh: bool = False,
    seed: int | None = None,
    to: Sequence[str] = (),
    from_: Sequence[str] = (),
    only: Sequence[str] = (),
    plugins: Sequence[str] | None = None,
    without: Sequence[str] = (),
    env: str | None = None,
    step_arguments: Mapping[str, object] | None = None,
    providers: ProviderArguments | None = None,
    target: Target | None = None,
    rewriters: Sequence[Rewriter] = (),
) -> Plan:
    """Tell what a run would do now, and why; nothing is run or recorded.

    Args:
        workflow: The workflow.
        params: Its parameters.
        store: As for :func:`run`.
        fresh: As for :func:`run`.
        seed: As for :func:`run`.
        to: As for :func:`run`.
        from_: As for :func:`run`.
        only: As for :func:`run`.
        plugins: As for :func:`run`.
        without: As for :func:`run`.
        env: As for :func:`run`.
        step_arguments: As for :func:`run`.
        providers: As for :func:`run`.
        target: As for :func:`run`.
        rewriters: As for :func:`run`.

    Returns:
        A verdict with its reason for each task.
    """
    return planned(
        workflow,
        params,
        store=store,
        fresh=fresh,
        seed=seed,
        selection=Selection.of(to, from_, only),
        plugins=plugins,
        without=without,
        env=env,
        step_arguments=step_arguments,
        providers=providers,
        target=target,
        rewriters=rewriters,
    ).plan


def graph(
    workflow: Workflow[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    plugins: Sequence[str] | None = None,
    without: Sequence[str] = (),
    env: str | None = None,
    step_arguments: Mapping[str, object] | None = None,
    target: Target | None = None,
    rewriters: Sequence[Rewriter] = (),
) -> TaskGraph:
    """Build a workflow's task graph, let plugins rewrite it, and check it; nothing is run.

    Args:
        workflow: The workflow.
        params: Its parameters.
        plugins: As for :func:`run`.
        without: As for :func:`run`.
        env: As for :func:`run`.
        step_arguments: As for :func:`run`.
        target: As for :func:`run`.
        rewriters: As for :func:`run`.

    Returns:
        The graph.
    """
    target = target or target_of(workflow)
    settings = configure(target.root, env=env, plugins=plugins, step_arguments=step_arguments)
    project = open_project(settings, without=without, rewriters=rewriters)
    built = project.graph(workflow, params or {})
    for doubt in project.settings.open_arguments.doubts:
        _log.warning("%s", doubt)
    return built


def _executor(executor: str | Executor | None, ray_address: str | None) -> str | Executor | None:
    """Whoever names a cluster wants to run there, unless another executor is named as well."""
    return "ray" if executor is None and ray_address is not None else executor


def _refuse_while_loading(name: str) -> None:
    """A file that runs its workflow whenever it is imported would do so again in each worker."""
    if is_loading():
        raise UsageError(
            f"the workflow '{name}' is run while its file is being imported",
            help='put the call under: if __name__ == "__main__":',
        )


def _recorded_params(row: RunRow, journal: Store) -> dict[str, Any]:
    described = json.loads(row.extra or "{}").get("params", "")
    if not described:
        raise UsageError(f"the parameters of run {row.id} could not be stored", help="start a new run")
    return read_params(described, journal.artifacts)


def _check_call(workflow: object, params: object, executor: object) -> None:
    """Refuse what would fail later with a message that says less."""
    if not isinstance(workflow, Workflow):
        what = "a step" if isinstance(workflow, Step) else f"a {type(workflow).__name__}"
        raise UsageError(f"run() was given {what}, not a workflow", help="give a function decorated with @workflow")
    if params is not None and not isinstance(params, Mapping):
        raise UsageError(f"params is a {type(params).__name__}", help="give a dict of the workflow's parameters")
    if executor is not None and not isinstance(executor, (str, Executor)):
        raise UsageError(
            f"executor is a {type(executor).__name__}", help="give a name, such as 'threads', or an executor"
        )
