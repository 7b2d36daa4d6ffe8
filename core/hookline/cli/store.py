"""``hookline store``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from hookline.cli.options import Env, Json, Quiet, StoreAt
from hookline.cli.output import say, show, show_json
from hookline.cli.quantities import size
from hookline.cli.sections import SectionedCommand
from hookline.cli.stores import existing_folder, existing_store, opened_journal
from hookline.cli.wording import amount, clean, hint
from hookline.cli.working import Working

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def store(context: typer.Context) -> None:
    """Measure a store, or upgrade it to the newest format."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(cls=SectionedCommand)
def info(store: StoreAt = None, env: Env = None, as_json: Json = False) -> None:
    """Show where a store is, its format, and how large it is."""
    from hookline.store.info import store_info

    at = existing_store(store, env)
    # A folder is measured without opening it, for it may be of an older format.
    found = store_info(at if isinstance(at, Path) else opened_journal(store, env, "hookline store info").path)
    if as_json:
        show_json({**asdict(found), "path": str(found.path)})
        return
    older = found.format < found.newest_format
    facts = [
        ("path", clean(str(found.path))),
        ("format", f"{found.format}" + (f" (this hookline needs {found.newest_format})" if older else "")),
        ("runs", "" if found.runs is None else amount(found.runs)),
        ("attempts", "" if found.attempts is None else amount(found.attempts)),
        ("journal", size(found.journal_size) + (f", {size(found.free_size)} of it free" if found.free_size else "")),
        ("its log", size(found.log_size)),
        (
            "artifacts",
            f"{size(found.artifact_size)} in {amount(found.artifact_files)} files and {amount(found.packs)} packs",
        ),
        ("other", size(found.other_size)),
        ("durability", found.durability),
        ("SQLite", found.sqlite),
    ]
    for name, text in facts:
        if text:
            show(f"{name.ljust(10)}  {text}")
    if older:
        say(hint("store", "upgrade"))


@app.command(cls=SectionedCommand)
def upgrade(store: StoreAt = None, env: Env = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Bring a store to the newest format.

    The journal is copied first; then it is changed in one transaction, so that whatever happens either the old format
    is in force or the new one. There is no way back but the copy. Older versions of hookline refuse the store from then
    on, and leave it alone.
    """
    from hookline.store.upgrade import upgrade as upgrade_store

    with Working(quiet or as_json) as working:
        done = upgrade_store(
            existing_folder(store, env, "hookline store upgrade"),
            tell=lambda what, so_far, of: working(f"{what}: {so_far:,} of {of:,} pages" if of else what),
        )
    if as_json:
        show_json({"before": done.before, "after": done.after, "copy": str(done.copy) if done.copy else None})
    elif done.before == done.after:
        show(f"nothing to do: the store has format {done.after}")
    else:
        show(f"upgraded from format {done.before} to {done.after}")
        say(f"the journal as it was: {clean(str(done.copy))}; remove it when all works")
