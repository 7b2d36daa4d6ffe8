"""Commands whose help lists options under headings, with the options that every command has."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from hookline.cli.log import log_to_terminal

__all__ = ["OUTPUT", "SectionedCommand", "keyword", "made_by_typer"]

OUTPUT = "Output"
_FIRST = ("Arguments", "Parameters of ")
Row = tuple[str, str]


class SectionedCommand(TyperCommand):
    """A command whose help lists options under the headings that their ``rich_help_panel`` names.

    Attributes:
        extra_rows: Further rows by heading.
    """

    extra_rows: dict[str, list[Row]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra_rows = {}
        self.params += made_by_typer(_COMMON)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Write arguments without the braces, second brackets and dots that typer gives them."""
        return [_undressed(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, section by section."""
        sections: dict[str, list[Row]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                sections.setdefault("Arguments", []).append((param.metavar or record[0], record[1]))
            else:
                sections.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(record)
        for title, rows in self.extra_rows.items():
            sections.setdefault(title, []).extend(rows)
        # What belongs to the workflow comes first: it is what the reader asked for by naming a target.
        for title in sorted(sections, key=lambda title: (not title.startswith(_FIRST), title == OUTPUT)):
            with formatter.section(title):
                formatter.write_dl(sections[title])


def made_by_typer(parameters: Sequence[inspect.Parameter]) -> list[Any]:
    """Let typer turn parameters into options, as it does for those of a function that someone wrote."""

    def command(**values: Any) -> None:
        """Never called: only its signature counts."""

    command.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(get_command(app).params)


def keyword(name: str, default: object, annotation: Any) -> inspect.Parameter:
    """Declare a parameter for :func:`made_by_typer`."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _undressed(piece: str) -> str:
    if piece.startswith("{"):
        return piece.strip("{}")
    return piece.removesuffix("...")[1:-1] if piece.startswith("[[") else piece


def _verbose(value: int) -> int:
    log_to_terminal(value)
    return value


_COMMON = (
    keyword(
        "verbose",
        0,
        Annotated[
            int,
            typer.Option(
                "--verbose",
                "-v",
                count=True,
                show_default=False,
                expose_value=False,
                callback=_verbose,
                rich_help_panel=OUTPUT,
                help="Show log messages; twice for more.",
            ),
        ],
    ),
    # Read by hookline.cli.app, which also reports what goes wrong before or while options are read.
    keyword(
        "debug",
        False,
        Annotated[
            bool,
            typer.Option(
                "--debug", expose_value=False, rich_help_panel=OUTPUT, help="Show whole tracebacks of errors."
            ),
        ],
    ),
)
