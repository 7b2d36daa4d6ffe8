"""Whether a run is making an attempt."""

from __future__ import annotations

from hookline import HooklineError, attempt

__all__ = ["within_attempt"]


def within_attempt() -> bool:
    """Tell whether a run is making an attempt in this thread."""
    try:
        attempt()
    except HooklineError:
        return False
    return True
