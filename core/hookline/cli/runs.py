"""``hookline runs``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.cli.confirm import Yes, confirm
from hookline.cli.options import Env, Json, Quiet, RunId, StoreAt, TaskId
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import OUTPUT, SectionedCommand
from hookline.cli.stores import existing_store, opened_journal, opened_store
from hookline.cli.tasks import task_id
from hookline.cli.wording import clean, counted, hint
from hookline.cli.working import Working
from hookline.model.states import RunState

app = typer.Typer(add_completion=False, rich_markup_mode=None)

All = Annotated[bool, typer.Option("--all", rich_help_panel=OUTPUT, help="Leave nothing out, however long it gets.")]


@app.callback(invoke_without_command=True)
def runs(context: typer.Context) -> None:
    """List runs, show one, read what its tasks printed, stop one, or delete some."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(name="list", cls=SectionedCommand)
def list_runs(
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="How many, the newest first.")] = 20,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """List runs, the newest first."""
    from hookline.cli.run_rows import listed_runs, run_table

    opened = opened_store(store, env)
    rows = opened.runs(limit + 1)
    found = listed_runs(opened, rows[:limit])
    if as_json:
        show_json({"runs": [run.document() for run in found]})
        return
    if not found:
        say(f"no runs yet; start one: {hint('run', 'FILE')}")
        return
    for line in run_table(found):
        show(line)
    if len(rows) > limit:
        say(f"… and older ones: {hint('runs', 'list', '--limit', str(limit * 5))}")


@app.command(name="show", cls=SectionedCommand)
def show_run(
    run: RunId = "last",
    everything: All = False,
    profile: Annotated[
        bool, typer.Option("--profile", rich_help_panel=OUTPUT, help="Show how long each plugin took in each hook.")
    ] = False,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show a run: its tasks and why they ran, what failed, what was noted."""
    from hookline.cli.run_page import profile_lines, run_document, run_page
    from hookline.cli.run_rows import listed_runs
    from hookline.engine.past.recorded import run_in
    from hookline.engine.record.hook_times import hook_times

    opened = opened_store(store, env)
    listed = listed_runs(opened, [opened.run(run)])[0]
    found = run_in(opened, listed.row.id)
    if as_json:
        show_json(run_document(found, listed, opened))
        return
    if profile:
        times = hook_times(opened, listed.row.run)
        for line in profile_lines(times):
            show(line)
        if not times:
            say("no plugin took part in this run")
        return
    for line in run_page(found, listed, opened, everything):
        show(line)


@app.command(cls=SectionedCommand)
def cancel(
    run: RunId = "last",
    kill: Annotated[bool, typer.Option("--kill", help="End running tasks at once, without time to finish.")] = False,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="A reason, recorded with the run.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait, at most 15 s, until it has ended.")] = True,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Stop a run that another process drives; what it recorded stays, and it can be resumed."""
    from hookline.engine import api

    found = api.cancel(run, store=existing_store(store, env), kill=kill, why=why, wait=15.0 if wait else 0.0)
    state = RunState(found.status)
    if as_json:
        show_json({"run": found.id, "status": state.value})
        return
    if state.ended:
        show(f"{state.symbol} run {found.id} of {clean(found.workflow)} is {state.word}")
        say(f"go on with it: {hint('resume', found.id)}")
    else:
        show(f"run {found.id} of {clean(found.workflow)} was asked to stop, and is still {state.word}")
        say(f"see how it stands: {hint('runs', 'show', found.id)}")


@app.command(cls=SectionedCommand)
def logs(
    run: RunId = "last",
    task: TaskId = None,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Read what tasks of a run printed and logged, and the tracebacks of those that failed."""
    from hookline.cli.run_logs import log_lines, read_logs, told_instead

    opened = opened_store(store, env)
    row = opened.run(run)
    wanted = None if task is None else task_id(task)
    found = read_logs(opened, row.id, wanted)
    if as_json:
        documents = [
            {"task": log.task, "attempt": log.attempt, "text": log.text, "dropped": log.dropped, "failure": log.failure}
            for log in found
        ]
        show_json({"run": row.id, "logs": documents})
        return
    for line in log_lines(found):
        show(line)
    if not found:
        say(clean(told_instead(opened, row.id, wanted)))


@app.command(cls=SectionedCommand)
def delete(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", show_default=False, help="Runs: their ids or the beginnings, 'last' …"),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="All runs that began so long ago: 30d, 12h."),
    ] = None,
    keep_last: Annotated[
        int | None, typer.Option("--keep-last", metavar="N", min=0, help="All runs but the newest N.")
    ] = None,
    yes: Yes = False,
    store: StoreAt = None,
    env: Env = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Delete runs, with all that is recorded of them. A run that is running is refused, and nothing is deleted.

    With both options, runs go that are older and not among the newest; those that are running are left out. Results
    that other runs reuse stay with these. The room that artifacts take comes back with hookline artifacts gc.
    """
    from hookline.cli.run_deletion import chosen_runs, question
    from hookline.store.deletion import delete_runs

    opened = opened_journal(store, env, "hookline runs delete")
    rows, running = chosen_runs(opened, runs or [], older_than, keep_last)
    waiting = False
    if rows:
        confirm(question(rows), yes)
        with Working(quiet or as_json) as working:
            done = delete_runs(opened, rows, lambda count: working(f"removed {count:,} rows"), leave_driven=not runs)
        running += len(rows) - len(done.runs)
        rows, waiting = done.runs, done.waiting
    if as_json:
        show_json({"deleted": [row.id for row in rows], "running": running, "waiting": waiting})
        return
    show(f"deleted {counted(len(rows), 'run')}" if rows else "no run to delete")
    if running:
        say(f"{counted(running, 'run')} left out, still running")
    if waiting:
        say("results stay until no run is in progress, and as long as other runs reuse them")
    if rows and not quiet:
        say(f"what only these runs refer to: {hint('artifacts', 'gc')}")
