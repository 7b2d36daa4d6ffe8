"""``hookline plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.cli.invocation import invocation_of
from hookline.cli.options import (
    Env,
    From,
    Json,
    NoPlugins,
    Only,
    SeedNumber,
    Set,
    StoreAt,
    To,
    Without,
    split_words,
)
from hookline.cli.output import say, show, show_json
from hookline.cli.wording import all_of, amount, clipped, counted, hint, one_line, table
from hookline.cli.workflow_command import WorkflowCommand
from hookline.config import read_assignments
from hookline.model.change import described
from hookline.model.plan import Plan, PlannedTask, Verdict

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_SYMBOLS = {
    Verdict.RUN: "▶",
    Verdict.REUSE: "=",
    Verdict.SKIP: "-",
    Verdict.BLOCKED: "⊘",
    Verdict.KEEP: "✓",
    Verdict.UNDECIDED: "?",
    Verdict.SET_ASIDE: "!",
}
_WORDS = {
    Verdict.RUN: "to run",
    Verdict.REUSE: "reused",
    Verdict.KEEP: "kept",
    Verdict.SKIP: "skipped",
    Verdict.BLOCKED: "blocked",
    Verdict.UNDECIDED: "undecided",
    Verdict.SET_ASIDE: "set aside",
}

_SHOWN_CHANGES = 50


@app.command(cls=WorkflowCommand)
def plan(
    context: typer.Context,
    store: StoreAt = None,
    env: Env = None,
    set_: Set = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="As if nothing were recorded.")] = False,
    seed: SeedNumber = None,
    to: To = None,
    from_: From = None,
    only: Only = None,
    without: Without = None,
    no_plugins: NoPlugins = False,
    as_json: Json = False,
) -> None:
    """Tell what a run would do now, and why, without running anything.

    A task is undecided where it waits for one that will run.
    """
    from hookline.engine import api

    invocation = invocation_of(context)
    made = api.plan(
        invocation.workflow,
        invocation.parameters(),
        store=store,
        env=env,
        step_arguments=read_assignments(set_ or ()),
        fresh=fresh,
        seed=seed,
        to=split_words(to),
        from_=split_words(from_),
        only=split_words(only),
        without=split_words(without),
        plugins=() if no_plugins else None,
        target=invocation.target,
    )
    if as_json:
        show_json(_document(made))
        return
    rows = [
        (
            _SYMBOLS[task.verdict],
            one_line(task.id),
            _items(task),
            task.verdict.word,
            clipped(one_line(task.why), 200),
            _marked(task),
        )
        for task in made
    ]
    for line in table((), rows, right=(2,)):
        show(line)
    for change in made.changes[:_SHOWN_CHANGES]:
        show(one_line(str(change)))
    if len(made.changes) > _SHOWN_CHANGES:
        show(f"… {counted(len(made.changes) - _SHOWN_CHANGES, 'more change')}; --json has them")
    show(f"{one_line(made.workflow)}: {_summary(made)}")
    if any(task.verdict is not Verdict.REUSE for task in made):
        say(hint("run", *invocation.words))


def _marked(task: PlannedTask) -> str:
    """Name the plugins that had a hand in a task."""
    plugins = dict.fromkeys(change.plugin for change in task.changes)
    return f"[{', '.join(plugins)}]" if plugins else ""


def _items(task: PlannedTask) -> str:
    if task.items == 1:
        return ""
    total = "?" if task.items is None else amount(task.items)
    return f"{amount(task.reused)}/{total}" if task.reused else total


def _summary(made: Plan) -> str:
    counts: dict[Verdict, int] = {}
    for task in made:
        items = 1 if task.items is None else task.items
        reused = items if task.verdict is Verdict.REUSE else task.reused
        counts[Verdict.REUSE] = counts.get(Verdict.REUSE, 0) + reused
        counts[task.verdict] = counts.get(task.verdict, 0) + items - reused
    present = {verdict for verdict, count in counts.items() if count}
    if present == {Verdict.REUSE}:
        return f"nothing to do: {all_of(counts[Verdict.REUSE])} would be reused"
    told = ", ".join(f"{amount(counts[verdict])} {word}" for verdict, word in _WORDS.items() if verdict in present)
    unknown = any(task.items is None for task in made)
    return f"{told or 'no tasks'}{'; a map whose length is not known yet counts as one' if unknown else ''}"


def _document(made: Plan) -> dict[str, object]:
    return {
        "workflow": made.workflow,
        "tasks": [
            {
                "task": task.id,
                "step": task.step,
                "verdict": task.verdict.word,
                "why": task.why,
                "items": task.items,
                "reused": task.reused,
                "rewrites": described(task.changes),
            }
            for task in made
        ],
        "rewrites": described(made.changes),
    }
