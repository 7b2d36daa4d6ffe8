"""``hookline artifacts``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.confirm import Yes
from hookline.cli.exits import ExitCode
from hookline.cli.options import Env, Json, Quiet, StoreAt
from hookline.cli.output import say, show, show_json
from hookline.cli.quantities import parse_age, parse_size, size
from hookline.cli.sections import SectionedCommand
from hookline.cli.stores import opened_journal, opened_store
from hookline.cli.wording import amount, clean, counted, hint
from hookline.cli.working import Working

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def artifacts(context: typer.Context) -> None:
    """List, show, write out, verify and clean up what runs stored."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(name="list", cls=SectionedCommand)
def list_artifacts(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run's id or its beginning, 'last' …; the whole store without."),
    ] = None,
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="A task of the run: train, 'train[3]' or train:3.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="How many at most.")] = 50,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """List artifacts: of a run or a task all that it made or reused, of a store the largest.

    What is small stands in the journal; it is listed with a run, and left out of the list of a store.
    """
    from hookline.cli.artifact_rows import artifact_document, artifact_table, listed_artifacts

    opened = opened_store(store, env)
    with Working(as_json) as working:
        found, names = listed_artifacts(opened, run, task, working)
    if as_json:
        show_json({"artifacts": [artifact_document(artifact, names) for artifact in found]})
        return
    for line in artifact_table(found[:limit], names):
        show(line)
    total = sum(artifact.stored.size for artifact in found)
    say(f"{counted(len(found), 'artifact')}, {size(total)}" if found else "no artifacts")
    if len(found) > limit:
        say(f"… {amount(len(found) - limit)} more; --limit {len(found)} shows them")


@app.command(name="show", cls=SectionedCommand)
def show_artifact(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="An artifact's digest or its beginning.")],
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show an artifact: what it is, whether it is whole, and which runs and tasks made and use it."""
    from hookline.cli.artifact_page import artifact_page, page_document
    from hookline.cli.artifact_rows import Names, one_artifact

    opened = opened_journal(store, env, "hookline artifacts show")
    with Working(as_json) as working:
        found = one_artifact(opened, digest, working, "hookline artifacts show")
    names = Names(opened)
    if as_json:
        show_json(page_document(found, opened, names))
        return
    for line in artifact_page(found, opened, names):
        show(line)


@app.command(cls=SectionedCommand)
def get(
    name: Annotated[
        str, typer.Argument(metavar="DIGEST|TASK", help="An artifact's digest or its beginning, or a task: train:3.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="Where to write it.")],
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="The task's run: its id or its beginning, 'last', 'last~1' …")
    ] = "last",
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the bytes of a value as they are stored, which its digest is of.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    store: StoreAt = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Write an artifact, or the value of a task, to a file or folder.

    Files and folders are written as they were returned, bytes and texts as they are; any other value is pickled.
    """
    from hookline.cli.artifact_files import write_out

    with Working(as_json) as working:
        written = write_out(opened_store(store, env), name, run, output, raw, force, working)
    if as_json:
        show_json({"path": str(written.path), "form": written.form, "size": written.size})
        return
    say(f"wrote '{clean(str(written.path))}': {size(written.size)}, {written.words}")


@app.command(cls=SectionedCommand)
def verify(store: StoreAt = None, env: Env = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Read every artifact and compare it with its size and digest.

    What is damaged is set aside, so that the next run makes it again. Exits with 5 where anything is damaged.
    """
    from hookline.cli.artifact_rows import Names, artifact_document, damage_lines
    from hookline.store.verify import verify as verify_store

    opened = opened_journal(store, env, "hookline artifacts verify")
    with Working(quiet or as_json) as working:
        found = verify_store(
            opened, lambda done, of, bytes_: working(f"read {done:,} of {of:,} artifacts, {size(bytes_)}")
        )
    names = Names(opened)
    if as_json:
        damaged = [{**artifact_document(one.artifact, names), "wrong": one.what} for one in found.damaged]
        show_json({"artifacts": found.count, "size": found.size, "damaged": damaged})
    elif not found.damaged:
        show(f"{counted(found.count, 'artifact')}, {size(found.size)}: all whole")
    else:
        for line in damage_lines(found.damaged, names):
            show(line)
        say(f"{amount(len(found.damaged))} of {counted(found.count, 'artifact')} damaged and set aside")
        say("run the workflows again, or resume their runs: what is missing is made again")
    if found.damaged:
        raise typer.Exit(ExitCode.STORE)


@app.command(cls=SectionedCommand)
def gc(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="AGE", help="Only garbage that was not written for so long: 30d, 12h, 90m."
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size",
            metavar="SIZE",
            help="Only as much garbage, the oldest first, as brings the artifacts down to this: 500MB, 10GB.",
        ),
    ] = None,
    yes: Yes = False,
    store: StoreAt = None,
    env: Env = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Remove what nothing refers to: without --yes, only tell what would go.

    Garbage are the artifacts of deleted runs, what killed processes put and never recorded, damaged artifacts that were
    set aside, and folders, copies and locks that attempts and deleted runs left. What a run or a plugin's record refers
    to always stays, whatever the options say, and so does what a run in progress has put. To get rid of results, delete
    their runs first: hookline runs delete.
    """
    from hookline.cli.garbage import garbage_document, garbage_lines
    from hookline.store.collect import Limits, collect

    limits = Limits(
        parse_age(older_than) if older_than is not None else 0.0,
        parse_size(max_size) if max_size is not None else None,
    )
    opened = opened_journal(store, env, "hookline artifacts gc")
    with Working(quiet or as_json) as working:
        found = collect(opened, limits, dry_run=not yes, tell=lambda what, done: working(f"{what}: {done:,}"))
    if as_json:
        show_json(garbage_document(found, dry_run=not yes))
        return
    for line in garbage_lines(found, dry_run=not yes):
        show(line)
    if found.waiting:
        say("results of deleted runs stay until no run is in progress, and as long as other runs reuse them")
    if limits.max_size is not None and found.kept > limits.max_size:
        say(
            f"runs refer to more than {size(limits.max_size)};"
            f" delete some: {hint('runs', 'delete', '--older-than', '30d')}"
        )
    if found.pieces and not yes and not quiet:
        options = [
            *(["--older-than", older_than] if older_than else []),
            *(["--max-size", max_size] if max_size else []),
        ]
        say(f"nothing was removed yet: {hint('artifacts', 'gc', *options, '--yes')}")
