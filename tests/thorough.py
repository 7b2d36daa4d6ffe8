"""How much is tried where more finds more: a part of it by default, all of it with ``HOOKLINE_THOROUGH=1``."""

from __future__ import annotations

import os

__all__ = ["THOROUGH", "tries"]

THOROUGH = os.environ.get("HOOKLINE_THOROUGH", "") not in ("", "0")


def tries(full: int) -> int:
    """Tell how many examples to try: a third of them by default."""
    return full if THOROUGH else max(1, full // 3)
