"""``hookline config``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from hookline.cli.options import Env, Json, Set
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import one_line, table
from hookline.config import (
    ENV,
    LIMITS,
    PLUGINS,
    RAY,
    SETTINGS,
    Configuration,
    Texts,
    configure,
    read_assignments,
    without_password,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Row = tuple[str, Any, str, str]
"""A setting's name, its value as data and as text, and its origin."""


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
    env: Env = None,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Show every setting and its value, as a run that is started here takes them.

    Options of a command come before variables, these before the environment's table in pyproject.toml, this before the
    rest of [tool.hookline], this before defaults. Secrets are shown as what they are here: names of their places.
    """
    found = configure(env=env, step_arguments=read_assignments(set_ or ()))
    rows = list(_rows(found))
    if as_json:
        settings = [{"name": name, "value": value, "origin": where} for name, value, _, where in rows]
        show_json({"project": str(found.root), "env": found.env, "settings": settings})
        return
    for line in table((), [(name, one_line(text), where)[: 3 if origin else 2] for name, _, text, where in rows]):
        show(line)
    if not origin:
        say("where each comes from: hookline config show --origin")


def _rows(found: Configuration) -> Iterator[Row]:
    for setting in (ENV, *SETTINGS):
        value = getattr(found, setting.name)
        data = without_password(value) if setting.name == "store" else value
        text = setting.unset if value is None or (setting is ENV and not value) else str(data)
        yield setting.name, data, text, found.origin(setting.name)
    for setting in RAY:
        yield from _entries(found, {setting.name: found.ray[setting.name]}, *setting.key[:-1], unset=setting.unset)
    plugins = found.plugins
    lists = {"allow": plugins.allow, "deny": plugins.deny or None}
    yield from _entries(found, {name: list(names) for name, names in lists.items() if names is not None}, PLUGINS.name)
    yield from _entries(found, found.limits, LIMITS.name)
    yield from _entries(found, {name: found.plugin_settings(name) for name in found.plugins_with_settings}, "plugin")
    yield from _entries(found, found.step_arguments, "step")
    yield from _entries(found, found.provider_arguments, "provider")
    yield from _entries(found, found.sources, "source")


def _entries(found: Configuration, table: Mapping[str, Any], *key: str, unset: str = "") -> Iterator[Row]:
    """Go through a table and the tables in it; None is shown as what it means that nothing is set."""
    for name, value in table.items():
        inner = (*key, name)
        if isinstance(value, Mapping) and value:
            yield from _entries(found, value, *inner)
            continue
        if isinstance(value, Texts) and len(value) == 1:
            value = value[0]
        data = json.loads(json.dumps(value, default=str))  # TOML has dates, JSON has none
        text = unset if data is None else data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        yield ".".join(map(_quoted, inner)), data, text, found.origin(*inner)


def _quoted(part: str) -> str:
    """Write a part of a key as in TOML."""
    bare = part.replace("-", "").replace("_", "")
    return one_line(part) if bare.isascii() and bare.isalnum() else f'"{one_line(part)}"'
