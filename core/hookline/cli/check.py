"""``hookline check``."""

from __future__ import annotations

import typer

from hookline.cli.invocation import invocation_of
from hookline.cli.options import (
    Env,
    Json,
    NoPlugins,
    Set,
    Without,
    split_words,
)
from hookline.cli.output import say, show, show_json
from hookline.cli.wording import counted, hint, one_line
from hookline.cli.workflow_command import WorkflowCommand
from hookline.config import read_assignments

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=WorkflowCommand)
def check(
    context: typer.Context,
    env: Env = None,
    set_: Set = None,
    without: Without = None,
    no_plugins: NoPlugins = False,
    as_json: Json = False,
) -> None:
    """Build a workflow's task graph and report all problems, without running anything.

    Exits with 3 where there are any.
    """
    from hookline.engine import api

    invocation = invocation_of(context)
    graph = api.graph(
        invocation.workflow,
        invocation.parameters(),
        env=env,
        step_arguments=read_assignments(set_ or ()),
        without=split_words(without),
        plugins=() if no_plugins else None,
        target=invocation.target,
    )
    if as_json:
        show_json({"workflow": graph.workflow, "status": "ok", "tasks": [task.id for task in graph.tasks]})
        return
    steps = {task.step.name for task in graph.tasks}
    show(f"{one_line(graph.workflow)} is sound: {counted(len(graph.tasks), 'task')} of {counted(len(steps), 'step')}")
    say(hint("plan", *invocation.words))
