"""Task ids as people write them."""

from __future__ import annotations

import re

__all__ = ["task_id"]

_WITH_COLON = re.compile(r"(.+):(\d+)\Z")


def task_id(written: str) -> str:
    """Turn ``train:3``, which needs no quotes in any shell, into ``train[3]``."""
    match = _WITH_COLON.fullmatch(written)
    return f"{match[1]}[{match[2]}]" if match else written
