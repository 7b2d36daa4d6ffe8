"""``hookline why``."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Annotated

import typer

from hookline.cli.options import Env, Json, StoreAt
from hookline.cli.output import show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.stores import opened_store
from hookline.cli.tasks import task_id
from hookline.cli.wording import clean, one_line
from hookline.errors import UsageError

if TYPE_CHECKING:
    from hookline.model.run import Run
    from hookline.store.protocol import Store

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_LAST = re.compile(r"last(~\d+)?\Z")


@app.command(cls=SectionedCommand)
def why(
    named: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] [TASK]", show_default=False, help="A task (train, 'train[3]' or train:3), a run, or both."
        ),
    ] = None,
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="A run's id or its beginning, 'last', 'last~1' …")
    ] = "last",
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Tell why tasks of a run ran, were reused or skipped.

    Without a run: of the last one. Without a task: of all. This is what was decided when the run happened; `hookline
    plan TARGET` tells what would be decided now.
    """
    found, task = _found(named or [], run, opened_store(store, env))
    if task is not None:
        reason = found.why(task)
        if as_json:
            show_json({"run": found.id, "task": task, "why": reason})
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


def _found(named: list[str], run: str, store: Store) -> tuple[Run, str | None]:
    """Tell which run and which task are meant; a single word is a task wherever it can be one."""
    from hookline.engine.past.history import split_task_id
    from hookline.engine.past.recorded import run_in

    if len(named) > 2:
        raise UsageError(f"'why' takes a run and a task, not {len(named)} words", help="see hookline why --help")
    if len(named) == 2:
        return run_in(store, named[0]), task_id(named[1])
    if not named:
        return run_in(store, run), None
    if _LAST.fullmatch(named[0]):
        return run_in(store, named[0]), None
    found, task = run_in(store, run), task_id(named[0])
    if split_task_id(task)[0] not in found.tasks and task not in found.tasks:
        with contextlib.suppress(UsageError):
            return run_in(store, named[0]), None
    return found, task
