"""``hookline plugins``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.exits import ExitCode
from hookline.cli.options import Json
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import clean, hint, one_line, table

app = typer.Typer(add_completion=False, rich_markup_mode=None)

PluginName = Annotated[str, typer.Argument(metavar="NAME", help="A plugin: hookline plugins list shows their names.")]


@app.callback(invoke_without_command=True)
def plugins(context: typer.Context) -> None:
    """List plugins, show one, check one, or begin a new one."""
    if context.invoked_subcommand is None:
        show(context.get_help())


@app.command(name="list", cls=SectionedCommand)
def list_plugins(as_json: Json = False) -> None:
    """List the plugins that are installed, and the project's own; none of them is imported."""
    from hookline.cli.plugins.rows import listed_plugins

    found = listed_plugins()
    if as_json:
        show_json({"plugins": [plugin.document() for plugin in found]})
        return
    rows = [(one_line(plugin.name), plugin.state, one_line(plugin.source), one_line(plugin.brings)) for plugin in found]
    for line in table(("plugin", "", "from", "brings"), rows):
        show(line)
    if not found:
        say(f"no plugins here; begin one: {hint('plugins', 'new', 'NAME')}")


@app.command(name="show", cls=SectionedCommand)
def show_plugin(name: PluginName, as_json: Json = False) -> None:
    """Show what a plugin does: its hooks, steps, executors and settings. It is imported for that."""
    from hookline.cli.plugins.page import plugin_document, plugin_page

    document = plugin_document(name)
    if as_json:
        show_json(document)
        return
    for line in plugin_page(document):
        show(line)


@app.command(name="doctor", cls=SectionedCommand)
def check(
    name: PluginName,
    limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", min=0.1, help="How long the checks may take.")
    ] = 60.0,
    as_json: Json = False,
) -> int:
    """Check a plugin in a process of its own: hooks, names, private imports, start-up.

    Exits with 4 where something is wrong.
    """
    from hookline.cli.plugins.doctor import check_plugin

    findings = check_plugin(name, limit)
    fine = all(finding["ok"] for finding in findings)
    if as_json:
        show_json({"plugin": name, "ok": fine, "findings": findings})
    else:
        for finding in findings:
            show(f"{'✓' if finding['ok'] else '✗'} {finding['check']}: {clean(finding['text'])}")
            if finding["help"]:
                show(f"  help: {clean(finding['help'])}")
    return ExitCode.DONE if fine else ExitCode.PLUGIN


@app.command(name="new", cls=SectionedCommand)
def begin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name, such as my-data.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Where; hookline-NAME by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Begin a plugin: a project with a step, a hook, a command and tests that pass.

    Nothing that exists is changed.
    """
    from hookline.cli.plugins.new import write_project

    where, files = write_project(name, folder)
    if as_json:
        show_json({"folder": str(where), "files": files})
        return
    for path in files:
        show(clean(str(where / path)))
    say(f"next: cd {clean(str(where))} && pip install -e '.[dev]' && python -m pytest")
