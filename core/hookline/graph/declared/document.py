"""What a declared workflow consists of, as it is written; nothing of it is looked up yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hookline.graph.declared.values import Value
from hookline.model.recording import Form

__all__ = ["PARAM_KEYS", "STEP_KEYS", "TOP_KEYS", "Document", "ParamEntry", "StepEntry", "Use"]

TOP_KEYS = ("workflow", "description", "params", "steps", "returns", "on_failure")
PARAM_KEYS = ("type", "default", "help")
STEP_KEYS = ("uses", "with", "map", "product", "when", "options")


@dataclass(frozen=True, slots=True)
class Use:
    """Which step is meant: a registered name, or ``module:name``."""

    line: int
    name: str


@dataclass(frozen=True, slots=True)
class ParamEntry:
    """A parameter of the workflow.

    Attributes:
        line: Where it stands.
        annotation: Its type; None where it is that of the default.
        default: Its default; :data:`~hookline.model.parameter.MISSING` where it has none.
        help: What ``--help`` says about it.
        default_line: Where the default stands.
    """

    line: int
    annotation: Any
    default: object
    help: str
    default_line: int


@dataclass(frozen=True, slots=True)
class StepEntry:
    """A task.

    Attributes:
        line: Where it stands.
        name: Its id.
        uses: Its step; None where that is missing.
        given: Arguments by name.
        items: Collections to map over, by name.
        lines: Where the names of both stand.
        form: How the step is called.
        condition: What decides whether it runs; None for always.
        options: Options by name.
        options_line: Where they stand.
    """

    line: int
    name: str
    uses: Use | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    items: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    form: Form = Form.CALL
    condition: Value | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    options_line: int = 0

    def values(self) -> Iterator[Value]:
        """Give all that it is called with."""
        yield from self.given.values()
        yield from self.items.values()
        if self.condition is not None:
            yield self.condition


@dataclass(frozen=True, slots=True)
class Document:
    """A declared workflow, as it is written.

    Attributes:
        name: The workflow's name.
        line: Where that stands.
        description: What it does.
        params: Its parameters by name.
        steps: Its tasks by id, in the order of the file.
        returns: What it returns; None for nothing.
        on_failure: The step that runs when it has failed.
    """

    name: str
    line: int = 1
    description: str = ""
    params: Mapping[str, ParamEntry] = field(default_factory=dict)
    steps: Mapping[str, StepEntry] = field(default_factory=dict)
    returns: Value | None = None
    on_failure: Use | None = None
