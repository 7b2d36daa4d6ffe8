"""``hookline backfill``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hookline.cli.described import as_json as described
from hookline.cli.driving import drive
from hookline.cli.invocation import Invocation, invocation_of
from hookline.cli.options import (
    Durability,
    Env,
    ExecutorName,
    FailFast,
    Fresh,
    From,
    Grace,
    Json,
    NoPlugins,
    Only,
    Quiet,
    RayAddress,
    RunName,
    SeedNumber,
    Set,
    StoreAt,
    StrictResources,
    Tag,
    To,
    Turns,
    Without,
    Workers,
    split_words,
)
from hookline.cli.output import say, show, show_json
from hookline.cli.wording import amount, clipped, counted, hint, one_line, table
from hookline.cli.workflow_command import WorkflowCommand
from hookline.config import read_assignments
from hookline.errors import UsageError
from hookline.model.partitions import Partition, PartitionState
from hookline.model.workflow import Backfill

if TYPE_CHECKING:
    from hookline.engine.stop import Stop
    from hookline.graph.spread import Spread
    from hookline.model.events import Observer
    from hookline.model.run import Run

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=WorkflowCommand)
def backfill(
    context: typer.Context,
    missing: Annotated[
        bool, typer.Option("--missing", help="Run nothing: list the partitions that no run has finished.")
    ] = False,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Run nothing: list those that a run finished and that would run again, and why."),
    ] = False,
    store: StoreAt = None,
    env: Env = None,
    set_: Set = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    strict_resources: StrictResources = False,
    durability: Durability = None,
    grace: Grace = None,
    turns: Turns = None,
    fresh: Fresh = False,
    fail_fast: FailFast = False,
    seed: SeedNumber = None,
    name: RunName = None,
    tag: Tag = None,
    to: To = None,
    from_: From = None,
    only: Only = None,
    without: Without = None,
    no_plugins: NoPlugins = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run a workflow once for each of several values, reusing what is recorded.

    Give at least one parameter a range or a list: -p day=2026-01-01..2026-03-31, -p region=north,south. Both ends
    belong to a range; a step stands behind a slash: 2026-01-01..2026-12-31/7d, 2026-01..2026-12, 1..100/5. With several
    such parameters all combinations run.
    """
    invocation = invocation_of(context)
    found = _spread(invocation, listing=missing or stale)
    planning: dict[str, Any] = {
        "store": store,
        "env": env,
        "step_arguments": read_assignments(set_ or ()),
        "fresh": fresh,
        "seed": seed,
        "to": split_words(to),
        "from_": split_words(from_),
        "only": split_words(only),
        "without": split_words(without),
        "plugins": () if no_plugins else None,
        "target": replace(invocation.target, workflow=found.workflow),
    }
    if missing or stale:
        from hookline.engine.partitions import partitions

        assert isinstance(found.workflow, Backfill)
        chosen = [PartitionState.MISSING] * missing + [PartitionState.STALE] * stale
        every = partitions(found.workflow, found.params, **planning)
        _list(
            every, chosen, [word for word in invocation.words if word not in ("--missing", "--stale")], as_json, quiet
        )
        return 0

    def start(observers: Sequence[Observer], stop: Stop) -> Run:
        from hookline.engine import api

        return api.run(
            found.workflow,
            found.params,
            executor=executor,
            workers=workers,
            ray_address=ray_address,
            strict_resources=strict_resources or None,
            durability=durability,
            grace=grace,
            turns=turns,
            fail_fast=fail_fast,
            name=name,
            tags=tuple(tag or ()),
            observers=observers,
            stop=stop,
            **planning,
        )

    return drive(start, invocation.store(store, env), quiet, as_json)


def _spread(invocation: Invocation, *, listing: bool) -> Spread:
    """Read what the workflow is mapped over.

    Raises:
        UsageError: No parameter got several values, or, where partitions are to be listed, only one that takes a list.
    """
    from hookline.graph.spread import spread

    found = spread(invocation.workflow, *invocation.given())
    if found.workflow.mapped_over or (found.listed and not listing):
        return found
    name = invocation.workflow.name
    if found.listed:
        raise UsageError(
            f"'{found.listed[0]}' takes a list, so '{name}' would run once with all values: there are no partitions",
            help=f"see what would run: {hint('plan', invocation.name)}",
        )
    raise UsageError(
        f"no parameter of '{name}' was given several values, so there are no partitions",
        help=_example(invocation),
    )


def _example(invocation: Invocation) -> str:
    """Write what could be given to a parameter that takes ranges, else to the first one."""
    from hookline.graph.parameter_ranges import example_of, is_list
    from hookline.graph.parameter_types import expected_type
    from hookline.graph.spread import may_vary

    types = {name: expected_type(one) for name, one in invocation.workflow.signature.parameters.items()}
    single = {name: example_of(kind) or "A,B,C" for name, kind in types.items() if may_vary(kind) and not is_list(kind)}
    # Of texts, too, there are ranges; but that a parameter takes dates is surer where it says so.
    dated = [name for name in single if types[name] is not str and single[name] != "A,B,C"]
    name = next(iter(dated or single), "")
    if not name:
        return f"run it once: {hint('run', invocation.name)}"
    return f"give one a range or a list: -p {name}={single[name]}"


def _list(
    every: Sequence[Partition], chosen: Sequence[PartitionState], words: Iterable[str], as_json: bool, quiet: bool
) -> None:
    """List partitions: their names, and what else tells one line from the other."""
    listed = [partition for partition in every if partition.state in chosen]
    if as_json:
        show_json(_document(every, listed))
        return
    rows = [
        (
            partition.id,
            *([partition.state.value] if len(chosen) > 1 else []),
            *([clipped(one_line(partition.why), 200)] if PartitionState.STALE in chosen else []),
        )
        for partition in listed
    ]
    for line in table((), rows):
        show(line)
    if not quiet:
        counts = [(sum(one.state is state for one in every), state.value) for state in chosen]
        told = ", ".join(f"{amount(count)} {word}" for count, word in counts)
        say(f"{told} of {counted(len(every), 'partition')}")
        if listed:
            say(hint("backfill", *words))


def _document(every: Sequence[Partition], listed: Iterable[Partition]) -> dict[str, object]:
    return {
        "partitions": [
            {
                "partition": partition.id,
                "values": {name: described(value) for name, value in partition.values.items()},
                "state": partition.state.value,
                "why": partition.why,
            }
            for partition in listed
        ],
        "counts": {state.value: sum(one.state is state for one in every) for state in PartitionState},
    }
