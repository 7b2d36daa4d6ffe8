"""Options that several commands share, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.cli.sections import OUTPUT

__all__ = [
    "Durability",
    "Env",
    "ExecutorName",
    "FailFast",
    "Fresh",
    "From",
    "Grace",
    "Json",
    "NoPlugins",
    "Only",
    "Quiet",
    "RayAddress",
    "RunId",
    "RunName",
    "SeedNumber",
    "Set",
    "StoreAt",
    "StrictResources",
    "Tag",
    "TaskId",
    "To",
    "Turns",
    "Without",
    "Workers",
    "split_words",
]

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id or its beginning, 'last', 'last~1' …")]
TaskId = Annotated[
    str | None, typer.Argument(metavar="TASK", help="A task: train, 'train[3]' or train:3; all of them by default.")
]
StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        help="Where runs are recorded: as HOOKLINE_STORE or pyproject.toml says, else .hookline in the project root.",
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option("--executor", "-x", metavar="NAME", help="Where tasks run: inline, threads, processes, ray."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", metavar="N", min=1, help="How many tasks may run at once.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="ADDRESS",
        help="The Ray cluster to run on: HOST:PORT, auto, or local for one of the run's own; implies --executor ray.",
    ),
]
StrictResources = Annotated[
    bool,
    typer.Option("--strict-resources", help="Let tasks fail that fit on no node of the cluster, rather than wait."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run everything anew, whatever is recorded.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Start nothing more after the first failure.")]
RunName = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="A name for the run.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="TEXT", help="A tag for the run; repeat it for more.")]
SeedNumber = Annotated[int | None, typer.Option("--seed", metavar="N", help="What Seed arguments derive from.")]
Durability = Annotated[
    str | None,
    typer.Option(
        "--durability",
        metavar="HOW",
        help="full: what is recorded survives a power cut; fast: the last seconds may not.",
    ),
]
Grace = Annotated[
    str | None,
    typer.Option("--grace", metavar="TIME", help="How long running tasks may take to end when the run stops: 30s."),
]
Turns = Annotated[
    int | None,
    typer.Option("--turns", metavar="N", help="How many turns a loop may take, and how deep steps may grow."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="PLUGIN", help="Leave a plugin out; several by repetition or commas."),
]
Env = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Lay [tool.hookline.env.NAME] over the other settings: HOOKLINE_ENV."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STEP.ARG=VALUE",
        help="Give an argument of a step that the workflow leaves open; repeat it for more.",
    ),
]
NoPlugins = Annotated[bool, typer.Option("--no-plugins", help="Leave all plugins out.")]
_WORDS = "ids, names of steps, or tags; several by commas."
To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="TASKS", help=f"Only these tasks and what they need: {_WORDS}"),
]
From = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="TASKS", help=f"Only these tasks and what depends on them: {_WORDS}"),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="TASKS", help=f"Just these tasks, given recorded results: {_WORDS}"),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel=OUTPUT, help="Write the outcome as JSON to the last line of standard output."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Show no progress and no hints.")]


def split_words(given: list[str] | None) -> tuple[str, ...]:
    """Split what was given by repetition, or with commas."""
    return tuple(word.strip() for text in given or () for word in text.split(",") if word.strip())
