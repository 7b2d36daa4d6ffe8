"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.sections import OUTPUT

__all__ = ["ExecutorName", "Json", "Quiet", "RunId", "SeedNumber", "StorePath", "TaskId", "Workers"]

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id or its beginning, 'last', 'last~1' …")]
TaskId = Annotated[
    str | None, typer.Argument(metavar="TASK", help="A task: train, 'train[3]' or train:3; all of them by default.")
]
StorePath = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="PATH", help="Where runs are recorded: .hookline in the project root, or HOOKLINE_STORE."
    ),
]
ExecutorName = Annotated[
    str | None, typer.Option("--executor", "-x", metavar="NAME", help="Where tasks run: inline, threads, processes.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", metavar="N", min=1, help="How many tasks may run at once.")
]
SeedNumber = Annotated[int, typer.Option("--seed", metavar="N", help="What Seed arguments derive from.")]
Json = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel=OUTPUT, help="Write the outcome as JSON to the last line of standard output."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Show no progress and no hints.")]
