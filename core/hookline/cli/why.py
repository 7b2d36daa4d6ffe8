"""``hookline why``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.cli.options import Json, StorePath, TaskId
from hookline.cli.output import show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.stores import existing_store
from hookline.cli.tasks import task_id
from hookline.cli.wording import clean, one_line

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=SectionedCommand)
def why(
    task: TaskId = None,
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="A run's id or its beginning, 'last', 'last~1' …")
    ] = "last",
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Tell why tasks of a run ran, were reused or skipped.

    This is what was decided when the run happened; `hookline plan TARGET` tells what would be decided now.
    """
    from hookline.engine import api

    found = api.open_run(run, store=existing_store(store))
    if task is not None:
        wanted = task_id(task)
        reason = found.why(wanted)
        if as_json:
            show_json({"run": found.id, "task": wanted, "why": reason})
        else:
            show(clean(reason))
        return
    reasons = {name: record.why for name, record in found.tasks.items()}
    if as_json:
        show_json({"run": found.id, "why": reasons})
        return
    width = max(map(len, reasons), default=0)
    for name, reason in reasons.items():
        show(f"{one_line(name).ljust(width)}  {one_line(reason, 1000)}")
