"""``hookline schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hookline.cli.output import say, show
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import one_line
from hookline.errors import HooklineError, UsageError

if TYPE_CHECKING:
    from hookline.model.step import Step

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=SectionedCommand)
def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file instead of showing it.")
    ] = None,
) -> None:
    """Print the JSON Schema of YAML workflows, with the steps of the project's plugins, for editors.

    Begin a workflow with the line '# yaml-language-server: $schema=FILE'.
    """
    from hookline.graph.declared.schema import workflow_schema
    from hookline.worker.declared import registered_steps

    known = registered_steps()
    steps: dict[str, Step[..., Any] | None] = {}
    for name in known.names():
        steps[name] = _loaded(name, known)
    text = json.dumps(workflow_schema(steps), indent=2, allow_nan=False)
    if output is None:
        show(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"the schema can't be written to '{output}': {reason}", help="give another file") from error
    say(f"wrote {one_line(str(output))}")


def _loaded(name: str, known: Any) -> Step[..., Any] | None:
    from hookline.worker.declared import find_step

    try:
        return find_step(name, lambda: known)
    except HooklineError as error:
        say(f"without what '{one_line(name)}' takes: {one_line(error.message)}")
        return None
