"""``hookline resume``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hookline.cli.driving import drive
from hookline.cli.options import (
    Durability,
    Env,
    ExecutorName,
    Grace,
    Json,
    Quiet,
    RayAddress,
    RunId,
    Set,
    StoreAt,
    StrictResources,
    Turns,
    Workers,
)
from hookline.cli.sections import SectionedCommand
from hookline.cli.stores import existing_store
from hookline.cli.tasks import task_id
from hookline.config import read_assignments

if TYPE_CHECKING:
    from hookline.engine.stop import Stop
    from hookline.model.events import Observer
    from hookline.model.run import Run

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=SectionedCommand)
def resume(
    run: RunId = "last",
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="TASK", help="Keep a side-effect task's result although its key changed."),
    ] = None,
    rerun: Annotated[
        list[str] | None,
        typer.Option(
            "--rerun", metavar="TASK", help="Run a completed side-effect task again, because its key changed."
        ),
    ] = None,
    takeover: Annotated[
        bool,
        typer.Option(
            "--takeover", help="Take the run from a driver that still holds it; that one records nothing more."
        ),
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
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Go on with a run that failed or was interrupted.

    What it recorded is kept; today's code decides what of the rest runs. Failed tasks get all their retries again.
    """
    from hookline.engine import api

    where = existing_store(store, env)

    def start(observers: Sequence[Observer], stop: Stop) -> Run:
        return api.resume(
            run,
            store=where,
            env=env,
            step_arguments=read_assignments(set_ or ()),
            executor=executor,
            workers=workers,
            ray_address=ray_address,
            strict_resources=strict_resources or None,
            durability=durability,
            grace=grace,
            turns=turns,
            keep=tuple(map(task_id, keep or ())),
            rerun=tuple(map(task_id, rerun or ())),
            takeover=takeover,
            observers=observers,
            stop=stop,
        )

    return drive(start, where, quiet, as_json)
