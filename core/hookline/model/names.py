"""The names of steps, workflows, providers and plugins: what may stand in a task id or on a command line."""

from __future__ import annotations

from hookline.errors import WorkflowError

__all__ = ["check_name"]

_LONGEST_NAME = 100


def check_name(name: object, what: str) -> None:
    """Refuse a name that could not stand in a task id or on a command line.

    Args:
        name: The name.
        what: What has it, such as ``"step"``.

    Raises:
        WorkflowError: The name has other characters than letters, digits, ``_``, ``-`` and ``.``, begins with one of
            the last two, or is long.
    """
    fits = isinstance(name, str) and name.replace("_", "").replace("-", "").replace(".", "").isalnum()
    if not isinstance(name, str) or not fits or name[0] in "-." or len(name) > _LONGEST_NAME:
        raise WorkflowError(
            f"the {what} name '{name}' can't be used",
            help=f"use at most {_LONGEST_NAME} letters, digits, '_', '-' and '.', such as 'train_model'",
        )
