"""What a call or a command line sets of steps' arguments that workflows leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hookline.errors import UsageError

__all__ = ["Texts", "read_assignments", "split_arguments"]


class Texts(list[str]):
    """A value as a command line gives it: one text, or several by repetition; what it means depends on the argument."""


def read_assignments(pairs: Sequence[str]) -> dict[str, Texts]:
    """Read ``step.argument=value`` texts.

    Args:
        pairs: The texts; one whose argument comes again adds to its list.

    Returns:
        The values by step and argument, such as ``"data.validate.strict"``.

    Raises:
        UsageError: A text is no assignment.
    """
    found: dict[str, Texts] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not _is_path(name):
            raise UsageError(
                f"--set takes step.argument=value, not '{pair}'", help="write, for example, --set train.depth=5"
            )
        found.setdefault(name.strip(), Texts()).append(value)
    return found


def split_arguments(given: Mapping[Any, object]) -> dict[str, dict[str, Any]]:
    """Split what a call sets into steps and their arguments.

    Args:
        given: Values by step and argument; steps may have dots in their names, arguments have none.

    Returns:
        Values by argument, by step.

    Raises:
        UsageError: A name has no dot.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _is_path(name):
            raise UsageError(
                f"step_arguments takes names such as 'train.depth', not {name!r}",
                help="write the step's name, a dot and the argument's name",
            )
        step, _, argument = name.strip().rpartition(".")
        found.setdefault(step, {})[argument] = value
    return found


def _is_path(name: str) -> bool:
    step, _, argument = name.strip().rpartition(".")
    return bool(step) and argument.isidentifier()
