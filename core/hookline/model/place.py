"""Where in the user's code something was written."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import FrameType

__all__ = ["PACKAGE", "Place", "calling_place"]

PACKAGE = __file__.removesuffix(f"model{os.sep}place.py")


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
    frame: FrameType | None = sys._getframe(2)  # the caller is hookline's
    while frame is not None:
        file = frame.f_code.co_filename
        ours = _ours.get(file)
        if ours is None:
            ours = _ours[file] = file.startswith(PACKAGE)
        if not ours:
            key = (file, frame.f_lineno)
            place = _places.get(key)
            if place is None:
                if len(_places) > 10_000:
                    _places.clear()
                place = _places[key] = Place(*key)
            return place
        frame = frame.f_back
    return Place("", 0)


# A workflow often makes thousands of calls on one line.
_ours: dict[str, bool] = {}
_places: dict[tuple[str, int], Place] = {}
