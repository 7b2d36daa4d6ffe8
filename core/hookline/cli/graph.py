"""``hookline graph``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.invocation import invocation_of
from hookline.cli.options import (
    Env,
    NoPlugins,
    Set,
    Without,
    split_words,
)
from hookline.cli.output import say, show
from hookline.cli.wording import clean
from hookline.cli.workflow_command import WorkflowCommand
from hookline.config import read_assignments
from hookline.errors import UsageError
from hookline.model.graph import TaskGraph

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Drawing(StrEnum):
    """How a graph is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


@app.command(cls=WorkflowCommand)
def graph(
    context: typer.Context,
    env: Env = None,
    set_: Set = None,
    drawing: Annotated[
        Drawing,
        typer.Option(
            "--format", "-f", help="A tree for people, Mermaid for documents, DOT for Graphviz, SVG for pages."
        ),
    ] = Drawing.TREE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file rather than to standard output."),
    ] = None,
    without: Without = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Draw a workflow's task graph.

    A mapped task is one node.
    """
    from hookline.engine import api

    invocation = invocation_of(context)
    text = _drawn(
        api.graph(
            invocation.workflow,
            invocation.parameters(),
            env=env,
            step_arguments=read_assignments(set_ or ()),
            without=split_words(without),
            plugins=() if no_plugins else None,
            target=invocation.target,
        ),
        drawing,
    )
    if output is None:
        show(clean(text).rstrip("\n"))
        return
    try:
        output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"can't write '{output}': {reason}", help="give another file: --output FILE") from error
    say(f"wrote {output}")


def _drawn(made: TaskGraph, drawing: Drawing) -> str:
    from hookline.graph.picture import render_svg
    from hookline.graph.render import render_dot, render_mermaid, render_tree

    if drawing is Drawing.SVG:
        picture = render_svg(made)
        if not picture:
            raise UsageError(
                f"the graph of '{made.workflow}' has {len(made.tasks):,} tasks of too many steps for a picture",
                help="draw it with Graphviz: --format dot",
            )
        return picture
    return {Drawing.TREE: render_tree, Drawing.MERMAID: render_mermaid, Drawing.DOT: render_dot}[drawing](made)
