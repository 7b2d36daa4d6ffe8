"""Where in the user's code something was written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

__all__ = ["Place", "calling_place", "is_foreign", "is_own", "nearest_place", "place_of"]

_PACKAGE = __file__.removesuffix(f"model{os.sep}place.py")
_STANDARD_LIBRARY = os.__file__.removesuffix("os.py")


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
    """Find the user's innermost frame: outside hookline, and if possible outside what is installed."""
    frame: FrameType | None = sys._getframe(2)  # the caller is hookline's
    outside: FrameType | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not _is_known_as_foreign(file):
            return _place(file, frame.f_lineno)
        if outside is None and not file.startswith(_PACKAGE):
            outside = frame
        frame = frame.f_back
    return Place("", 0) if outside is None else _place(outside.f_code.co_filename, outside.f_lineno)


def is_own(file: str) -> bool:
    """Tell whether a file is hookline's own, or the import machinery's."""
    return file.startswith((_PACKAGE, "<frozen ", f"{_STANDARD_LIBRARY}importlib{os.sep}"))


def nearest_place() -> Place:
    """Find the innermost frame outside hookline, in whoever's code that is."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return Place("", 0) if frame is None else _place(frame.f_code.co_filename, frame.f_lineno)


def is_foreign(file: str) -> bool:
    """Tell whether a file is not the user's own: hookline's, the standard library's or an installed package's."""
    return (
        file.startswith((_PACKAGE, _STANDARD_LIBRARY, "<frozen "))
        or f"{os.sep}site-packages{os.sep}" in file
        or f"{os.sep}dist-packages{os.sep}" in file
    )


def place_of(function: Callable[..., object]) -> Place:
    """Give the line where a function is defined."""
    code = getattr(function, "__code__", None)
    return Place("", 0) if code is None else Place(code.co_filename, code.co_firstlineno)


# A workflow often makes thousands of calls on one line.
_foreign: dict[str, bool] = {}
_places: dict[tuple[str, int], Place] = {}


def _is_known_as_foreign(file: str) -> bool:
    foreign = _foreign.get(file)
    if foreign is None:
        foreign = _foreign[file] = is_foreign(file)
    return foreign


def _place(file: str, line: int) -> Place:
    key = (file, line)
    place = _places.get(key)
    if place is None:
        if len(_places) > 10_000:
            _places.clear()
        place = _places[key] = Place(file, line)
    return place
