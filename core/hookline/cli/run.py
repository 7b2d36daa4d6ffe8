"""``hookline run``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from hookline.cli.driving import drive
from hookline.cli.invocation import invocation_of
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
from hookline.cli.workflow_command import WorkflowCommand
from hookline.config import read_assignments

if TYPE_CHECKING:
    from hookline.engine.stop import Stop
    from hookline.model.events import Observer
    from hookline.model.run import Run

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=WorkflowCommand)
def run(
    context: typer.Context,
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
    """Run a workflow; what is recorded already is reused.

    The workflow's own parameters are options too: `hookline run TARGET --help` lists them.
    """
    from hookline.engine import api

    invocation = invocation_of(context)
    parameters = invocation.parameters()
    where = invocation.store(store, env)

    def start(observers: Sequence[Observer], stop: Stop) -> Run:
        return api.run(
            invocation.workflow,
            parameters,
            executor=executor,
            workers=workers,
            ray_address=ray_address,
            strict_resources=strict_resources or None,
            durability=durability,
            grace=grace,
            turns=turns,
            store=store,
            env=env,
            step_arguments=read_assignments(set_ or ()),
            fresh=fresh,
            fail_fast=fail_fast,
            seed=seed,
            name=name,
            tags=tuple(tag or ()),
            to=split_words(to),
            from_=split_words(from_),
            only=split_words(only),
            without=split_words(without),
            plugins=() if no_plugins else None,
            observers=observers,
            stop=stop,
            target=invocation.target,
        )

    return drive(start, where, quiet, as_json)
