"""Where in the user's code something was written."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import FrameType

__all__ = ["PACKAGE", "Place", "calling_place"]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file.

    Attributes:
        file: Its path as the interpreter knows it.
        line: The line's number, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        name = self.file
        try:
            near = os.path.relpath(name)
        except (OSError, ValueError):  # another drive, or a working directory that is gone
            near = name
        if not near.startswith(".." + os.sep):
            name = near
        return f"{name}:{self.line}"


def calling_place() -> Place:
    """Find the innermost frame outside hookline."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return Place("", 0) if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)
