"""Words for what the code of plugins raised. Loads no pluggy: commands of plugins are told of with it, too."""

from __future__ import annotations

import traceback

from hookline.model.place import Place, is_foreign, is_own
from hookline.model.raised import words_of

__all__ = ["place_of_fault", "raised"]


def raised(error: BaseException) -> str:
    """Word what a plugin's code raised, and where: ``NameError: …, at data.py:3``."""
    # A SyntaxError tells its own line, and happened nowhere.
    at = None if isinstance(error, SyntaxError) else place_of_fault(error)
    return words_of(error) + (f", at {at}" if at else "")


def place_of_fault(error: BaseException, home: str = "") -> Place | None:
    """Find the line of a plugin at which something was raised, else the innermost that is not hookline's.

    Args:
        error: What was raised.
        home: The plugin's file, where it is known; it may be that of an installed package.
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_nowhere(frame.filename)]
    own = (frame for frame in reversed(frames) if frame.filename == home or not is_foreign(frame.filename))
    at = next(own, frames[-1] if frames else None)
    return Place(at.filename, at.lineno or 0) if at else None


def _is_nowhere(file: str) -> bool:
    """Tell whether a line says nothing: hookline's own, or one that a dataclass wrote."""
    return is_own(file) or file == "<string>"
