"""Asking before something is done that can't be undone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hookline.errors import UsageError

__all__ = ["Yes", "confirm"]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def confirm(question: str, yes: bool) -> None:
    """Ask whether to go on.

    Args:
        question: What to ask.
        yes: Whether the answer is known.

    Raises:
        typer.Exit: The answer is no.
        UsageError: Nobody is there to answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("this needs a confirmation, and nobody can be asked here", help="give --yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(0)
