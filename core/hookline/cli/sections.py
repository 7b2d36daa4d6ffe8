"""Commands whose help lists options under headings."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["SectionedCommand"]

Row = tuple[str, str]
_FIRST = ("Arguments", "Parameters of ")


class SectionedCommand(TyperCommand):
    """A command whose help lists options under the headings that their ``rich_help_panel`` names.

    Attributes:
        extra_rows: Further rows by heading.
    """

    extra_rows: dict[str, list[Row]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra_rows = {}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, section by section."""
        sections: dict[str, list[Row]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            usual = "Arguments" if param.param_type_name == "argument" else "Options"
            sections.setdefault(getattr(param, "rich_help_panel", None) or usual, []).append(record)
        for title, rows in self.extra_rows.items():
            sections.setdefault(title, []).extend(rows)
        # What belongs to the workflow comes first: it is what the reader asked for by naming a target.
        for title in sorted(sections, key=lambda title: not title.startswith(_FIRST)):
            with formatter.section(title):
                formatter.write_dl(sections[title])
