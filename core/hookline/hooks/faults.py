"""Words for what the code of plugins raised. Loads no pluggy: commands of plugins are told of with it, too."""

from __future__ import annotations

import traceback

from hookline.model.place import Place, is_foreign, is_own
from hookline.model.raised import words_of

__all__ = ["raised"]


def raised(error: BaseException) -> str:
    """Word what a plugin's code raised, and where: ``NameError: …, at data.py:3``."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_own(frame.filename)]
    at = next((frame for frame in reversed(frames) if not is_foreign(frame.filename)), frames[-1] if frames else None)
    # A SyntaxError tells its own line, and happened nowhere.
    place = f", at {Place(at.filename, at.lineno or 0)}" if at and not isinstance(error, SyntaxError) else ""
    return words_of(error) + place
