"""Which partitions of a mapped workflow are recorded, which are missing, which are stale: from a plan, nothing runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hookline.config import StoreAddress
from hookline.engine.past.earlier import EarlierRuns
from hookline.engine.planning import planned
from hookline.engine.program.open_arguments import ProviderArguments
from hookline.graph.select import Selection
from hookline.model import partitions as model
from hookline.model.partitions import Partition, PartitionState, partition_of
from hookline.model.plan import PlannedTask
from hookline.model.states import Verdict
from hookline.model.workflow import Backfill
from hookline.worker.target import Target

__all__ = ["partitions"]


def partitions(
    workflow: Backfill[Any],
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
) -> tuple[Partition, ...]:
    """Tell how the partitions of a mapped workflow stand in the record.

    A partition is done where nothing would run but what runs every time. Else it is stale where an earlier run with the
    same parameters finished it, and missing where none did. A run that was started with a part of the workflow
    finishes nothing.

    Args:
        workflow: What ``over`` of a workflow gives.
        params: Its parameters.
        store: As for :func:`hookline.run`, like all that follows.
        fresh: As for :func:`hookline.run`.
        seed: As for :func:`hookline.run`.
        to: As for :func:`hookline.run`.
        from_: As for :func:`hookline.run`.
        only: As for :func:`hookline.run`.
        plugins: As for :func:`hookline.run`.
        without: As for :func:`hookline.run`.
        env: As for :func:`hookline.run`.
        step_arguments: As for :func:`hookline.run`.
        providers: As for :func:`hookline.run`.
        target: As for :func:`hookline.run`.

    Returns:
        All partitions, in order, each with the reason of the first task that would run.
    """
    plan, graph, journal = planned(
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
        rewriters=(),
    )
    found = model.partitions(graph.mapped_over, graph.params)
    tasks: dict[str, list[PlannedTask]] = {name: [] for name in found}
    for task in plan:
        tasks.get(partition_of(task.id, len(graph.mapped_over)), []).append(task)
    earlier = EarlierRuns(journal, graph)
    return tuple(
        Partition(name, values, *_state(name, tasks[name], earlier)) for name, values in found.items() if tasks[name]
    )


def _state(name: str, tasks: Iterable[PlannedTask], earlier: EarlierRuns) -> tuple[PartitionState, str]:
    left = [task for task in tasks if task.verdict in (Verdict.RUN, Verdict.UNDECIDED)]
    # What waits for tasks that run every time may well be reused once they have run.
    first = next((task for task in left if not task.always), None)
    if first is None and (not left or earlier.finished(name) is not None):
        return PartitionState.DONE, ""
    first = first or left[0]
    state = PartitionState.MISSING if earlier.finished(name) is None else PartitionState.STALE
    return state, f"{first.id.removeprefix(name + '/')}: {first.why}"
