"""A command line that names a workflow: the loaded target, and what was given for its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hookline.cli.parameters import gather_parameters
from hookline.cli.wording import hint
from hookline.config import StoreAddress, store_address
from hookline.errors import UsageError

if TYPE_CHECKING:
    from hookline.model.workflow import Workflow
    from hookline.worker.target import Target

__all__ = ["Invocation", "invocation_of"]


@dataclass(slots=True)
class Invocation:
    """What a :class:`~hookline.cli.workflow_command.WorkflowCommand` read before the command itself runs.

    Attributes:
        name: The target as it was written.
        target: The loaded target.
        words: The arguments as they were written, without those that only change the output.
        options: Values of the workflow's own options, by parameter name.
        pairs: The texts given with ``-p``.
        file: The file given with ``--params``.
    """

    name: str
    target: Target
    words: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    pairs: list[str] = field(default_factory=list)
    file: Path | None = None

    @property
    def workflow(self) -> Workflow[Any, Any]:
        """The workflow."""
        return self.target.workflow

    def parameters(self) -> dict[str, Any]:
        """Put together and validate the workflow's parameters.

        Returns:
            Values by name.

        Raises:
            UsageError: A parameter is unknown, missing or of the wrong type.
        """
        from hookline.graph.parameters import parse_parameters

        texts, typed = self.given()
        try:
            return dict(parse_parameters(self.workflow, {**typed, **texts}, text=True))
        except UsageError as error:
            several = self._several(texts, typed)
            if not several:
                raise
            raise UsageError(error.message, help=several) from error

    def _several(self, texts: dict[str, Any], typed: dict[str, Any]) -> str:
        """Say how to run the workflow for each of several values, where it was given such; else nothing."""
        from hookline.graph.spread import spread

        try:
            over = spread(self.workflow, texts, typed).workflow.mapped_over
        except UsageError:
            return ""
        if over == self.workflow.mapped_over:
            return ""
        return f"run it once for each of several values: {hint('backfill', *self.words)}"

    def given(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give what was given for the workflow's parameters: as text, and what a file holds beyond that."""
        return gather_parameters(self.options, self.pairs, self.file)

    def store(self, given: str | None, env: str | None) -> StoreAddress:
        """Tell where the target's runs are recorded."""
        return store_address(given, self.target.root, env=env)


def invocation_of(context: typer.Context) -> Invocation:
    """Give the invocation of a command line with a target."""
    found = context.obj
    assert isinstance(found, Invocation), "the command is a WorkflowCommand and TARGET is required"
    return found
