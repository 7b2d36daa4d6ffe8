"""Reproducible randomness: an argument typed :class:`Seed` is filled in by the engine."""

from __future__ import annotations

import typing
from typing import Any

__all__ = ["Seed", "is_seed"]


class Seed(int):
    """An int that the engine derives from the run's seed, the step's name and the other arguments.

    Example:
        ``def split(rows: list[dict], seed: Seed = Seed(0))``: called in a workflow without ``seed``, the step gets the
        same value in each run with the same run seed and the same rows, on every executor.
    """


def is_seed(annotation: Any) -> bool:
    """Tell whether a parameter's annotation asks for a seed."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return isinstance(annotation, type) and issubclass(annotation, Seed)
