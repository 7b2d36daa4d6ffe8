"""``hookline config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hookline.cli.options import Json
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import one_line, table
from hookline.config import LIMITS, SETTINGS, Configuration, configure

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def config(context: typer.Context) -> None:
    """Show the settings that hold here, and where each comes from."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(name="show", cls=SectionedCommand)
def show_settings(
    origin: Annotated[
        bool, typer.Option("--origin", help="Tell where each value comes from: file and line, variable, default.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show every setting and its value, as a run that is started here takes them.

    Options of a command come before variables, these before [tool.hookline] in pyproject.toml, this before defaults.
    """
    found = configure()
    rows = _rows(found)
    if as_json:
        settings = [{"name": name, "value": value, "origin": where} for name, value, _, where in rows]
        show_json({"project": str(found.root), "settings": settings})
        return
    for line in table((), [(name, one_line(text), where)[: 3 if origin else 2] for name, _, text, where in rows]):
        show(line)
    if not origin:
        say("where each comes from: hookline config show --origin")


def _rows(found: Configuration) -> list[tuple[str, Any, str, str]]:
    """Give each setting's name, its value as data and as text, and its origin."""
    rows: list[tuple[str, Any, str, str]] = []
    for setting in SETTINGS:
        value = getattr(found, setting.name)
        data = str(value) if isinstance(value, Path) else value
        text = setting.unset if value is None else str(data)
        rows.append((setting.name, data, text, found.origin(setting.name)))
    for name, number in found.limits.items():
        rows.append((f"{LIMITS.name}.{one_line(name)}", number, str(number), found.origin(LIMITS.name, name)))
    return rows
