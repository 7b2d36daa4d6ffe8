"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.log import log_to_terminal

__all__ = [
    "Debug",
    "ExecutorName",
    "Json",
    "Param",
    "ParamsFile",
    "Quiet",
    "RunId",
    "StorePath",
    "TargetName",
    "Verbose",
    "Workers",
]


def _verbose(value: int) -> int:
    log_to_terminal(value)
    return value


OUTPUT = "Output"
PARAMETERS = "Parameters"

TargetName = Annotated[
    str, typer.Argument(metavar="TARGET", help="A workflow: churn.py, churn.py:churn or package.module:churn.")
]
RunId = Annotated[str, typer.Argument(metavar="[RUN]", help="A run's id or its beginning, 'last', 'last~1' …")]
StorePath = Annotated[
    Path | None,
    typer.Option("--store", metavar="PATH", help="Where runs are recorded; .hookline in the project root, or HOOKLINE_STORE."),
]
ExecutorName = Annotated[
    str | None, typer.Option("--executor", "-x", metavar="NAME", help="Where tasks run: inline, threads, processes.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", metavar="N", min=1, help="How many tasks may run at once.")
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        rich_help_panel=PARAMETERS,
        help="Set a parameter of the workflow; also those that are named like an option of this command.",
    ),
]
ParamsFile = Annotated[
    Path | None,
    typer.Option(
        "--params",
        metavar="FILE",
        rich_help_panel=PARAMETERS,
        help="Read parameters from a YAML, JSON or TOML file; options given here come first.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Write the outcome as JSON to the last line of standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Show no progress and no hints.")]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        callback=_verbose,
        rich_help_panel=OUTPUT,
        help="Show log messages; twice for more.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", rich_help_panel=OUTPUT, help="Show whole tracebacks of errors.")]
